// shell
/** A session: one connection with its two streams. It ends as a whole, whichever part of it ends first. */

import type { Connection, Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

import { type NodeId, nodeId } from '../../ids.ts'
import type { Cancel, Clock, Lane } from '../../ports.ts'
import { HANDSHAKE_TIMEOUT_MS } from './mesh-tcp.ts'

export interface SessionHandlers {
  onReady(session: Libp2pSession): void
  onOver(session: Libp2pSession, reason: string): void
  onBytes(session: Libp2pSession, lane: Lane, bytes: Uint8Array): void
  onDrain(session: Libp2pSession, lane: Lane): void
}

/** How long a last message may take to get out. */
const CLOSE_TIMEOUT_MS = 500

/** A connection that has not got its two streams by then is none of ours. Streams take as long as a handshake. */
const OPENING_TIMEOUT_MS = HANDSHAKE_TIMEOUT_MS

export class Libp2pSession {
  readonly peer: NodeId
  readonly connection: Connection
  readonly openedMs: number
  readonly #clock: Clock
  readonly #handlers: SessionHandlers
  readonly #streams = new Map<Lane, Stream>()
  readonly #ended = new Set<Lane>()
  /** Where the sender was asked to wait. */
  readonly #full = new Set<Lane>()
  readonly #opened = Promise.withResolvers<string | undefined>()
  #timer: Cancel
  #isOver = false

  constructor(connection: Connection, clock: Clock, handlers: SessionHandlers) {
    this.peer = nodeId(connection.remotePeer.toString())
    this.connection = connection
    this.openedMs = clock.nowMs()
    this.#clock = clock
    this.#handlers = handlers
    this.#timer = clock.after(OPENING_TIMEOUT_MS, () => this.abort('no streams were opened in time'))
    connection.addEventListener('close', () => this.#end('the peer has closed the connection'))
  }

  /** Settles when both streams are there. Resolves to what has ended it before that; undefined: nothing, it is open. */
  get opened(): Promise<string | undefined> {
    return this.#opened.promise
  }

  /** Takes one of the two streams. With both, the session is ready. */
  addStream(lane: Lane, stream: Stream): void {
    if (this.#isOver || this.#streams.has(lane))
      return stream.abort(new Error('the session has this stream already'))
    this.#streams.set(lane, stream)
    stream.addEventListener('end', () => this.#onEnd(lane))
    stream.addEventListener('close', ({ error }) => {
      if (error === undefined) this.#onEnd(lane)
      else this.abort(`a stream broke: ${error.message}`)
    })
    stream.addEventListener('drain', () => this.#onDrain(lane, stream))
    if (this.#streams.size < 2) return
    this.#timer()
    this.#handlers.onReady(this)
    this.#opened.resolve(undefined)
  }

  /** Starts reading. What has come in before was kept by the streams. */
  read(): void {
    for (const [lane, stream] of this.#streams) {
      stream.addEventListener('message', event => this.#onMessage(lane, event.data))
    }
  }

  /** @returns false when the stream asks to wait */
  send(lane: Lane, bytes: Uint8Array): boolean {
    const stream = this.#streams.get(lane)
    if (this.#isOver || stream === undefined) return true
    try {
      const takesMore = stream.send(bytes)
      if (!takesMore) this.#full.add(lane)
      return takesMore
    } catch (error) {
      this.abort(`a stream does not take more: ${String(error)}`)
      return true
    }
  }

  /** Lets what was sent get out, then ends. Nothing of what still comes in is passed on. */
  async close(reason: string): Promise<void> {
    if (this.#isOver) return
    const signal = AbortSignal.timeout(CLOSE_TIMEOUT_MS)
    this.#end(reason)
    // Closing rejects, sometimes with what is no error, when the other side is faster: then it is closed all the same.
    await Promise.allSettled([...this.#streams.values()].map(stream => stream.close({ signal })))
    await this.connection.close({ signal }).catch(() => this.abort('closing took too long'))
  }

  abort(reason: string): void {
    this.#end(reason)
    try {
      this.connection.abort(new Error(reason))
    } catch {
      // It was closed already: libp2p says so by throwing, wherever the news came from.
    }
  }

  /** The peer says nothing more on this lane. What it has said on the other one may still be on its way. */
  #onEnd(lane: Lane): void {
    if (this.#isOver) return
    this.#ended.add(lane)
    this.#timer()
    if (this.#ended.size === this.#streams.size) return this.abort('the peer has closed the session')
    this.#timer = this.#clock.after(CLOSE_TIMEOUT_MS, () =>
      this.abort('the peer has closed half of the session'),
    )
  }

  /**
   * libp2p says `drain` whenever some of what waits may go on, and only then sends it. Told each time, a sender would
   * add more than has left, until the stream breaks.
   */
  #onDrain(lane: Lane, stream: Stream): void {
    queueMicrotask(() => {
      const isEmpty = stream.writeBufferLength === 0 && !stream.writableNeedsDrain
      if (isEmpty && this.#full.delete(lane) && !this.#isOver) this.#handlers.onDrain(this, lane)
    })
  }

  #onMessage(lane: Lane, data: Uint8Array | Uint8ArrayList): void {
    if (data instanceof Uint8Array) return this.#handlers.onBytes(this, lane, data)
    for (const bytes of data) this.#handlers.onBytes(this, lane, bytes)
  }

  #end(reason: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer()
    this.#opened.resolve(reason)
    this.#handlers.onOver(this, reason)
  }
}
