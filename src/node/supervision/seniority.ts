// pure
/**
 * What the first generation of something is worth, which nobody has had before: of two lineages that meet, begun by two
 * halves of a mesh that did not know of each other, the older one goes on, whatever has become of either since. So a node
 * that comes late, has found nobody for a while and has started all of its config itself, takes nothing from the mesh that
 * it meets.
 */

import { firstNumber, seniorityOf } from '../../protocol/fencing-token.ts'
import type { Membership } from '../../protocol/membership.ts'

/** How many members a node knew, besides itself, and to how many of them it had a session. */
export interface Acquaintance {
  readonly known: number
  readonly met: number
}

/**
 * Nodes of one mesh that claim at once do so within this time, if their clocks are right: of those the better placed
 * one shall win, and not the one whose clock is a little behind.
 */
const AGE_UNIT_MS = 4_000
/** 2025-01-01. A clock before that has never been set, and tells no age. */
const EPOCH_MS = 1_735_689_600_000
const AGE_MAX = 2 ** 26 - 1

const CHANCE_BITS = 25
/** Of these, the upper ones say how many are met, where some are not; for more than that it is as if it were so many. */
const MET_BITS = 5
const MET_MAX = 2 ** MET_BITS - 1
const HASH_BITS = 31

/**
 * The number of the first generation of a lineage that begins now: larger for an older one.
 * @param past of the last generation of what was removed under the id, 0 for none: a new lineage counts as a little older
 * than that, so that it overrules all that a node which has not heard of the removal has made of the old one meanwhile
 */
export function firstNumberAt(wallMs: number, past = 0): number {
  const age = Math.min(AGE_MAX, Math.floor((wallMs - EPOCH_MS) / AGE_UNIT_MS))
  const seniority = age < 0 ? 0 : AGE_MAX - age
  if (past === 0) return firstNumber(seniority)
  const older = seniorityOf(past) + 1
  // At the end of the scale (a clock that stood at its beginning) it is a later generation of the same lineage.
  return older > AGE_MAX ? past + 1 : firstNumber(Math.max(seniority, older))
}

/**
 * The tag of a first generation, larger for what is to go on, of two lineages that are equally old: that of a node that
 * has met all that it knows, then of one that has met some of them (the more, the better: it does not hear as soon as
 * others what is claimed), then of one that knows nobody; at last, always, chance: of two with the same tag both would go
 * on for ever.
 * @param chance a hash of 31 bits
 * @returns a whole number from 0 to 2^27 - 1
 */
export function firstTag({ known, met }: Acquaintance, chance: number): number {
  const isPartial = met < known
  const rank = known === 0 ? 0 : isPartial ? 1 : 2
  const luck = chance >>> (HASH_BITS - CHANCE_BITS)
  const low = isPartial ? Math.min(MET_MAX, met) * 2 ** (CHANCE_BITS - MET_BITS) + (luck >>> MET_BITS) : luck
  return (rank * 2 ** CHANCE_BITS + low) | 0
}

export function acquaintanceOf(membership: Membership): Acquaintance {
  const others = membership.present().filter(({ id }) => id !== membership.self.id)
  return { known: others.length, met: others.filter(({ id }) => membership.isConnected(id)).length }
}
