// shell
/** A stream through a chain: reads a source as far as there is room, and gives the outcomes in the order of the items. */

import { Deque } from '../../deque.ts'
import { AbortError } from '../../call-errors.ts'
import type { SpecId } from '../../ids.ts'
import { isLast } from '../iterator-result.ts'
import type { Turn } from '../turn.ts'
import type { Waiter } from './entry.ts'
import type { Ingress } from './ingress.ts'

/**
 * So many outcomes may wait for the reader before the source is read no further: what is read sooner only waits longer,
 * and whatever waits is copied by the collector of garbage. With 4 096, that took a quarter of the time.
 */
const READY_MAX = 256

/** One item of the source, and what has become of it. */
export class Place<In> implements Waiter {
  readonly item: In
  outcome: unknown
  error: Error | undefined
  isSettled = false
  readonly #onSettled: () => void

  constructor(item: In, onSettled: () => void) {
    this.item = item
    this.#onSettled = onSettled
  }

  onOutcome(outcome: unknown): void {
    this.outcome = outcome
    this.isSettled = true
    this.#onSettled()
  }

  onDead(error: Error): void {
    this.error = error
    this.isSettled = true
    this.#onSettled()
  }
}

export interface FlowInit<In> {
  readonly chain: SpecId
  readonly ingress: Ingress
  readonly turn: Turn
  readonly items: Iterable<In> | AsyncIterable<In>
  /** How many items may be read and not yet given out as outcomes. */
  readonly windowItems: number
  readonly signal: AbortSignal | undefined
  /** The stage that is given the items. */
  readonly to: string | undefined
  /** Why nothing can be put in now, for good. */
  readonly refusal: () => Error | undefined
}

export class Flow<In> {
  readonly #init: FlowInit<In>
  readonly #places = new Deque<Place<In>>()
  readonly #onSettled = (): void => {
    this.#ready += 1
    this.#ring()
  }
  readonly #onAborted = (): void => {
    this.#fail(this.#abortError())
    this.#wakeReader?.()
  }
  /** Settled, and not given out. */
  #ready = 0
  #state: 'open' | 'ended' | 'stopped' = 'open'
  #failure: { readonly error: unknown } | undefined
  #wakeReader: (() => void) | undefined
  #wakeFeeder: (() => void) | undefined
  #return: (() => unknown) | undefined

  constructor(init: FlowInit<In>) {
    this.#init = init
  }

  /** Reads the source until it ends, fails or is stopped. Never rejects: the reader is told. */
  async feed(): Promise<void> {
    const { items, signal } = this.#init
    // Also for what is on its way when all has been read.
    signal?.addEventListener('abort', this.#onAborted, { once: true })
    try {
      if (signal?.aborted === true) this.#onAborted()
      else if (typeof items !== 'string' && Symbol.asyncIterator in items)
        await this.#readAsync(items[Symbol.asyncIterator]())
      else await this.#read(items)
      if (this.#state === 'open') this.#state = 'ended'
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#wakeReader?.()
    }
  }

  /** The next place in order, if it is settled. */
  take(): Place<In> | undefined {
    const first = this.#places.at(0)
    if (first?.isSettled !== true) return undefined
    this.#places.shift()
    this.#ready -= 1
    if (this.#wakeFeeder !== undefined && this.#isRoomy()) this.#resumeFeeder()
    return first
  }

  /** Resolves when `take` may have something. @returns false when nothing will come any more. @throws what the source threw */
  async wait(): Promise<boolean> {
    for (;;) {
      const first = this.#places.at(0)
      if (first?.isSettled === true) return true
      // What went in before the source failed comes out before the error.
      if (first === undefined && this.#failure !== undefined) throw this.#failure.error
      if (this.#init.signal?.aborted === true) throw this.#abortError()
      if (first === undefined && this.#state !== 'open') return false
      await new Promise<void>(resolve => (this.#wakeReader = resolve))
    }
  }

  /** Resolves in the next turn, if this one is over: the reader, too, may go on for ever. */
  rest(): Promise<void> | undefined {
    const { turn } = this.#init
    return turn.isOverByNow() ? turn.rest() : undefined
  }

  /** Nobody reads any more. */
  stop(): void {
    if (this.#state === 'open') this.#state = 'stopped'
    this.#init.signal?.removeEventListener('abort', this.#onAborted)
    this.#resumeFeeder()
    const close = this.#return
    this.#return = undefined
    if (close !== undefined) void Promise.resolve(close()).catch(() => {})
  }

  async #read(items: Iterable<In>): Promise<void> {
    for (const item of items) {
      while (!this.#hasRoom()) await this.#room()
      if (!this.#accept(item)) return
      const rest = this.rest()
      if (rest !== undefined) await rest
    }
  }

  async #readAsync(iterator: AsyncIterator<In>): Promise<void> {
    this.#return = () => iterator.return?.()
    for (;;) {
      while (!this.#hasRoom()) await this.#room()
      if (this.#state !== 'open') return
      const next = await iterator.next()
      if (isLast(next)) break
      while (!this.#hasRoom()) await this.#room()
      if (!this.#accept(next.value)) return
      const rest = this.rest()
      if (rest !== undefined) await rest
    }
    this.#return = undefined
  }

  #accept(item: In): boolean {
    if (this.#state !== 'open') return false
    const refusal = this.#init.refusal()
    if (refusal !== undefined) throw refusal
    const place = new Place(item, this.#onSettled)
    // Not before it is accepted: what cannot be sent has no place. It may be settled already.
    this.#init.ingress.accept(item, place, this.#init.to)
    this.#places.push(place)
    this.#ring()
    return true
  }

  #abortError(): AbortError {
    const { chain, signal } = this.#init
    const maybeExecuted = this.#places.size > 0
    return new AbortError(`the next item of a run through chain "${chain}"`, signal?.reason, {
      maybeExecuted,
    })
  }

  /** Wakes the reader, if there is something for it. */
  #ring(): void {
    const wake = this.#wakeReader
    if (wake === undefined || this.#places.at(0)?.isSettled !== true) return
    this.#wakeReader = undefined
    wake()
  }

  /** Also when nothing is to be put in any more: then there is nothing to wait for. */
  #hasRoom(): boolean {
    if (this.#state !== 'open') return true
    const { windowItems, ingress } = this.#init
    return this.#places.size < windowItems && !this.#isAhead(READY_MAX) && ingress.hasRoom()
  }

  /** Whether it is worth while to go on reading: for one item at a time, it is not. */
  #isRoomy(): boolean {
    const { windowItems } = this.#init
    return this.#places.size <= windowItems - Math.ceil(windowItems / 8) && !this.#isAhead(READY_MAX / 2)
  }

  /** Whether the reader has so many outcomes to read: those behind one that is still to come do not count. */
  #isAhead(readyMax: number): boolean {
    return this.#ready >= readyMax && this.#places.at(0)?.isSettled === true
  }

  #resumeFeeder(): void {
    const wake = this.#wakeFeeder
    this.#wakeFeeder = undefined
    wake?.()
  }

  /** Resolves when there may be room. Another flow may take it first: ask `hasRoom` again, without a wait before use. */
  #room(): Promise<void> {
    return new Promise(resolve => {
      this.#wakeFeeder = resolve
      if (!this.#init.ingress.hasRoom()) this.#init.ingress.whenRoom(resolve)
    })
  }

  #fail(error: unknown): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#failure = { error }
    this.#wakeReader?.()
    this.#resumeFeeder()
  }
}
