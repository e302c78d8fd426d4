// pure
/** What the owner of a standalone worker remembers of it, and nobody else needs to know; and what it makes of its end. */

import type { NodeId } from '../../ids.ts'
import type { Claim } from '../../protocol/claim.ts'
import {
  type FencingToken,
  compareTokens,
  generationOf,
  runTag,
  tokenOf,
} from '../../protocol/fencing-token.ts'
import { withFailure } from '../../protocol/failure.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import { type SpecRow, type WorkerBody, isSameContent, writtenAt } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'
import type { Now } from '../now.ts'
import { type Exit, failureOf, howEnded } from './exit.ts'
import { STABLE_MS, backoffMs, countRestart, isExceeded, isRestarted } from './restart-policy.ts'
import { RUNNING, STARTING, type SpecStatus } from './spec-status.ts'
import type { Report } from './supervisor.ts'

/** What the owner says of its claim. */
export type Statement = Partial<Pick<Claim, 'state' | 'failures' | 'restarts' | 'heir'>>

export interface TenureInit {
  readonly isFirst: boolean
  readonly legacy: Uint8Array | undefined
  /** The worker that it takes up here, once that has stopped for it. */
  readonly predecessor?: FencingToken | undefined
}

export class Tenure {
  /** Of the worker, however often it starts here. */
  readonly token: FencingToken
  /** What it runs for: by then, its claim may have been overruled. */
  readonly madeFor: Pick<Claim, 'specVersion' | 'content'>
  #predecessor: FencingToken | undefined
  /** Nobody has run this version of the spec before: if it cannot start, that is an error of the caller. */
  readonly #isFirst: boolean
  /** Numbers the starts, from 1. */
  attempt = 1
  /** It waits for its restart, for another node to hear of the claim, or for whom it takes up here. */
  isWaiting: boolean
  #legacy: Uint8Array | undefined
  #startedMs = 0
  /** Restarts one after the other, none of which has led to a stable minute. */
  #streak: number

  constructor(claim: Claim, { isFirst, legacy, predecessor }: TenureInit) {
    const { specVersion, content } = claim
    this.madeFor = { specVersion, content }
    this.#predecessor = predecessor
    this.isWaiting = predecessor !== undefined
    this.token = tokenOf({ number: claim.generation, tag: claim.score }, runTag(claim.owner))
    this.#isFirst = isFirst
    this.#legacy = legacy?.length === 0 ? undefined : legacy
    this.#streak = claim.restarts.length
  }

  /** As the claim has it. */
  get generation(): number {
    return generationOf(this.token).number
  }

  get predecessor(): FencingToken | undefined {
    return this.#predecessor
  }

  /** What its predecessor on another node has left behind, until it has started with it, or somebody else is to. */
  get legacy(): Uint8Array | undefined {
    return this.#legacy
  }

  /** The next start here is not given it. */
  takeLegacy(): Uint8Array | undefined {
    const legacy = this.#legacy
    this.#legacy = undefined
    return legacy
  }

  /** Names one start of the worker on this node. Short, as it is kept for each. */
  get key(): string {
    const { generation, lineage } = this.token
    return `${generation} ${this.attempt} ${lineage}`
  }

  /** It has waited long enough, but for whom it takes up here: what it is to start with comes when that one has stopped. */
  onDue(): void {
    this.isWaiting = this.#predecessor !== undefined
  }

  /** The worker that it takes up has ended, if it is that one. @returns `over`: that has ended for good */
  succeed(token: FencingToken, exit: Exit): 'over' | undefined {
    if (this.#predecessor === undefined || compareTokens(this.#predecessor, token) !== 0) return undefined
    this.#predecessor = undefined
    this.isWaiting = false
    if (howEnded(exit) === 'normally') return 'over'
    if (exit.kind === 'released' && exit.legacy.length > 0) this.#legacy = exit.legacy
    return undefined
  }

  onStarted(nowMs: number): void {
    this.#startedMs = nowMs
    this.#legacy = undefined
  }

  /** The worker has ended. @returns what is to be said of its claim, and how long it waits where it starts again */
  onExited(
    claim: Claim,
    context: {
      readonly body: WorkerBody
      readonly report: Report & { kind: 'exited' }
      readonly node: NodeId
      readonly now: Now
    },
  ): { readonly statement: Statement; readonly waitMs: number | undefined } {
    const { body, report, node, now } = context
    const { exit, wasReady } = report
    const failure = failureOf(exit, claim.slot, node)
    const ended = howEnded(exit)
    if (this.#isFirst && this.attempt === 1 && !wasReady)
      return { statement: { state: 'failed', failures: [failure] }, waitMs: undefined }
    const failures = withFailure(claim.failures, failure)
    if (!isRestarted(body.child.restart, ended)) {
      return {
        statement: { state: 'done', failures: ended === 'normally' ? [] : failures },
        waitMs: undefined,
      }
    }
    const restarts = countRestart(claim.restarts, body.intensity, { atMs: now.wallMs, item: '' })
    if (isExceeded(restarts, body.intensity))
      return { statement: { state: 'gave-up', failures, restarts }, waitMs: undefined }
    const isStable = wasReady && now.ms - this.#startedMs >= STABLE_MS
    this.#streak = isStable ? 1 : this.#streak + 1
    this.attempt += 1
    const waitMs = backoffMs(this.#streak, `${claim.slot} ${claim.generation} ${this.attempt}`)
    return { statement: { state: 'restarting', failures, restarts }, waitMs }
  }
}

/** Whether the claim is for the spec as it is now. */
export function isCurrent(claim: Pick<Claim, 'specVersion' | 'content'>, row: SpecRow): boolean {
  return compareHlc(claim.specVersion, writtenAt(row)) === 0 || isSameContent(claim, row)
}

/** On its way from its owner, or not quite there yet. */
export function isInHand({ state }: Claim): boolean {
  return state === 'starting' || state === 'draining' || state === 'stopped'
}

/** How a worker stands whose current claim this is. */
export function statusOf(claim: Claim): SpecStatus {
  const { failures } = claim
  const [failure] = failures
  switch (claim.state) {
    case 'starting':
    case 'draining':
    case 'stopped':
      return STARTING
    case 'running':
      return RUNNING
    case 'restarting':
      return { kind: 'restarting', failure }
    case 'done':
      return { kind: 'done', failure }
    case 'failed':
      return { kind: 'failed', failure }
    case 'gave-up':
      return { kind: 'gave-up', failure, failures }
    default:
      return unreachable(claim.state)
  }
}
