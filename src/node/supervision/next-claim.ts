// pure
/** The claim with which a node takes up a standalone worker that nobody has. */

import { type Run, slotId } from '../../ids.ts'
import { type Claim, isActiveClaim } from '../../protocol/claim.ts'
import { type Failure, withFailure } from '../../protocol/failure.ts'
import type { Restart } from '../../protocol/phase.ts'
import { type SpecRow, type WorkerBody, writtenAt } from '../../protocol/spec-row.ts'
import { nodeLost } from './exit.ts'
import { isCurrent } from './tenure.ts'

/** One for all claims that have nothing to tell: there may be very many. */
const NO_RESTARTS: readonly Restart[] = []
export const NO_FAILURES: readonly Failure[] = []

/** `before`: the one that is up. The worker is `done` where it was lost with its node, and is not to start again. */
export function nextClaim(
  row: SpecRow,
  body: WorkerBody,
  context: {
    readonly before: Claim | undefined
    readonly generation: number
    readonly owner: Run
    readonly score: number
  },
): Claim {
  const { before, generation, owner, score } = context
  const slot = slotId(row.id)
  // A new version has no past; whoever takes over goes on counting.
  const past = before !== undefined && isCurrent(before, row) ? before : undefined
  const isLost = past !== undefined && isActiveClaim(past)
  const isOver = isLost && body.child.restart === 'temporary'
  const failures = past?.failures ?? NO_FAILURES
  return {
    slot,
    generation,
    owner,
    score,
    seq: 0,
    state: isOver ? 'done' : 'starting',
    specVersion: writtenAt(row),
    ...(row.content === undefined ? {} : { content: row.content }),
    restarts: past?.restarts ?? NO_RESTARTS,
    failures: isLost ? withFailure(failures, nodeLost(past.owner.id, slot)) : failures,
  }
}
