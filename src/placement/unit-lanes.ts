// pure
/**
 * All units in arrays, for the question that a node asks when it joins: who would rather live here? A hundred thousand
 * are looked at for it, and all but a few turned down by one comparison.
 */

import { mixLanes } from '../hash.ts'
import { HASH_SPAN, PRUNE_SLACK } from './score.ts'
import type { Site } from './site.ts'
import type { UnitState } from './unit-state.ts'

const SIZE_MIN = 64

export class UnitLanes {
  readonly #units: UnitState[] = []
  #high = new Int32Array(SIZE_MIN)
  #low = new Int32Array(SIZE_MIN)
  /** Whose score is above this, in units of 1 / 2^32, is no better than what the unit has. */
  #limit = new Float64Array(SIZE_MIN)

  /** In no order. */
  get units(): readonly UnitState[] {
    return this.#units
  }

  add(unit: UnitState): void {
    const index = this.#units.length
    if (index === this.#high.length) this.#grow(2 * index)
    this.#units.push(unit)
    this.#put(unit, index)
  }

  remove(unit: UnitState): void {
    const { index } = unit
    const last = this.#units.pop()
    unit.index = -1
    if (last === undefined || last === unit) return
    this.#units[index] = last
    this.#put(last, index)
  }

  /** The unit stands elsewhere in its list now. */
  follow(unit: UnitState): void {
    this.#limit[unit.index] = limitOf(unit)
  }

  /** The units that may like the node better than what they have: all that do, and a few that do not. */
  likersOf(site: Site): UnitState[] {
    const likers: UnitState[] = []
    const { high, low, weight } = site
    for (let index = 0; index < this.#units.length; index++) {
      const hash = mixLanes(this.#high[index] ?? 0, this.#low[index] ?? 0, high, low)
      if (HASH_SPAN - hash > (this.#limit[index] ?? 0) * weight + PRUNE_SLACK) continue
      const unit = this.#units[index]
      if (unit !== undefined) likers.push(unit)
    }
    return likers
  }

  #put(unit: UnitState, index: number): void {
    unit.index = index
    this.#high[index] = unit.high
    this.#low[index] = unit.low
    this.#limit[index] = limitOf(unit)
  }

  #grow(size: number): void {
    const [high, low, limit] = [this.#high, this.#low, this.#limit]
    this.#high = new Int32Array(size)
    this.#high.set(high)
    this.#low = new Int32Array(size)
    this.#low.set(low)
    this.#limit = new Float64Array(size)
    this.#limit.set(limit)
  }
}

/** What asks all nodes anyhow likes none beforehand; what looks at zones first is asked one by one. */
function limitOf(unit: UnitState): number {
  return unit.isAtTop || unit.zone === undefined ? unit.score * HASH_SPAN : Infinity
}
