// shell
/**
 * What comes from a cell, told one after the other: each when the code that has waited for the last one has gone on. Node tells
 * of all that has come from a process at once, and of all that a thread has left behind at its end, before any promise goes on:
 * the answer of a worker and the crash right after it would come together, and whoever had asked would hear of the crash only.
 */

import { Deque } from '../../deque.ts'

/**
 * More than what is read of a process at once. A thread can leave millions behind: what is beyond that is told without waiting,
 * as nothing else bounds the memory that they take here. So do the last ones wait, and with them an answer before a crash.
 */
const UNTOLD_MAX = 1_024

export class CellReader {
  readonly #untold = new Deque<() => void>()
  #isTelling = false

  /** Now, or in this turn, when all before it has been told. */
  take(tell: () => void): void {
    this.#untold.push(tell)
    if (!this.#isTelling) this.#next()
    else if (this.#untold.size > UNTOLD_MAX) this.#untold.shift()?.()
  }

  #next(): void {
    const tell = this.#untold.shift()
    this.#isTelling = tell !== undefined
    if (tell === undefined) return
    // Such a tick comes when no promise has anything left to do, and also where `tell` throws.
    queueMicrotask(() => process.nextTick(() => this.#next()))
    tell()
  }
}
