// shell
/**
 * How long the event loop has been ours. Work that could go on for ever asks here, and goes on later when its time
 * is up: a node that does not read its sockets looks dead to the others.
 */

import { Deque } from '../deque.ts'
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
  #isOver = false
  readonly #waiting = new Deque<() => void>()
  readonly #resting: (() => void)[] = []
  /** This turn is for those who rest, and the next one for those who wait. */
  #isForResting = false
  /** When somebody asked last. */
  lookedMs = 0
  /** So many may still be done before the next look. */
  #unlooked = 0

  constructor(clock: Clock, onTook: (durationMs: number) => void = () => {}) {
    this.#clock = clock
    this.#onTook = onTook
  }

  /** Whether it is over, as far as somebody has looked. */
  get isKnownOver(): boolean {
    return this.#isOver
  }

  /** Whether it is time to let others run: when it is for one, it is for everybody, until the next turn. */
  isOver(): boolean {
    if (this.#isOver) return true
    const nowMs = this.#look()
    if (this.#startedMs === undefined) {
      this.#startedMs = nowMs
      this.#clock.after(0, () => this.#next())
    }
    this.#isOver = nowMs - this.#startedMs > TURN_MS
    return this.#isOver
  }

  /**
   * The same for work that is most often shorter than a look at the clock: as long as it is, only every eighth time is
   * one.
   */
  isOverByNow(): boolean {
    if (this.#isOver) return true
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

  /** Calls `action` in the next turn, or in a later one if those before it take their time. */
  defer(action: () => void): void {
    this.isOver()
    this.#waiting.push(action)
  }

  /**
   * Resolves as `defer` calls: for what goes on in microtasks. Do a step of the work before each rest, and not the other
   * way round: the turn may be over again at once.
   */
  rest(): Promise<void> {
    this.isOver()
    return new Promise(resolve => this.#resting.push(resolve))
  }

  #look(): number {
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.lookedMs > TURN_MS && this.#startedMs !== undefined) this.#onTook(nowMs - this.lookedMs)
    this.lookedMs = nowMs
    return nowMs
  }

  #next(): void {
    this.#startedMs = undefined
    this.#isOver = false
    // Those who rest come to their work after those who wait: in a turn for both, there would be no time left for it.
    this.#isForResting = this.#resting.length > 0 && (this.#waiting.size === 0 || !this.#isForResting)
    if (this.#isForResting) for (const resolve of this.#resting.splice(0)) resolve()
    else this.#callWaiting()
    if (this.#waiting.size > 0 || this.#resting.length > 0) this.isOver()
  }

  /** Until one has taken all of the turn: then those behind it come first in the next one. */
  #callWaiting(): void {
    for (let count = this.#waiting.size; count > 0 && !this.#isOver; count--) this.#waiting.shift()?.()
  }
}
