// pure
/**
 * Whose dials keep whose from beginning. An address that never answers keeps a dial for long, and there may be hundreds of
 * them: so a dial counts only for those of whom there is as little hope as of its own, or less.
 */

import type { Contact } from './contact.ts'
import { DIAL_PATIENCE_MS } from './lull.ts'

/**
 * So many dials are begun at once; the next when one is through, or after `DIAL_PATIENCE_MS`, as an address that does not
 * answer keeps a dial for seconds. A node that opens thirty sessions at once has none for a long time, where processors are
 * short, and news of others travels over the first of them.
 */
export const DIALS_AT_ONCE = 2

/**
 * Of whom there is most hope, first: a member that has not failed to answer; one that has, and whoever is new; whoever was
 * there once; what has never answered; and what anybody can have claimed.
 */
const RANKS = ['member', 'possible', 'gone', 'unknown', 'claimed'] as const

export type Rank = (typeof RANKS)[number]

/** `isPresent`: the peer takes part, as others tell. */
export function rankOf({ peer, attempts, isClaim }: Contact, isPresent: boolean): Rank {
  if (isClaim) return 'claimed'
  if (isPresent) return attempts === 0 ? 'member' : 'possible'
  if (attempts === 0) return 'possible'
  return peer === undefined ? 'unknown' : 'gone'
}

/** A dial that is under way. */
export interface RankedDial {
  readonly rank: Rank
  readonly begunMs: number
}

/** From when on there is room for one more of each rank; -Infinity: there is, as nothing of it or before it is under way. */
export function roomsMs(dials: readonly RankedDial[]): Readonly<Record<Rank, number>> {
  const roomMs = (rank: Rank): number => {
    const counted = dials.filter(dial => RANKS.indexOf(dial.rank) <= RANKS.indexOf(rank))
    const oldestFirst = counted.map(({ begunMs }) => begunMs).toSorted((a, b) => a - b)
    return (oldestFirst.at(-DIALS_AT_ONCE) ?? -Infinity) + DIAL_PATIENCE_MS
  }
  return {
    member: roomMs('member'),
    possible: roomMs('possible'),
    gone: roomMs('gone'),
    unknown: roomMs('unknown'),
    claimed: roomMs('claimed'),
  }
}
