// pure
/** Whether this node itself was awake: whoever was not cannot judge others by what they did not answer meanwhile. */

import type { Moment } from './membership-effect.ts'
import type { Timings } from './timings.ts'

/** The wall clock has gained so much on the other one: the machine has slept. A leap second is no more. */
const SUSPEND_MS = 1000

/** A timer is late by a few milliseconds now and then: 10 ms, with the default time-out of 200 ms, are more than that. */
const DOUBTFUL_SHARE = 20

export class Wakefulness {
  readonly #timings: Timings
  #now: Moment

  constructor(timings: Timings, now: Moment) {
    this.#timings = timings
    this.#now = now
  }

  /**
   * Time goes on; the node should have been called at `dutyMs`. `late`: by half of what others are given to answer;
   * `doubtful`: by less, but nothing has run for so long before; `asleep`: so long that others have noticed, or with the
   * whole machine.
   */
  notice(now: Moment, dutyMs: number): 'awake' | 'doubtful' | 'late' | 'asleep' {
    const { probeTimeoutMs, probePeriodMs } = this.#timings
    const lateMs = now.ms - dutyMs
    const quietMs = now.ms - this.#now.ms
    const leapMs = now.wallMs - this.#now.wallMs - quietMs
    this.#now = now
    if (lateMs >= 2 * probePeriodMs || leapMs > SUSPEND_MS) return 'asleep'
    if (lateMs >= probeTimeoutMs / 2) return 'late'
    return lateMs >= probeTimeoutMs / DOUBTFUL_SHARE && quietMs >= probeTimeoutMs / 2 ? 'doubtful' : 'awake'
  }
}
