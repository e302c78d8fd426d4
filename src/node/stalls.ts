// shell
/**
 * Says when the event loop of the node was held up, and by whom. It has no timer of its own, as an idle node should
 * sleep: the one that the node has anyway tells by how much it comes late. A loop that never ends is never reported
 * here: this node does not get to it, and the others take it for dead.
 */

import type { SlotId } from '../ids.ts'
import type { Clock, Logger, Machine } from '../ports.ts'
import { RateLimit } from '../rate-limit.ts'
import { findLastScope } from './workers/scope.ts'

/** A hundred times what a turn may take (`Turn`), and a fraction of the time after which others suspect the node. */
const STALL_MS = 200

/** A loop that computed for at least this part of the time was held up by code, otherwise by the machine. */
const BUSY_SHARE = 0.5

/** The first ones are logged as they come, then one a minute: where a machine is busy, the loop is held up all the time. */
export const LOGGED_STALLS = { perSecond: 1 / 60, burst: 3 }

export interface Stall {
  readonly durationMs: number
  /** The inline worker whose code was begun last, and so may have run; left out where it was through with it. */
  readonly worker?: SlotId
}

export class Stalls {
  readonly #clock: Clock
  readonly #report: (stall: Stall) => void
  readonly #machine: Pick<Machine, 'usedMs'>
  #reportedMs = -Infinity
  #dueMs = Infinity
  /** What this thread had computed for when the timer was set. */
  #usedMs = 0

  constructor(clock: Clock, report: (stall: Stall) => void, machine: Pick<Machine, 'usedMs'>) {
    this.#clock = clock
    this.#report = report
    this.#machine = machine
  }

  /** One message has taken so long: the code that was entered last is to blame. */
  onMessageTook(durationMs: number): void {
    if (durationMs <= STALL_MS) return
    this.#reportedMs = this.#clock.nowMs()
    this.#report(stall(durationMs, findLastScope()?.identity.worker))
  }

  /** A timer is set for `dueMs`. There is one at a time. */
  onTimerSet(dueMs: number): void {
    this.#dueMs = dueMs
    this.#usedMs = this.#machine.usedMs()
  }

  /** It fires. Where it is late, the loop was held up, unless that is what was reported already. */
  onTimer(): void {
    const nowMs = this.#clock.nowMs()
    const durationMs = nowMs - this.#dueMs
    if (durationMs <= STALL_MS || nowMs - this.#reportedMs < durationMs + STALL_MS) return
    const isBusy = this.#machine.usedMs() - this.#usedMs > BUSY_SHARE * durationMs
    // Code that goes on after an `await` may be of the last worker, if that one still has something to go on with.
    const last = findLastScope()
    const worker = isBusy && last?.isOver === false ? last.identity.worker : undefined
    this.#report(stall(durationMs, worker))
  }
}

/** Tells people of stalls without flooding their logs: with the next line, how many were kept back, and the longest of them. */
export class StallLog {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #limit: RateLimit
  #timesSince = 0
  #longestMs = 0

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
    this.#limit = new RateLimit(LOGGED_STALLS, clock.nowMs())
  }

  /** @returns what was found, for whoever else is to be told */
  note(found: Stall): Stall {
    const durationMs = Math.round(found.durationMs)
    if (!this.#limit.take(this.#clock.nowMs())) {
      this.#timesSince += 1
      this.#longestMs = Math.max(this.#longestMs, durationMs)
      return found
    }
    const kept = this.#timesSince === 0 ? {} : { timesSince: this.#timesSince, longestMs: this.#longestMs }
    this.#timesSince = this.#longestMs = 0
    this.#logger.warn({ ...found, durationMs, ...kept }, 'the event loop was held up')
    return found
  }
}

function stall(durationMs: number, worker: SlotId | undefined): Stall {
  return worker === undefined ? { durationMs } : { durationMs, worker }
}
