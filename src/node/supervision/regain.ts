// pure
/**
 * Workers that two sides have each begun or restarted, without knowing of each other. The row of the later one counts when
 * they meet, and of the claims the one of the older lineage, or with more generations, which may be the other one's. To go
 * by the row in the order of claims would let tokens fall. So whoever runs it for the row that counts claims it anew, after
 * the other one, and takes up what it has itself, as if it moved to where it is.
 */

import { isSameRun, slotId } from '../../ids.ts'
import type { Claim } from '../../protocol/claim.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import { isConfigAnew } from '../../protocol/spec-join.ts'
import type { SpecRow } from '../../protocol/spec-row.ts'
import type { Ledger } from '../ledger.ts'
import { nextClaim } from './next-claim.ts'
import { type Tenure, isCurrent } from './tenure.ts'
import type { Vacancies } from './vacancies.ts'

/** It brings what it has, which may be nothing: so it comes before whoever has begun with nothing meanwhile. */
const OWN = new Uint8Array()

/** The claim with which the worker of `tenure` goes on; undefined: it does not, or nobody else has claimed it. */
export function regainedClaim(
  row: SpecRow,
  tenure: Tenure,
  ledger: Ledger,
  vacancies: Vacancies,
): Claim | undefined {
  const [before, { body }, { run }] = [ledger.tables.claims.get(slotId(row.id)), row, ledger]
  if (before === undefined || body?.kind !== 'worker' || isSameRun(before.owner, run)) return undefined
  if (!isCurrent(tenure.madeFor, row) || isCurrent(before, row)) return undefined
  // It may be for a row that counts, and comes.
  if (compareHlc(before.specVersion, row.version) > 0) return undefined
  // What users have done to it is upheld against a config by whoever knows of it, who may only now hear of that.
  if (isConfigAnew(row) && before.content === undefined) return undefined
  const score = vacancies.scoreOf(before.slot, { before, legacy: OWN })
  return nextClaim(row, body, { before, generation: before.generation + 1, owner: run, score })
}
