// pure
/** What an error of somebody else says, whatever it does when one looks at it. */

/** `: not now`; nothing where it is no error, or lets nobody look. */
export function saidBy(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `: ${thrown.message}` : ''
  } catch {
    return ''
  }
}
