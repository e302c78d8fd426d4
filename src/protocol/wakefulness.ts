// pure
/** Whether this node itself was awake: whoever was not cannot judge others by what they did not answer meanwhile. */

import type { Moment } from './membership-effect.ts'
import type { Timings } from './timings.ts'

/** The wall clock has gained so much on the other one: the machine has slept. A leap second is no more. */
const SUSPEND_MS = 1000

export class Wakefulness {
  readonly #timings: Timings
  #now: Moment

  constructor(timings: Timings, now: Moment) {
    this.#timings = timings
    this.#now = now
  }

  /**
   * Time goes on; the node should have been called at `dutyMs`. `late`: by half of what others are given to answer;
   * `asleep`: so long that others have noticed, or with the whole machine.
   */
  notice(now: Moment, dutyMs: number): 'awake' | 'late' | 'asleep' {
    const { probeTimeoutMs, probePeriodMs } = this.#timings
    const lateMs = now.ms - dutyMs
    const leapMs = now.wallMs - this.#now.wallMs - (now.ms - this.#now.ms)
    this.#now = now
    if (lateMs >= 2 * probePeriodMs || leapMs > SUSPEND_MS) return 'asleep'
    return lateMs >= probeTimeoutMs / 2 ? 'late' : 'awake'
  }
}
