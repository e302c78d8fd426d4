// pure
/** A unit as the engine holds it: what it wants, where it is, or how far down its list of nodes it has come. */

import { hash64 } from '../hash.ts'
import { restrictionKey, restrictionOf } from './eligibility.ts'
import type { Pool } from './pool.ts'
import type { Site } from './site.ts'
import type { Spread } from './spread.ts'
import type { UnitLanes } from './unit-lanes.ts'
import { byCodeUnits } from '../text-order.ts'
import { type Unit, type ZonePreference, tierOf } from './unit.ts'

/** The rank of a unit that has not asked anybody yet. */
const TOP = -1

/** How a unit stands to a node that may run it: the smaller, the better it likes the node. */
export interface Offer {
  readonly site: Site
  readonly rank: number
  readonly score: number
}

/** Where a unit belongs. */
interface UnitContext {
  readonly salt: string
  readonly pool: Pool
  readonly spread: Spread | undefined
  readonly lanes: UnitLanes
}

export class UnitState {
  readonly id: string
  readonly affinity: string | undefined
  readonly zone: ZonePreference | undefined
  readonly high: number
  readonly low: number
  readonly tier: number
  readonly pool: Pool
  readonly spread: Spread | undefined
  /** How it ranks each zone, by the index of the zone; undefined: it does not care. */
  ranks: Int32Array | undefined
  /** The nodes that have declined it. */
  declined: ReadonlySet<string> | undefined
  /** Where it lives; undefined: it is looking for a place. */
  site: Site | undefined
  /**
   * Where it stands in its list of nodes: with `score` and `at`, the place that it has, or the last that has refused it.
   * All nodes before that have refused it, and remember it.
   */
  rank = TOP
  score = -Infinity
  at = ''
  /** In the heap of its site. */
  heapIndex = -1
  /** In the lanes. */
  index = -1
  /** Its owner when everything had settled the last time. */
  owner: string | undefined
  isOverflow = false
  /** It has moved since. */
  isTouched = false
  isRemoved = false

  readonly #lanes: UnitLanes

  /** It stands before the first node of its list; the caller adds it to the lanes. */
  constructor(unit: Unit, context: UnitContext) {
    const hash = hash64(context.salt + (unit.affinity ?? unit.id))
    this.id = unit.id
    this.affinity = unit.affinity
    this.zone = unit.zone
    // Signed, which is what the engine keeps in place, and does not matter to `mixLanes`.
    this.high = hash.high | 0
    this.low = hash.low | 0
    this.tier = tierOf(unit)
    this.pool = context.pool
    this.spread = context.spread
    this.#lanes = context.lanes
  }

  /** Whether it asks for the same as `unit`. */
  isLike(unit: Unit): boolean {
    return (
      this.id === unit.id &&
      this.affinity === unit.affinity &&
      this.spread?.key === unit.spread &&
      this.tier === tierOf(unit) &&
      this.zone?.mode === unit.zone?.mode &&
      this.zone?.key === unit.zone?.key &&
      this.zone?.ordinal === unit.zone?.ordinal &&
      this.pool.key === restrictionKey(restrictionOf(unit))
    )
  }

  /** Whether it stands before the first node of its list. */
  get isAtTop(): boolean {
    return this.rank === TOP
  }

  standAt({ site, rank, score }: Offer): void {
    this.rank = rank
    this.score = score
    this.at = site.id
    this.#lanes.follow(this)
  }

  /** Asks all nodes again. */
  standAtTop(): void {
    this.rank = TOP
    this.score = -Infinity
    this.at = ''
    this.#lanes.follow(this)
  }

  /** Everybody has refused it. */
  standAtEnd(): void {
    this.rank = Infinity
    this.score = Infinity
    this.at = ''
    this.#lanes.follow(this)
  }

  /**
   * Whether it would rather be there than where it is. A place that it has just lost counts: it may be had back.
   * `rank` and `score` are those of the pair.
   */
  prefers(id: string, rank: number, score: number): boolean {
    if (rank !== this.rank) return rank < this.rank
    if (score !== this.score) return score < this.score
    return id < this.at || (id === this.at && this.site === undefined)
  }
}

/** The order in which nodes rank units: < 0 when `a` at (`rank`, `score`) goes before `b` where it stands. */
export function compareAt(a: UnitState, rank: number, score: number, b: UnitState): number {
  return a.tier - b.tier || rank - b.rank || score - b.score || byCodeUnits(a.id, b.id)
}

/** Of units of one node: the one that it would give up first. */
export function worstOf(units: readonly UnitState[]): UnitState | undefined {
  let worst: UnitState | undefined
  for (const unit of units) {
    if (worst === undefined || compareAt(unit, unit.rank, unit.score, worst) > 0) worst = unit
  }
  return worst
}
