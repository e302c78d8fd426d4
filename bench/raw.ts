/**
 * The baseline: a bare `node:net` socket with the project's own framing, batching and codec, and nothing else. No
 * encryption, no routing, no acknowledgements.
 */

import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

import { FrameReader, FrameWriter } from '../src/protocol/frames.ts'
import { decodePayload, encodePayload } from '../src/payload.ts'

/** Kinds of frames. */
const REQUEST = 1
const REPLY = 2
const NOTE = 3
const COUNT = 4

export type OnFrame = (kind: number, id: number, value: unknown) => void

/** One end of a connection. */
export class RawPeer {
  readonly #writer: FrameWriter

  constructor(socket: Socket, onFrame: OnFrame) {
    socket.setNoDelay(true)
    this.#writer = new FrameWriter(
      bytes => socket.write(bytes),
      () => queueMicrotask(() => this.#writer.flush()),
    )
    const reader = new FrameReader(frame => {
      const id = frame.u32()
      onFrame(frame.kind, id, decodePayload(frame.rest()))
    })
    socket.on('data', bytes => reader.push(bytes))
    socket.on('error', () => {})
  }

  send(kind: number, id: number, value: unknown): void {
    const bytes = encodePayload(value)
    this.#writer
      .begin(kind, 4 + bytes.length)
      .u32(id)
      .bytes(bytes)
  }
}

/** Answers requests with what they carry, counts notes. @returns the port */
export async function serveRaw(): Promise<number> {
  let count = 0
  const server = createServer(socket => {
    const peer: RawPeer = new RawPeer(socket, (kind, id, value) => {
      if (kind === REQUEST) peer.send(REPLY, id, value)
      else if (kind === NOTE) count += 1
      else if (kind === COUNT) peer.send(REPLY, id, count)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

export class RawClient {
  readonly #peer: RawPeer
  readonly #pending = new Map<number, (value: unknown) => void>()
  #ids = 0

  private constructor(socket: Socket) {
    this.#peer = new RawPeer(socket, (_kind, id, value) => {
      const resolve = this.#pending.get(id)
      this.#pending.delete(id)
      resolve?.(value)
    })
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  call(value: unknown): Promise<unknown> {
    return this.#ask(REQUEST, value)
  }

  note(value: unknown): void {
    this.#peer.send(NOTE, 0, value)
  }

  count(): Promise<unknown> {
    return this.#ask(COUNT, null)
  }

  #ask(kind: number, value: unknown): Promise<unknown> {
    return new Promise(resolve => {
      this.#ids += 1
      this.#pending.set(this.#ids, resolve)
      this.#peer.send(kind, this.#ids, value)
    })
  }
}
