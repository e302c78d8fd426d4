// shell
/** A server in this thread: one message at a time, in the order of arrival. */

import { unreachable } from '../../assert.ts'
import { PayloadError } from '../../errors.ts'
import { encodePayload } from '../../payload.ts'
import { HANDOFF_BYTES_MAX } from '../../protocol/messages.ts'
import type { Failure } from '../../protocol/failure.ts'
import { NO_ORIGIN } from '../../protocol/request.ts'
import { type Letter, Mailbox, type Recipient, type Replier } from '../messaging/mailbox.ts'
import { type Exit, failureFrom } from '../supervision/exit.ts'
import type { Callback, Server, TerminateReason } from './behaviours.ts'
import type { ServerContext, StopReason } from './context.ts'
import { Deferred } from './deferred.ts'
import { later } from './make-context.ts'
import type { StandardSchema } from './schema.ts'
import { type Scope, enterScope, isWaitedForBy, leaveScope, runInScope } from './scope.ts'
import { Unsendable } from './thrown.ts'
import { Unfit, listOf, whenFit } from './unfit.ts'
import { InlineWorker, type WorkerInit, isPromise } from './worker.ts'

const CASTS_A_LOOK = 8

type AnyServer = Server<readonly unknown[], object, object>

/** What it does: nothing yet, one message after the other, its last. */
type Phase = 'starting' | 'open' | 'closing'

export class ServerWorker extends InlineWorker implements Recipient {
  readonly #server: AnyServer
  readonly #context: ServerContext
  readonly #mailbox: Mailbox
  #state: unknown
  #phase: Phase = 'starting'
  #isScheduled = false
  /** The message that user code is at, and the call that waits for it, if it is one. */
  #scope: Scope | undefined
  #pending: Replier | undefined
  /** User code takes its time. */
  #isBusy = false
  /** Calls that user code has made to this very worker in the turn that is still going on. */
  #suspects: Replier[] | undefined
  /** Calls that user code answers later. */
  #deferred: Set<Replier> | undefined
  #wish: StopReason | undefined
  #unlooked = 0

