// shell
/** The runs that items come from, each as one object: so they can be compared by identity. */

import type { Run } from '../../ids.ts'

/** No fewer are looked through for what is not used any more. */
const SWEEP_MIN = 64

/** It keeps none alive: a run is known for as long as an item, a link or a way back names it. */
export class Origins {
  readonly #runs = new Map<string, WeakRef<Run>>()
  #sweepAt = SWEEP_MIN

  /** Those that are used, and at most as many again, and 64, that were. */
  get size(): number {
    return this.#runs.size
  }

  /** Gives one object for each run that is used. */
  intern(run: Run): Run {
    const key = `${run.id}.${run.boot}`
    const known = this.#runs.get(key)?.deref()
    if (known !== undefined) return known
    this.#runs.set(key, new WeakRef(run))
    if (this.#runs.size >= this.#sweepAt) this.#sweep()
    return run
  }

  #sweep(): void {
    for (const [key, run] of this.#runs) if (run.deref() === undefined) this.#runs.delete(key)
    this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.#runs.size)
  }
}
