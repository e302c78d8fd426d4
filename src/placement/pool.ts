// pure
/** The nodes that may run the units of one restriction, laid out for the scan that every placing of a unit is. */

import { mixLanes } from '../hash.ts'
import { type Restriction, canRun } from './eligibility.ts'
import { HASH_SPAN, PRUNE_SLACK, negativeLog } from './score.ts'
import type { Site } from './site.ts'
import type { Offer, UnitState } from './unit-state.ts'
import { byCodeUnits } from '../text-order.ts'

interface Lanes {
  readonly high: Int32Array
  readonly low: Int32Array
  readonly weight: Float64Array
  readonly zone: Int32Array
}

export class Pool {
  /** See `restrictionKey`. */
  readonly key: string
  readonly #restriction: Restriction
  readonly #sites: Site[] = []
  readonly #members = new Set<Site>()
  #lanes: Lanes | undefined
  /** How many units there are of this restriction. */
  demand = 0
  /** The pools all of whose nodes are in this one, this one included. */
  inside: readonly Pool[] = []
  /** The sum of the weights of its nodes: exact, see `weightOf`. */
  weight = 0

  constructor(restriction: Restriction, key: string) {
    this.#restriction = restriction
    this.key = key
  }

  /** Sorted by id. */
  get sites(): readonly Site[] {
    return this.#sites
  }

  has(site: Site): boolean {
    return this.#members.has(site)
  }

  /** Whether all nodes of `other` are in this pool too. */
  contains(other: Pool): boolean {
    return other.#sites.length <= this.#sites.length && other.#sites.every(site => this.#members.has(site))
  }

  /** How many units can run on no other nodes than these. */
  demandInside(): number {
    let demand = 0
    for (const pool of this.inside) demand += pool.demand
    return demand
  }

  /** Takes in a node, if it is one that may run the units. Cost: linear in the nodes. */
  offer(site: Site): void {
    if (!canRun(site.candidate, this.#restriction)) return
    this.#sites.splice(this.#indexOf(site.id), 0, site)
    this.#members.add(site)
    this.weight += site.weight
    this.#lanes = undefined
  }

  remove(site: Site): void {
    if (!this.#members.delete(site)) return
    this.#sites.splice(this.#indexOf(site.id), 1)
    this.weight -= site.weight
    this.#lanes = undefined
  }

  /** The zones of its nodes have got other numbers. */
  renumber(): void {
    this.#lanes = undefined
  }

  /** The node that the unit likes best of those after where it stands. */
  next(unit: UnitState): Offer | undefined {
    return unit.ranks === undefined ? this.#nextByScore(unit) : this.#nextByZone(unit, unit.ranks)
  }

  #nextByScore(unit: UnitState): Offer | undefined {
    const { high, low, weight } = (this.#lanes ??= lanesOf(this.#sites))
    let best: Offer | undefined
    let bound = Infinity
    for (let index = 0; index < low.length; index++) {
      const hash = mixLanes(unit.high, unit.low, high[index] ?? 0, low[index] ?? 0)
      const nodeWeight = weight[index] ?? 1
      if (HASH_SPAN - hash > bound * nodeWeight + PRUNE_SLACK) continue
      const score = negativeLog(hash) / nodeWeight
      // Of equals the first one, as the nodes are sorted.
      if (best !== undefined && score >= best.score) continue
      const site = this.#sites[index]
      if (site === undefined || !isOpen(unit, site, 0, score)) continue
      best = { site, rank: 0, score }
      bound = score * HASH_SPAN
    }
    return best
  }

  #nextByZone(unit: UnitState, ranks: Int32Array): Offer | undefined {
    const { high, low, weight, zone } = (this.#lanes ??= lanesOf(this.#sites))
    let best: Offer | undefined
    for (let index = 0; index < low.length; index++) {
      const rank = ranks[zone[index] ?? 0] ?? 0
      if (rank < unit.rank || (best !== undefined && rank > best.rank)) continue
      const hash = mixLanes(unit.high, unit.low, high[index] ?? 0, low[index] ?? 0)
      const nodeWeight = weight[index] ?? 1
      const isSameZone = best !== undefined && rank === best.rank
      const bound = isSameZone && best !== undefined ? best.score * HASH_SPAN : Infinity
      if (HASH_SPAN - hash > bound * nodeWeight + PRUNE_SLACK) continue
      const score = negativeLog(hash) / nodeWeight
      if (isSameZone && best !== undefined && score >= best.score) continue
      const site = this.#sites[index]
      if (site !== undefined && isOpen(unit, site, rank, score)) best = { site, rank, score }
    }
    return best
  }

  /** Where the node with this id is, or would be. */
  #indexOf(id: string): number {
    let from = 0
    let to = this.#sites.length
    while (from < to) {
      const middle = (from + to) >> 1
      if (byCodeUnits(this.#sites[middle]?.id ?? '', id) < 0) from = middle + 1
      else to = middle
    }
    return from
  }
}

/** The pair of a unit and a node as the unit ranks it; undefined when it is sure to like the place better that it has. */
export function offerTo(unit: UnitState, site: Site): Offer | undefined {
  const rank = unit.ranks?.[site.zone] ?? 0
  if (rank > unit.rank) return undefined
  const hash = mixLanes(unit.high, unit.low, site.high, site.low)
  const isSameZone = rank === unit.rank
  if (isSameZone && HASH_SPAN - hash > unit.score * HASH_SPAN * site.weight + PRUNE_SLACK) return undefined
  const score = negativeLog(hash) / site.weight
  return unit.prefers(site.id, rank, score) ? { site, rank, score } : undefined
}

/** Whether the node comes after where the unit stands, and has not declined it. */
function isOpen(unit: UnitState, site: Site, rank: number, score: number): boolean {
  if (unit.declined?.has(site.id) === true) return false
  if (rank !== unit.rank) return rank > unit.rank
  if (score !== unit.score) return score > unit.score
  return site.id > unit.at
}

function lanesOf(sites: readonly Site[]): Lanes {
  const { length } = sites
  const lanes = {
    high: new Int32Array(length),
    low: new Int32Array(length),
    weight: new Float64Array(length),
    zone: new Int32Array(length),
  }
  for (const [index, { high, low, weight, zone }] of sites.entries()) {
    lanes.high[index] = high
    lanes.low[index] = low
    lanes.weight[index] = weight
    lanes.zone[index] = zone
  }
  return lanes
}
