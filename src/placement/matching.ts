// pure
/**
 * Units and nodes, brought together: who asks whom, who is taken, who has to go. Knows nothing of where capacities
 * come from. Between two calls of `settle` there may be units without a place and nodes with room for units that
 * would rather be there; afterwards there are none.
 */

import { type Candidacy, compareCandidacies } from './candidacy.ts'
import { overflowOf } from './overflow.ts'
import { offerTo } from './pool.ts'
import type { Site } from './site.ts'
import type { Spread } from './spread.ts'
import type { Move } from './unit.ts'
import type { UnitLanes } from './unit-lanes.ts'
import { type Offer, type UnitState, compareAt, worstOf } from './unit-state.ts'

export class Matching {
  /** Units without a place that have not asked everybody yet. */
  readonly #looking: UnitState[] = []
  /** Nodes with room that they did not have when they refused somebody. */
  readonly #vacant = new Set<Site>()
  /** Units that have asked everybody. */
  readonly #homeless = new Set<UnitState>()
  #touched: UnitState[] = []
  #scans = 0
  /** Before the first time no unit has a place, and all will ask all nodes. */
  #hasSettled = false

  /** How often a unit has looked through all nodes for the next one to ask: what most of the work is. */
  get scans(): number {
    return this.#scans
  }

  /** A new unit looks for a place. */
  enter(unit: UnitState): void {
    this.#touch(unit)
    this.#looking.push(unit)
  }

  /** A unit goes for good. */
  withdraw(unit: UnitState): void {
    unit.isRemoved = true
    this.#leave(unit)
    this.#homeless.delete(unit)
    for (const site of unit.pool.sites) site.refused.delete(unit)
  }

  /** A unit loses its place, and asks everybody again. */
  restart(unit: UnitState): void {
    this.#leave(unit)
    unit.standAtTop()
    this.#look(unit)
  }

  /** A node is gone. */
  close(site: Site): void {
    for (const unit of site.members.units()) this.restart(unit)
    this.#vacant.delete(site)
  }

  /** A node has declined a unit. */
  decline(unit: UnitState, node: string): void {
    if (unit.site?.id !== node) return this.#touch(unit)
    this.#leave(unit)
    this.#look(unit)
  }

  /** A node takes a unit again that it had declined. */
  reopen(unit: UnitState, site: Site): void {
    this.#touch(unit)
    if (!unit.pool.has(site) || offerTo(unit, site) === undefined) return
    site.refused.add(unit)
    this.#vacant.add(site)
  }

  /** New nodes are open: whoever likes one of them better than its place is noted there. */
  welcome(joined: ReadonlySet<Site>, units: UnitLanes): void {
    for (const site of joined) {
      const likers = this.#hasSettled ? units.likersOf(site) : []
      for (const unit of likers) {
        if (unit.pool.has(site) && offerTo(unit, site) !== undefined) site.refused.add(unit)
      }
      this.#vacant.add(site)
    }
  }

  /** A node may hold more or fewer units than before. */
  resize(site: Site, capacity: number): void {
    if (capacity > site.capacity) this.#vacant.add(site)
    site.capacity = capacity
    while (site.members.size > capacity) this.#giveUp(site, site.members.worst)
  }

  /** A node may hold `room` units of a spread, and no longer `spread.room`. */
  resizeSpread(site: Site, spread: Spread, room: number): void {
    if (room > spread.room && site.kinOf(spread).length >= spread.room) this.#vacant.add(site)
    while (site.kinOf(spread).length > room) this.#giveUp(site, worstOf(site.kinOf(spread)))
  }

  /** @returns what lives elsewhere now than after the last time */
  settle(): Move[] {
    for (const site of this.#vacant) {
      this.#vacant.delete(site)
      this.#fill(site)
    }
    for (let unit = this.#looking.pop(); unit !== undefined; unit = this.#looking.pop()) {
      if (!unit.isRemoved && unit.site === undefined) this.#ask(unit)
    }
    for (const unit of this.#homeless) this.#touch(unit)
    const overflow = overflowOf(this.#homeless)
    const moves = this.#touched.flatMap(unit => moveOf(unit, overflow.get(unit)))
    this.#touched = []
    this.#hasSettled = true
    return moves
  }

  /** Asks those whom the node has refused whether they still want to come, best first. */
  #fill(site: Site): void {
    const offers: Candidacy[] = []
    for (const unit of site.refused) {
      const offer = unit.declined?.has(site.id) === true ? undefined : offerTo(unit, site)
      if (offer === undefined) site.refused.delete(unit)
      else offers.push({ unit, offer })
    }
    offers.sort(compareCandidacies)
    // Once is enough: a node that has taken somebody in is no easier to enter for those who are better.
    for (const { unit, offer } of offers) if (this.#isTaken(unit, offer)) site.refused.delete(unit)
  }

  /** Goes down the list of the unit until a node takes it. */
  #ask(unit: UnitState): void {
    for (let offer = this.#next(unit); offer !== undefined; offer = this.#next(unit)) {
      if (this.#isTaken(unit, offer)) return
      offer.site.refused.add(unit)
      unit.standAt(offer)
    }
    unit.standAtEnd()
    this.#homeless.add(unit)
  }

  #next(unit: UnitState): Offer | undefined {
    this.#scans += 1
    return unit.pool.next(unit)
  }

  /** Whether the node takes the unit: there is room, or it likes it better than one that has to go for it. */
  #isTaken(unit: UnitState, offer: Offer): boolean {
    const { site, rank, score } = offer
    const { spread } = unit
    const isKinFull = spread !== undefined && site.kinOf(spread).length >= spread.room
    const victim = isKinFull
      ? worstOf(site.kinOf(spread))
      : site.members.size >= site.capacity
        ? site.members.worst
        : undefined
    if (victim !== undefined && compareAt(unit, rank, score, victim) > 0) return false
    if (victim !== undefined) {
      site.remove(victim)
      victim.site = undefined
      site.refused.add(victim)
      this.#look(victim)
    }
    this.#leave(unit)
    this.#touch(unit)
    this.#homeless.delete(unit)
    unit.standAt(offer)
    unit.site = site
    site.add(unit)
    return true
  }

  /** A node has no room for this one any more. */
  #giveUp(site: Site, unit: UnitState | undefined): void {
    if (unit === undefined) return
    this.#leave(unit)
    site.refused.add(unit)
    this.#look(unit)
  }

  /** Leaves its place to those who want it. */
  #leave(unit: UnitState): void {
    const { site } = unit
    if (site === undefined) return
    site.remove(unit)
    unit.site = undefined
    this.#vacant.add(site)
  }

  #look(unit: UnitState): void {
    this.#touch(unit)
    this.#homeless.delete(unit)
    this.#looking.push(unit)
  }

  #touch(unit: UnitState): void {
    if (unit.isTouched) return
    unit.isTouched = true
    this.#touched.push(unit)
  }
}

/** Says where the unit lives now: where it does not fit anywhere, it has a place of `overflow`. */
function moveOf(unit: UnitState, overflow: Site | undefined): Move[] {
  unit.isTouched = false
  if (unit.isRemoved) return []
  const from = unit.owner
  unit.isOverflow = unit.site === undefined && overflow !== undefined
  unit.owner = (unit.site ?? overflow)?.id
  return unit.owner === from ? [] : [{ unit: unit.id, from, to: unit.owner }]
}
