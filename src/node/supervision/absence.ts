// pure
/** Whether others may have gone on without this node, and it has not heard of that yet. */

import type { Membership } from '../../protocol/membership.ts'

/** Whoever wakes, and does not hear all who may have taken over, looks again so often. */
const AWAY_MS = 500

/**
 * Until when a node that was away decides nothing that others may have decided meanwhile: until it has heard all who can have,
 * and what they know, or they are gone. In the past: it was not, or has heard. That somebody was heard is not enough: it
 * may be another process of a machine that has slept, or one that has only begun. Clients decide nothing.
 */
export function awayUntilMs(membership: Membership, nowMs: number): number {
  const { wakefulness } = membership
  for (const peer of wakefulness.unheard(nowMs)) {
    const mayDecide = membership.table.get(peer)?.role === 'member'
    if (mayDecide && membership.isPresent(peer)) return nowMs + AWAY_MS
  }
  return wakefulness.returnedFromMs
}
