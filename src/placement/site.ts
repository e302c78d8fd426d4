// pure
/** A node as the engine holds it: what it has, what it may have, and whom it has refused. */

import { hash64 } from '../hash.ts'
import { roundingOf } from './capacity.ts'
import { weightOf } from './eligibility.ts'
import { MemberHeap } from './member-heap.ts'
import type { Spread } from './spread.ts'
import type { UnitState } from './unit-state.ts'
import type { Candidate } from './view.ts'

export class Site {
  readonly candidate: Candidate
  readonly id: string
  readonly high: number
  readonly low: number
  readonly weight: number
  /** Where it rounds its capacity: in [0, 1). */
  readonly rounding: number
  /** The index of its zone among all zones. */
  zone = 0
  /** Of the units: may have a fraction. */
  share = 0
  /** How many units it is to hold at most. */
  planned = 1
  /** How many it does hold at most: follows `planned`. */
  capacity = 1
  readonly members = new MemberHeap()
  /**
   * Units that would rather be here, and do not fit. Also some that have found a better place since: asked when there
   * is room again, and forgotten then.
   */
  readonly refused = new Set<UnitState>()
  /** Its members of each spread. */
  readonly #kin = new Map<Spread, UnitState[]>()

  constructor(candidate: Candidate, salt: string) {
    const hash = hash64(salt + candidate.id)
    this.candidate = candidate
    this.id = candidate.id
    this.high = hash.high | 0
    this.low = hash.low | 0
    this.weight = weightOf(candidate)
    this.rounding = roundingOf(salt, candidate.id)
  }

  kinOf(spread: Spread): readonly UnitState[] {
    return this.#kin.get(spread) ?? []
  }

  add(unit: UnitState): void {
    this.members.push(unit)
    if (unit.spread === undefined) return
    const kin = this.#kin.get(unit.spread)
    if (kin === undefined) this.#kin.set(unit.spread, [unit])
    else kin.push(unit)
  }

  remove(unit: UnitState): void {
    this.members.remove(unit)
    if (unit.spread === undefined) return
    const left = this.kinOf(unit.spread).filter(other => other !== unit)
    if (left.length === 0) this.#kin.delete(unit.spread)
    else this.#kin.set(unit.spread, left)
  }
}
