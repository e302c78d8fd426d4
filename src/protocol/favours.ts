// pure
/** How often this node probes for others who ask it to. */

import type { NodeId } from '../ids.ts'
import { CONTROL_MESSAGES } from './limits.ts'

/** In a second, for one of them: three times what one needs that reaches nobody. */
export const FAVOURS_MAX = 256

/** For all together: a quarter of what one takes who is probed each time, so that it does not hang up on this node. */
export const FAVOURS_TOGETHER_MAX = CONTROL_MESSAGES.perSecond / 4

const SECOND_MS = 1_000

export class Favours {
  /** Of this second. */
  readonly #done = new Map<NodeId, number>()
  #together = 0
  #sinceMs = -Infinity

  /** Whether one more is done for `requester`. */
  take(requester: NodeId, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= SECOND_MS) {
      this.#done.clear()
      this.#together = 0
      this.#sinceMs = nowMs
    }
    const done = this.#done.get(requester) ?? 0
    if (done >= FAVOURS_MAX || this.#together >= FAVOURS_TOGETHER_MAX) return false
    this.#done.set(requester, done + 1)
    this.#together += 1
    return true
  }
}
