// shell
/** A server in this thread: one message at a time, in the order of arrival. */

import type { Failure } from '../../protocol/failure.ts'
import { type Caller, NO_ORIGIN } from '../../protocol/request.ts'
import { type Letter, Mailbox, type OneWay, type Recipient, type Replier } from '../messaging/mailbox.ts'
import { type Exit, crashFrom, failureFrom } from '../supervision/exit.ts'
import { isA, toError } from '../thrown-value.ts'
import type { Server, TerminateReason } from './behaviours.ts'
import { MailboxContext, type MailboxOwner } from './bound-context.ts'
import type { StopReason } from './context.ts'
import { Deferred } from './deferred.ts'
import { type Handler, type Handlers, IDLE, handlersOf } from './handlers.ts'
import { HANDOFF_FAILED, encodeHandoff } from './handoff.ts'
import { IdleWatch } from './idle-watch.ts'
import { OpenAnswers } from './open-answers.ts'
import { isPromise } from './promises.ts'
import { type Scope, Seat, enterScope, isWaitedForBy, leaveScope, runInScope } from './scope.ts'
import { NoSuchFunction, isFaultOfCaller } from './thrown.ts'
import { Unfit, listOf, whenFit } from './unfit.ts'
import { InlineWorker, type WorkerInit } from './worker.ts'

const CASTS_A_LOOK = 8

type AnyServer = Server<readonly unknown[], object, object>

/** What it does: nothing yet, one message after the other, its last. */
type Phase = 'starting' | 'open' | 'closing'

export class ServerWorker extends InlineWorker implements Recipient, MailboxOwner {
  readonly #server: AnyServer
  readonly #handlers: Handlers
  readonly #context = new MailboxContext(this)
  /** Made for the first letter. */
  #mailbox: Mailbox | undefined
  #state: unknown
  #phase: Phase = 'starting'
  #isScheduled = false
  /** The message that user code is at, and the call that waits for it, if it is one. */
  #scope: Scope | undefined
  /** Of messages in a row that are over at once: see `#placeOf`. */
  #seat: Seat | undefined
  #pending: Replier | undefined
  /** User code takes its time. */
  #isBusy = false
  /** Calls that user code has made to this very worker in the turn that is still going on. */
  #suspects: Replier[] | undefined
  /** Calls that user code answers later. */
  #answers: OpenAnswers | undefined
  #wish: StopReason | undefined
  /** Made where the server wants to know. */
  #idle: IdleWatch | undefined
  #unlooked = 0

  constructor(server: AnyServer, init: WorkerInit) {
    super(init)
    this.#server = server
    this.#handlers = handlersOf(server)
  }

  get isClosing(): boolean {
    return this.isOver || this.isStopping || this.#phase === 'closing'
  }

  get backlog(): number {
    return this.#mailbox?.size ?? 0
  }

