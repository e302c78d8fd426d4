// shell
/**
 * The real clock of this machine. Its timers do not keep a process alive: that is for the transport, as long as the
 * node runs, so that a program ends when its nodes have stopped.
 */

import type { Cancel, Clock } from '../../ports.ts'

/** The longest time that a timer of Node can have: about 25 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, action): Cancel => {
    if (delayMs <= 0) {
      const immediate = setImmediate(action)
      return () => clearImmediate(immediate)
    }
    // Longer ones would fire at once. Whoever waits so long does not mind being a month early.
    if (delayMs > TIMER_MS_MAX) return systemClock.after(TIMER_MS_MAX, action)
    // Rounded up: a timer of Node drops fractions, and would fire before its time.
    const timer = setTimeout(action, Math.ceil(delayMs)).unref()
    return () => clearTimeout(timer)
  },
}
