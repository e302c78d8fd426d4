// shell
/** Calls that a server answers later: who waits, and when all answers are there that come by themselves. */

import type { Cancel, Clock } from '../../ports.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { ChildSpec } from '../../protocol/spec-row.ts'
import type { Replier } from '../messaging/mailbox.ts'
import type { Deferred } from './deferred.ts'

/** Of its stop time-out, what a server that moves waits for its answers: the rest is for its handoff. */
const ANSWERS_SHARE = 0.5

export class OpenAnswers {
  /** Whether the answer comes by itself. */
  readonly #open = new Map<Replier, boolean>()
  #underWayCount = 0
  #onNoneUnderWay: (() => void) | undefined
  #cancel: Cancel | undefined

  /** `onCome`: the answer is there, or there will be none, whether anybody still waits for it or not. */
  add(
    answer: Deferred<unknown>,
    replier: Replier,
    more: {
      readonly reply: (value: unknown) => void
      readonly failureOf: (error: unknown) => Failure
      readonly onCome: () => void
    },
  ): void {
    this.#open.set(replier, answer.isUnderWay)
    if (answer.isUnderWay) this.#underWayCount += 1
    const come = (tell: () => void): void => {
      more.onCome()
      if (!this.#open.delete(replier)) return
      tell()
      if (!answer.isUnderWay) return
      this.#underWayCount -= 1
      if (this.#underWayCount === 0) this.#onNoneUnderWay?.()
    }
    answer.promise.then(
      value => come(() => more.reply(value)),
      (error: unknown) => come(() => replier.onError(more.failureOf(error))),
    )
  }

  /**
   * Calls `action` once: when no answer is under way any more, and early enough within the stop time-out in any case.
   * Not after `discard`.
   */
  whenNoneUnderWay(
    clock: Clock,
    { stopTimeoutMs }: Pick<ChildSpec, 'stopTimeoutMs'>,
    action: () => void,
  ): void {
    if (this.#underWayCount === 0) return action()
    const finish = (): void => {
      this.#forget()
      action()
    }
    this.#onNoneUnderWay = finish
    this.#cancel = clock.after(stopTimeoutMs * ANSWERS_SHARE, finish)
  }

  /** The server has ended: whoever still waits is told, and why, where it has failed. */
  discard(failure: Failure | undefined): void {
    this.#forget()
    for (const replier of this.#open.keys()) replier.onExited(true, failure)
    this.#open.clear()
  }

  #forget(): void {
    this.#onNoneUnderWay = undefined
    this.#cancel?.()
    this.#cancel = undefined
  }
}
