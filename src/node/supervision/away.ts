// pure
/** A node that has slept, or stood still for long: others may have gone on with what it knows, and it has not heard them yet. */

import type { NodeId } from '../../ids.ts'
import type { Membership } from '../../protocol/membership.ts'

/** Whoever is away looks again so often. */
export const AWAY_MS = 500

/**
 * Whether there is anybody of whom this node has not heard since it was away: that one may have taken over, or know who
 * has. Not so whose port refuses; nor who could not be reached before, as others reach it, who are heard in its place.
 */
export function isAway(membership: Membership, nowMs: number): boolean {
  const { wakefulness, witnesses } = membership
  const isUnheard = (id: NodeId): boolean =>
    wakefulness.isAwayFrom(id, nowMs) && !witnesses.isRefused(id) && membership.reachedBy(id).length === 0
  return membership.present().some(({ id }) => isUnheard(id))
}
