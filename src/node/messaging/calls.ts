// shell
/**
 * Calls on their way: each ends exactly once, with its result or with an error that says whether it may have been
 * executed. A call for a worker that restarts waits for it; one whose node is lost does not.
 */

import { UnreachableError, WorkerExitedError } from '../../call-errors.ts'
import { NodeStoppedError } from '../../errors.ts'
import { type NodeId, type SpecId, specOfSlot } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import { REPLY } from '../../protocol/channel.ts'
import type { ReachChange } from '../../protocol/reach.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { Frame } from '../../protocol/frames.ts'
import { compareGenerations } from '../../protocol/phase.ts'
import { becauseOf, isDown } from '../supervision/spec-status.ts'
import { toError } from '../thrown-value.ts'
import { issuesOf } from '../../protocol/request.ts'
import type { CallRequest } from '../workers/gateway.ts'
import { placeOfNow, runAt } from '../workers/scope.ts'
import { Call } from './call.ts'
import { refusedThere } from './congestion.ts'
import type { Deadlocks } from './deadlocks.ts'
import { exitIn, failureIn } from './reply.ts'
import type { Route, Router } from './router.ts'
import { Timeouts } from './timeouts.ts'
import { findMistake } from './unaddressed.ts'

/** What a call needs of those who can deliver it. */
export interface Carrier {
  /** @returns false when nothing could be sent: there is no session with the node now */
  carry(call: Call, route: Route, nowMs: number): boolean
}

export class Calls {
  readonly #clock: Clock
  readonly #router: Router
  readonly #carrier: Carrier
  readonly #deadlocks: Deadlocks
  readonly #timeouts: Timeouts
  readonly #sent = new Map<number, Call>()
  /** Calls for workers that are not to be reached now. */
  readonly #waiting = new Set<Call>()
  #correlations = 0

  constructor(clock: Clock, router: Router, carrier: Carrier, deadlocks: Deadlocks) {
    this.#clock = clock
    this.#router = router
    this.#carrier = carrier
    this.#deadlocks = deadlocks
    this.#timeouts = new Timeouts(clock)
  }

