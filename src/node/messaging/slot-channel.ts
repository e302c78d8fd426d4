// shell
/** The two ends of a channel to a server or task on another node. */

import { type Run, type SlotId, isSameRun } from '../../ids.ts'
import { decodePayload, encodePayload } from '../../payload.ts'
import { FRAME, REPLY, type Target, decodeRequest } from '../../protocol/channel.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { Frame } from '../../protocol/frames.ts'
import { failureFrom } from '../supervision/exit.ts'
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

  constructor(channel: number, slot: SlotId, route: Route) {
    this.channel = channel
    this.target = { kind: 'slot', slot, generation: route.generation }
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
    const { slot, generation } = this.#target
    if (frame.kind === FRAME.send) {
      const bytes = frame.rest()
      try {
        const message = decodePayload(bytes)
        this.#post.deliver(slot, generation, { kind: 'message', message, bytes: bytes.length })
      } catch (error) {
        return `a message that cannot be read: ${String(error)}`
      }
      return undefined
    }
    if (frame.kind !== FRAME.call && frame.kind !== FRAME.cast)
      return `a frame of kind ${frame.kind} for a worker`
    const correlation = frame.kind === FRAME.call ? frame.u32() : 0
    if (frame.kind === FRAME.call) frame.u32()
    const bytes = frame.remaining
    const request = decodeRequest(frame.rest())
    if (request === undefined) return 'a request that cannot be read'
    if (frame.kind === FRAME.cast) this.#post.deliver(slot, generation, { kind: 'cast', ...request, bytes })
    else {
      const replier = new RemoteReplier(session, correlation, slot)
      this.#post.deliver(slot, generation, { kind: 'call', ...request, replier, bytes })
    }
    return undefined
  }
}

/** Sends what comes of a call back to the caller. When the session is over, nobody waits any more. */
class RemoteReplier implements Replier {
  readonly #session: Session
  readonly #correlation: number
  readonly #slot: SlotId

  constructor(session: Session, correlation: number, slot: SlotId) {
    this.#session = session
    this.#correlation = correlation
    this.#slot = slot
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

  onExited(isExecuted: boolean): void {
    this.#reply(REPLY.exited, encodePayload(isExecuted))
  }

  onOverloaded(): void {
    this.#reply(REPLY.overloaded, encodePayload(null))
  }

  onElsewhere(): void {
    this.#reply(REPLY.elsewhere, encodePayload(null))
  }

  #reply(outcome: number, payload: Uint8Array): void {
    this.#session.writer
      .begin(FRAME.reply, 5 + payload.length)
      .u32(this.#correlation)
      .u8(outcome)
      .bytes(payload)
  }
}
