// pure
/** Standalone workers: who claims one, and what happens when it ends. Each disturbs nobody but itself. */

import { type NodeId, type SlotId, type SpecId, isSameRun, slotId, specOfSlot } from '../../ids.ts'
import { type Claim, isActiveClaim, isOwner } from '../../protocol/claim.ts'
import { withFailure } from '../../protocol/failure.ts'
import { compareTokens, generationOf } from '../../protocol/fencing-token.ts'
import type { Message } from '../../protocol/messages.ts'
import type { SpecRow, WorkerBody } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import type { Declines } from './declines.ts'
import { type Exit, howEnded } from './exit.ts'
import { Handoffs, type SendHandoff } from './handoffs.ts'
import { leaveFor, wishFor } from './moves.ts'
import { NO_FAILURES, nextClaim } from './next-claim.ts'
import { type OnStateLost, Parting } from './parting.ts'
import { regainedClaim } from './regain.ts'
import { Settling } from './settling.ts'
import { STARTING, type SpecStatus } from './spec-status.ts'
import type { Report, Supervisor } from './supervisor.ts'
import { type Statement, Tenure, type TenureInit, isCurrent, isInHand, statusOf } from './tenure.ts'
import { Vacancies, type Vacancy } from './vacancies.ts'

/**
 * A worker starts when one other node knows of its claim, or after this time: of two nodes that claim at once, as a
 * rule one hears of the other before it starts anything.
 */
const PUSH_MS = 200

/** A worker without a `handoff`, and without anything in its mailbox, leaves nothing behind. */
const NOTHING = new Uint8Array()
const ENDED: Statement = { state: 'done', failures: NO_FAILURES }

/** What a worker was to start with is lost, and it has no exit any more that would tell what is in it. */
export type OnLegacyLost = (legacy: Uint8Array) => void

export interface ClaimsInit {
  readonly ledger: Ledger
  readonly supervisor: Supervisor
  readonly declines: Declines
  readonly send: SendHandoff
  readonly onLost: OnStateLost
  readonly onLegacyLost: OnLegacyLost
  readonly silentMs: () => number
  /** The view of a node is settled when it has not changed for so long. */
  readonly stableMs: number
}

export class Claims {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #declines: Declines
  readonly #onLost: OnStateLost
  readonly #onLegacyLost: OnLegacyLost
  /** Those on their way from this node, or to it, with what they leave behind. */
  readonly handoffs: Handoffs
  readonly #tenures = new Map<SpecId, Tenure>()
  readonly #waits = new Deadlines<SpecId>()
  readonly #vacancies: Vacancies
  readonly #settling: Settling
  readonly #parting: Parting

  constructor(init: ClaimsInit) {
    this.#ledger = init.ledger
    this.#supervisor = init.supervisor
    this.#declines = init.declines
    this.#settling = new Settling(init.stableMs)
    this.#onLost = init.onLost
    this.#onLegacyLost = init.onLegacyLost
    this.#vacancies = new Vacancies(init.ledger, this.#settling)
    this.handoffs = new Handoffs(init)
    this.#parting = new Parting(init.ledger, init.onLost)
  }

  /** Whether this node has given away all that it had. */
  get isFree(): boolean {
    return this.#tenures.size === 0 && this.handoffs.outgoingCount === 0
  }

