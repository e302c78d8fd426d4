// shell
/**
 * What one side of a session puts on the wire: one piece after the other, each at the rate that the link has while it
 * leaves, so that nothing waits for what was narrow once.
 */

import type { Cancel } from '../../ports.ts'
import type { VirtualClock } from './virtual-clock.ts'

interface Piece {
  bytesLeft: number
  readonly onLeft: () => void
}

export class Uplink {
  readonly #clock: VirtualClock
  /** Oldest first; the first one is on the wire. Empty while the link carries everything at once. */
  readonly #pieces: Piece[] = []
  #bytesPerMs: number
  /** Since when the first one leaves at this rate. */
  #sinceMs = 0
  #cancel: Cancel = () => {}

  constructor(clock: VirtualClock, bytesPerMs: number) {
    this.#clock = clock
    this.#bytesPerMs = bytesPerMs
  }

  /** Calls back when so many bytes, which may be none, have left behind all that was put before: now, where nothing waits. */
  put(bytes: number, onLeft: () => void): void {
    this.#pieces.push({ bytesLeft: bytes, onLeft })
    if (this.#pieces.length === 1) this.#go()
  }

  /** From now on. */
  setRate(bytesPerMs: number): void {
    const [first] = this.#pieces
    if (first !== undefined) {
      this.#cancel()
      const bytesGone = (this.#clock.nowMs - this.#sinceMs) * this.#bytesPerMs
      first.bytesLeft = Math.max(0, first.bytesLeft - bytesGone)
    }
    this.#bytesPerMs = bytesPerMs
    this.#go()
  }

  #go(): void {
    let [first] = this.#pieces
    while (first !== undefined && (first.bytesLeft === 0 || this.#bytesPerMs === Infinity)) {
      this.#pieces.shift()
      first.onLeft()
      first = this.#pieces[0]
    }
    if (first === undefined) return
    const piece = first
    this.#sinceMs = this.#clock.nowMs
    this.#cancel = this.#clock.after(piece.bytesLeft / this.#bytesPerMs, () => {
      piece.bytesLeft = 0
      this.#go()
    })
  }
}
