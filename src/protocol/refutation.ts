// pure
/** When this node says that it lives, as others take it for suspect or dead; and when it tells others that they are. */

import type { MemberRow } from './member-row.ts'

/**
 * No more often: everybody is told, and would hang up on who says it as often as others can accuse it. What is said of
 * it meanwhile is refuted all at once.
 */
export const REFUTE_EVERY_MS = 10

export class Refutation {
  /** The largest sequence number of which something is said that is not refuted yet. */
  #seq = -Infinity
  #againMs = -Infinity

  /**
   * `accused`: something is said of this sequence number, or of none.
   * @returns the one that is to be refuted now, if there is one; it is not returned again
   */
  take(nowMs: number, accused = -Infinity): number | undefined {
    const seq = Math.max(this.#seq, accused)
    const isDue = nowMs >= this.#againMs && seq > -Infinity
    this.#seq = isDue ? -Infinity : seq
    if (!isDue) return undefined
    this.#againMs = nowMs + REFUTE_EVERY_MS
    return seq
  }

  /** When `take` is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    return this.#seq === -Infinity ? Infinity : this.#againMs
  }
}

/**
 * No member is told more often that it is suspect, or dead: it would hang up on whoever tells it as often as others can say
 * so. What it is not told rides on the next probe.
 */
export class Warnings {
  /** Who was told what since then. */
  readonly #told = new Set<string>()
  #sinceMs = -Infinity

  /** Whether the member is told of the row now. */
  take({ id, status }: MemberRow, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= REFUTE_EVERY_MS) {
      this.#told.clear()
      this.#sinceMs = nowMs
    }
    const { size } = this.#told
    return this.#told.add(`${status} ${id}`).size > size
  }
}
