// pure
/**
 * Where units go that every node has refused. Most often each node was full, or had its part of their spread: then
 * they are shared out all the same, and a node holds more than it should. A group that is to outlive any one node is
 * worth more than an even load.
 */

import { type Candidacy, compareCandidacies } from './candidacy.ts'
import { offerTo } from './pool.ts'
import type { Site } from './site.ts'
import type { Spread } from './spread.ts'
import type { Offer, UnitState } from './unit-state.ts'

/**
 * The place of each of these, if any node runs it. Cost: linear in the nodes for each of them, and those pairs are sorted
 * of which the node has room for one of the spread: in a large mesh nearly all have none.
 */
export function overflowOf(units: ReadonlySet<UnitState>): ReadonlyMap<UnitState, Site> {
  const places = new Map<UnitState, Site>()
  const kin = new Map<Spread, Map<Site, number>>()
  for (const { unit, spread, offer } of [...units].flatMap(roomyOf).toSorted(compareCandidacies)) {
    const { site } = offer
    if (places.has(unit)) continue
    const loads = kin.get(spread) ?? new Map<Site, number>()
    const load = loads.get(site) ?? site.kinOf(spread).length
    if (load >= spread.roomWhenFull(site)) continue
    kin.set(spread, loads.set(site, load + 1))
    places.set(unit, site)
  }
  // Those left have no spread, or no node with room for one of it: they go where they like it best.
  for (const unit of units) {
    const site = places.has(unit) ? undefined : favouriteOf(unit)
    if (site !== undefined) places.set(unit, site)
  }
  return places
}

/** The nodes that have room for one of the spread of the unit. */
function roomyOf(unit: UnitState): (Candidacy & { readonly spread: Spread })[] {
  const { spread, pool } = unit
  if (spread === undefined) return []
  return pool.sites.flatMap(site => {
    const offer = site.kinOf(spread).length < spread.roomWhenFull(site) ? offerOf(unit, site) : undefined
    return offer === undefined ? [] : [{ unit, spread, offer }]
  })
}

function favouriteOf(unit: UnitState): Site | undefined {
  let best: Offer | undefined
  for (const site of unit.pool.sites) {
    const offer = offerOf(unit, site)
    // Of equals the first one, as the nodes are sorted.
    if (offer !== undefined && (best === undefined || compareOffers(offer, best) < 0)) best = offer
  }
  return best?.site
}

function compareOffers(a: Offer, b: Offer): number {
  return a.rank - b.rank || a.score - b.score
}

function offerOf(unit: UnitState, site: Site): Offer | undefined {
  return unit.declined?.has(site.id) === true ? undefined : offerTo(unit, site)
}
