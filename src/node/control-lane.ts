// shell
/** The control lane of each session: messages in and out of bytes. What is no message ends the session. */

import type { NodeId } from '../ids.ts'
import { decodeMessage, encodeMessage } from '../protocol/codec.ts'
import { type Frame, FrameReader, FrameWriter } from '../protocol/frames.ts'
import { CONTROL_MESSAGES, RateLimit } from '../protocol/limits.ts'
import type { ProtocolRange } from '../protocol/member-row.ts'
import { CONTROL_FRAME_BYTES_MAX, type Message } from '../protocol/messages.ts'

/** The only kind of frame on this lane. */
const MESSAGE_FRAME = 1

/** Why a peer is not listened to any more. */
export type Offence = 'violation' | 'flood' | 'incompatible'

export interface ControlLaneInit {
  /** The versions that this node speaks. */
  readonly protocol: ProtocolRange
  readonly nowMs: () => number
  readonly send: (peer: NodeId, bytes: Uint8Array) => void
  readonly onMessage: (peer: NodeId, message: Message) => void
  /** A message is too large for the lane, and was not sent. */
  readonly onOversize: (peer: NodeId, message: Message, bytes: number) => void
  readonly onOffence: (peer: NodeId, offence: Offence, reason: string) => void
}

interface Wire {
  readonly reader: FrameReader
  readonly writer: FrameWriter
  readonly limit: RateLimit
}

export class ControlLane {
  readonly #init: ControlLaneInit
  readonly #wires = new Map<NodeId, Wire>()
  /** What was sent last: news goes to everybody, and is encoded once. */
  #last: { readonly message: Message; readonly bytes: Uint8Array } | undefined

  constructor(init: ControlLaneInit) {
    this.#init = init
  }

  onPeerUp(peer: NodeId): void {
    const writer: FrameWriter = new FrameWriter(
      bytes => this.#init.send(peer, bytes),
      () => queueMicrotask(() => this.#flush(peer, writer)),
    )
    const reader = new FrameReader(frame => this.#onFrame(peer, reader, frame), CONTROL_FRAME_BYTES_MAX)
    this.#wires.set(peer, { reader, writer, limit: new RateLimit(CONTROL_MESSAGES, this.#init.nowMs()) })
  }

  onPeerDown(peer: NodeId): void {
    this.#wires.delete(peer)
  }

  send(peer: NodeId, message: Message): void {
    if (this.#last?.message !== message) this.#last = { message, bytes: encodeMessage(message) }
    const { bytes } = this.#last
    // Sent, it would end the session.
    if (bytes.length >= CONTROL_FRAME_BYTES_MAX) return this.#init.onOversize(peer, message, bytes.length)
    this.#wires.get(peer)?.writer.begin(MESSAGE_FRAME, bytes.length).bytes(bytes)
  }

  onBytes(peer: NodeId, bytes: Uint8Array): void {
    const violation = this.#wires.get(peer)?.reader.push(bytes)
    if (violation !== undefined) this.#refuse(peer, 'violation', violation)
  }

  /** A session that has ended meanwhile must not speak into the next one with the same peer. */
  #flush(peer: NodeId, writer: FrameWriter): void {
    if (this.#wires.get(peer)?.writer === writer) writer.flush()
  }

  #onFrame(peer: NodeId, reader: FrameReader, frame: Frame): void {
    const wire = this.#wires.get(peer)
    if (wire?.reader !== reader) return
    if (!wire.limit.take(this.#init.nowMs())) {
      const { perSecond, burst } = CONTROL_MESSAGES
      return this.#refuse(peer, 'flood', `more than ${perSecond} messages a second, and ${burst} at once`)
    }
    if (frame.kind !== MESSAGE_FRAME) {
      return this.#refuse(peer, 'violation', `a frame of kind ${frame.kind} on the control lane`)
    }
    const decoded = decodeMessage(frame.rest(), this.#init.protocol)
    if (decoded.kind === 'message') this.#init.onMessage(peer, decoded.message)
    else this.#refuse(peer, decoded.kind === 'garbage' ? 'violation' : 'incompatible', decoded.reason)
  }

  #refuse(peer: NodeId, offence: Offence, reason: string): void {
    this.#wires.delete(peer)
    this.#init.onOffence(peer, offence, reason)
  }
}
