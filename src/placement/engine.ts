// pure
/**
 * Placement that follows changes: whatever has come and gone, in whatever order, it says exactly what `place` says of
 * what is there now, for the cost of what has changed.
 *
 * Units ask nodes in the order of their lists; a node that is full takes the better one and gives up its worst, which
 * asks on; whom it refuses it remembers, and asks when there is room again. Every step makes the best pair that it
 * touches better, so this ends, in the one stable matching that there is: after McVitie & Wilson (1971), with
 * the vacancy chains of Blum, Roth & Rothblum (1997).
 */

import { planCapacities } from './capacity.ts'
import { restrictionKey, restrictionOf, weightOf } from './eligibility.ts'
import { Matching } from './matching.ts'
import { Pool } from './pool.ts'
import { Site } from './site.ts'
import { Spread } from './spread.ts'
import { UnitLanes } from './unit-lanes.ts'
import { UnitState } from './unit-state.ts'
import { type Assignment, type Move, PLACEMENT_DEFAULTS, type PlacementOptions, type Unit } from './unit.ts'
import { type Candidate, siteText } from './view.ts'
import { ZoneMap } from './zone-map.ts'

export class PlacementEngine {
  readonly #options: PlacementOptions
  readonly #texts = new Map<string, string>()
  readonly #sites = new Map<string, Site>()
  readonly #units = new Map<string, UnitState>()
  readonly #lanes = new UnitLanes()
  /** All nodes, for all units. */
  readonly #everything = new Pool({ selector: undefined, needs: [] }, '')
  readonly #pools = new Map<string, Pool>()
  readonly #spreads = new Map<string, Spread>()
  readonly #zones: ZoneMap
  readonly #declines = new Map<string, Set<string>>()
  readonly #joined = new Set<Site>()
  readonly #changedSpreads = new Set<Spread>()
  readonly #matching = new Matching()
  /** The pools that capacities follow from. */
  #planned: readonly Pool[] = []
  #areNodesChanged = false
  #arePoolsChanged = false
  #isSettled = true

  constructor(options: PlacementOptions = PLACEMENT_DEFAULTS) {
    this.#options = options
    this.#zones = new ZoneMap(options.salt)
  }

  /** How many units there are. */
  get size(): number {
    return this.#units.size
  }

  /** How often units have looked through all nodes so far: the measure of the work that was done. */
  get scans(): number {
    return this.#matching.scans
  }

