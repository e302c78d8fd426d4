// pure
/**
 * How many items may wait for a worker on each way to it: as many as it gets through in a tenth of a second. More
 * would only wait there instead of going to another worker, fewer would let it run dry while credit is on its way.
 */

/** Longer than credit takes to arrive in any mesh that is not spread over continents. */
const HORIZON_MS = 100
const ITEMS_START = 32
const ITEMS_MIN = 8
const ITEMS_MAX = 2048

export class Window {
  #size: number
  readonly #max: number
  #consumed = 0
  #sinceMs: number

  /** `max`: at least 1. */
  constructor(nowMs: number, max = ITEMS_MAX) {
    this.#max = max
    this.#size = Math.min(ITEMS_START, max)
    this.#sinceMs = nowMs
  }

  get size(): number {
    return this.#size
  }

  /** An item has left the mailbox. @returns whether half a window has: it is time to `adapt`, and to give credit */
  onConsumed(): boolean {
    this.#consumed += 1
    return this.isHalfConsumed
  }

  get isHalfConsumed(): boolean {
    return this.#consumed * 2 >= this.#size
  }

  /** Fits the window to the rate since the last time: at most twice, at least half of what it was. */
  adapt(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs
    const wanted = elapsedMs > 0 ? Math.ceil((this.#consumed * HORIZON_MS) / elapsedMs) : this.#max
    const bounded = Math.min(this.#size * 2, Math.max(this.#size / 2, wanted))
    this.#size = Math.min(this.#max, Math.max(ITEMS_MIN, Math.ceil(bounded)))
    this.#consumed = 0
    this.#sinceMs = nowMs
  }
}
