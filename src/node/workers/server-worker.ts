// shell
/** A server in this thread: one message at a time, in the order of arrival. */

import { unreachable } from '../../assert.ts'
import { PayloadError } from '../../errors.ts'
import { encodePayload } from '../../payload.ts'
import { HANDOFF_BYTES_MAX } from '../../protocol/messages.ts'
import { Mailbox, type Letter, type Recipient, type Replier } from '../messaging/mailbox.ts'
import { type Exit, failureFrom } from '../supervision/exit.ts'
import type { Callback, Server } from './behaviours.ts'
import type { WorkerContext } from './context.ts'
import { swapScope } from './scope.ts'
import { InlineWorker, type WorkerInit, isPromise } from './worker.ts'

type AnyServer = Server<readonly unknown[], object, object>

export class ServerWorker extends InlineWorker implements Recipient {
  readonly #server: AnyServer
  readonly #context: WorkerContext
  readonly #mailbox = new Mailbox()
  #state: unknown
  #isReady = false
  #isScheduled = false
  /** The call that user code is at, where it takes its time. */
  #pending: Replier | undefined
  #isBusy = false

  constructor(server: AnyServer, init: WorkerInit) {
    super(init)
    this.#server = server
    this.#context = this.makeContext()
  }

  deliver(letter: Letter): boolean {
    if (this.isOver || this.isStopping) {
      if (letter.kind !== 'call') return false
      if (this.isReleased) letter.replier.onElsewhere()
      else letter.replier.onExited(false)
      return false
    }
    const isTaken = this.#mailbox.put(letter)
    if (isTaken && this.#isReady && !this.#isBusy) this.#schedule()
    return isTaken
  }

  protected override begin(): unknown {
    const state = this.#server.init(this.#context, ...this.init.args)
    if (!isPromise(state)) return this.#onReady(state)
    return state.then(made => this.#onReady(made))
  }

  protected override end(): void {
    if (!this.#isBusy) this.#terminate()
  }

  protected override discard(): void {
    this.#pending?.onExited(true)
    this.#pending = undefined
    if (this.isReleased) this.#mailbox.divert()
    else this.#mailbox.discard()
  }

  #onReady(state: unknown): void {
    this.#state = state
    this.#isReady = true
    if (this.isStopping) this.#terminate()
    else if (this.#mailbox.size > 0) this.#schedule()
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
    const outer = swapScope(this.scope)
    this.#handleAll()
    swapScope(outer)
  }

  #handleAll(): void {
    while (!this.#isBusy && !this.isOver && !this.isStopping) {
      if (this.init.turn.isOver()) return this.init.turn.defer(() => this.#drain())
      const letter = this.#mailbox.take()
      if (letter === undefined) return
      this.#handle(letter)
    }
  }

  #handle(letter: Letter): void {
    const replier = letter.kind === 'call' ? letter.replier : undefined
    let result: unknown
    try {
      result = this.#run(letter)
    } catch (error) {
      return this.#fail(error, replier)
    }
    if (!isPromise(result)) {
      replier?.onResult(result)
      return
    }
    this.#isBusy = true
    this.#pending = replier
    result.then(
      value => this.#resume(() => replier?.onResult(value)),
      (error: unknown) => this.#resume(() => this.#fail(error, replier)),
    )
  }

  #run(letter: Letter): unknown {
    switch (letter.kind) {
      case 'call':
        return this.#function(this.#server.call, letter.name)(this.#state, ...letter.args)
      case 'cast':
        return this.#function(this.#server.cast, letter.name)(this.#state, ...letter.args)
      case 'message':
        return this.#server.info?.(this.#state, letter.message, this.#context)
      default:
        return unreachable(letter)
    }
  }

  #function(functions: Readonly<Record<string, Callback>>, name: string): Callback {
    const fn = Object.hasOwn(functions, name) ? functions[name] : undefined
    if (fn === undefined) throw new NoSuchFunction(this.#server.name, name)
    return fn
  }

  #fail(error: unknown, replier: Replier | undefined): void {
    const { node, assignment } = this.init
    replier?.onError(failureFrom(error, { node, slot: assignment.slot }))
    // Whoever asks for what is not there has made a mistake; the worker has not.
    if (!(error instanceof NoSuchFunction)) this.crash(error)
  }

  /** User code has taken its time and is back. */
  #resume(settle: () => void): void {
    this.#isBusy = false
    if (this.isOver) return
    this.#pending = undefined
    settle()
    if (this.isStopping) this.#terminate()
    else this.#drain()
  }

  #terminate(): void {
    if (!this.#isReady || this.isOver) return
    this.#isReady = false
    const { handoff } = this.#server
    if (!this.isReleased || handoff === undefined) return this.#finish({ kind: 'normal' })
    return this.attempt(
      () => handoff(this.#state, this.#context),
      state =>
        this.attempt(
          () => this.#finish({ kind: 'released', state: encodeHandoff(state) }),
          () => {},
        ),
    )
  }

  #finish(exit: Exit): void {
    this.attempt(
      () => this.#server.terminate?.(this.#state, this.#context),
      () => this.exit(exit),
    )
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
