// shell
/**
 * The input of a task: an iterable that the node which has added the worker reads, and gives to the worker wherever it
 * runs. It reads no more than the task can take.
 */

import { PayloadError } from '../errors.ts'
import { type SpecId, slotId } from '../ids.ts'
import type { Clock, Logger } from '../ports.ts'
import { NO_ORIGIN } from '../protocol/request.ts'
import type { DataPlane } from './data-plane.ts'
import type { EventBus } from './event-bus.ts'
import { isLast } from './iterator-result.ts'
import { estimateBytes } from './messaging/estimate.ts'
import type { SpecStatus } from './supervision/spec-status.ts'
import { toError } from './thrown-value.ts'
import type { Waiting } from './waiting.ts'
import { INPUT_END, INPUT_ITEMS } from './workers/task-input.ts'

/** So many items go to the worker at once: the way costs less for each, and few are on it when a node is lost. */
const TOGETHER_MAX = 16
/** Far below what fits into one payload, as sizes are estimated; a larger item goes by itself. */
const TOGETHER_BYTES_MAX = 256 * 1024
/** One lot is with the worker, and the next is read meanwhile. */
const AHEAD_MAX = 2 * TOGETHER_MAX
/** A worker at rest is looked at again after this time. */
const REST_MS = 30_000
/** Until the mailbox may have room again, or the mesh knows what has become of the worker. */
const PAUSE_MS = 50

/** In place of what the iterable would have given. */
const OVER = { done: true, value: undefined } as const

export interface InputsInit {
  readonly plane: Pick<DataPlane, 'call' | 'turn' | 'router'>
  readonly bus: EventBus
  readonly waiting: Waiting
  readonly clock: Clock
  readonly logger: Logger
  readonly statusOf: (id: SpecId) => SpecStatus | undefined
}

/** The worker that an input is for. */
export interface Fed {
  readonly id: SpecId
  /** Whether its id stands for another one now, which somebody has declared elsewhere. */
  readonly isReplaced: () => boolean
}

/** All inputs that this node reads. */
export class Inputs {
  readonly #init: InputsInit
  /** By the worker that each is for. */
  readonly #feeds = new Map<SpecId, InputFeed>()

  constructor(init: InputsInit) {
    this.#init = init
  }

