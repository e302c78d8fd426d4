// shell
/**
 * Says when the event loop of the node was held up, and by whom. A loop that never ends is never reported here: this
 * node does not get to it, and the others take it for dead.
 */

import type { SlotId } from '../ids.ts'
import type { Clock } from '../ports.ts'
import { findLastScope } from './workers/scope.ts'

/** Twenty times what a turn may take (`Turn`), and a fraction of the time after which others suspect the node. */
export const STALL_MS = 200

export interface Stall {
  readonly durationMs: number
  /** The inline worker whose code ran; left out where that cannot be told, or it was no worker. */
  readonly worker?: SlotId
}

export class Stalls {
  readonly #clock: Clock
  readonly #report: (stall: Stall) => void
  #reportedMs = -Infinity

  constructor(clock: Clock, report: (stall: Stall) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** One message has taken so long: the code that was entered last is to blame. */
  onMessageTook(durationMs: number): void {
    if (durationMs <= STALL_MS) return
    this.#reportedMs = this.#clock.nowMs()
    this.#report(stall(durationMs, findLastScope()?.identity.worker))
  }

  /** The loop was held up; `isBusy`: by code. That may be what was reported already. */
  onLoopWasHeld(durationMs: number, isBusy: boolean): void {
    const sinceMs = this.#clock.nowMs() - this.#reportedMs
    if (sinceMs < durationMs + STALL_MS) return
    // Code that goes on after an `await` is of the last worker, if that one still has something to go on with.
    const last = findLastScope()
    const worker = isBusy && last?.isOver === false ? last.identity.worker : undefined
    this.#report(stall(durationMs, worker))
  }
}

function stall(durationMs: number, worker: SlotId | undefined): Stall {
  return worker === undefined ? { durationMs } : { durationMs, worker }
}