  /** Those that this node has claimed, whether they run or wait for their start. */
  *slots(): Generator<SlotId> {
    for (const id of this.#tenures.keys()) yield slotId(id)
  }

  /** Does what the rows ask of this node, and says how the worker stands. */
  evaluate(row: SpecRow, body: WorkerBody, now: Now): SpecStatus {
    const claim = this.#ledger.tables.claims.get(slotId(row.id))
    if (claim !== undefined) this.handoffs.follow(claim, now.ms)
    const isMine = isOwner(claim, this.#ledger.run) && isActiveClaim(claim)
    if (isMine && isCurrent(claim, row)) return this.#hold(row, body, claim, now)
    // Somebody else has it, or it is for another version of the spec: that is no crash of anything.
    this.#supervisor.assign(row.id, [], now.ms)
    this.#forget(row.id)
    if (isMine && this.#supervisor.isOccupied(claim.slot)) return STARTING
    if (claim === undefined || isMine) return this.#contend(row, body, { before: claim, now })
    if (isActiveClaim(claim) && !this.#ledger.membership.isGone(claim.owner)) {
      if (!isCurrent(claim, row)) return STARTING
      this.#wish(body, claim, now)
      return statusOf(claim)
    }
    const isUp = isActiveClaim(claim) || claim.state === 'stopped' || !isCurrent(claim, row)
    if (!isUp) return statusOf(claim)
    const isLeft = claim.heir !== undefined && isCurrent(claim, row)
    return isLeft ? this.#inherit(row, body, claim, now) : this.#contend(row, body, { before: claim, now })
  }

  /**
   * The same on a node that leaves: it takes nothing, and keeps what it has until another node takes it. That a worker
   * stops for this is no news of how it stands: what becomes of it elsewhere is.
   */
  leave(row: SpecRow, body: WorkerBody, before: SpecStatus | undefined, now: Now): SpecStatus {
    this.#letLeave(row, body, now)
    const claim = this.#ledger.tables.claims.get(slotId(row.id))
    if (claim === undefined || (isOwner(claim, this.#ledger.run) && isInHand(claim)))
      return before ?? STARTING
    return statusOf(claim)
  }

  #letLeave(row: SpecRow, body: WorkerBody, now: Now): void {
    const untilMs = this.#parting.untilMs(now.ms)
    const claim = this.#ledger.tables.claims.get(slotId(row.id))
    if (claim !== undefined) this.handoffs.follow(claim, now.ms)
    if (isOwner(claim, this.#ledger.run) && isActiveClaim(claim)) {
      if (isCurrent(claim, row) && this.#parting.keeps(claim, body, now.ms)) {
        // What drains still, ends by itself: a look that is due already would be due for ever.
        if (now.ms < untilMs) this.#waits.set(row.id, untilMs)
        this.#hold(row, body, claim, now)
        return
      }
      this.#supervisor.assign(row.id, [], now.ms)
      if (this.#supervisor.isOccupied(claim.slot)) return
      this.#say(claim, { state: 'stopped' })
    }
    this.#supervisor.assign(row.id, [], now.ms)
    this.#forget(row.id)
  }

  /** The worker that runs here is the one that goes on, and another node's claim counts: see `regainedClaim`. */
  regain(row: SpecRow, now: Now): void {
    const tenure = this.#tenures.get(row.id)
    const claim = tenure && regainedClaim(row, tenure, this.#ledger, this.#vacancies)
    if (tenure === undefined || claim === undefined) return
    const isThere = this.#supervisor.findPlaced(claim.slot, generationOf(tenure.token)) !== undefined
    const predecessor = tenure.predecessor ?? (isThere ? tenure.token : undefined)
    this.#begin(claim, { isFirst: false, legacy: tenure.takeLegacy(), predecessor })
    this.#waits.clear(row.id)
    this.#ledger.writeClaim(claim)
    this.handoffs.follow(claim, now.ms)
    this.#supervisor.release(row.id, now.ms)
  }

  /** There is to be no such worker: once it has stopped, its owner gives up the claim. @returns whether it has */
  letGo(id: SpecId, nowMs: number): boolean {
    this.#forget(id)
    this.#vacancies.forget(id)
    this.handoffs.letGo(id, nowMs)
    const claim = this.#ledger.tables.claims.get(slotId(id))
    if (claim === undefined || !isActiveClaim(claim) || this.#ledger.membership.isGone(claim.owner))
      return true
    if (!isOwner(claim, this.#ledger.run) || this.#supervisor.isOccupied(claim.slot)) return false
    this.#say(claim, { state: 'stopped' })
    return true
  }

  /** The view of this node has changed. */
  onView(now: Now): void {
    this.#settling.follow(this.#ledger, now)
  }

  /** Whether what a worker was to start with, and has not, is kept: for its next start here, or for another node. */
  keepsLegacy(slot: SlotId): boolean {
    const [id, claim] = [specOfSlot(slot), this.#ledger.tables.claims.get(slot)]
    if (!isOwner(claim, this.#ledger.run)) return false
    const isHere = isActiveClaim(claim) && this.#tenures.get(id)?.legacy !== undefined
    return isHere || this.handoffs.left(id, claim.generation) !== undefined
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
    const isOver = report.kind === 'exited' && tenure?.succeed(token, report.exit) === 'over'
    if (isOver && isOwner(claim, this.#ledger.run)) return void this.#say(claim, ENDED)
    if (tenure === undefined || compareTokens(tenure.token, token) !== 0) return
    if (!isOwner(claim, this.#ledger.run) || claim.generation !== tenure.generation) return
    if (report.kind === 'started') {
      tenure.onStarted(now.ms)
      this.#declines.onStarted(slot, now)
      if (claim.state !== 'running' && claim.state !== 'draining') this.#say(claim, { state: 'running' })
      return
    }
    const { exit } = report
    if (claim.state === 'draining') return this.#onDrained(claim, exit, now)
    if (exit.kind === 'stopped' || exit.kind === 'abandoned' || exit.kind === 'released')
      return void tenure.takeLegacy()
    const { statement, waitMs = 0 } = tenure.onExited(claim, { body, report, node: this.#ledger.run.id, now })
    const isUnable = exit.kind === 'unable'
    const isToStart = isUnable || (statement.state === 'restarting' && !report.wasReady)
    const isDeclined = isToStart && this.#declines.onFailedStart(slot, exit, now)
    const heir = isDeclined ? this.#ledger.ownerOf(slot) : undefined
    if (heir !== undefined) {
      // What this node cannot do is not counted against the worker.
      const said = isUnable ? { failures: withFailure(claim.failures, exit.failure) } : statement
      return this.#pass(claim, heir, said, now)
    }
    tenure.isWaiting = waitMs > 0
    if (waitMs > 0) this.#waits.set(spec, now.ms + waitMs)
    const said = this.#say(claim, statement)
    // Its last start tells what it leaves unread; one that was none has nothing to tell.
    if (!isActiveClaim(said) && !isUnable && tenure.takeLegacy() !== undefined) this.#onLost(slot, undefined)
  }

  /** Another node wants one of the workers of this one. */
  onAsk(message: Message & { kind: 'handoff-ask' }, from: NodeId, now: Now): void {
    const { slot, generation } = message
    if (this.handoffs.repeat(message, from, now.ms)) return
    const claim = this.#ledger.tables.claims.get(slot)
    if (claim?.state === 'draining' && claim.generation === generation && claim.heir === from) return
    if (claim === undefined || claim.generation !== generation || !this.#mayLeave(claim, from, now))
      return this.handoffs.refuse(from, slot, generation)
    const draining: Claim = this.#say(claim, { state: 'draining', heir: from })
    this.handoffs.begin(claim, now.ms)
    this.#supervisor.release(specOfSlot(slot), now.ms)
    // Nothing of it ran just then.
    const isDone = this.#ledger.tables.claims.get(slot) !== draining || this.#supervisor.isOccupied(slot)
    if (!isDone) this.#onDrained(draining, { kind: 'stopped' }, now)
  }

  onRefuse(message: Message & { kind: 'handoff-refuse' }, from: NodeId, now: Now): void {
    this.handoffs.onRefuse(message, from, now.ms)
  }

  onState(message: Message & { kind: 'handoff-state' }, from: NodeId, now: Now): void {
    const id = this.handoffs.onState(message, from, now.ms)
    if (id !== undefined) this.#ledger.touch(id)
  }

  tick(nowMs: number): void {
    for (const id of this.#waits.take(nowMs)) this.#proceed(id)
    this.handoffs.tick(nowMs, this.#settling.settledAtMs)
  }

  wakeAtMs(): number {
    return Math.min(this.#waits.wakeAtMs(), this.handoffs.wakeAtMs())
  }

  #hold(row: SpecRow, body: WorkerBody, claim: Claim, now: Now): SpecStatus {
    // An earlier run of it, that had been overruled, still stopped when it was asked for: that one's end says nothing of it.
    if (claim.state === 'draining' && !this.#supervisor.isOccupied(claim.slot)) {
      this.#onDrained(claim, { kind: 'stopped' }, now)
      return statusOf(claim)
    }
    const tenure = this.#tenures.get(row.id) ?? this.#begin(claim, { isFirst: false, legacy: undefined })
    if (!tenure.isWaiting && claim.state !== 'draining') {
      const { token, key, legacy: handoff } = tenure
      const assigned = { slot: claim.slot, spec: row.id, child: body.child, token, key, handoff }
      this.#supervisor.assign(row.id, [assigned], now.ms)
    }
    return statusOf(claim)
  }

  /** Of what a worker was to start with, that worker tells by its exit, if there is one. */
  #forget(id: SpecId): void {
    const tenure = this.#tenures.get(id)
    const legacy = tenure?.takeLegacy()
    if (tenure !== undefined && legacy !== undefined) {
      const given = this.#supervisor.findPlaced(slotId(id), generationOf(tenure.token))
      if (given === undefined) this.#onLegacyLost(legacy)
      if (this.#vacancies.isOver(id, tenure)) this.#onLost(slotId(id), undefined)
    }
    this.#tenures.delete(id)
    this.#waits.clear(id)
  }

  #proceed(id: SpecId): void {
    this.#tenures.get(id)?.onDue()
    this.#ledger.touch(id)
  }

  // Moves.

  /** Asks for a worker that placement wants on this node, and that may leave: what is refused would hold up others. */
  #wish(body: WorkerBody, claim: Claim, now: Now): void {
    const wish = wishFor(body, claim, this.#ledger)
    if (wish !== undefined) this.handoffs.want(claim, wish === 'urgent', now.ms)
    else if (claim.heir !== this.#ledger.run.id) this.handoffs.forget(specOfSlot(claim.slot), now.ms)
  }

  /** Whether a worker of this node may go to `heir` now. */
  #mayLeave(claim: Claim, heir: NodeId, now: Now): boolean {
    const leave = leaveFor(claim, heir, this.#ledger)
    if (leave !== 'unhurried') return leave === 'urgent'
    return now.ms >= this.#settling.settledAtMs && this.handoffs.hasRoom(this.#tenures.size, now.ms)
  }

  /** The worker cannot be started here: another node tries, with all that it was to start with. */
  #pass(claim: Claim, heir: NodeId, said: Statement, now: Now): void {
    const state = this.#tenures.get(specOfSlot(claim.slot))?.takeLegacy() ?? NOTHING
    this.handoffs.finish(claim, heir, { state, nowMs: now.ms })
    this.#say(claim, { ...said, state: 'stopped', heir })
  }

  /**
   * The worker has ended for its heir, with what it leaves behind; where it has crashed, that is nothing. Where it has
   * ended for good, there is no heir.
   */
  #onDrained(claim: Claim, exit: Exit, now: Now): void {
    // What it has not started with yet, goes on to the next one.
    const unused = this.#tenures.get(specOfSlot(claim.slot))?.takeLegacy() ?? NOTHING
    if (howEnded(exit) === 'normally') return void this.#say(claim, ENDED)
    const state = exit.kind === 'released' ? exit.legacy : unused
    const isCrash = exit.kind === 'crashed' || exit.kind === 'killed'
    const failures = isCrash ? withFailure(claim.failures, exit.failure) : claim.failures
    if (claim.heir !== undefined) this.handoffs.finish(claim, claim.heir, { state, nowMs: now.ms })
    this.#say(claim, { state: 'stopped', failures })
  }

  /** A claim is up, and one node is to have it: that one takes it, and others only when it does not. */
  #inherit(row: SpecRow, body: WorkerBody, claim: Claim, now: Now): SpecStatus {
    const { membership, run } = this.#ledger
    const { heir } = claim
    const isHeir = heir === run.id
    const untilMs = this.handoffs.untilMs(claim, this.#vacancies.sinceMs(row.id, claim, now.ms))
    const isLate = now.ms >= untilMs
    const isOwn = isSameRun(claim.owner, run)
    const legacy = isOwn ? this.handoffs.left(row.id, claim.generation) : this.handoffs.inherited(claim)
    const isTaken = !isHeir && heir !== undefined && this.#ledger.isTaking(heir) && !isLate
    const isComing = legacy === undefined && !isOwn && !membership.isGone(claim.owner) && !isLate
    if (isTaken || isComing) {
      // It is given to one at a time: whoever is not to have the worker must not take the turn of the one that is.
      const isNext = isHeir || this.#ledger.ownerOf(claim.slot) === run.id
      if (isNext && !isTaken) this.handoffs.want(claim, true, now.ms)
      return this.#wait(row.id, untilMs)
    }
    return this.#contend(row, body, { before: claim, now, legacy, isHeir })
  }

  /** Nobody has the worker: whoever placement wants takes it, and an heir in any case. */
  #contend(
    row: SpecRow,
    body: WorkerBody,
    context: Vacancy & { readonly now: Now; readonly isHeir?: boolean },
  ): SpecStatus {
    const { before, now, legacy, isHeir = false } = context
    const [slot, { run }] = [slotId(row.id), this.#ledger]
    const owner = this.#ledger.ownerOf(slot)
    const regainedMs = this.#vacancies.regainedUntilMs(row, before, now.ms)
    if (regainedMs > now.ms) return this.#wait(row.id, regainedMs)
    if (owner !== run.id && !isHeir) {
      if (isOwner(before, run) && isActiveClaim(before)) this.#say(before, { state: 'stopped' })
      if (owner !== undefined) return STARTING
      return { kind: 'pending', reason: this.#ledger.shortage(row, new Set([slot])) }
    }
    const untilMs = this.#vacancies.untilMs(before, now.ms)
    if (untilMs > now.ms) return this.#wait(row.id, untilMs)
    this.#vacancies.forget(row.id)
    const score = this.#vacancies.scoreOf(slot, { before, legacy })
    const generation = this.#vacancies.generationAfter(before, row.id, now.wallMs)
    const claim = nextClaim(row, body, { before, generation, owner: run, score })
    if (claim.state !== 'done') {
      const isFirst = before === undefined || !isCurrent(before, row)
      const tenure = this.#begin(claim, { isFirst, legacy })
      tenure.isWaiting = this.#ledger.membership.connected().length > 0
      if (tenure.isWaiting) this.#waits.set(row.id, now.ms + PUSH_MS)
    }
    this.#ledger.writeClaim(claim)
    this.handoffs.follow(claim, now.ms)
    return STARTING
  }

  #wait(id: SpecId, untilMs: number): SpecStatus {
    this.#waits.set(id, untilMs)
    return STARTING
  }

  #begin(claim: Claim, more: TenureInit): Tenure {
    const tenure = new Tenure(claim, more)
    this.#tenures.set(specOfSlot(claim.slot), tenure)
    return tenure
  }

  /** The owner says something new of its claim. */
  #say(claim: Claim, change: Statement): Claim {
    const said: Claim = { ...claim, ...change, seq: claim.seq + 1 }
    this.#ledger.writeClaim(said)
    return said
  }
}
