// shell
/** The outputs of an async generator that runs in a cell, as an async iterable here. */

/** How many outputs are taken before the cell hears that there is room again. */
const TAKEN_TOGETHER = 8

export interface OutputsInit {
  readonly onMore: (count: number) => void
  readonly onEnough: () => void
}

export class Outputs implements AsyncIterable<unknown> {
  readonly #init: OutputsInit
  readonly #values: unknown[] = []
  #taken = 0
  #isEnded = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor(init: OutputsInit) {
    this.#init = init
  }

  onOutput(value: unknown): void {
    this.#values.push(value)
    this.#wake?.()
  }

  /** No more will come; undefined: all is well. */
  onEnd(error: Error | undefined): void {
    this.#isEnded = true
    this.#error = error
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator {
    try {
      for (;;) {
        while (this.#values.length > 0) {
          const value = this.#values.shift()
          this.#onTaken()
          yield value
        }
        if (this.#error !== undefined) throw this.#error
        if (this.#isEnded) return
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      if (!this.#isEnded) this.#init.onEnough()
    }
  }

  #onTaken(): void {
    this.#taken += 1
    if (this.#taken < TAKEN_TOGETHER || this.#isEnded) return
    this.#init.onMore(this.#taken)
    this.#taken = 0
  }
}
