// shell
/** A chain as its users see it: something to put items in, one by one or as a stream. */

import { CallTimeoutError, GivenUpError, NotFoundError } from '../../errors.ts'
import type { SpecId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import { promised } from '../../promised.ts'
import { type SpecStatus, becauseOf, isDown } from '../supervision/spec-status.ts'
import type { Stage } from '../workers/behaviours.ts'
import type { WaitOptions } from '../waiting.ts'
import type { Chain } from './chain.ts'
import { Flow } from './flow.ts'
import type { IngressStats, Waiter } from './ingress.ts'

/** The stages, each fitting to what the one before emits; the first that does not is where the compiler complains. */
export type Linked<Stages extends readonly unknown[], Previous = unknown> = Stages extends readonly [
  infer Head,
  ...infer Rest,
]
  ? readonly [Fitting<Head, Previous>, ...Linked<Rest, OutOf<Head>>]
  : readonly []

type Fitting<Head, Previous> = Head extends { readonly run: Stage<infer In, unknown> }
  ? unknown extends Previous
    ? Head
    : [Previous] extends [In]
      ? Head
      : { readonly run: Stage<Previous, unknown> }
  : never

type InOf<S> = S extends { readonly run: Stage<infer In, unknown> } ? In : never
type OutOf<S> = S extends { readonly run: Stage<never, infer Out> } ? Out : never
type EmissionIn<Stages extends readonly unknown[]> = {
  [K in keyof Stages]: Stages[K] extends { readonly run: Stage<never, unknown, infer E> } ? E : never
}[number]

/** What goes into a chain with these stages. */
export type InputOf<Stages extends readonly unknown[]> = Stages extends readonly [infer First, ...unknown[]]
  ? InOf<First>
  : never

/**
 * What comes out for one item: a list where any stage may emit many, possibly undefined where one may drop,
 * otherwise exactly what the last stage emits.
 */
export type OutcomeOf<Stages extends readonly unknown[]> = Stages extends readonly [...unknown[], infer Last]
  ? 'many' extends EmissionIn<Stages>
    ? OutOf<Last>[]
    : 'maybe' extends EmissionIn<Stages>
      ? OutOf<Last> | undefined
      : OutOf<Last>
  : never

export interface RunOptions<In> {
  readonly signal?: AbortSignal
  /**
   * Told of an item on which workers crashed again and again; the run goes on without an outcome for it.
   * @default the run throws the error
   */
  readonly onDead?: (item: In, error: Error) => void
}

export class ChainRef<In = unknown, Outcome = unknown> {
  readonly id: SpecId
  readonly #chain: Chain
  readonly #clock: Clock
  readonly #status: () => SpecStatus | undefined

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
   * Puts an item in. Resolves when it is accepted, which may take until there is room: from then on it is not lost
   * while this node lives.
   * @throws {PayloadError} when it cannot be sent; {GivenUpError} when the chain does not run any more
   */
  async send(item: In, options: WaitOptions = {}): Promise<void> {
    while (!this.#hasRoom()) await this.#room(options)
    this.#chain.ingress.accept(item, undefined)
  }

  /**
   * Puts an item in and waits for what comes out.
   * @throws {ItemDeadError} when workers crashed on it again and again; otherwise as `send`
   */
  async call(item: In, options: WaitOptions = {}): Promise<Outcome> {
    while (!this.#hasRoom()) await this.#room(options)
    return new Promise<Outcome>((resolve, reject) => {
      const release = this.#limit(options, reject)
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
      this.#chain.ingress.accept(item, waiter)
    })
  }

  /**
   * Sends a stream through the chain: exactly one outcome for each item, in the order of the items, with
   * back-pressure both ways. Ending the loop early stops reading the source; what was read still goes through.
   * @throws {ItemDeadError} at the place of an item on which workers crashed again and again, unless `onDead` is given
   */
  async *run(
    items: Iterable<In> | AsyncIterable<In>,
    options: RunOptions<In> = {},
  ): AsyncGenerator<Outcome, void, void> {
    const flow = new Flow<In>({
      ingress: this.#chain.ingress,
      items,
      windowItems: this.#chain.body?.windowItems ?? 1,
      signal: options.signal,
      refusal: () => this.#refusal(),
    })
    void flow.feed()
    try {
      for (let place = flow.take(); place !== undefined || (await flow.wait()); place = flow.take()) {
        if (place === undefined) continue
        if (place.error === undefined) yield promised(place.outcome)
        else if (options.onDead === undefined) throw place.error
        else options.onDead(place.item, place.error)
      }
    } finally {
      flow.stop()
    }
  }

  /** Whether an item can be put in now: ask again after each wait, as others put items in too. */
  #hasRoom(): boolean {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    return this.#chain.ingress.hasRoom()
  }

  #room(options: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const release = this.#limit(options, reject)
      this.#chain.ingress.whenRoom(() => {
        release()
        resolve()
      })
    })
  }

  /** Why the chain takes nothing. */
  #refusal(): Error | undefined {
    if (this.#chain.body === undefined) return new NotFoundError(this.id, 'chain')
    const status = this.#status()
    if (!isDown(status)) return undefined
    return new GivenUpError(`the chain "${this.id}" does not run any more${becauseOf(status)}`)
  }

  /** Rejects when it takes too long, or is not wanted any more. @returns how to take that back */
  #limit(options: WaitOptions, reject: (error: unknown) => void): () => void {
    const { timeoutMs, signal } = options
    const abort = (): void => reject(signal?.reason)
    const expire = (): void =>
      reject(
        new CallTimeoutError(`chain "${this.id}": no outcome in ${timeoutMs} ms`, { maybeExecuted: true }),
      )
    if (signal?.aborted === true) abort()
    signal?.addEventListener('abort', abort, { once: true })
    const cancel = timeoutMs === undefined ? undefined : this.#clock.after(timeoutMs, expire)
    return () => {
      cancel?.()
      signal?.removeEventListener('abort', abort)
    }
  }
}
