// shell
/** The control lane of each session: messages in and out of bytes. What is no message ends the session. */

import type { NodeId } from '../ids.ts'
import { decodeMessage, encodeMessage, isOversize } from '../protocol/codec.ts'
import { type Frame, FrameReader, FrameWriter } from '../protocol/frames.ts'
import { CONTROL_MESSAGES } from '../protocol/limits.ts'
import { RateLimit } from '../rate-limit.ts'
import type { ProtocolRange } from '../protocol/member-row.ts'
import { CONTROL_FRAME_BYTES_MAX, CONTROL_MESSAGE_BYTES_MAX, type Message } from '../protocol/messages.ts'

/** A message, or the end of one. */
const MESSAGE_FRAME = 1
/** A part of a message that is larger than a frame; more of it follows. */
const PIECE_FRAME = 2

/** Some of them wait in the buffers of both sides: a frame need not be as large as it may. */
const PIECE_BYTES = CONTROL_FRAME_BYTES_MAX / 2

/** Why a peer is not listened to any more. `mute`: it does not say hello. */
export type Offence = 'violation' | 'flood' | 'incompatible' | 'mute'

export interface ControlLaneInit {
  /** The versions that this node speaks. */
  readonly protocol: ProtocolRange
  readonly nowMs: () => number
  readonly send: (peer: NodeId, bytes: Uint8Array) => void
  readonly onMessage: (peer: NodeId, message: Message) => void
  /** A message is too large for the lane, and was not sent. */
  readonly onOversize: (peer: NodeId, message: Message, bytes: number) => void
  readonly onOffence: (peer: NodeId, offence: Offence, reason: string) => void
  /** A session is over that this node has not refused. `hasSpoken`: a message of the peer has come. */
  readonly onEnded: (peer: NodeId, hasSpoken: boolean) => void
}

interface Wire {
  readonly reader: FrameReader
  readonly writer: FrameWriter
  readonly limit: RateLimit
  hasSpoken: boolean
  /** What has come of a message that comes in pieces. */
  pieces: Uint8Array[]
  pieceBytes: number
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
    const limit = new RateLimit(CONTROL_MESSAGES, this.#init.nowMs())
    this.#wires.set(peer, { reader, writer, limit, hasSpoken: false, pieces: [], pieceBytes: 0 })
  }

  onPeerDown(peer: NodeId): void {
    const wire = this.#wires.get(peer)
    this.#wires.delete(peer)
    if (wire !== undefined) this.#init.onEnded(peer, wire.hasSpoken)
  }

  send(peer: NodeId, message: Message): void {
    if (this.#last?.message !== message) this.#last = { message, bytes: encodeMessage(message) }
    const { bytes } = this.#last
    // Sent, it would end the session.
    if (isOversize(bytes)) return this.#init.onOversize(peer, message, bytes.length)
    const writer = this.#wires.get(peer)?.writer
    let at = 0
    for (; bytes.length - at >= CONTROL_FRAME_BYTES_MAX; at += PIECE_BYTES)
      writer?.begin(PIECE_FRAME, PIECE_BYTES).bytes(bytes.subarray(at, at + PIECE_BYTES))
    writer?.begin(MESSAGE_FRAME, bytes.length - at).bytes(at === 0 ? bytes : bytes.subarray(at))
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
    if (frame.kind !== MESSAGE_FRAME && frame.kind !== PIECE_FRAME) {
      return this.#refuse(peer, 'violation', `a frame of kind ${frame.kind} on the control lane`)
    }
    const bytes = collect(wire, frame)
    if (wire.pieceBytes > CONTROL_MESSAGE_BYTES_MAX) {
      return this.#refuse(peer, 'violation', `a message of more than ${CONTROL_MESSAGE_BYTES_MAX} bytes`)
    }
    if (bytes === undefined) return undefined
    const decoded = decodeMessage(bytes, this.#init.protocol)
    wire.hasSpoken = true
    if (decoded.kind === 'message') this.#init.onMessage(peer, decoded.message)
    else this.#refuse(peer, decoded.kind === 'garbage' ? 'violation' : 'incompatible', decoded.reason)
  }

  #refuse(peer: NodeId, offence: Offence, reason: string): void {
    this.#wires.delete(peer)
    this.#init.onOffence(peer, offence, reason)
  }
}

/** @returns the message, when this frame is the end of it */
function collect(wire: Wire, frame: Frame): Uint8Array | undefined {
  const piece = frame.rest()
  if (frame.kind === MESSAGE_FRAME && wire.pieces.length === 0) return piece
  wire.pieces.push(piece)
  // An empty one costs something too.
  wire.pieceBytes += Math.max(1, piece.length)
  if (frame.kind === PIECE_FRAME) return undefined
  const bytes = new Uint8Array(wire.pieces.reduce((sum, each) => sum + each.length, 0))
  let at = 0
  for (const each of wire.pieces) {
    bytes.set(each, at)
    at += each.length
  }
  wire.pieces = []
  wire.pieceBytes = 0
  return bytes
}
