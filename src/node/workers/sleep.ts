// shell
/** A pause that an abort signal ends. */

import type { Clock } from '../../ports.ts'

/** Resolves after `delayMs`, or as soon as the signal aborts. */
export function sleepUnless(signal: AbortSignal, clock: Clock, delayMs: number): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const wake = (): void => {
      cancel()
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const cancel = clock.after(delayMs, wake)
    signal.addEventListener('abort', wake, { once: true })
  })
}