  start(request: CallRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const place = placeOfNow()
      const call = new Call(request, {
        startedMs: this.#clock.nowMs(),
        deadlocks: this.#deadlocks,
        router: this.#router,
        onElsewhere: () => this.#redirect(call),
        onEnd: (error, value) => {
          this.#timeouts.delete(call)
          this.#waiting.delete(call)
          if (call.correlation !== undefined) this.#sent.delete(call.correlation)
          if (error === undefined) resolve(value)
          // Where nobody awaits it, whoever has made the call has failed: not the worker, or the peer, that has ended it.
          else runAt(place, () => reject(error))
        },
      })
      if (call.deadlineMs <= call.startedMs) return call.onExpired()
      this.#timeouts.add(call)
      if (request.signal !== undefined) this.#obey(request.signal, call)
      this.#attempt(call, call.startedMs)
    })
  }

  /** Remembers a call that goes to another node. @returns the number that its reply will carry */
  enter(call: Call, peer: NodeId): number {
    this.#correlations = (this.#correlations + 1) >>> 0
    call.onSent(this.#correlations, peer)
    this.#sent.set(this.#correlations, call)
    return this.#correlations
  }

  /** @returns why the reply makes no sense */
  onReply(frame: Frame, peer: NodeId): string | undefined {
    const call = this.#sent.get(frame.u32())
    if (call === undefined || call.peer !== peer) return undefined
    const outcome = frame.u8()
    let payload: unknown
    try {
      payload = frame.payload()
    } catch (error) {
      return `a reply that cannot be read: ${String(error)}`
    }
    switch (outcome) {
      case REPLY.result:
        call.onResult(payload)
        return undefined
      case REPLY.error:
        call.onError(failureIn(payload, peer, call.request.slot))
        return undefined
      case REPLY.overloaded:
        call.fail(refusedThere(call.request.slot, payload))
        return undefined
      case REPLY.exited:
        call.onExited(...exitIn(payload, peer, call.request.slot))
        return undefined
      case REPLY.invalid:
        call.onInvalid(issuesOf(payload))
        return undefined
      case REPLY.deadlock:
        call.onDeadlock()
        return undefined
      case REPLY.expired:
        call.onExpiredThere()
        return undefined
      case REPLY.elsewhere:
        call.onElsewhere()
        return undefined
      default:
        return `a reply with outcome ${outcome}`
    }
  }

  onPeerDown(peer: NodeId): void {
    for (const call of this.#sent.values()) if (call.peer === peer) call.onNodeLost(peer)
  }

  /** There is a session with a peer, or others reach it and this node does not: calls that wait may have a way, or no hope. */
  followReach({ peer }: ReachChange): void {
    // A copy: a call that still finds no way waits again, and would be met again.
    for (const call of Array.from(this.#waiting))
      if (this.#router.find(call.request.slot)?.owner.id === peer) this.#attempt(call)
  }

  #attempt(call: Call, nowMs = this.#clock.nowMs()): void {
    if (call.isOver) return
    const spec = specOfSlot(call.request.slot)
    const route = this.#router.find(call.request.slot)
    this.#waiting.delete(call)
    call.tried = route?.generation
    if (route !== undefined && this.#carry(call, route, nowMs)) return
    const error = this.#hopeless(spec, call, route)
    if (error === undefined) this.#retryLater(call)
    else call.fail(this.#deadlocks.find(call.request.slot, call.caller) ?? error)
  }

  #carry(call: Call, route: Route, nowMs: number): boolean {
    try {
      return this.#carrier.carry(call, route, nowMs)
    } catch (error) {
      call.fail(toError(error))
      return true
    }
  }

  /** It has not been executed; as soon as this node knows better where the worker is, it goes there. */
  #retryLater(call: Call): void {
    if (call.isOver) return
    if (call.correlation !== undefined) this.#sent.delete(call.correlation)
    call.onUnsent()
    this.#waiting.add(call)
    if (call.caller !== undefined) queueMicrotask(() => this.#suspect(call))
    this.#watch(call)
  }

  /** Once: it may have been tried for another reason meanwhile, or be on its way. */
  #watch(call: Call): void {
    if (call.stopWatching !== undefined) return
    const attempt = (): void => {
      call.stopWatching = undefined
      // It may have found another way meanwhile: it must not go out twice.
      if (this.#waiting.has(call)) this.#attempt(call)
    }
    call.stopWatching = this.#router.whenChanged(specOfSlot(call.request.slot), attempt)
  }

  /** Whoever has made the call waits for it, or is through by now. */
  #suspect(call: Call): void {
    if (!this.#waiting.has(call)) return
    const error = this.#deadlocks.find(call.request.slot, call.caller)
    if (error !== undefined) call.fail(error)
  }

  /**
   * The worker was not where this node believed it to be: it may have learnt better while the call was under way, or
   * that there is no such worker any more.
   */
  #redirect(call: Call): void {
    this.#retryLater(call)
    const { slot } = call.request
    const route = this.#router.find(slot)
    const isOver = this.#router.isOver || this.#router.bodyOf(specOfSlot(slot)) === undefined
    const isElsewhere =
      route !== undefined &&
      call.tried !== undefined &&
      compareGenerations(route.generation, call.tried) !== 0
    if (isOver || isElsewhere) this.#attempt(call)
  }

  /** Why waiting for the worker is of no use. */
  #hopeless(spec: SpecId, call: Call, route: Route | undefined): Error | undefined {
    if (this.#router.isOver) return new NodeStoppedError()
    const { slot } = call.request
    const reachedBy = route === undefined ? undefined : this.#router.findReachers(route.owner.id)
    if (route !== undefined && reachedBy !== undefined)
      return new UnreachableError(slot, route.owner.id, reachedBy)
    const body = this.#router.bodyOf(spec)
    const mistake = findMistake(slot, body)
    if (mistake !== undefined || body === undefined) return mistake
    const status = this.#router.statusOf(spec)
    if (isDown(status)) {
      const why = becauseOf(status, body.kind, spec)
      const cause = status.kind === 'stopped' ? undefined : status.failure
      return notRunning(`"${slot}" has ended and is not restarted${why}`, cause)
    }
    const part = this.#router.partStatusOf(spec, slot)
    if (part?.kind !== 'stopped' && part?.kind !== 'failed' && part?.kind !== 'ended') return undefined
    const why = part.failure === undefined ? '' : `: ${part.failure.name}: ${part.failure.message}`
    const revive = `node.getGroup("${spec}").restartMember("${slot.slice(spec.length + 1)}") starts it again`
    const message = `"${slot}" has ${part.kind === 'failed' ? 'not started' : part.kind}${why}; ${revive}`
    return notRunning(message, part.failure)
  }

  #obey(signal: AbortSignal, call: Call): void {
    const abort = (): void => call.onAborted(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    call.onCancelled(() => signal.removeEventListener('abort', abort))
  }
}

function notRunning(message: string, cause: Failure | undefined): WorkerExitedError {
  return new WorkerExitedError(message, { maybeExecuted: false, ...(cause === undefined ? {} : { cause }) })
}
