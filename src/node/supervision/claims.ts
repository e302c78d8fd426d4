// pure
/** Standalone workers: who claims one, and what happens when it ends. Each disturbs nobody but itself. */

import { hash64, mix } from '../../hash.ts'
import { type SpecId, slotId, specOfSlot } from '../../ids.ts'
import { type Claim, isOwner, runTag } from '../../protocol/claim.ts'
import type { Failure } from '../../protocol/failure.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import type { Restart } from '../../protocol/phase.ts'
import { type SpecRow, type WorkerBody, hlcText, needOf } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { failureOf, nodeLost } from './exit.ts'
import { backoffMs, countRestart, isExceeded, isRestarted } from './restart-policy.ts'
import { type SpecStatus, pendingFor } from './spec-status.ts'
import type { Report, Supervisor } from './supervisor.ts'

/** What the owner of a worker remembers of it, and nobody else needs to know. */
interface Tenure {
  readonly generation: number
  /** Nobody has run this version of the spec before: if it cannot start, that is an error of the caller. */
  readonly isFirst: boolean
  /** Numbers the starts, from 1. */
  attempt: number
  restarts: readonly Restart[]
  /** It has ended and waits for its restart. */
  isWaiting: boolean
}

export class Claims {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #tenures = new Map<SpecId, Tenure>()
  readonly #restarts = new Deadlines<SpecId>()

  constructor(ledger: Ledger, supervisor: Supervisor) {
    this.#ledger = ledger
    this.#supervisor = supervisor
  }

  /** Does what the rows ask of this node, and says how the worker stands. */
  evaluate(row: SpecRow, body: WorkerBody, now: Now): SpecStatus {
    const claim = this.#ledger.tables.claims.get(slotId(row.id))
    const isMine = isOwner(claim, this.#ledger.run) && isActive(claim)
    if (isMine && isCurrent(claim, row)) return this.#hold(row, body, claim, now)
    this.#supervisor.assign(row.id, [], now.ms)
    this.#forget(row.id)
    if (isMine && this.#supervisor.isOccupied(claim.slot)) return { kind: 'starting' }
    const isFree = claim === undefined || isMine || this.#isFree(claim, row)
    return isFree ? this.#contend(row, body, claim) : statusOf(claim)
  }

  /** There is no such worker any more: once it has stopped, its owner gives up the claim. @returns whether it has */
  letGo(id: SpecId): boolean {
    this.#forget(id)
    const claim = this.#ledger.tables.claims.get(slotId(id))
    if (claim === undefined || !isActive(claim) || this.#ledger.membership.isGone(claim.owner)) return true
    if (!isOwner(claim, this.#ledger.run) || this.#supervisor.isOccupied(claim.slot)) return false
    this.#ledger.writeClaim({ ...claim, state: 'stopped' })
    return true
  }

  onReport(report: Report, body: WorkerBody, now: Now): void {
    const { slot, spec, token } = report.assignment
    const claim = this.#ledger.tables.claims.get(slot)
    const tenure = this.#tenures.get(spec)
    if (tenure === undefined || tenure.generation !== token.generation) return
    if (!isOwner(claim, this.#ledger.run) || claim.generation !== token.generation) return
    if (report.kind === 'started') {
      if (claim.state === 'starting') this.#ledger.writeClaim({ ...claim, state: 'running' })
      return
    }
    const { exit, wasReady } = report
    if (exit.kind === 'stopped' || exit.kind === 'abandoned') return
    const failure = failureOf(exit, slot, this.#ledger.run.id)
    if (tenure.isFirst && tenure.attempt === 1 && !wasReady) {
      this.#ledger.writeClaim({ ...claim, state: 'failed', failure })
    } else if (isRestarted(body.child.restart, exit.kind === 'normal' ? 'normally' : 'abnormally')) {
      this.#restart(claim, { tenure, body, failure, now })
    } else {
      this.#ledger.writeClaim({
        ...claim,
        state: 'done',
        failure: exit.kind === 'normal' ? undefined : failure,
      })
    }
  }

  tick(nowMs: number): void {
    for (const id of this.#restarts.take(nowMs)) {
      const tenure = this.#tenures.get(id)
      if (tenure !== undefined) tenure.isWaiting = false
      this.#ledger.touch(id)
    }
  }

  wakeAtMs(): number {
    return this.#restarts.wakeAtMs()
  }

  #hold(row: SpecRow, body: WorkerBody, claim: Claim, now: Now): SpecStatus {
    const tenure = this.#tenures.get(row.id) ?? this.#begin(row.id, claim.generation, false)
    if (tenure.isWaiting) return { kind: 'restarting', failure: undefined }
    const assignment = {
      slot: claim.slot,
      spec: row.id,
      child: body.child,
      token: { generation: claim.generation, tag: 0, owner: runTag(claim.owner) },
      key: `${hlcText(row.version)} ${claim.generation} ${tenure.attempt}`,
    }
    this.#supervisor.assign(row.id, [assignment], now.ms)
    return statusOf(claim)
  }

  #forget(id: SpecId): void {
    this.#tenures.delete(id)
    this.#restarts.clear(id)
  }

  /** Whether a claim of somebody else is up for another owner. */
  #isFree(claim: Claim, row: SpecRow): boolean {
    if (claim.state === 'stopped') return true
    if (isActive(claim)) return this.#ledger.membership.isGone(claim.owner)
    return !isCurrent(claim, row)
  }

  #contend(row: SpecRow, body: WorkerBody, before: Claim | undefined): SpecStatus {
    const slot = slotId(row.id)
    const owner = this.#ledger.ownerOf(slot)
    if (owner === undefined) return pendingFor([needOf(body.child)])
    if (owner !== this.#ledger.run.id) return { kind: 'starting' }
    const { id, boot } = this.#ledger.run
    const generation = (before?.generation ?? 0) + 1
    const isTakeOver = before !== undefined && isCurrent(before, row) && isActive(before)
    const isOver = isTakeOver && body.child.restart === 'temporary'
    this.#begin(row.id, generation, before === undefined || !isCurrent(before, row))
    this.#ledger.writeClaim({
      slot,
      generation,
      owner: { id, boot },
      score: mix(hash64(slot), hash64(id)),
      state: isOver ? 'done' : 'starting',
      specVersion: row.version,
      failure: isOver ? nodeLost(before.owner.id, slot) : undefined,
    })
    return { kind: 'starting' }
  }

  #begin(id: SpecId, generation: number, isFirst: boolean): Tenure {
    const tenure: Tenure = { generation, isFirst, attempt: 1, restarts: [], isWaiting: false }
    this.#tenures.set(id, tenure)
    return tenure
  }

