// shell
/**
 * The outcomes of a run as a generator, written by hand: the one of the language takes two more turns of the queue for
 * each outcome. As there, nothing happens before the first `next`, and whoever asks ahead is answered in order.
 */

import { promised } from '../../promised.ts'
import type { Flow, Place } from './flow.ts'

type Result<Outcome> = IteratorResult<Outcome, void>

/** What a run needs of a flow. */
export type Places<In> = Pick<Flow<In>, 'feed' | 'take' | 'wait' | 'rest' | 'stop'>

export interface RunInit<In> {
  /** Called once, by the first `next`; what it throws ends the run. */
  readonly begin: () => Places<In>
  /** Told of an item that has no outcome; what it throws ends the run. */
  readonly onDead: (place: Place<In>, error: Error) => void
}

export class Run<In, Outcome> implements AsyncGenerator<Outcome, void, void> {
  readonly #init: RunInit<In>
  #state: 'new' | 'open' | 'over' = 'new'
  #flow: Places<In> | undefined
  /** Resolves when the last of those who have asked, and are not answered yet, has been. */
  #last: Promise<void> | undefined

  constructor(init: RunInit<In>) {
    this.#init = init
  }

  next(): Promise<Result<Outcome>> {
    // By far the most frequent case: it is there.
    if (this.#last === undefined) {
      const place = this.#flow?.take()
      if (place === undefined || place.error !== undefined) return this.#enqueue(() => this.#next(place))
      const result = { done: false, value: promised<Outcome>(place.outcome) } as const
      const rest = this.#flow?.rest()
      return rest === undefined ? Promise.resolve(result) : this.#enqueue(() => rest.then(() => result))
    }
    return this.#enqueue(() => this.#next(this.#flow?.take()))
  }

  return(value: void | PromiseLike<void>): Promise<Result<Outcome>> {
    return this.#enqueue(async () => {
      this.#end()
      return { done: true, value: await value }
    })
  }

  throw(error: unknown): Promise<Result<Outcome>> {
    return this.#enqueue(() => {
      this.#end()
      throw error
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** One after the other: nobody overtakes. */
  async #enqueue(answer: () => Promise<Result<Outcome>>): Promise<Result<Outcome>> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    try {
      if (before !== undefined) await before
      return await answer()
    } finally {
      if (this.#last === promise) this.#last = undefined
      resolve()
    }
  }

  /** `first`: what has been taken for it. */
  async #next(first: Place<In> | undefined): Promise<Result<Outcome>> {
    if (this.#state === 'over') return OVER
    try {
      const flow = this.#begin()
      for (
        let place = first ?? flow.take();
        place !== undefined || (await flow.wait());
        place = flow.take()
      ) {
        if (place === undefined) continue
        const rest = flow.rest()
        if (rest !== undefined) await rest
        if (place.error === undefined) return { done: false, value: promised<Outcome>(place.outcome) }
        this.#init.onDead(place, place.error)
      }
    } catch (error) {
      this.#end()
      throw error
    }
    this.#end()
    return OVER
  }

  #begin(): Places<In> {
    this.#state = 'open'
    if (this.#flow !== undefined) return this.#flow
    const flow = this.#init.begin()
    this.#flow = flow
    void flow.feed()
    return flow
  }

  /** Nothing is read any more, and nothing given out. */
  #end(): void {
    this.#state = 'over'
    this.#flow?.stop()
    this.#flow = undefined
  }
}

const OVER = { done: true, value: undefined } as const
