// shell
/**
 * Tells a server that nothing has come for as long as it has said. One timer for each server that wants to know, which
 * looks when it is due and not with each message: that costs one look at the clock whenever a mailbox runs empty.
 */

import type { Cancel, Clock } from '../../ports.ts'

export class IdleWatch {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #onIdle: () => void
  /** When the server last had nothing to do. */
  #sinceMs = 0
  #cancel: Cancel | undefined

  /** `onIdle` may be called while the server is at something after all: it is to be left alone then. */
  constructor(clock: Clock, timeoutMs: number, onIdle: () => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#onIdle = onIdle
  }

  /** The server has nothing to do from now on. */
  rest(): void {
    this.#sinceMs = this.#clock.nowMs()
    if (this.#cancel === undefined) this.#wait(this.#timeoutMs)
  }

  /** The server is over. */
  stop(): void {
    this.#cancel?.()
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined
      const leftMs = this.#sinceMs + this.#timeoutMs - this.#clock.nowMs()
      if (leftMs > 0) this.#wait(leftMs)
      else this.#onIdle()
    })
  }
}
