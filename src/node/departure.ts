// pure
/**
 * How a node goes: it waits until nothing of it runs and others have what it hands over, says good-bye, and goes when
 * everybody has heard. Who has heard sends it nothing any more, so nothing that is sent to it is lost.
 */

/** What it hands over is waited for so long. */
export const HANDOVER_MS = 30_000
/** Others may be dead or frozen: their answer is not waited for any longer. */
const FAREWELL_MS = 1_000
/** What others had sent before they heard of it is on its way on another stream: it has this time to arrive. */
const LINGER_MS = 50

export class Departure {
  #handOverByMs = Infinity
  #closeAtMs = Infinity
  #isHeard = false
  #isOver = false

  /** It is asked to leave. */
  begin(nowMs: number): void {
    this.#handOverByMs = nowMs + HANDOVER_MS
  }

  /** Whether it may say good-bye: nothing runs, and nobody waits for what it has. */
  isReady(state: { readonly isIdle: boolean; readonly isFree: boolean }, nowMs: number): boolean {
    return state.isIdle && (state.isFree || nowMs >= this.#handOverByMs)
  }

  /** It has said good-bye. `isHeard`: everybody has answered. @returns whether it may go: once */
  mayClose(isHeard: boolean, nowMs: number): boolean {
    if (this.#closeAtMs === Infinity) this.#closeAtMs = nowMs + FAREWELL_MS
    if (isHeard && !this.#isHeard) {
      this.#isHeard = true
      this.#closeAtMs = Math.min(this.#closeAtMs, nowMs + LINGER_MS)
    }
    if (this.#isOver || nowMs < this.#closeAtMs) return false
    this.#isOver = true
    return true
  }

  wakeAtMs(nowMs: number): number {
    if (this.#isOver) return Infinity
    return this.#closeAtMs === Infinity && nowMs < this.#handOverByMs ? this.#handOverByMs : this.#closeAtMs
  }
}
