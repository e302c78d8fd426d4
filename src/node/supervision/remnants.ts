// pure
/** What still runs of a spec as it was before: where it was stopped or removed, and is to run again. */

import type { Run } from '../../ids.ts'
import { type Claim, isActiveClaim } from '../../protocol/claim.ts'
import type { Phase } from '../../protocol/phase.ts'
import type { SpecRow } from '../../protocol/spec-row.ts'
import { isCurrent } from './tenure.ts'

/** Whether a worker is left that was not started for the spec as it is now. */
export function hasRemnants(
  row: SpecRow,
  held: {
    readonly claim: Claim | undefined
    readonly phase: Phase | undefined
    readonly isGone: (owner: Run) => boolean
  },
): boolean {
  const { body } = row
  const { claim, phase, isGone } = held
  if (claim !== undefined && isActiveClaim(claim) && !isGone(claim.owner)) {
    if (body?.kind !== 'worker' || !isCurrent(claim, row)) return true
  }
  if (phase === undefined) return false
  if (body !== undefined && body.kind !== 'worker' && body.revision === phase.revision) return false
  return phase.layout.some(({ slot, owner }) => !phase.stopped.includes(slot) && !isGone(owner))
}
