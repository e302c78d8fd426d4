// pure
/** How often this node probes for others who ask it to. */

import type { NodeId } from '../ids.ts'
import { CONTROL_MESSAGES } from './limits.ts'

/** In a second, for one of them: three times what one needs that reaches nobody. */
export const FAVOURS_MAX = 256

/** Of one member, for all together: a quarter of what it takes, so that it does not hang up on this node. */
export const FAVOURS_TOGETHER_MAX = CONTROL_MESSAGES.perSecond / 4

const SECOND_MS = 1_000

export class Favours {
  /** Of this second: for whom, and of whom. */
  readonly #done = new Map<NodeId, number>()
  readonly #asked = new Map<NodeId, number>()
  #sinceMs = -Infinity

  /** Whether `target` is probed once more for `requester`. */
  take(requester: NodeId, target: NodeId, nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= SECOND_MS) {
      this.#done.clear()
      this.#asked.clear()
      this.#sinceMs = nowMs
    }
    const done = this.#done.get(requester) ?? 0
    const asked = this.#asked.get(target) ?? 0
    if (done >= FAVOURS_MAX || asked >= FAVOURS_TOGETHER_MAX) return false
    this.#done.set(requester, done + 1)
    this.#asked.set(target, asked + 1)
    return true
  }
}
