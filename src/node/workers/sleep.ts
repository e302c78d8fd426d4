// shell
/** A pause that an abort signal ends. */

import type { Clock } from '../../ports.ts'

/** A loop of pauses that does not look at the signal shall hold up nobody until it is abandoned. */
const ABORTED_SLEEP_MS = 10

/** Resolves after `delayMs`, or as soon as the signal aborts; after at most 10 ms when it has already. */
export function sleepUnless(signal: AbortSignal, clock: Clock, delayMs: number): Promise<void> {
  if (signal.aborted) return new Promise(resolve => clock.after(Math.min(delayMs, ABORTED_SLEEP_MS), resolve))
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
