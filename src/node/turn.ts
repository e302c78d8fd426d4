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

/** What is done between two looks at the clock is short when it takes no longer; then several things are done in it. */
const SHORT_MS = 0.2
const UNLOOKED_MAX = 7

export class Turn {
  readonly #clock: Clock
  /** Told how long the work since the last look has taken, within one turn. */
  readonly #onTook: (durationMs: number) => void
  #startedMs: number | undefined
  #waiting: (() => void)[] = []
  /** When somebody asked last. */
  lookedMs = 0
  /** So many may still be done before the next look. */
  #unlooked = 0

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

  /**
   * The same for work that is most often shorter than a look at the clock: as long as it is, only every eighth time is
   * one.
   */
  isOverByNow(): boolean {
    if (this.#unlooked > 0) {
      this.#unlooked -= 1
      return false
    }
    const beforeMs = this.lookedMs
    const isOver = this.isOver()
    this.#unlooked = this.lookedMs - beforeMs <= SHORT_MS ? UNLOOKED_MAX : 0
    return isOver
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