  #restart(
    claim: Claim,
    context: {
      readonly tenure: Tenure
      readonly body: WorkerBody
      readonly failure: Failure
      readonly now: Now
    },
  ): void {
    const { tenure, body, failure, now } = context
    tenure.restarts = countRestart(tenure.restarts, body.intensity, { atMs: now.wallMs, item: '' })
    if (isExceeded(tenure.restarts, body.intensity)) {
      this.#ledger.writeClaim({ ...claim, state: 'failed', failure })
      return
    }
    tenure.attempt += 1
    const waitMs = backoffMs(tenure.restarts.length, `${claim.slot} ${claim.generation} ${tenure.attempt}`)
    if (waitMs === 0) return
    tenure.isWaiting = true
    this.#restarts.set(specOfSlot(claim.slot), now.ms + waitMs)
  }
}

/** Whether the claim stands for a worker that is to run. */
function isActive(claim: Claim): boolean {
  return claim.state === 'starting' || claim.state === 'running'
}

function isCurrent(claim: Claim, row: SpecRow): boolean {
  return compareHlc(claim.specVersion, row.version) === 0
}

function statusOf(claim: Claim): SpecStatus {
  switch (claim.state) {
    case 'starting':
    case 'stopped':
      return { kind: 'starting' }
    case 'running':
      return { kind: 'running' }
    case 'done':
      return { kind: 'done', failure: claim.failure }
    case 'failed':
      return { kind: 'failed', failure: claim.failure }
    default:
      return unreachable(claim.state)
  }
}
