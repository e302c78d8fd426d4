// pure
/** Standalone workers: who claims one, and what happens when it ends. Each disturbs nobody but itself. */

import { hash64, mix } from '../../hash.ts'
import { type SlotId, type SpecId, slotId, specOfSlot } from '../../ids.ts'
import { type Claim, isActiveClaim, isOwner, runTag } from '../../protocol/claim.ts'
import { type Failure, withFailure } from '../../protocol/failure.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import { type SpecRow, type WorkerBody, hlcText } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { failureOf, howEnded, nodeLost } from './exit.ts'
import { STABLE_MS, backoffMs, countRestart, isExceeded, isRestarted } from './restart-policy.ts'
import { type SpecStatus, pendingFor } from './spec-status.ts'
import type { Report, Supervisor } from './supervisor.ts'
import { wantsOf } from './units.ts'

/**
 * A worker starts when one other node knows of its claim, or after this time: of two nodes that claim at once, as a
 * rule one hears of the other before it starts anything.
 */
const PUSH_MS = 200

/** What the owner of a worker remembers of it, and nobody else needs to know. */
interface Tenure {
  readonly generation: number
  /** Nobody has run this version of the spec before: if it cannot start, that is an error of the caller. */
  readonly isFirst: boolean
  /** Numbers the starts, from 1. */
  attempt: number
  /** When the last start succeeded. */
  startedMs: number
  /** Restarts one after the other, none of which has led to a stable minute. */
  streak: number
  /** It waits for its restart, or for another node to hear of the claim. */
  isWaiting: boolean
}

export class Claims {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #tenures = new Map<SpecId, Tenure>()
  readonly #waits = new Deadlines<SpecId>()

  constructor(ledger: Ledger, supervisor: Supervisor) {
    this.#ledger = ledger
    this.#supervisor = supervisor
  }

