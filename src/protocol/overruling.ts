// pure
/**
 * What a node answers to a row of another one that has already lost: where each of two has a worker of one slot, or a
 * generation of one number, the one that goes on tells the other, and does not wait until their tables are compared.
 */

import { type NodeId, isSameRun } from '../ids.ts'
import { type Claim, compareClaims } from './claim.ts'
import type { Rows } from './messages.ts'
import { type Phase, compareGenerations } from './phase.ts'
import type { Tables } from './tables.ts'

/** Of claims and phases that `self` has a part in: what overrules those of `rows`, which have been taken in. */
export function overruling(tables: Tables, rows: Rows, self: NodeId): Pick<Rows, 'claims' | 'phases'> {
  return {
    claims: rows.claims.flatMap(row => {
      const known = tables.claims.get(row.slot)
      return known !== undefined && known.owner.id === self && isClaimLost(row, known) ? [known] : []
    }),
    phases: rows.phases.flatMap(row => {
      const known = tables.phases.get(row.spec)
      return known !== undefined && isPhaseLost(row, known) && isHolder(known, self) ? [known] : []
    }),
  }
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
