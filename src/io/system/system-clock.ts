// shell
/**
 * The real clock of this machine. Its timers do not keep a process alive: that is for the transport, as long as the
 * node runs, so that a program ends when its nodes have stopped.
 */

import type { Cancel, Clock } from '../../ports.ts'

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, action): Cancel => {
    if (delayMs <= 0) {
      const immediate = setImmediate(action)
      return () => clearImmediate(immediate)
    }
    // Rounded up: a timer of Node drops fractions, and would fire before its time.
    const timer = setTimeout(action, Math.ceil(delayMs)).unref()
    return () => clearTimeout(timer)
  },
}
