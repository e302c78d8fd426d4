// shell
/** One call on its way: it ends exactly once, and knows whether it may have been executed. */

import {
  AbortError,
  CallTimeoutError,
  type Issue,
  NodeLostError,
  ValidationError,
  WorkerExitedError,
} from '../../call-errors.ts'
import { type NodeId, specOfSlot } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { Generation } from '../../protocol/phase.ts'
import { pendingText } from '../supervision/spec-status.ts'
import type { Caller, Origin } from '../../protocol/request.ts'
import type { CallRequest } from '../workers/gateway.ts'
import { refusedThere } from './congestion.ts'
import { type Deadlocks, circleOf, crossed } from './deadlocks.ts'
import type { Replier } from './mailbox.ts'
import { errorOfAnswer } from './reply.ts'
import type { Router } from './router.ts'
import type { Expiring } from './timeouts.ts'

/** How long a call waits where neither it nor its caller says anything: as in OTP. */
const TIMEOUT_MS = 5_000

/** Timers of Node, and the field of the frame, count no further. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

export class Call implements Replier, Expiring, Origin {
  readonly request: CallRequest
  readonly startedMs: number
  readonly deadlineMs: number
  readonly traceId: string | undefined
  readonly caller: Caller | undefined
  readonly #deadlocks: Deadlocks
  readonly #router: Router
  readonly #onElsewhere: () => void
  readonly #onEnd: (error: Error | undefined, value: unknown) => void
  #cancels: (() => void)[] | undefined
  /** It may have been executed: it is on its way to another node, or the worker of this node is at it. */
  #isGiven = false
  isOver = false
  correlation: number | undefined
  /** The generation of the worker that it was given, or sent, to. */
  tried: Generation | undefined
  peer: NodeId | undefined
  /** How to wait no longer for a change of what its worker is of, where it does. */
  stopWatching: (() => void) | undefined

  constructor(
    request: CallRequest,
    more: {
      readonly startedMs: number
      readonly deadlocks: Deadlocks
      readonly router: Router
      readonly onElsewhere: () => void
      readonly onEnd: (error: Error | undefined, value: unknown) => void
    },
  ) {
    const { origin, timeoutMs } = request
    this.request = request
    this.startedMs = more.startedMs
    const ownMs = more.startedMs + Math.min(timeoutMs ?? TIMEOUT_MS, TIMEOUT_MS_MAX)
    this.deadlineMs =
      origin.deadlineMs !== undefined && (timeoutMs === undefined || origin.deadlineMs < ownMs)
        ? origin.deadlineMs
        : ownMs
    this.traceId = origin.traceId
    this.caller = origin.caller
    this.#deadlocks = more.deadlocks
    this.#router = more.router
    this.#onElsewhere = more.onElsewhere
    this.#onEnd = more.onEnd
  }

  begin(): boolean {
    if (this.isOver) return false
    this.#isGiven = true
    return true
  }

  onSent(correlation: number, peer: NodeId): void {
    this.#isGiven = true
    this.correlation = correlation
    this.peer = peer
  }

  onUnsent(): void {
    this.#isGiven = false
    this.correlation = undefined
    this.peer = undefined
  }

  /** `cancel` takes back something that was asked for on behalf of the call. */
  onCancelled(cancel: () => void): void {
    this.#cancels ??= []
    this.#cancels.push(cancel)
  }

  onResult(value: unknown): void {
    this.#end(undefined, value)
  }

  onError(failure: Failure): void {
    this.fail(errorOfAnswer(failure))
  }

  onInvalid(issues: readonly Issue[]): void {
    const { slot, name } = this.request
    this.fail(new ValidationError(`"${name}" of "${slot}"`, issues))
  }

  onExited(isExecuted: boolean, failure: Failure | undefined): void {
    const when = isExecuted ? 'while it was at this call' : 'before it came to this call'
    const message = `"${this.request.slot}" ended ${when}`
    const options = { maybeExecuted: isExecuted }
    if (failure === undefined) return this.fail(new WorkerExitedError(message, options))
    const { name, message: why } = failure
    this.fail(new WorkerExitedError(`${message}: ${name}: ${why}`, { ...options, cause: failure }))
  }

  onOverloaded(): void {
    this.fail(refusedThere(this.request.slot, null))
  }

  onDeadlock(): void {
    this.fail(circleOf(this.request.slot, this.caller))
  }

  onElsewhere(): void {
    this.#onElsewhere()
  }

  onNodeLost(node: NodeId): void {
    this.fail(
      new NodeLostError(`the session with node ${node} broke during the call`, { maybeExecuted: true }),
    )
  }

  onExpired(): void {
    const { slot } = this.request
    const pending = this.#isGiven ? undefined : this.#router.whyPending(slot)
    if (pending !== undefined) return this.#expire(pendingText(specOfSlot(slot), pending), false, pending)
    const suspect = this.#router.findSuspect(slot)
    const doubt = suspect === undefined ? '' : `; its node ${suspect} is suspect: it may be dead`
    const where = `the worker ${this.#isGiven ? 'may have' : 'has not'} come to it${doubt}`
    const crossing = this.#deadlocks.findCrossing(slot)
    this.#expire(crossing === undefined ? where : `${where}. ${crossed(crossing)}`, this.#isGiven)
  }

  /** The worker came to it too late, and has left it. */
  onExpiredThere(): void {
    this.#expire('the worker came to it too late', false)
  }

  onAborted(reason: unknown): void {
    const { slot, name } = this.request
    this.fail(new AbortError(`the call "${name}" of "${slot}"`, reason, { maybeExecuted: this.#isGiven }))
  }

  fail(error: Error): void {
    this.#end(error, undefined)
  }

  #expire(where: string, maybeExecuted: boolean, pending?: string): void {
    const waitedMs = Math.max(0, Math.round(this.deadlineMs - this.startedMs))
    const message = `"${this.request.slot}" did not answer in ${waitedMs} ms: ${where}`
    this.fail(new CallTimeoutError(message, { maybeExecuted, pending }))
  }

  #end(error: Error | undefined, value: unknown): void {
    if (this.isOver) return
    this.isOver = true
    for (const cancel of this.#cancels ?? []) cancel()
    this.stopWatching?.()
    this.#onEnd(error, value)
  }
}
