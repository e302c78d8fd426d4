// shell
/**
 * How long the event loop has been ours. Work that could go on for ever asks here, and goes on later when its time
 * is up: a node that does not read its sockets looks dead to the others.
 */

import type { Clock } from '../ports.ts'

/**
 * An answer of another node needs a turn or two of the loop, and so waits as long beside work that never ends. With 10,
 * local calls took no less of the processor.
 */
const TURN_MS = 2

export class Turn {
  readonly #clock: Clock
  /** Told how long the work since the last look has taken, within one turn. */
  readonly #onTook: (durationMs: number) => void
  #startedMs: number | undefined
  #waiting: (() => void)[] = []
  /** When somebody asked last. */
  lookedMs = 0

  constructor(clock: Clock, onTook: (durationMs: number) => void = () => {}) {
    this.#clock = clock
    this.#onTook = onTook
  }

  /** Whether it is time to let others run. */
  isOver(): boolean {
    const nowMs = this.#look()
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs
      this.#clock.after(0, () => this.#next())
    }
    return nowMs - this.#startedMs > TURN_MS
  }

  /** Somebody has nothing more to do: what it did last may have taken long. */
  onIdle(): void {
    if (this.#startedMs !== undefined) this.#look()
  }

  /** Calls `action` in the next turn. */
  defer(action: () => void): void {
    this.isOver()
    this.#waiting.push(action)
  }

  #look(): number {
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.lookedMs > TURN_MS && this.#startedMs !== undefined) this.#onTook(nowMs - this.lookedMs)
    this.lookedMs = nowMs
    return nowMs
  }

  #next(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#startedMs = undefined
    for (const action of waiting) action()
  }
}
