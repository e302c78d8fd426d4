// pure
/** Parts of the messages of errors. */

/** How to declare what a node is to run that comes later, for the end of a message. */
export const LATER =
  "; where a node that can run it comes later, add it with { until: 'declared' }: it is pending until then"

/** What an error of somebody else says, whatever it does when one looks at it: `: not now`; nothing where it is no error, or lets nobody look. */
export function saidBy(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `: ${thrown.message}` : ''
  } catch {
    return ''
  }
}
