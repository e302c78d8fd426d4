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
import type { UnitState } from './unit-state.ts'

/** The place of each of these, if any node runs it. Cost: linear in the nodes for each of them; there are few. */
export function overflowOf(units: ReadonlySet<UnitState>): ReadonlyMap<UnitState, Site> {
  const places = new Map<UnitState, Site>()
  if (units.size === 0) return places
  const candidacies = [...units].flatMap(candidaciesOf).toSorted(compareCandidacies)
  const kin = new Map<Spread, Map<Site, number>>()
  for (const { unit, offer } of candidacies) {
    const { site } = offer
    if (places.has(unit)) continue
    if (unit.spread !== undefined) {
      const loads = kin.get(unit.spread) ?? new Map<Site, number>()
      const load = loads.get(site) ?? site.kinOf(unit.spread).length
      if (load >= unit.spread.roomWhenFull(site)) continue
      kin.set(unit.spread, loads.set(site, load + 1))
    }
    places.set(unit, site)
  }
  // Those left have no node with room for one of their spread: they go where they like it best.
  for (const { unit, offer } of candidacies) if (!places.has(unit)) places.set(unit, offer.site)
  return places
}

function candidaciesOf(unit: UnitState): Candidacy[] {
  return unit.pool.sites.flatMap(site => {
    const offer = unit.declined?.has(site.id) === true ? undefined : offerTo(unit, site)
    return offer === undefined ? [] : [{ unit, offer }]
  })
}
