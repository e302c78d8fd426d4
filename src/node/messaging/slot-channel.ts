// shell
/** The two ends of a channel to a server or task on another node. */

import { type Run, type SlotId, isSameRun } from '../../ids.ts'
import { encodePayload } from '../../payload.ts'
import type { Issue } from '../../call-errors.ts'
import { FRAME, REPLY, type Target } from '../../protocol/channel.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { Frame } from '../../protocol/frames.ts'
import {
  type Caller,
  NO_ORIGIN,
  type Origin,
  type Request,
  readRequest,
  readTraced,
  traceOf,
} from '../../protocol/request.ts'
import { failureFrom } from '../supervision/exit.ts'
import { TRANSFER_BYTES_MIN, fresh } from '../workers/transfer.ts'
import type { Replier } from './mailbox.ts'
import type { Post } from './post.ts'
import type { Route } from './router.ts'
import type { Incoming, Outgoing, Session } from './session.ts'

/** The caller's end. */
export class SlotChannel implements Outgoing {
  readonly channel: number
  readonly target: Target
  readonly owner: Run
  readonly #route: Route

  /** `hops`: how often what goes in was sent on by a node that the worker had left. */
  constructor(channel: number, where: { readonly slot: SlotId; readonly hops: number }, route: Route) {
    const { slot, hops } = where
    this.channel = channel
    this.target = { kind: 'slot', slot, generation: route.generation, ...(hops === 0 ? {} : { hops }) }
    this.owner = route.owner
    this.#route = route
  }

  isTo(route: Route): boolean {
    const { number, tag } = this.#route.generation
    return (
      isSameRun(route.owner, this.owner) && route.generation.number === number && route.generation.tag === tag
    )
  }

  onResume(): void {}

  onSettle(): void {}

  onCredit(): void {}

  onDrain(): void {}

  onReset(): void {}

  onPause(): void {}
}

/** The worker's end. Whether the worker is there is seen for each letter: it may restart meanwhile. */
export class SlotInlet implements Incoming {
  readonly #target: Target & { kind: 'slot' }
  readonly #post: Post

  constructor(target: Target & { kind: 'slot' }, post: Post) {
    this.#target = target
    this.#post = post
  }

  onFrame(frame: Frame, session: Session): string | undefined {
    switch (frame.kind) {
      case FRAME.send:
        return this.#onSend(frame)
      case FRAME.traced:
        return this.#onTraced(frame)
      case FRAME.cast:
        return this.#onCast(frame)
      case FRAME.call:
        return this.#onCall(frame, session)
      default:
        return `a frame of kind ${frame.kind} for a worker`
    }
  }

  #onSend(frame: Frame): string | undefined {
    const { slot, generation, hops } = this.#target
    const bytes = frame.remaining
    try {
      const message = frame.payload()
      this.#giveAway(message, bytes)
      this.#post.deliver(slot, generation, { kind: 'message', message, origin: NO_ORIGIN, bytes }, hops)
    } catch (error) {
      return `a message that cannot be read: ${String(error)}`
    }
    return undefined
  }

  #onTraced(frame: Frame): string | undefined {
    const { slot, generation, hops } = this.#target
    const bytes = frame.remaining
    const traced = readTraced(frame)
    if (traced === undefined) return 'a message with a trace that cannot be read'
    const { traceId, message } = traced
    this.#giveAway(message, bytes)
    this.#post.deliver(slot, generation, { kind: 'message', message, origin: traceOf(traceId), bytes }, hops)
    return undefined
  }

  #onCast(frame: Frame): string | undefined {
    const { slot, generation, hops } = this.#target
    const bytes = frame.remaining
    const request = readRequest(frame)
    if (request === undefined) return 'a request that cannot be read'
    const { name, args, traceId } = request
    this.#giveAway(args, bytes)
    this.#post.deliver(slot, generation, { kind: 'cast', name, args, origin: traceOf(traceId), bytes }, hops)
    return undefined
  }

  #onCall(frame: Frame, session: Session): string | undefined {
    const { slot, generation } = this.#target
    const correlation = frame.u32()
    const timeoutMs = frame.u32()
    const deadlineMs = session.heardMs + timeoutMs
    const bytes = frame.remaining
    const request = readRequest(frame)
    if (request === undefined) return 'a request that cannot be read'
    const { name, args } = request
    const replier = new RemoteReplier(session, { correlation, slot, deadlineMs, request })
    if (session.answers.isBehind(timeoutMs, session.heardMs)) {
      replier.refuse()
      return undefined
    }
    this.#giveAway(args, bytes)
    this.#post.deliver(slot, generation, { kind: 'call', name, args, origin: replier, bytes, replier })
    return undefined
  }

  /** What has come over the wire is in nobody else's hands: into a thread it goes without a copy. */
  #giveAway(value: unknown, bytes: number): void {
    if (bytes >= TRANSFER_BYTES_MIN && this.#post.isThread(this.#target.slot)) fresh.add(value)
  }
}

/** Sends what comes of a call back to the caller. When the session is over, nobody waits any more. */
class RemoteReplier implements Replier, Origin {
  readonly #session: Session
  readonly #correlation: number
  readonly #slot: SlotId
  readonly deadlineMs: number
  readonly traceId: string | undefined
  readonly caller: Caller | undefined

  constructor(
    session: Session,
    call: {
      readonly correlation: number
      readonly slot: SlotId
      readonly deadlineMs: number
      readonly request: Request
    },
  ) {
    this.#session = session
    this.#correlation = call.correlation
    this.#slot = call.slot
    this.deadlineMs = call.deadlineMs
    this.traceId = call.request.traceId
    this.caller = call.request.caller
  }

  begin(nowMs: number): boolean {
    if (nowMs >= this.deadlineMs) this.#reply(REPLY.expired, encodePayload(null))
    else if (this.#session.answers.isFull) this.refuse()
    else return true
    return false
  }

  /** The connection does not carry the answers that wait already. */
  refuse(): void {
    this.#reply(REPLY.overloaded, encodePayload(true))
  }

  onResult(value: unknown): void {
    let payload: Uint8Array
    try {
      payload = encodePayload(value)
    } catch (error) {
      return this.onError(failureFrom(error, { node: this.#session.peer, slot: this.#slot }))
    }
    this.#reply(REPLY.result, payload)
  }

  onError(failure: Failure): void {
    this.#reply(REPLY.error, encodePayload(failure))
  }

  onInvalid(issues: readonly Issue[]): void {
    this.#reply(REPLY.invalid, encodePayload(issues))
  }

  onDeadlock(): void {
    this.#reply(REPLY.deadlock, encodePayload(null))
  }

  onExited(isExecuted: boolean, failure: Failure | undefined): void {
    this.#reply(REPLY.exited, encodePayload(failure === undefined ? isExecuted : [isExecuted, failure]))
  }

  onOverloaded(): void {
    this.#reply(REPLY.overloaded, encodePayload(null))
  }

  onElsewhere(): void {
    this.#reply(REPLY.elsewhere, encodePayload(null))
  }

  #reply(outcome: number, payload: Uint8Array): void {
    this.#session.reply(this.#correlation, outcome, payload, this.deadlineMs)
  }
}