  /** Does what the rows ask of this node, and says how the worker stands. */
  evaluate(row: SpecRow, body: WorkerBody, now: Now): SpecStatus {
    const claim = this.#ledger.tables.claims.get(slotId(row.id))
    const isMine = isOwner(claim, this.#ledger.run) && isActiveClaim(claim)
    if (isMine && isCurrent(claim, row)) return this.#hold(row, body, claim, now)
    // Somebody else has it, or it is for another version of the spec: that is no crash of anything.
    this.#supervisor.assign(row.id, [], now.ms)
    this.#forget(row.id)
    if (isMine && this.#supervisor.isOccupied(claim.slot)) return { kind: 'starting' }
    if (claim === undefined || isMine || this.#isFree(claim, row))
      return this.#contend(row, body, { before: claim, now })
    return isCurrent(claim, row) ? statusOf(claim) : { kind: 'starting' }
  }

  /** There is to be no such worker: once it has stopped, its owner gives up the claim. @returns whether it has */
  letGo(id: SpecId): boolean {
    this.#forget(id)
    const claim = this.#ledger.tables.claims.get(slotId(id))
    if (claim === undefined || !isActiveClaim(claim) || this.#ledger.membership.isGone(claim.owner))
      return true
    if (!isOwner(claim, this.#ledger.run) || this.#supervisor.isOccupied(claim.slot)) return false
    this.#say(claim, { state: 'stopped' })
    return true
  }

  /** Another node has taken in the claim. */
  onPushed(slot: SlotId): void {
    const id = specOfSlot(slot)
    const tenure = this.#tenures.get(id)
    if (tenure === undefined || !tenure.isWaiting || tenure.attempt > 1) return
    this.#waits.clear(id)
    this.#proceed(id)
  }

  onReport(report: Report, body: WorkerBody, now: Now): void {
    const { slot, spec, token } = report.assignment
    const claim = this.#ledger.tables.claims.get(slot)
    const tenure = this.#tenures.get(spec)
    if (tenure === undefined || tenure.generation !== token.generation) return
    if (!isOwner(claim, this.#ledger.run) || claim.generation !== token.generation) return
    if (report.kind === 'started') {
      tenure.startedMs = now.ms
      if (claim.state !== 'running') this.#say(claim, { state: 'running' })
      return
    }
    const { exit, wasReady } = report
    if (exit.kind === 'stopped' || exit.kind === 'abandoned') return
    const failure = failureOf(exit, slot, this.#ledger.run.id)
    const failures = exit.kind === 'normal' ? claim.failures : withFailure(claim.failures, failure)
    if (tenure.isFirst && tenure.attempt === 1 && !wasReady) {
      this.#say(claim, { state: 'failed', failures })
    } else if (isRestarted(body.child.restart, howEnded(exit))) {
      const isStable = wasReady && now.ms - tenure.startedMs >= STABLE_MS
      this.#restart(claim, { tenure, isStable, body, failure, now })
    } else {
      this.#say(claim, { state: 'done', failures: exit.kind === 'normal' ? [] : failures })
    }
  }

  tick(nowMs: number): void {
    for (const id of this.#waits.take(nowMs)) this.#proceed(id)
  }

  wakeAtMs(): number {
    return this.#waits.wakeAtMs()
  }

  #hold(row: SpecRow, body: WorkerBody, claim: Claim, now: Now): SpecStatus {
    const tenure = this.#tenures.get(row.id) ?? this.#begin(claim, false)
    if (!tenure.isWaiting) {
      const assignment = {
        slot: claim.slot,
        spec: row.id,
        child: body.child,
        token: { generation: claim.generation, tag: 0, owner: runTag(claim.owner) },
        key: `${hlcText(row.version)} ${claim.generation} ${tenure.attempt}`,
      }
      this.#supervisor.assign(row.id, [assignment], now.ms)
    }
    return statusOf(claim)
  }

  #forget(id: SpecId): void {
    this.#tenures.delete(id)
    this.#waits.clear(id)
  }

  #proceed(id: SpecId): void {
    const tenure = this.#tenures.get(id)
    if (tenure !== undefined) tenure.isWaiting = false
    this.#ledger.touch(id)
  }

  /** Whether a claim of somebody else is up for another owner. */
  #isFree(claim: Claim, row: SpecRow): boolean {
    if (claim.state === 'stopped') return true
    if (isActiveClaim(claim)) return this.#ledger.membership.isGone(claim.owner)
    return !isCurrent(claim, row)
  }

  /** Nobody has the worker: whoever placement wants takes it. */
  #contend(
    row: SpecRow,
    body: WorkerBody,
    context: { readonly before: Claim | undefined; readonly now: Now },
  ): SpecStatus {
    const { before, now } = context
    const slot = slotId(row.id)
    const owner = this.#ledger.ownerOf(slot)
    const { id, boot } = this.#ledger.run
    if (owner !== id) {
      if (before !== undefined && isOwner(before, this.#ledger.run) && isActiveClaim(before))
        this.#say(before, { state: 'stopped' })
      return owner === undefined ? pendingFor(wantsOf(row)) : { kind: 'starting' }
    }
    // A new version has no past; whoever takes over goes on counting.
    const past = before !== undefined && isCurrent(before, row) ? before : undefined
    const isLost = past !== undefined && isActiveClaim(past)
    const isOver = isLost && body.child.restart === 'temporary'
    const failures = past?.failures ?? []
    const claim: Claim = {
      slot,
      generation: (before?.generation ?? 0) + 1,
      owner: { id, boot },
      score: mix(hash64(slot), hash64(id)),
      seq: 0,
      state: isOver ? 'done' : 'starting',
      specVersion: row.version,
      restarts: past?.restarts ?? [],
      failures: isLost ? withFailure(failures, nodeLost(past.owner.id, slot)) : failures,
    }
    const tenure = this.#begin(claim, past === undefined)
    this.#ledger.writeClaim(claim)
    if (!isOver && this.#ledger.membership.connected().length > 0) {
      tenure.isWaiting = true
      this.#waits.set(row.id, now.ms + PUSH_MS)
    }
    return { kind: 'starting' }
  }

  #begin(claim: Claim, isFirst: boolean): Tenure {
    const { generation, restarts } = claim
    const streak = restarts.length
    const tenure: Tenure = { generation, isFirst, attempt: 1, startedMs: 0, streak, isWaiting: false }
    this.#tenures.set(specOfSlot(claim.slot), tenure)
    return tenure
  }

  #restart(
    claim: Claim,
    context: {
      readonly tenure: Tenure
      readonly isStable: boolean
      readonly body: WorkerBody
      readonly failure: Failure
      readonly now: Now
    },
  ): void {
    const { tenure, isStable, body, failure, now } = context
    const failures = withFailure(claim.failures, failure)
    const restarts = countRestart(claim.restarts, body.intensity, { atMs: now.wallMs, item: '' })
    if (isExceeded(restarts, body.intensity)) {
      this.#say(claim, { state: 'gave-up', failures, restarts })
      return
    }
    tenure.streak = isStable ? 1 : tenure.streak + 1
    tenure.attempt += 1
    const waitMs = backoffMs(tenure.streak, `${claim.slot} ${claim.generation} ${tenure.attempt}`)
    tenure.isWaiting = waitMs > 0
    if (waitMs > 0) this.#waits.set(specOfSlot(claim.slot), now.ms + waitMs)
    this.#say(claim, { state: 'restarting', failures, restarts })
  }

  /** The owner says something new of its claim. */
  #say(claim: Claim, change: Partial<Pick<Claim, 'state' | 'failures' | 'restarts'>>): void {
    this.#ledger.writeClaim({ ...claim, ...change, seq: claim.seq + 1 })
  }
}

function isCurrent(claim: Claim, row: SpecRow): boolean {
  return compareHlc(claim.specVersion, row.version) === 0
}

function statusOf(claim: Claim): SpecStatus {
  const { failures } = claim
  const [failure] = failures
  switch (claim.state) {
    case 'starting':
    case 'stopped':
      return { kind: 'starting' }
    case 'running':
      return { kind: 'running' }
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
