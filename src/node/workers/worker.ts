// shell
/** The common life of all workers: it starts, it is told to stop, it ends once. Where its code runs: `executor.ts`. */

import { FencedError } from '../../errors.ts'
import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import { decodePayload } from '../../payload.ts'
import type { Clock, Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { FencingToken } from '../../protocol/fencing-token.ts'
import type { Failure, ItemId } from '../../protocol/failure.ts'
import { NO_ORIGIN, type Origin } from '../../protocol/request.ts'
import type { Isolation } from '../../protocol/spec-row.ts'
import type { Letter, Mailbox, Replier } from '../messaging/mailbox.ts'
import { type Exit, type Where, crashFrom, failureFrom, findFailure } from '../supervision/exit.ts'
import type { Assignment, Incarnation } from '../supervision/supervisor.ts'
import { isAbort, isFenced } from '../thrown-value.ts'
import type { Turn } from '../turn.ts'
import type { ContextOwner } from './bound-context.ts'
import type { StopReason } from './context.ts'
import type { Executor } from './executor.ts'
import type { Gateway } from './gateway.ts'
import { MOVE_FAILED, TERMINATE_FAILED } from './handoff.ts'
import { type LegacyParts, release } from './legacy.ts'
import type { Overloads } from './overloads.ts'
import { isPromise } from './promises.ts'
import { Scope, runInScope, runOutside } from './scope.ts'
import { STRAY_BROKEN_OFF, isOfStop } from './thrown.ts'
import type { Unexpected } from './unexpected.ts'

/**
 * Messages have numbers that come again after so many: no call waits so long. Small ones, below 2^30, which the engine
 * keeps without an object for each.
 */
const MESSAGE_NUMBERS = 1_000_000
/** Messages of an incarnation and the next of a worker never have the same number. */
const INCARNATION_NUMBERS = 1_000

export interface WorkerInit {
  readonly assignment: Assignment
  readonly incarnation: Incarnation
  readonly executor: Executor
  /** What its predecessor on another node has handed over. */
  readonly handoff: unknown
  readonly home: WorkerHome
}

/** What all workers of a node have in common. */
export interface WorkerHome {
  readonly node: NodeId
  readonly clock: Clock
  readonly turn: Turn
  readonly logger: Logger
  /** Nothing is drawn from it: each worker has its own fork. */
  readonly prng: Prng
  readonly gateway: Gateway
  readonly unexpected: Unexpected
  readonly overloads: Overloads
  readonly goesOn: (slot: SlotId, incarnation: Incarnation) => boolean
  readonly onStarted: (worker: InlineWorker) => void
  /** `lost`: casts and messages that it leaves unread. */
  readonly onExited: (worker: InlineWorker, exit: Exit, lost: number) => void
}

/** Why signals abort. One for all: to make one takes longer than to start a worker. */
const STOPPED = new DOMException('the worker is to stop', 'AbortError')

export abstract class InlineWorker implements ContextOwner {
  readonly assignment: Assignment
  readonly incarnation: Incarnation
  readonly executor: Executor
  readonly handoff: unknown
  protected readonly home: WorkerHome
  /** Casts and messages that were in its mailbox, or came, when it had ended. */
  protected lostCount = 0
  /** Those that it hands over, once it has ended. */
  #packedCount = 0
  /** How it ends: its last code has begun. */
  #last: Exit | undefined
  #scopes = 0
  /** It has started. */
  #wasReady = false
  #hasHandedOver = false
  #isStopping = false
  #hasWished = false
  #isReleased = false
  #isFenced = false
  #isOver = false
  // Made when they are asked for, which is seldom.
  #abort: AbortController | undefined
  #prng: Prng | undefined

  constructor({ assignment, incarnation, executor, handoff, home }: WorkerInit) {
    this.assignment = assignment
    this.incarnation = incarnation
    this.executor = executor
    this.handoff = handoff
    this.home = home
  }

  get worker(): SlotId {
    return this.assignment.slot
  }

  get spec(): SpecId {
    return this.assignment.spec
  }

  get node(): NodeId {
    return this.home.node
  }

  get generation(): number {
    return this.assignment.token.generation
  }

  /** What its code runs in. */
  get isolation(): Isolation {
    return this.executor.isolation
  }

  /** Nothing that it does from now on counts. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** What it was to start with is not for the next one any more: it has, or hands over what is left of it by itself. */
  get hasUsedLegacy(): boolean {
    return this.#wasReady || this.#hasHandedOver
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** It stops for a successor on another node: whoever waits for it, waits for that one. */
  get isReleased(): boolean {
    return this.#isReleased
  }

  get isAborted(): boolean {
    return this.#isStopping || this.#isOver
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.isAborted) this.#abort.abort(STOPPED)
    }
    return this.#abort.signal
  }

  get token(): FencingToken {
    return this.assignment.token
  }

  get clock(): Clock {
    return this.home.clock
  }

  get logger(): Logger {
    return this.home.logger
  }

  get gateway(): Gateway {
    return this.home.gateway
  }

  /** Its own: the same for the same start of it, whatever others draw. */
  get prng(): Prng {
    this.#prng ??= this.home.prng.fork(`${this.assignment.slot} ${this.incarnation}`)
    return this.#prng
  }

  /** What its first code is given: decoded for that, and not kept. */
  protected decodeArgs(): readonly unknown[] {
    const args = decodePayload(this.assignment.child.args)
    return Array.isArray(args) ? args : []
  }

  /** Runs the first code of the worker. */
  start(): void {
    this.attempt(
      () => {
        const ready = this.executor.start()
        return ready === undefined
          ? this.begin()
          : ready.then(() => (this.#isOver ? undefined : this.begin()))
      },
      () => {
        // Where it was told to stop before, nobody takes it for started: what it was to start with goes to the next one.
        this.#wasReady = !this.#isStopping
        if (!this.#isOver) runOutside(() => this.home.onStarted(this))
      },
    )
  }

  /** Asks it to end; it reports when it has. */
  stop(): void {
    if (this.#isStopping || this.#isOver) return
    this.#isStopping = true
    this.#tellStopped()
    this.executor.abort()
    this.end()
  }

  /** Another node has what it is: what its code still asks for is refused. It is told to stop, and has its time for that. */
  fence(): void {
    this.#isFenced = true
    const why = this.findFence()
    if (!this.#isOver && why !== undefined) this.executor.fence(why)
  }

  /** Asks it to end for a successor on another node: it says what it leaves behind. */
  release(): void {
    this.#isReleased = !this.#isStopping
    this.stop()
  }

  /** Its code wants it to end: also where it has stopped for a successor, which then is none. */
  wish(reason: StopReason): void {
    this.#hasWished = true
    if (!this.#isOver && (!this.#isStopping || this.#isReleased)) this.onStopWish(reason)
  }

  /**
   * An error of its code that nobody has caught. What its end, or its fence, has made fail of what it has left running is none:
   * also while it waits for its turn to stop, as those that it has called may be gone before, and where it ends by itself.
   */
  onStray(error: unknown): void {
    const isEnding = this.#isStopping || this.#hasWished || this.#last !== undefined
    if ((isOfStop(error) && (isEnding || this.waitsForTurn)) || (this.#isFenced && isFenced(error)))
      this.logger.info({ worker: this.assignment.slot, error }, STRAY_BROKEN_OFF)
    else this.kill({ kind: 'crashed', failure: failureFrom(error, this.where) })
  }

  /** What its code runs in is gone, or has been taken away. */
  kill(exit: Exit): void {
    if (this.#last === undefined || this.#isOver) this.exit(exit)
    else this.failAtLast(findFailure(exit), exit)
  }

  /**
   * It has been told to stop and has not, or is not waited for: whatever it still does, reaches nobody.
   * @returns how many casts and messages it leaves unread
   */
  abandon(): number {
    this.#isOver = true
    this.discard(undefined)
    return this.unread
  }

  /** How many casts and messages it leaves unread, where nobody takes over any of them: it has ended. */
  get unread(): number {
    return this.lostCount + this.#packedCount
  }

  /** How many letters or items wait: without what it is at. */
  abstract get backlog(): number

  /** User code that makes it ready; throwing, or rejecting, means that it cannot start. */
  protected abstract begin(): unknown

  /** It is to end: calls `exit` when no code of it runs any more. */
  protected abstract end(): void

  /** User code wants the worker to end, when it is through with what it is at. */
  protected abstract onStopWish(reason: StopReason): void

  /** It is over: whoever waits for it is told, and why, where it has failed. */
  protected abstract discard(failure: Failure | undefined): void

  /** @returns false when there is no room, which is told */
  protected put(letter: Letter, mailbox: Mailbox): boolean {
    const isTaken = mailbox.put(letter)
    if (!isTaken) this.home.overloads.onFull(this.assignment.slot, letter.kind)
    return isTaken
  }

  protected exit(exit: Exit): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#hasHandedOver = exit.kind === 'released'
    if (!this.#isStopping) this.#tellStopped()
    this.discard(findFailure(exit))
    runOutside(() => this.home.onExited(this, exit, this.lostCount))
  }

  /** How it ends for its successor. What cannot go along is lost, and counted. */
  protected leaveBehind(parts: LegacyParts): Exit {
    const { exit, lost } = release(parts)
    this.lostCount += lost
    this.#packedCount = parts.letters.length - lost
    return exit
  }

  /** Its last code is about to run: then it ends so. */
  protected beginLast(exit: Exit): void {
    this.#last = exit
  }

  /**
   * Its last code has failed. A crash keeps its first reason, and what is made for a successor goes there, if there is
   * anything. Otherwise, what goes wrong in that code only, is a crash as well, which is `crash`.
   */
  protected failAtLast(error: unknown, crash: Exit): void {
    if (this.#isFenced && isFenced(error))
      this.logger.info({ worker: this.assignment.slot, error }, STRAY_BROKEN_OFF)
    else this.logger.warn({ worker: this.assignment.slot, error }, TERMINATE_FAILED)
    const last = this.#last
    const isHandedOver = this.#isReleased && (last?.kind === 'released' || last?.kind === 'stopped')
    this.exit(last?.kind === 'crashed' || isHandedOver ? last : crash)
  }

  /** It is to stop, and has not been told to: others of its spec stop before it. */
  protected get waitsForTurn(): boolean {
    return !this.#isStopping && !this.#isOver && !this.home.goesOn(this.worker, this.incarnation)
  }

  /** Its signal, its fence, or the end of others has made its code throw: no crash. What others did is logged. */
  protected isBrokenOff(error: unknown): boolean {
    const isStopped = isOfStop(error) && (this.#isReleased || this.waitsForTurn)
    const isSo = isStopped || (this.#isFenced && isFenced(error))
    if (isSo && !isAbort(error)) this.logger.info({ worker: this.assignment.slot, error }, STRAY_BROKEN_OFF)
    return isSo
  }

  /** The answer to a call. Where another node has what it is, and does not go on with its state, that is no promise. */
  protected reply(replier: Replier | undefined, result: unknown): void {
    if (this.#isFenced) replier?.onExited(true, undefined)
    else replier?.onResult(result)
  }

  /**
   * It leaves nothing behind, though it was to: nobody else says so, as it has stopped for them. What it has not started
   * with goes on without it.
   */
  protected warnOfLoss(error: Failure): void {
    if (this.#isReleased && this.#wasReady)
      this.logger.warn({ worker: this.assignment.slot, error }, MOVE_FAILED)
  }

  /** Those who listen to its signal are code of its own, whoever's code it is that has stopped it. */
  #tellStopped(): void {
    const abort = this.#abort
    if (abort !== undefined) runInScope(this.makeScope(), () => abort.abort(STOPPED))
  }

  protected crash(thrown: unknown, item?: ItemId): void {
    const where: Where = item === undefined ? this.where : { ...this.where, item }
    this.exit({ kind: 'crashed', failure: crashFrom(thrown, where) })
  }

  /** Where anything that it throws was thrown. */
  protected get where(): Where {
    const { slot, token } = this.assignment
    return { node: this.home.node, slot, generation: token.generation }
  }

  /** Runs user code: goes on with its result, now or when its promise resolves. A throw is a crash, unless `fail` says more. */
  protected attempt(
    code: () => unknown,
    then: (result: unknown) => void,
    fail: (error: unknown) => void = error => this.crash(error),
  ): void {
    let result: unknown
    let isLater: boolean
    try {
      result = runInScope(this.makeScope(), code)
      isLater = isPromise(result)
    } catch (error) {
      fail(error)
      return
    }
    if (isLater) Promise.resolve(result).then(then, fail)
    else then(result)
  }

  /** For code on account of a message. */
  protected nextScope(origin: Origin): Scope {
    this.#scopes = (this.#scopes + 1) % MESSAGE_NUMBERS
    const first = (this.incarnation % INCARNATION_NUMBERS) * MESSAGE_NUMBERS
    return new Scope(this, first + this.#scopes, origin)
  }

  /** For code that is not on account of any message. */
  protected makeScope(): Scope {
    return this.nextScope(NO_ORIGIN)
  }

  findFence(): FencedError | undefined {
    if (!this.#isOver && !this.#isFenced) return undefined
    const { slot, token } = this.assignment
    const why = this.#isOver ? 'is over' : 'has been overruled: another node runs it'
    return new FencedError(
      `generation ${token.generation} of "${slot}" ${why}, and what its code still wants to do is refused: context.signal has aborted`,
    )
  }
}