  constructor(server: AnyServer, init: WorkerInit) {
    super(init)
    this.#mailbox = new Mailbox(init.assignment.child.mailbox)
    this.#server = server
    const { clock } = init
    this.#context = Object.assign(this.makeContext(), {
      sendAfter: later(clock, this.signal, message => this.#note(message)),
    })
  }

  get isClosing(): boolean {
    return this.isOver || this.isStopping || this.#phase === 'closing'
  }

  deliver(letter: Letter): boolean {
    if (this.isClosing) {
      if (letter.kind !== 'call') return false
      if (this.isReleased) letter.replier.onElsewhere()
      else letter.replier.onExited(false)
      return false
    }
    if (letter.kind === 'call' && this.#isCircle(letter.origin.caller)) {
      if (this.#isBusy) {
        letter.replier.onDeadlock()
        return false
      }
      this.#suspects ??= []
      this.#suspects.push(letter.replier)
    }
    const isTaken = this.#mailbox.put(letter)
    if (isTaken && this.#phase === 'open' && !this.#isBusy) this.#schedule()
    return isTaken
  }

  protected override begin(): unknown {
    this.#scope = this.nextScope(NO_ORIGIN)
    const state = runInScope(this.#scope, () =>
      whenFit(this.#server.input.init, this.init.args, args =>
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
    this.#wish = reason
    if (this.#phase === 'open' && !this.#isBusy) this.#schedule()
  }

  protected override discard(): void {
    this.#pending?.onExited(true)
    this.#pending = undefined
    for (const replier of this.#deferred ?? []) replier.onExited(true)
    this.#deferred = undefined
    this.lostCount += this.isReleased ? this.#mailbox.divert() : this.#mailbox.discard()
  }

  #onReady(state: unknown): void {
    this.#state = state
    this.#settle()
    this.#phase = 'open'
    if (this.isStopping) this.#leave()
    else if (this.#mailbox.size > 0 || this.#wish !== undefined) this.#schedule()
  }

  /** A message of the worker to itself. */
  #note(message: unknown): void {
    const letter: Letter = { kind: 'message', message, origin: NO_ORIGIN, bytes: undefined }
    if (!this.deliver(letter)) this.lostCount += 1
  }

  /** In a microtask, so that whoever sends many messages at once is not interrupted by the first. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#drain()
    })
  }

  #drain(): void {
    const { turn } = this.init
    while (!this.#isBusy && !this.isOver && !this.isStopping && this.#phase === 'open') {
      if (this.#wish !== undefined) this.#fulfil(this.#wish)
      else if (this.#isTimeToLook() && turn.isOver()) {
        turn.defer(() => this.#drain())
        break
      } else {
        const letter = this.#mailbox.take()
        if (letter === undefined) {
          turn.onIdle()
          break
        }
        this.#handle(letter, turn.lookedMs)
      }
    }
    leaveScope()
  }

  /** A look at the clock costs as much as a small cast: one is enough for several, but a call may have expired. */
  #isTimeToLook(): boolean {
    this.#unlooked += 1
    if (this.#unlooked < CASTS_A_LOOK && this.#mailbox.next?.kind !== 'call') return false
    this.#unlooked = 0
    return true
  }

  #handle(letter: Letter, nowMs: number): void {
    const replier = letter.kind === 'call' ? letter.replier : undefined
    if (replier !== undefined && !replier.begin(nowMs)) return
    const scope = this.nextScope(letter.origin)
    this.#scope = scope
    enterScope(scope)
    let result: unknown
    try {
      result = this.#run(letter)
    } catch (error) {
      this.#settle()
      return this.#fail(error, replier)
    }
    if (isPromise(result)) {
      this.#pending = replier
      this.#becomeBusy()
      result.then(
        value => this.#resume(() => this.#answer(value, replier, scope)),
        (error: unknown) => this.#resume(() => this.#fail(error, replier)),
      )
    } else {
      this.#settle()
      this.#answer(result, replier, scope)
    }
  }

  #run(letter: Letter): unknown {
    const { call, cast, info, input } = this.#server
    switch (letter.kind) {
      case 'call':
        return this.#apply(this.#function(call, letter.name), letter.args, input.call[letter.name])
      case 'cast':
        return this.#apply(this.#function(cast, letter.name), letter.args, input.cast[letter.name])
      case 'message':
        if (info === undefined) return undefined
        return whenFit(input.info, letter.message, message => info(this.#state, message, this.#context))
      default:
        return unreachable(letter)
    }
  }

  #apply(fn: Callback, args: readonly unknown[], schema: StandardSchema | undefined): unknown {
    if (schema === undefined) return fn(this.#state, ...args)
    return whenFit(schema, args, checked => fn(this.#state, ...listOf(checked)))
  }

  #function(functions: Readonly<Record<string, Callback>>, name: string): Callback {
    const fn = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (fn === undefined) throw new NoSuchFunction(this.#server.name, name)
    return fn
  }

  #answer(result: unknown, replier: Replier | undefined, scope: Scope): void {
    if (!(result instanceof Deferred)) {
      replier?.onResult(result)
      return
    }
    if (replier === undefined) return
    scope.isOver = false
    this.#deferred ??= new Set()
    this.#deferred.add(replier)
    const answer = (tell: () => void): void => {
      scope.isOver = true
      if (this.#deferred?.delete(replier) === true) tell()
    }
    result.promise.then(
      (value: unknown) => answer(() => replier.onResult(value)),
      (error: unknown) => answer(() => replier.onError(this.#failureOf(error))),
    )
  }

  #fail(error: unknown, replier: Replier | undefined): void {
    if (error instanceof Unfit) return this.#refuse(error, replier)
    replier?.onError(this.#failureOf(error))
    // Whoever asks for what is not there has made a mistake; the worker has not.
    if (error instanceof NoSuchFunction || error instanceof Unsendable) return
    const reason = error instanceof Error ? error : new Error(String(error))
    this.#close(reason, { kind: 'crashed', failure: this.#failureOf(error) })
  }

  #refuse({ issues }: Unfit, replier: Replier | undefined): void {
    if (replier !== undefined) return replier.onInvalid(issues)
    this.lostCount += 1
    const { assignment, logger } = this.init
    logger.warn({ worker: assignment.slot, issues }, 'a cast or message was refused by its schema')
  }

  /** User code has asked for the end of the worker. */
  #fulfil(wish: StopReason): void {
    if (wish instanceof Error) this.#fail(wish, undefined)
    else this.#close(wish, { kind: wish })
  }

  #failureOf(error: unknown): Failure {
    const { node, assignment } = this.init
    const { slot, token } = assignment
    return failureFrom(error, { node, slot, generation: token.generation })
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

  #isCircle(caller: Letter['origin']['caller']): boolean {
    return caller !== undefined && this.#scope !== undefined && isWaitedForBy(this.#scope, caller)
  }

  /** It has been told to stop, and is at nothing any more. */
  #leave(): void {
    const { handoff } = this.#server
    if (this.#phase !== 'open' || !this.isReleased || handoff === undefined) {
      return this.#close('stopped', { kind: 'normal' })
    }
    const leave = (state: unknown): void => {
      this.attempt(
        () => this.#close('stopped', { kind: 'released', state: encodeHandoff(state) }),
        () => {},
      )
    }
    this.attempt(() => runInScope(this.makeScope(), () => handoff(this.#state, this.#context)), leave)
  }

  /** The last code of the worker, within its stop time-out; then it ends. A second reason changes nothing. */
  #close(reason: TerminateReason, exit: Exit): void {
    if (this.#phase !== 'open' || this.isOver) return
    this.#phase = 'closing'
    const { terminate } = this.#server
    if (terminate === undefined) return this.exit(exit)
    const end = this.#ending(exit)
    try {
      const result = runInScope(this.makeScope(), () => terminate(this.#state, reason, this.#context))
      if (isPromise(result)) this.#limit(result, exit).then(() => end(), end)
      else end()
    } catch (error) {
      end(error)
    }
  }

  /** A crash keeps its first reason; what goes wrong in `terminate` only, is a crash as well. */
  #ending(exit: Exit): (error?: unknown) => void {
    return error => {
      if (error === undefined) return this.exit(exit)
      const { assignment, logger } = this.init
      logger.warn({ worker: assignment.slot, error }, 'terminate has failed')
      this.exit(exit.kind === 'crashed' ? exit : { kind: 'crashed', failure: this.#failureOf(error) })
    }
  }

  /** Nobody but the worker itself looks at the time when it ends of its own accord. */
  #limit(result: Promise<unknown>, exit: Exit): Promise<unknown> {
    if (this.isStopping) return result
    const { clock, assignment } = this.init
    const cancel = clock.after(assignment.child.stopTimeoutMs, () => this.exit(exit))
    return result.finally(cancel)
  }
}

/** A copy: the bytes of payloads are parts of larger buffers. */
function encodeHandoff(state: unknown): Uint8Array {
  const bytes = encodePayload(state)
  if (bytes.length <= HANDOFF_BYTES_MAX) return Uint8Array.from(bytes)
  throw new PayloadError(
    `the handoff has ${bytes.length} bytes, the limit is ${HANDOFF_BYTES_MAX}: keep the rest elsewhere, and hand over where`,
  )
}

class NoSuchFunction extends Error {
  override readonly name = 'NoSuchFunction'

  constructor(server: string, name: string) {
    super(`the server "${server}" has no function "${name}"`)
  }
}
