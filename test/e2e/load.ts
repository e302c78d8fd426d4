/** Calls and casts to workers that count them, one after the other for each, until it is over. */

import { PATIENCE_MS } from '../patience.ts'

interface Counting {
  readonly call: {
    add(): Promise<number>
    counts(): Promise<{ readonly calls: number; readonly casts: number }>
  }
  readonly cast: { add(): void }
}

export class Load {
  /** So many of each were made for each target. */
  readonly made: number[]
  readonly #targets: readonly Counting[]
  readonly #over = new AbortController()
  readonly #running: readonly Promise<void>[]

  constructor(targets: readonly Counting[]) {
    this.#targets = targets
    this.made = targets.map(() => 0)
    this.#running = targets.map((target, index) => this.#press(target, index))
    // Whoever ends it hears of it.
    for (const each of this.#running) each.catch(() => {})
  }

  /** Throws what any call or cast has thrown. @returns what the targets have counted, when all is there */
  async end(): Promise<readonly { readonly calls: number; readonly casts: number }[]> {
    this.#over.abort()
    await Promise.all(this.#running)
    return Promise.all(this.#targets.map((target, index) => this.#count(target, this.made[index] ?? 0)))
  }

  async #count(target: Counting, made: number): ReturnType<Counting['call']['counts']> {
    // A cast that was on its way while its worker moved may come after a later call.
    const byMs = performance.now() + PATIENCE_MS
    for (;;) {
      const counts = await target.call.counts()
      if (counts.casts >= made || performance.now() >= byMs) return counts
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  async #press(target: Counting, index: number): Promise<void> {
    while (!this.#over.signal.aborted) {
      target.cast.add()
      await target.call.add()
      this.made[index] = (this.made[index] ?? 0) + 1
      // Answers from this very node come without a turn of the event loop: others are to get theirs, too.
      await new Promise(resolve => setImmediate(resolve))
    }
  }
}
