// shell
/** A chain as its users see it: something to put items in, one by one or as a stream. */

import { AbortError, CallTimeoutError, OverloadedError } from '../../call-errors.ts'
import { GivenUpError, NodeStoppedError, NotFoundError } from '../../errors.ts'
import type { SpecId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import { promised } from '../../promised.ts'
import { toError } from '../thrown-value.ts'
import { type SpecStatus, becauseOf, isDown, pendingText } from '../supervision/spec-status.ts'
import { findFenceOfNow, refuseFenced } from '../workers/scope.ts'
import { checkRun, checkWait, entryOptions, instantOptions } from '../wait-options.ts'
import type { WaitOptions } from '../waiting.ts'
import type { Chain } from './chain.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { Waiter } from './entry.ts'
import { Flow } from './flow.ts'
import type { IngressStats } from './ingress.ts'
import type { InputAt } from './linked.ts'
import { Run } from './run.ts'

/** Where an item goes in. */
export interface EntryOptions<To extends string> {
  /** The stage that is given the item, past those before it. @default the first */
  readonly to?: To | undefined
}

export type SendOptions<To extends string = string> = WaitOptions & EntryOptions<To>

export interface RunOptions<In, To extends string = string> extends EntryOptions<To> {
  readonly signal?: AbortSignal
  /**
   * Told of an item that was tried in vain; the run goes on without an outcome for it. What ends the chain, or the
   * node, is thrown all the same.
   * @default the run throws the error
   */
  readonly onDead?: (item: In, error: Error) => void
}

export class ChainRef<In = unknown, Outcome = unknown, Inputs = Readonly<Record<string, unknown>>> {
  readonly id: SpecId
  readonly #chain: Chain
  readonly #clock: Clock
  readonly #status: () => SpecStatus | undefined

  /** @internal */
  constructor(chain: Chain, clock: Clock, status: () => SpecStatus | undefined) {
    this.id = chain.id
    this.#chain = chain
    this.#clock = clock
    this.#status = status
  }

  /** What has gone in and out at this node. */
  get stats(): IngressStats {
    return { ...this.#chain.ingress.stats }
  }

  /**
   * The items of this node that were tried in vain, oldest first: the last 1 000, each with why. What is here is not
   * in the chain any more; put its `item` in again to try again.
   */
  deadLetters(): DeadLetter[] {
    return this.#chain.deadLetters
  }

  /**
   * Puts an item in. Resolves when it is accepted, which may take until there is room: from then on it is not lost
   * while this node lives.
   * @throws {OverloadedError} when there is no room in `timeoutMs`, by default for ever; {PayloadError} when it cannot be sent;
   * {RouteError} when its key cannot be told; {NotFoundError} when there is no such chain or stage; {GivenUpError}
   * when the chain does not run any more; {AbortError} {OptionsError}
   */
  async send<To extends keyof Inputs & string = never>(
    item: InputAt<In, Inputs, To>,
    options: SendOptions<To> = {},
  ): Promise<void> {
    const untilMs = this.#begin(options)
    while (!this.#hasRoom()) await this.#room(options, untilMs)
    this.#chain.ingress.accept(item, undefined, options.to)
    const { turn } = this.#chain
    if (turn.isOverByNow()) await turn.rest()
  }

  /** Puts an item in, if there is room for it now. @returns whether it was accepted @throws what `send` throws */
  trySend<To extends keyof Inputs & string = never>(
    item: InputAt<In, Inputs, To>,
    options: EntryOptions<To> = {},
  ): boolean {
    checkWait(`chain "${this.id}"`, options, instantOptions)
    if (!this.#hasRoom()) return false
    this.#chain.ingress.accept(item, undefined, options.to)
    return true
  }

  /**
   * Puts an item in and waits for what comes out.
   * @throws {ItemDeadError} when it was tried in vain; {CallTimeoutError} when it was accepted, and nothing has come out
   * in `timeoutMs`, by default for ever; otherwise as `send`
   */
  async call<To extends keyof Inputs & string = never>(
    item: InputAt<In, Inputs, To>,
    options: SendOptions<To> = {},
  ): Promise<Outcome> {
    const untilMs = this.#begin(options)
    while (!this.#hasRoom()) await this.#room(options, untilMs)
    const { turn } = this.#chain
    try {
      return await this.#outcome(item, options, untilMs)
    } finally {
      if (turn.isOverByNow()) await turn.rest()
    }
  }

  /** Puts an item in: there is room for it. */
  #outcome<To extends keyof Inputs & string>(
    item: InputAt<In, Inputs, To>,
    options: SendOptions<To>,
    untilMs: number,
  ): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const release = this.#limit(
        { ...options, maybeExecuted: true },
        untilMs,
        () => {
          const pending = this.#whyPending()
          const why = pending === undefined ? '' : `, and ${pendingText(this.id, pending)}`
          const message = `chain "${this.id}": no outcome in ${options.timeoutMs} ms; the item is still on its way${why}`
          reject(new CallTimeoutError(message, { maybeExecuted: true, pending }))
        },
        reject,
      )
      const waiter: Waiter = {
        onOutcome: outcome => {
          release()
          resolve(promised(outcome))
        },
        onDead: error => {
          release()
          reject(error)
        },
      }
      try {
        this.#chain.ingress.accept(item, waiter, options.to)
      } catch (error) {
        waiter.onDead(toError(error))
      }
    })
  }

  /**
   * Sends a stream through the chain: exactly one outcome for each item, in the order of the items, with
   * back-pressure both ways. Ending the loop early stops reading the source; what was read still goes through.
   * @throws {ItemDeadError} at the place of an item that was tried in vain, unless `onDead` is given; {GivenUpError}
   * {NotFoundError} {NodeStoppedError} when nothing comes of the others either; {AbortError}; {OptionsError}; whatever
   * the source throws
   */
  run<To extends keyof Inputs & string = never>(
    items: Iterable<InputAt<In, Inputs, To>> | AsyncIterable<InputAt<In, Inputs, To>>,
    options: RunOptions<InputAt<In, Inputs, To>, To> = {},
  ): AsyncGenerator<Outcome, void, void> {
    return new Run<InputAt<In, Inputs, To>, Outcome>({
      begin: () => {
        checkRun(`a run through chain "${this.id}"`, items, options)
        refuseFenced()
        return new Flow<InputAt<In, Inputs, To>>({
          chain: this.id,
          ingress: this.#chain.ingress,
          turn: this.#chain.turn,
          items,
          windowItems: this.#chain.body?.windowItems ?? 1,
          signal: options.signal,
          to: options.to,
          refusal: () => this.#refusal(),
        })
      },
      onDead: ({ item }, error) => {
        if (options.onDead === undefined || isOfAll(error)) throw error
        options.onDead(item, error)
      },
    })
  }

  /** Looks at what is asked for. @returns when it is too late @throws {OptionsError} {AbortError} */
  #begin(options: WaitOptions): number {
    const { timeoutMs = Infinity, signal } = checkWait(`chain "${this.id}"`, options, entryOptions)
    if (signal?.aborted === true) throw this.#abortError(signal, false)
    return this.#clock.nowMs() + timeoutMs
  }

  #abortError(signal: AbortSignal | undefined, maybeExecuted: boolean): AbortError {
    return new AbortError(`an item for chain "${this.id}"`, signal?.reason, { maybeExecuted })
  }

  /** Whether an item can be put in now: ask again after each wait, as others put items in too. */
  #hasRoom(): boolean {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    return this.#chain.ingress.hasRoom()
  }

  #room(options: WaitOptions, untilMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = { room: () => {} }
      const fail = (error: unknown): void => {
        forget.room()
        reject(error)
      }
      const release = this.#limit(
        { ...options, maybeExecuted: false },
        untilMs,
        () => {
          const pending = this.#whyPending()
          const hint =
            pending === undefined ? 'send slower, or give it more workers' : pendingText(this.id, pending)
          const message = `chain "${this.id}": ${this.#chain.ingress.size} items of this node are on their way, no room for another one in ${options.timeoutMs} ms: ${hint}`
          fail(new OverloadedError(message, { maybeExecuted: false }))
        },
        fail,
      )
      forget.room = this.#chain.ingress.whenRoom(() => {
        release()
        resolve()
      })
    })
  }

  /** Why nothing can be put in: the code that asks is of a worker that is over, or the chain takes nothing. */
  #refusal(): Error | undefined {
    const fence = findFenceOfNow()
    if (fence !== undefined) return fence
    const end = this.#chain.findEnd()
    if (end !== undefined) return end
    if (this.#chain.body === undefined) return new NotFoundError(this.id, 'chain')
    const status = this.#status()
    if (!isDown(status)) return undefined
    return new GivenUpError(
      `the chain "${this.id}" does not run any more${becauseOf(status, 'chain', this.id)}`,
    )
  }

  /** Why no live node can run some of it; undefined where each stage has one. */
  #whyPending(): string | undefined {
    const status = this.#status()
    return status?.kind === 'pending' ? status.reason : undefined
  }

  /** Calls `expire` when it takes too long, `reject` when it is not wanted any more. @returns how to take that back */
  #limit(
    { signal, maybeExecuted }: WaitOptions & { readonly maybeExecuted: boolean },
    untilMs: number,
    expire: () => void,
    reject: (error: unknown) => void,
  ): () => void {
    const abort = (): void => reject(this.#abortError(signal, maybeExecuted))
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const cancel =
      untilMs === Infinity ? undefined : this.#clock.after(Math.max(0, untilMs - this.#clock.nowMs()), expire)
    return () => {
      cancel?.()
      signal?.removeEventListener('abort', abort)
    }
  }
}

/** Whether an error is not about the one item. */
function isOfAll(error: Error): boolean {
  return error instanceof NodeStoppedError || error instanceof GivenUpError || error instanceof NotFoundError
}