  deliver(letter: Letter): boolean {
    if (this.isClosing) {
      if (letter.kind !== 'call') return false
      if (this.isReleased) letter.replier.onElsewhere()
      else letter.replier.onExited(false, undefined)
      return false
    }
    if (letter.kind === 'call' && this.isWaitedForBy(letter.origin.caller)) {
      if (this.#isBusy) {
        letter.replier.onDeadlock()
        return false
      }
      this.#suspects = [...(this.#suspects ?? []), letter.replier]
    }
    this.#mailbox ??= new Mailbox(this.assignment.child.mailbox)
    const isTaken = this.put(letter, this.#mailbox)
    if (isTaken && this.#phase === 'open' && !this.#isBusy) this.#schedule()
    return isTaken
  }

  /** What its predecessor has not come to: before anything else, and before it starts. */
  inherit(letters: readonly OneWay[]): void {
    if (letters.length === 0) return
    this.#mailbox = new Mailbox(this.assignment.child.mailbox)
    this.#mailbox.inherit(letters)
  }

  protected override begin(): unknown {
    this.#scope = this.nextScope(NO_ORIGIN)
    const state = runInScope(this.#scope, () =>
      whenFit(this.#server.input.init, this.decodeArgs(), args =>
        this.#server.init(this.#context, ...listOf(args)),
      ),
    )
    if (!isPromise(state)) return this.#onReady(state)
    this.#becomeBusy()
    return state.then(made => this.#onReady(made))
  }

  protected override end(): void {
    if (!this.#isBusy) this.#leave()
  }

  protected override onStopWish(reason: StopReason): void {
    this.#wish ??= reason
    if (this.#phase === 'open' && !this.#isBusy) this.#schedule()
  }

  protected override discard(failure: Failure | undefined): void {
    if (failure !== undefined) this.warnOfLoss(failure)
    this.#pending?.onExited(true, failure)
    this.#pending = undefined
    this.#answers?.discard(failure)
    this.#idle?.stop()
    if (this.#mailbox === undefined) return
    this.lostCount += this.isReleased ? this.#mailbox.divert().length : this.#mailbox.discard(failure)
  }

  callers(most: number): Iterable<Caller> {
    return this.#mailbox?.callers(most) ?? []
  }

  #onReady(state: unknown): void {
    this.#state = state
    this.#settle()
    this.#phase = 'open'
    this.#watch()
    if (this.isStopping) this.#leave()
    else if (this.#mailbox !== undefined || this.#wish !== undefined) this.#schedule()
  }

  #watch(): void {
    const { idle } = this.#server
    if (idle === undefined) return
    this.#idle = new IdleWatch(this.clock, idle.timeoutMs, () => this.#onIdle())
    this.#idle.rest()
  }

  #onIdle(): void {
    if (this.#phase !== 'open' || this.isClosing || this.#isBusy || this.#mailbox?.next !== undefined) return
    this.#handle(IDLE, this.clock.nowMs())
    this.#drain()
  }

  note(message: unknown): void {
    const letter: Letter = { kind: 'message', message, origin: NO_ORIGIN, bytes: undefined }
    if (!this.deliver(letter)) this.lostCount += 1
  }

  /** In a microtask, so that whoever sends many messages at once is not interrupted by the first. */
  #schedule(queue: (drain: () => void) => void = queueMicrotask): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queue(() => {
      this.#isScheduled = false
      this.#drain()
    })
  }

  #drain(): void {
    const { turn } = this.home
    while (!this.#isBusy && !this.isOver && !this.isStopping && this.#phase === 'open') {
      if (this.#wish !== undefined) this.#fulfil(this.#wish)
      else if (turn.isKnownOver || (this.#isTimeToLook() && turn.isOver())) {
        this.#schedule(drain => turn.defer(drain))
        break
      } else {
        const letter = this.#mailbox?.take()
        if (letter === undefined) {
          this.#idle?.rest()
          break
        }
        this.#handle(letter, turn.lookedMs)
      }
    }
    // Also of code that takes its time, or has crashed: those that come next are not to blame for it.
    turn.onIdle()
    leaveScope()
  }

  /** A look at the clock costs as much as a small cast: one is enough for several, but a call may have expired. */
  #isTimeToLook(): boolean {
    this.#unlooked += 1
    if (this.#unlooked < CASTS_A_LOOK && this.#mailbox?.next?.kind !== 'call') return false
    this.#unlooked = 0
    return true
  }

  #handle(letter: Letter | typeof IDLE, nowMs: number): void {
    const replier = letter.kind === 'call' ? letter.replier : undefined
    if (replier !== undefined && !replier.begin(nowMs)) return
    const handler = this.#handlers.find(letter)
    if (handler === undefined && replier === undefined) return this.#onUnexpected(letter)
    const scope = this.nextScope(letter.origin)
    this.#scope = scope
    enterScope(this.#placeOf(scope, handler))
    let result: unknown
    let isLater: boolean
    try {
      result = this.#run(letter, handler)
      isLater = isPromise(result)
    } catch (error) {
      this.#settle()
      return this.#fail(error, replier)
    }
    if (isLater) {
      this.#pending = replier
      this.#keepSeat(scope, handler)
      this.#becomeBusy()
      Promise.resolve(result).then(
        value => this.#resume(() => this.#answer(value, replier, scope)),
        (error: unknown) => this.#resume(() => this.#fail(error, replier)),
      )
    } else {
      if (isA(result, Deferred)) this.#keepSeat(scope, handler)
      else handler?.onReturned()
      this.#settle()
      this.#answer(result, replier, scope)
    }
  }

  /**
   * To enter a scope costs more than a small message. Those in a row whose code is through at once share a seat: what
   * they leave running is on nobody's account any more, so that nothing can tell them apart.
   */
  #placeOf(scope: Scope, handler: Handler | undefined): Scope | Seat {
    if (handler?.isQuick !== true) return scope
    const seat = this.#seat
    if (seat !== undefined && seat.traceId === scope.traceId) {
      seat.scope = scope
      return seat
    }
    const other = new Seat(scope)
    this.#seat = other
    return other
  }

  /** The message is not through with its function: if it has a seat, it keeps it, and those after it get another. */
  #keepSeat(scope: Scope, handler: Handler | undefined): void {
    handler?.onPromised()
    if (this.#seat?.scope !== scope) return
    this.#seat = undefined
    scope.isShared = true
  }

  #run(letter: Letter | typeof IDLE, handler: Handler | undefined): unknown {
    if (letter.kind === 'message') return handler?.inform(this.#state, letter.message, this.#context)
    if (letter.kind === 'idle') return handler?.call(this.#state, [this.#context])
    if (handler === undefined) throw new NoSuchFunction(this.#server.name, letter.name)
    return handler.call(this.#state, letter.args)
  }

  /** Nobody waits for an answer, so that somebody has to be told. */
  #onUnexpected(letter: Letter | typeof IDLE): void {
    const { unexpected } = this.home
    const { slot } = this.assignment
    if (letter.kind === 'cast') unexpected.onCast(slot, this.#server.name, letter.name)
    else if (letter.kind === 'message') unexpected.onMessage(slot, this.#server.name)
  }

  #answer(result: unknown, replier: Replier | undefined, scope: Scope): void {
    if (!isA(result, Deferred<unknown>)) return this.reply(replier, result)
    if (replier === undefined) return
    scope.isOver = false
    this.#answers ??= new OpenAnswers()
    this.#answers.add(result, replier, {
      reply: value => this.reply(replier, value),
      failureOf: error => this.#failureOf(error),
      onCome: () => void (scope.isOver = true),
    })
  }

  #fail(error: unknown, replier: Replier | undefined): void {
    if (isA(error, Unfit)) return this.#refuse(error, replier)
    if (isFaultOfCaller(error) || this.isBrokenOff(error)) return replier?.onError(this.#failureOf(error))
    const failure = crashFrom(error, this.where)
    replier?.onError(failure)
    return this.#close(toError(error), { kind: 'crashed', failure })
  }

  #refuse({ issues }: Unfit, replier: Replier | undefined): void {
    if (replier !== undefined) return replier.onInvalid(issues)
    this.lostCount += 1
    this.logger.warn({ worker: this.assignment.slot, issues }, 'a cast or message was refused by its schema')
  }

  /** User code has asked for the end of the worker. */
  #fulfil(wish: StopReason): void {
    const isCrash = wish instanceof Error
    this.#close(wish, isCrash ? { kind: 'crashed', failure: crashFrom(wish, this.where) } : { kind: wish })
  }

  #failureOf(error: unknown): Failure {
    return failureFrom(error, this.where)
  }

