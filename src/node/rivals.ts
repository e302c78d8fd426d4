// pure
/** Nodes that have declared one id at once, as whoever hears of both finds out. */

import type { NodeId, SpecId } from '../ids.ts'
import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import { declaredAt } from '../protocol/part-edits.ts'
import { areRivals, compareDeclarations, hasSeenOvertaken } from '../protocol/spec-join.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { differences } from './specs/spec-content.ts'

/** Two nodes that have declared one id at once. */
export interface Rivals {
  readonly id: SpecId
  readonly winner: NodeId
  readonly loser: NodeId
  /** What differs, as a spec names it: `members[1].args`. Empty where it is not known here. */
  readonly fields: readonly string[]
}

/**
 * Who has declared the id at once, as far as it was not known before `row` came: also where the row that has lost was
 * replaced everywhere before it could come here.
 */
export function rivalsIn(known: SpecRow, row: SpecRow, merged: SpecRow): Rivals[] {
  const winner = declaredAt(merged).node
  const losers = new Set<NodeId>()
  const lostAt = declaredAt(compareDeclarations(known, row) < 0 ? known : row)
  if (areRivals(known, row) && !hasOvertaken(known, lostAt)) losers.add(lostAt.node)
  const { overtaken } = merged
  const isMissed = overtaken?.isRemoval === false && !hasSeenOvertaken(merged)
  if (merged.body !== undefined && isMissed && !hasOvertaken(known, overtaken.version))
    losers.add(overtaken.version.node)
  losers.delete(winner)
  return [...losers].map(loser => {
    const lost = [known, row].find(each => declaredAt(each).node === loser)
    const fields = lost?.body && merged.body ? differences(merged.body, lost.body) : []
    return { id: merged.id, winner, loser, fields }
  })
}

function hasOvertaken({ overtaken }: SpecRow, version: Hlc): boolean {
  return overtaken !== undefined && compareHlc(overtaken.version, version) === 0
}
