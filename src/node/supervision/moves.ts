// pure
/** Whether placement wants a standalone worker on another node than the one that has it. */

import { type NodeId, specOfSlot } from '../../ids.ts'
import { type Claim, isActiveClaim, isOwner } from '../../protocol/claim.ts'
import { givesAway } from '../../protocol/member-row.ts'
import type { WorkerBody } from '../../protocol/spec-row.ts'
import type { Ledger } from '../ledger.ts'
import { isCurrent } from './tenure.ts'

/** `urgent`: its owner leaves, or is emptied. */
export type Move = 'urgent' | 'unhurried'

/** How this node wants it; undefined: it does not. */
export function wishFor(body: WorkerBody, claim: Claim, ledger: Ledger): Move | undefined {
  const owner = ledger.tables.members.get(claim.owner.id)
  const isGiven = owner !== undefined && givesAway(owner)
  const isMovable = body.rebalance === 'active' && claim.state === 'running'
  const isWanted = isGiven ? claim.state !== 'draining' : isMovable
  if (!isWanted || ledger.ownerOf(claim.slot) !== ledger.run.id) return undefined
  return isGiven ? 'urgent' : 'unhurried'
}

/** How a worker of this node is to go to `heir`, which placement wants here too; undefined: it is not. */
export function leaveFor(claim: Claim, heir: NodeId, ledger: Ledger): Move | undefined {
  const row = ledger.tables.specs.get(specOfSlot(claim.slot))
  const isHeld = isOwner(claim, ledger.run) && isActiveClaim(claim) && claim.state !== 'draining'
  if (!isHeld || row?.body?.kind !== 'worker' || !isCurrent(claim, row)) return undefined
  if (ledger.ownerOf(claim.slot) !== heir) return undefined
  if (givesAway(ledger.membership.self)) return 'urgent'
  return row.body.rebalance === 'active' && claim.state === 'running' ? 'unhurried' : undefined
}
