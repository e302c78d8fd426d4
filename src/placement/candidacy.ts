// pure
/** A unit, and a node where it would like to be. */

import { byCodeUnits } from '../text-order.ts'
import type { Offer, UnitState } from './unit-state.ts'

export interface Candidacy {
  readonly unit: UnitState
  readonly offer: Offer
}

/** The order in which pairs of a unit and a node are taken: the same for all units and nodes. */
export function compareCandidacies(a: Candidacy, b: Candidacy): number {
  return (
    a.unit.tier - b.unit.tier ||
    a.offer.rank - b.offer.rank ||
    a.offer.score - b.offer.score ||
    byCodeUnits(a.unit.id, b.unit.id) ||
    byCodeUnits(a.offer.site.id, b.offer.site.id)
  )
}
