// pure
/** Items on which a chain has given up, of those that this node has sent. */

import type { SpecId } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'

export interface DeadLetter {
  readonly chain: SpecId
  /** Where it could not be handled. */
  readonly stage: string
  /** Names what could not be handled: the `id` in the context of the stage. */
  readonly itemId: string
  /** As it was put into the chain: put it in again to try again. */
  readonly item: unknown
  /** Of the last try. */
  readonly reason: Failure
  /** How often the stage has tried it. */
  readonly attempts: number
}

/** So many of a chain are remembered. */
const LETTERS_MAX = 1_000

export class DeadLetters {
  readonly #letters: DeadLetter[] = []
  /** Where the next one goes: over the oldest, when there are as many as are remembered. */
  #next = 0

  add(letter: DeadLetter): void {
    this.#letters[this.#next] = letter
    this.#next = (this.#next + 1) % LETTERS_MAX
  }

  /** Oldest first. */
  list(): DeadLetter[] {
    return [...this.#letters.slice(this.#next), ...this.#letters.slice(0, this.#next)]
  }
}
