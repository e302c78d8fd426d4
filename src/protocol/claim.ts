// pure
/** Who runs a standalone worker: placement says where to start it, the claim says where it is. */

import { type NodeId, type Run, type SlotId, compareRuns, isSameRun } from '../ids.ts'
import { unreachable } from '../assert.ts'
import type { Failure } from './failure.ts'
import { runTag } from './fencing-token.ts'
import type { Hlc } from './hlc.ts'
import type { Restart } from './phase.ts'
import type { RecordKind } from './record-store.ts'

/**
 * How the worker of a claim stands. `restarting`: it has ended and starts again. `draining`: it finishes what it is at,
 * for another node to go on with. `stopped`: given up for another owner to take. `done`: it ended, and its restart type says that this is the end. `failed`: it could not start.
 * `gave-up`: it crashed too often.
 */
export const CLAIM_STATES = [
  'starting',
  'running',
  'restarting',
  'draining',
  'stopped',
  'done',
  'failed',
  'gave-up',
] as const
export type ClaimState = (typeof CLAIM_STATES)[number]

export interface Claim {
  readonly slot: SlotId
  /** One more for every owner: see `FencingToken`. */
  readonly generation: number
  readonly owner: Run
  /** How much placement wants this owner: of two who claimed at once, the better placed one wins. */
  readonly score: number
  /** Raised by the owner with everything that it says of its claim: nobody else changes it. */
  readonly seq: number
  readonly state: ClaimState
  readonly specVersion: Hlc
  /** That of the spec: see `SpecChange`. */
  readonly content?: number | undefined
  /** The restarts that still count, oldest first: the next owner goes on counting. */
  readonly restarts: readonly Restart[]
  /** Why it failed the last times, newest first. */
  readonly failures: readonly Failure[]
  /** The node that it is handed over to: others leave it to that one for a while. */
  readonly heir?: NodeId | undefined
}

export const claims: RecordKind<Claim> = {
  keyOf: claim => claim.slot,
  join: (a, b) => (compareClaims(a, b) >= 0 ? a : b),
  versionOf: claim => {
    const { generation, owner, seq, state, score } = claim
    // Joined, not a template: kept for each worker, and the engine would keep the parts of a template one by one.
    return [generation, score, owner.id, owner.boot, seq, state].join('.')
  },
}

/**
 * < 0 when `b` overrules `a`. Total for claims of one slot. Owners are compared as their tokens are: a resource never
 * refuses the one that is left of two.
 */
export function compareClaims(a: Claim, b: Claim): number {
  return (
    a.generation - b.generation ||
    a.score - b.score ||
    compareOwners(a.owner, b.owner) ||
    a.seq - b.seq ||
    CLAIM_STATES.indexOf(a.state) - CLAIM_STATES.indexOf(b.state)
  )
}

/** Whether the claim stands for a worker that is to run. */
export function isActiveClaim(claim: Claim): boolean {
  switch (claim.state) {
    case 'starting':
    case 'running':
    case 'restarting':
    case 'draining':
      return true
    case 'stopped':
    case 'done':
    case 'failed':
    case 'gave-up':
      return false
    default:
      return unreachable(claim.state)
  }
}

export function isOwner(claim: Claim | undefined, run: Run): claim is Claim {
  return claim !== undefined && isSameRun(claim.owner, run)
}

/**
 * What the owner, which is `run`, says where somebody has said of its claim what it has not: the same as before, and later.
 * @returns undefined where nobody has
 */
export function refutedClaim(own: Claim | undefined, said: Claim, run: Run): Claim | undefined {
  if (!isOwner(own, run) || !isOwner(said, run)) return undefined
  const isOfOne = said.generation === own.generation && said.score === own.score
  return isOfOne && compareClaims(said, own) > 0 ? { ...own, seq: said.seq + 1 } : undefined
}

/** By tag, as their tokens. */
function compareOwners(a: Run, b: Run): number {
  if (isSameRun(a, b)) return 0
  return runTag(a) - runTag(b) || compareRuns(a, b)
}
