// shell
/** The control lane of each session: messages in and out of bytes. What is no message ends the session. */

import type { NodeId } from '../ids.ts'
import { decodeMessage, encodeMessage } from '../protocol/codec.ts'
import { type Frame, FrameReader, FrameWriter } from '../protocol/frames.ts'
import type { Message } from '../protocol/messages.ts'

/** The only kind of frame on this lane. */
const MESSAGE_FRAME = 1

export interface ControlLaneInit {
  readonly send: (peer: NodeId, bytes: Uint8Array) => void
  readonly onMessage: (peer: NodeId, message: Message) => void
  readonly onGarbage: (peer: NodeId, reason: string) => void
}

interface Wire {
  readonly reader: FrameReader
  readonly writer: FrameWriter
}

export class ControlLane {
  readonly #init: ControlLaneInit
  readonly #wires = new Map<NodeId, Wire>()

  constructor(init: ControlLaneInit) {
    this.#init = init
  }

  onPeerUp(peer: NodeId): void {
    const writer: FrameWriter = new FrameWriter(
      bytes => this.#init.send(peer, bytes),
      () => queueMicrotask(() => this.#flush(peer, writer)),
    )
    const reader = new FrameReader(frame => this.#onFrame(peer, reader, frame))
    this.#wires.set(peer, { reader, writer })
  }

  onPeerDown(peer: NodeId): void {
    this.#wires.delete(peer)
  }

  send(peer: NodeId, message: Message): void {
    const bytes = encodeMessage(message)
    this.#wires.get(peer)?.writer.begin(MESSAGE_FRAME, bytes.length).bytes(bytes)
  }

  onBytes(peer: NodeId, bytes: Uint8Array): void {
    const violation = this.#wires.get(peer)?.reader.push(bytes)
    if (violation !== undefined) this.#refuse(peer, violation)
  }

  /** A session that has ended meanwhile must not speak into the next one with the same peer. */
  #flush(peer: NodeId, writer: FrameWriter): void {
    if (this.#wires.get(peer)?.writer === writer) writer.flush()
  }

  #onFrame(peer: NodeId, reader: FrameReader, frame: Frame): void {
    if (this.#wires.get(peer)?.reader !== reader) return
    const decoded = decodeMessage(frame.rest())
    if (decoded.kind === 'message') this.#init.onMessage(peer, decoded.message)
    else this.#refuse(peer, decoded.reason)
  }

  #refuse(peer: NodeId, reason: string): void {
    this.#wires.delete(peer)
    this.#init.onGarbage(peer, reason)
  }
}
