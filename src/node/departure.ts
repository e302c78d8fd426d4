// pure
/**
 * How a node goes: it waits until nothing of it runs and others have what it hands over, says good-bye, and goes when
 * everybody has heard. Who has heard sends it nothing any more, so nothing that is sent to it is lost.
 */

/** A node that has not left by then, from when it was told to stop, goes anyway. */
export const LEAVE_MS = 45_000
/** What it hands over is waited for so long. */
export const HANDOVER_MS = 30_000
/** After the last worker has stopped, so long at least: others are to hear of it, start a successor, and ask. */
const LAST_HANDOVER_MS = 10_000
/** It says good-bye so long before it goes anyway: for `FAREWELL_MS`, and what is sent on to others after that. */
const LAST_WORDS_MS = 2_000
/** Others may be dead or frozen: their answer is not waited for any longer. */
const FAREWELL_MS = 1_000
/** What others had sent before they heard of it is on its way on another stream: it has this time to arrive. */
const LINGER_MS = 50

export class Departure {
  #handOverByMs = Infinity
  #endMs = Infinity
  #idleSinceMs = Infinity
  #closeAtMs = Infinity
  #isHeard = false
  #isOver = false

  /** It is asked to leave. `byMs`: when it goes anyway. */
  begin(nowMs: number, byMs: number): void {
    this.#handOverByMs = nowMs + HANDOVER_MS
    this.#endMs = byMs - LAST_WORDS_MS
  }

  /** Whether it may say good-bye: nothing runs, and nobody waits for what it has. */
  isReady(state: { readonly isIdle: boolean; readonly isFree: boolean }, nowMs: number): boolean {
    this.#idleSinceMs = state.isIdle ? Math.min(this.#idleSinceMs, nowMs) : Infinity
    return state.isIdle && (state.isFree || nowMs >= this.#untilMs())
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
    const untilMs = this.#untilMs()
    return this.#closeAtMs === Infinity && nowMs < untilMs ? untilMs : this.#closeAtMs
  }

  /** What it hands over is waited for until then; Infinity while anything runs. */
  #untilMs(): number {
    return Math.min(this.#endMs, Math.max(this.#handOverByMs, this.#idleSinceMs + LAST_HANDOVER_MS))
  }
}