  /** User code takes its time: what it has asked this very worker meanwhile, it would wait for in vain. */
  #becomeBusy(): void {
    this.#isBusy = true
    for (const replier of this.#suspects ?? []) replier.onDeadlock()
    this.#suspects = undefined
  }

  /** User code is through with its message. */
  #settle(): void {
    if (this.#scope !== undefined) this.#scope.isOver = true
    this.#scope = undefined
    this.#suspects = undefined
    this.#isBusy = false
  }

  /** User code has taken its time and is back. */
  #resume(answer: () => void): void {
    this.#settle()
    if (this.isOver) return
    this.#pending = undefined
    answer()
    if (this.isStopping) this.#leave()
    else this.#drain()
  }

  isWaitedForBy(caller: Caller | undefined): boolean {
    return caller !== undefined && this.#scope !== undefined && isWaitedForBy(this.#scope, caller)
  }

  /** It has been told to stop, and is at nothing any more. Where nobody waits for it, it leaves nothing behind. */
  #leave(): void {
    const isAsked = this.isReleased && this.assignment.child.stopTimeoutMs > 0
    if (this.#phase !== 'open' || !isAsked) return this.#close('stopped', { kind: 'stopped' })
    if (this.#answers === undefined) return this.#handOver()
    this.#answers.whenNoneUnderWay(this.clock, this.assignment.child, () => this.#handOver())
  }

  /** For its successor: its state, and what it has not come to. A handoff that fails costs the state, and nothing else. */
  #handOver(): void {
    const { handoff } = this.#server
    // Also where it is its handoff that asks for its end.
    const wished = (): StopReason | undefined => (this.isBrokenOff(this.#wish) ? undefined : this.#wish)
    const leave = (state?: Uint8Array, failure?: Failure): void => {
      const wish = wished()
      if (wish !== undefined) return this.#fulfil(wish)
      this.#close('stopped', this.leaveBehind({ state, failure, letters: this.#mailbox?.divert() ?? [] }))
    }
    if (handoff === undefined || wished() !== undefined) return leave()
    const hand = (): unknown => runInScope(this.#lastScope(), () => handoff(this.#state, this.#context))
    const leaveWith = (state: unknown) => (): void => leave(encodeHandoff(state))
    const fail = (error: unknown): void => {
      if (this.isOver) return
      this.logger.warn({ worker: this.assignment.slot, error }, HANDOFF_FAILED)
      leave(undefined, this.#failureOf(error))
    }
    this.attempt(hand, state => this.attempt(leaveWith(state), () => {}, fail), fail)
  }

  /** Of code that ends the worker: it is at that, and at nothing else any more. */
  #lastScope(): Scope {
    this.#scope = this.makeScope()
    return this.#scope
  }

  /** The last code of the worker, within its stop time-out; then it ends. A second reason changes nothing. */
  #close(reason: TerminateReason, exit: Exit): void {
    if (this.#phase !== 'open' || this.isOver) return
    this.#phase = 'closing'
    const { terminate } = this.#server
    if (terminate === undefined) return this.exit(exit)
    this.beginLast(exit)
    const end = this.#ending(exit)
    try {
      const result = runInScope(this.#lastScope(), () => terminate(this.#state, reason, this.#context))
      if (isPromise(result)) this.#limit(result, exit).then(() => end(), end)
      else end()
    } catch (error) {
      end(error)
    }
  }

  #ending(exit: Exit): (error?: unknown) => void {
    return error => {
      if (error === undefined) this.exit(exit)
      else this.failAtLast(error, { kind: 'crashed', failure: crashFrom(error, this.where) })
    }
  }

  /** Nobody but the worker itself looks at the time when it ends of its own accord. */
  #limit(result: Promise<unknown>, exit: Exit): Promise<unknown> {
    if (this.isStopping) return result
    const cancel = this.clock.after(this.assignment.child.stopTimeoutMs, () => this.exit(exit))
    return result.finally(cancel)
  }
}
