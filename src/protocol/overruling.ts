// pure
/**
 * What a node answers to a row of another one that has already lost: where each of two has a worker of one slot, or a
 * generation of one number, the one that goes on tells the other, and does not wait until their tables are compared. So
 * does who knows that a member lives which somebody takes for dead: what was given to it would be taken for lost again
 * and again, as fast as messages go.
 */

import { type NodeId, isSameRun } from '../ids.ts'
import { type Claim, compareClaims } from './claim.ts'
import { type MemberRow, compareMembers, isOver } from './member-row.ts'
import type { Rows } from './messages.ts'
import { type Phase, compareGenerations } from './phase.ts'
import type { Tables } from './tables.ts'

/** Of members, and of claims and phases that `self` has a part in: what overrules those of `rows`, which have been taken in. */
export function overruling(tables: Tables, rows: Rows, self: NodeId): Omit<Rows, 'specs'> {
  const members = rows.members.flatMap(row => {
    const known = tables.members.get(row.id)
    return known !== undefined && isDenied(row, known) && compareMembers(row, known) < 0 ? [known] : []
  })
  const claims = rows.claims.flatMap(row => {
    const known = tables.claims.get(row.slot)
    return known !== undefined && known.owner.id === self && isClaimLost(row, known) ? [known] : []
  })
  const phases = rows.phases.flatMap(row => {
    const known = tables.phases.get(row.spec)
    return known !== undefined && isPhaseLost(row, known) && isHolder(known, self) ? [known] : []
  })
  // Each once, however often it has come: an answer may be many times as large as what it answers.
  return { members: [...new Set(members)], claims: [...new Set(claims)], phases: [...new Set(phases)] }
}

/** Whether the run has died as `row` says, and lives as far as is `known`, whichever of both is to be said first. */
export function isDenied(row: MemberRow, known: MemberRow): boolean {
  return row.status === 'dead' && row.boot === known.boot && !isOver(known)
}

/** Of an earlier number it may have crossed what has made a later one of it: that is no rival. */
function isClaimLost(row: Claim, known: Claim): boolean {
  const isRival = row.generation === known.generation && !isSameRun(row.owner, known.owner)
  return isRival && compareClaims(row, known) < 0
}

function isPhaseLost({ generation }: Phase, known: Phase): boolean {
  return generation.number === known.generation.number && compareGenerations(generation, known.generation) < 0
}

function isHolder({ layout, coordinator }: Phase, self: NodeId): boolean {
  return coordinator.id === self || layout.some(({ owner }) => owner.id === self)
}