  /** A node joins, or is no longer as it was; what it declines is told apart. Cost: linear in the nodes, and in the units when it settles. */
  setNode(candidate: Candidate): void {
    const text = siteText(candidate)
    if (this.#texts.get(candidate.id) === text) return
    this.deleteNode(candidate.id)
    this.#texts.set(candidate.id, text)
    if (weightOf(candidate) === 0) return
    const site = new Site(candidate, this.#options.salt)
    this.#sites.set(site.id, site)
    for (const pool of this.#allPools()) pool.offer(site)
    this.#zones.add(site)
    this.#joined.add(site)
    this.#onNodesChanged()
  }

  /** A node leaves. Nothing happens when there is none of that id. */
  deleteNode(id: string): void {
    this.#texts.delete(id)
    const site = this.#sites.get(id)
    if (site === undefined) return
    this.#sites.delete(id)
    this.#joined.delete(site)
    for (const pool of this.#allPools()) pool.remove(site)
    this.#zones.delete(site)
    this.#matching.close(site)
    this.#onNodesChanged()
  }

  /** A unit is to be placed, or is no longer as it was. */
  setUnit(unit: Unit): void {
    const before = this.#units.get(unit.id)
    if (before?.isLike(unit) === true) return
    this.deleteUnit(unit.id)
    const pool = this.#poolOf(unit)
    const spread = unit.spread === undefined ? undefined : this.#spreadOf(unit.spread)
    const state = new UnitState(unit, { salt: this.#options.salt, pool, spread, lanes: this.#lanes })
    state.owner = before?.owner
    state.declined = this.#declines.get(unit.id)
    state.ranks = this.#zones.ranksOf(unit.zone)
    this.#lanes.add(state)
    this.#units.set(unit.id, state)
    this.#count(state, 1)
    this.#matching.enter(state)
  }

  /** A unit is not to be placed any more. Nothing happens when there is none of that id. */
  deleteUnit(id: string): void {
    const state = this.#units.get(id)
    if (state === undefined) return
    this.#units.delete(id)
    this.#lanes.remove(state)
    this.#matching.withdraw(state)
    this.#count(state, -1)
    const { pool, spread } = state
    if (pool.demand === 0) {
      this.#pools.delete(pool.key)
      this.#arePoolsChanged = true
    }
    if (spread?.count === 0) this.#spreads.delete(spread.key)
  }

  /** A node does not take a unit, until this is revoked. Either may be unknown yet. */
  decline(unit: string, node: string): void {
    const declined = this.#declines.get(unit) ?? new Set()
    if (declined.has(node)) return
    this.#declines.set(unit, declined.add(node))
    const state = this.#units.get(unit)
    if (state === undefined) return
    state.declined = declined
    this.#isSettled = false
    this.#matching.decline(state, node)
  }

  /** The node takes the unit again. */
  revokeDecline(unit: string, node: string): void {
    const declined = this.#declines.get(unit)
    if (declined?.delete(node) !== true) return
    if (declined.size === 0) this.#declines.delete(unit)
    const state = this.#units.get(unit)
    const site = this.#sites.get(node)
    if (state === undefined) return
    this.#isSettled = false
    if (site !== undefined) this.#matching.reopen(state, site)
  }

  /** Whether any other node would take the unit if this one did not. Without such a unit, nobody would. */
  hasOther(unit: string, node: string): boolean {
    const state = this.#units.get(unit)
    return state?.pool.sites.some(({ id }) => id !== node && state.declined?.has(id) !== true) ?? false
  }

  /** Where the unit lives. Cost: a look into a map, once all is settled. */
  ownerOf(unit: string): string | undefined {
    if (!this.#isSettled) this.settle()
    return this.#units.get(unit)?.owner
  }

  /** What `place` returns, in the order in which the units have come. */
  assignments(): Map<string, Assignment> {
    this.settle()
    const owners = new Map<string, Assignment>()
    for (const [id, { owner, isOverflow }] of this.#units) {
      if (owner !== undefined) owners.set(id, { node: owner, overflow: isOverflow })
    }
    return owners
  }

  /** Brings everything up to date. @returns the units that live elsewhere now, in no order */
  settle(): Move[] {
    if (this.#isSettled) return []
    if (this.#zones.renumber()) this.#onZonesChanged()
    this.#setCapacities()
    this.#setSpreadRooms()
    this.#matching.welcome(this.#joined, this.#lanes)
    this.#joined.clear()
    this.#areNodesChanged = false
    this.#isSettled = true
    return this.#matching.settle()
  }

  #onNodesChanged(): void {
    this.#areNodesChanged = true
    this.#isSettled = false
  }

  /** Units that look at zones start anew: their lists of nodes are other lists now. */
  #onZonesChanged(): void {
    for (const pool of this.#allPools()) pool.renumber()
    for (const state of this.#lanes.units) {
      if (state.zone === undefined) continue
      state.ranks = this.#zones.ranksOf(state.zone)
      this.#matching.restart(state)
    }
  }

  #setCapacities(): void {
    if (this.#areNodesChanged || this.#arePoolsChanged) this.#nestPools()
    planCapacities(this.#everything.sites, this.#planned, this.#options.loadFactor)
    for (const site of this.#everything.sites) this.#matching.resize(site, site.planned)
  }

  /** Finds out which pools lie in which. Those of all nodes are not looked at one by one: there may be many of them. */
  #nestPools(): void {
    const total = this.#everything.sites.length
    const pools = [...this.#pools.values()].filter(pool => pool.sites.length > 0)
    const smaller = pools.filter(pool => pool.sites.length < total)
    this.#everything.inside = pools
    for (const pool of smaller) pool.inside = smaller.filter(other => pool.contains(other))
    this.#planned = [this.#everything, ...smaller]
    this.#arePoolsChanged = false
  }

  #setSpreadRooms(): void {
    const changed = this.#areNodesChanged ? this.#spreads.values() : this.#changedSpreads
    for (const spread of changed) {
      const { room, weight } = spread.measure(this.#sites.size)
      spread.weight = weight
      if (room === spread.room) continue
      for (const site of this.#sites.values()) this.#matching.resizeSpread(site, spread, room)
      spread.room = room
    }
    this.#changedSpreads.clear()
  }

  #count(state: UnitState, difference: 1 | -1): void {
    state.pool.demand += difference
    if (state.spread !== undefined) {
      state.spread.change(state.pool, difference)
      this.#changedSpreads.add(state.spread)
    }
    this.#isSettled = false
  }

  *#allPools(): Generator<Pool> {
    yield this.#everything
    yield* this.#pools.values()
  }

  #poolOf(unit: Unit): Pool {
    const restriction = restrictionOf(unit)
    const key = restrictionKey(restriction)
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const pool = new Pool(restriction, key)
    for (const site of this.#sites.values()) pool.offer(site)
    this.#pools.set(key, pool)
    this.#arePoolsChanged = true
    return pool
  }

  #spreadOf(key: string): Spread {
    const known = this.#spreads.get(key)
    if (known !== undefined) return known
    const spread = new Spread(key)
    this.#spreads.set(key, spread)
    return spread
  }
}
