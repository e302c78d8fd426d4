// pure
/** Whether others may have gone on without this node, and it has not heard of that yet. */

import type { Membership } from '../../protocol/membership.ts'

/** Whoever wakes, and hears nobody of those who may have taken over, looks again so often. */
const AWAY_MS = 500

/**
 * Until when a node that was away decides nothing that others may have decided meanwhile: until it has heard one of them,
 * and what they know, or nobody is left to be heard. In the past: it was not, or has heard.
 */
export function awayUntilMs(membership: Membership, nowMs: number): number {
  const { wakefulness } = membership
  const isAway = wakefulness.isAway(nowMs) && membership.present().length > 1
  return isAway ? nowMs + AWAY_MS : wakefulness.returnedFromMs
}