  /** Reads the iterable for a worker, until one of them ends, or another one is declared under the id. */
  add(worker: Fed, input: AsyncIterable<unknown>): void {
    const { id } = worker
    const feed = new InputFeed(this.#init, worker, input)
    this.#feeds.set(id, feed)
    void feed.run().finally(() => {
      if (this.#feeds.get(id) === feed) this.#feeds.delete(id)
    })
  }

  /** Another worker is declared under the id: what the one before was to read, is not for this one. */
  end(id: SpecId): void {
    this.#feeds.get(id)?.close()
  }

  /** The node stops: nothing is read any more. */
  close(): void {
    for (const feed of this.#feeds.values()) feed.close()
  }
}

class InputFeed {
  readonly #init: InputsInit
  readonly #id: SpecId
  readonly #isReplaced: Fed['isReplaced']
  readonly #input: AsyncIterable<unknown>
  readonly #abort = new AbortController()
  /** Read, and not taken by the worker: the oldest first. */
  #items: unknown[] = []
  /** The number of the first of them. */
  #first = 0
  #isRead = false
  #togetherMax = TOGETHER_MAX
  #stopListening: () => void = () => {}
  /** Ends the wait for the next item of the iterable. */
  #stopReading: () => void = () => {}
  #wake: () => void = () => {}
  #woken = Promise.resolve()

  constructor(init: InputsInit, { id, isReplaced }: Fed, input: AsyncIterable<unknown>) {
    this.#init = init
    this.#id = id
    this.#isReplaced = isReplaced
    this.#input = input
  }

  get #isOver(): boolean {
    return this.#abort.signal.aborted
  }

  /** Never rejects. */
  async run(): Promise<void> {
    this.#sleepUntilWoken()
    this.#follow()
    void this.#read()
    await this.#give()
    this.close()
  }

  close(): void {
    this.#abort.abort()
    this.#stopListening()
    this.#stopReading()
    this.#wake()
  }

  /** Sees whether the worker is done, removed or replaced: also where that is before it has stopped. */
  #follow(): void {
    const { router } = this.#init.plane
    const isGone = router.bodyOf(this.#id) === undefined || this.#isReplaced()
    if (isGone || isOver(router.statusOf(this.#id))) return this.close()
    this.#stopListening = router.whenChanged(this.#id, () => this.#follow())
    return undefined
  }

  /** Everything that the iterable has, as far as there is room. */
  async #read(): Promise<void> {
    const { turn } = this.#init.plane
    try {
      for await (const item of this.#untilOver()) {
        this.#items.push(item)
        this.#wake()
        while (this.#items.length >= AHEAD_MAX && !this.#isOver) await this.#woken
        if (turn.isOverByNow()) await turn.rest()
      }
    } catch (error) {
      this.#onFailed(error)
    }
    this.#isRead = true
    this.#wake()
  }

  /** The iterable; ends at once, and ends it, also while it has nothing to give. */
  async *#untilOver(): AsyncGenerator {
    const iterator = this.#input[Symbol.asyncIterator]()
    while (!this.#isOver) {
      const next = await this.#nextOf(iterator)
      if (next === OVER) break
      if (isLast(next)) return
      yield next.value
    }
    // A generator that is at something comes to this only after that: nobody waits for it.
    Promise.resolve(iterator.return?.()).catch((error: unknown) => this.#onFailed(error))
  }

  /** @returns `OVER` when it is over meanwhile */
  #nextOf(iterator: AsyncIterator<unknown>): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.#stopReading = () => resolve(OVER)
      // As `for await` does, where it is no promise.
      Promise.resolve(iterator.next()).then(resolve, reject)
    })
  }

  /** Gives to the worker what has been read, in order, then tells it that this was all. */
  async #give(): Promise<void> {
    while (!this.#isOver) {
      if (this.#items.length > 0) await this.#giveSome()
      else if (this.#isRead) await this.#ask(INPUT_END, () => [])
      else await this.#woken
    }
  }

  async #giveSome(): Promise<void> {
    const next = await this.#ask(INPUT_ITEMS, () => [this.#first, this.#together()])
    if (typeof next !== 'number' || next <= this.#first) return
    this.#items = this.#items.slice(next - this.#first)
    this.#first = next
    this.#wake()
  }

  /** At least one item. @throws {PayloadError} when one cannot be sent */
  #together(): readonly unknown[] {
    let bytes = 0
    let count = 0
    for (const item of this.#items.slice(0, this.#togetherMax)) {
      bytes += estimateBytes(item)
      if (count > 0 && bytes > TOGETHER_BYTES_MAX) break
      count += 1
    }
    return this.#items.slice(0, count)
  }

  /** @returns undefined when there is no answer: the worker has ended, has no room, or is not to be reached */
  async #ask(name: string, args: () => readonly unknown[]): Promise<unknown> {
    const { signal } = this.#abort
    try {
      return await this.#init.plane.call({
        slot: slotId(this.#id),
        name,
        args: args(),
        // However long it takes for its items, it says what it has taken, also as it ends; if it cannot, the session breaks.
        timeoutMs: Infinity,
        signal,
        origin: NO_ORIGIN,
      })
    } catch (error) {
      if (this.#isOver) return undefined
      if (error instanceof PayloadError) this.#onUnsendable(error)
      else await this.#untilReachable()
      return undefined
    }
  }

  async #untilReachable(): Promise<void> {
    const { clock, statusOf, waiting } = this.#init
    if (isOver(statusOf(this.#id))) return this.close()
    await new Promise<void>(resolve => clock.after(PAUSE_MS, resolve))
    const isUp = (): true | undefined => (isAtRest(statusOf(this.#id)) ? undefined : true)
    const options = { about: this.#id, timeoutMs: REST_MS, signal: this.#abort.signal }
    await waiting.until(isUp, options, () => new Error('still at rest')).catch(() => {})
  }

  /** One of several items is too large together with the others, or cannot be sent at all. */
  #onUnsendable(error: PayloadError): void {
    if (this.#togetherMax > 1) {
      this.#togetherMax = 1
      return
    }
    this.#onFailed(error)
    this.#items = this.#items.slice(1)
    this.#first += 1
    this.#wake()
  }

  #onFailed(thrown: unknown): void {
    const error = toError(thrown)
    this.#init.logger.error({ worker: this.#id, error }, 'the input of a worker has failed')
    this.#init.bus.emit({ kind: 'worker:input-failed', id: this.#id, error })
  }

  #sleepUntilWoken(): void {
    this.#woken = new Promise(resolve => {
      this.#wake = () => {
        this.#sleepUntilWoken()
        resolve()
      }
    })
  }
}

/** It will not take anything any more. */
function isOver(status: SpecStatus | undefined): boolean {
  return status === undefined || status.kind === 'removed' || status.kind === 'done'
}

/** It takes nothing until a user starts it again. */
function isAtRest(status: SpecStatus | undefined): boolean {
  return status?.kind === 'stopped' || status?.kind === 'failed' || status?.kind === 'gave-up'
}
