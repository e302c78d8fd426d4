// shell
/**
 * The transport of real nodes: a session is a libp2p connection with one stream for each lane, opened by whoever
 * dialled. Of two connections that cross, both sides keep the same one.
 */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { ListenError } from '../../errors.ts'
import { type NodeId, nodeId } from '../../ids.ts'
import type { Clock, Lane, Transport, TransportHandlers } from '../../ports.ts'
import { diagnose } from './dial-failure.ts'
import { Gossip } from './gossip.ts'
import { type Libp2pInit, type MeshLibp2p, createMeshLibp2p } from './libp2p-node.ts'
import { Libp2pSession, type SessionHandlers } from './libp2p-session.ts'

const PROTOCOLS: Readonly<Record<Lane, string>> = {
  control: '/meshvisor/control/1',
  data: '/meshvisor/data/1',
}

const STREAM_LIMITS = { maxInboundStreams: 4, maxOutboundStreams: 4 }

/** Connections that cross are opened within this time of each other; later, a second one follows a dead first. */
const CROSSING_MS = 5_000

const DIAL_TIMEOUT_MS = 10_000

/** The longest time that a timer of Node can have. */
const FOREVER_MS = 2 ** 31 - 1

export interface Libp2pTransportInit extends Omit<Libp2pInit, 'privateKey'> {
  readonly clock: Clock
  /** The identity of the node. @default a new one */
  readonly privateKey?: PrivateKey
}

export class Libp2pTransport implements Transport, SessionHandlers {
  readonly id: NodeId
  readonly #libp2p: MeshLibp2p
  readonly #clock: Clock
  readonly #opening = new Map<string, Libp2pSession>()
  readonly #sessions = new Map<NodeId, Libp2pSession>()
  #gossip: Gossip | undefined
  #handlers: TransportHandlers | undefined
  #isStopped = false
  /** Keeps the process alive, also where nothing listens and nobody is connected. */
  #keepAlive: NodeJS.Timeout | undefined

  private constructor(id: NodeId, libp2p: MeshLibp2p, clock: Clock) {
    this.id = id
    this.#libp2p = libp2p
    this.#clock = clock
  }

  /** Makes a transport that does not listen yet. */
  static async create(init: Libp2pTransportInit): Promise<Libp2pTransport> {
    const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
    const libp2p = await createMeshLibp2p({ ...init, privateKey })
    return new Libp2pTransport(nodeId(peerIdFromPrivateKey(privateKey).toString()), libp2p, init.clock)
  }

  get addresses(): readonly string[] {
    return this.#libp2p.getMultiaddrs().map(String)
  }

  async start(handlers: TransportHandlers): Promise<void> {
    const libp2p = this.#libp2p
    this.#handlers = handlers
    this.#gossip = new Gossip(libp2p.services.pubsub, (topic, bytes) => handlers.onHint(topic, bytes))
    libp2p.addEventListener('connection:open', ({ detail }) => this.#onConnection(detail))
    libp2p.addEventListener('peer:discovery', ({ detail }) => {
      const peer = nodeId(detail.id.toString())
      handlers.onDiscovered(
        peer,
        detail.multiaddrs.map(address => `${address.toString()}/p2p/${peer}`),
      )
    })
    // Before the first connection: what is registered later, peers hear of late.
    for (const lane of ['control', 'data'] as const) {
      await libp2p.handle(
        PROTOCOLS[lane],
        (stream, connection) => this.#sessionOf(connection).addStream(lane, stream),
        STREAM_LIMITS,
      )
    }
    try {
      await libp2p.start()
    } catch (cause) {
      await Promise.resolve(libp2p.stop()).catch(() => {})
      throw new ListenError(listenMessage(cause), { cause })
    }
    this.#keepAlive = setInterval(() => {}, FOREVER_MS)
  }

  dial(key: string, addresses: readonly string[]): void {
    void this.#dial(key, addresses)
  }

  hangUp(peer: NodeId, reason: string): void {
    this.#sessions.get(peer)?.abort(reason)
  }

  send(peer: NodeId, lane: Lane, bytes: Uint8Array): boolean {
    return this.#sessions.get(peer)?.send(lane, bytes) ?? true
  }

  subscribe(topic: string): void {
    this.#gossip?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.#gossip?.unsubscribe(topic)
  }

  publish(topic: string, bytes: Uint8Array): void {
    this.#gossip?.publish(topic, bytes)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    await Promise.allSettled([...this.#sessions.values()].map(session => session.close()))
    await this.#libp2p.stop()
    clearInterval(this.#keepAlive)
  }

  // SessionHandlers

  onReady(session: Libp2pSession): void {
    this.#opening.delete(session.connection.id)
    const known = this.#sessions.get(session.peer)
    if (this.#isStopped) return session.abort('this node stops')
    if (known !== undefined && this.#isPreferred(known, session))
      return session.abort('there is a session already')
    this.#sessions.set(session.peer, session)
    if (known !== undefined) {
      this.#handlers?.onPeerDown(session.peer)
      known.abort('another session has taken its place')
    }
    this.#handlers?.onPeerUp(session.peer)
    session.read()
  }

  onOver(session: Libp2pSession): void {
    this.#opening.delete(session.connection.id)
    if (this.#sessions.get(session.peer) !== session) return
    this.#sessions.delete(session.peer)
    if (!this.#isStopped) this.#handlers?.onPeerDown(session.peer)
  }

  onBytes(session: Libp2pSession, lane: Lane, bytes: Uint8Array): void {
    if (this.#sessions.get(session.peer) === session) this.#handlers?.onBytes(session.peer, lane, bytes)
  }

  onDrain(session: Libp2pSession, lane: Lane): void {
    if (this.#sessions.get(session.peer) === session) this.#handlers?.onDrain(session.peer, lane)
  }

  async #dial(key: string, addresses: readonly string[]): Promise<void> {
    try {
      const targets: Multiaddr[] = addresses.map(address => multiaddr(address))
      const connection = await this.#libp2p.dial(targets, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
      this.#handlers?.onDialled(key, nodeId(connection.remotePeer.toString()))
    } catch (error) {
      if (this.#isStopped) return
      const { failure, reason } = diagnose(error)
      this.#handlers?.onDialFailed(key, failure, reason)
    }
  }

  #onConnection(connection: Connection): void {
    const session = this.#sessionOf(connection)
    if (connection.direction !== 'outbound') return
    for (const lane of ['control', 'data'] as const) {
      connection.newStream(PROTOCOLS[lane], STREAM_LIMITS).then(
        stream => session.addStream(lane, stream),
        (error: unknown) => session.abort(`no stream: ${String(error)}`),
      )
    }
  }

  #sessionOf(connection: Connection): Libp2pSession {
    const known = this.#opening.get(connection.id)
    if (known !== undefined) return known
    const session = new Libp2pSession(connection, this.#clock.nowMs(), this)
    this.#opening.set(connection.id, session)
    return session
  }

  /** Of two connections that cross, the one that the smaller id has dialled stays; otherwise the later one. */
  #isPreferred(known: Libp2pSession, later: Libp2pSession): boolean {
    if (later.openedMs - known.openedMs > CROSSING_MS) return false
    const isOurs = known.connection.direction === 'outbound'
    if (isOurs === (later.connection.direction === 'outbound')) return false
    return isOurs === this.id < known.peer
  }
}

function listenMessage(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  if (!text.includes('EADDRINUSE')) return `cannot listen: ${text}`
  const address = /(?:address already in use )([\d.:a-f]+)/i.exec(text)?.[1] ?? 'that address'
  return `cannot listen on ${address}: another process uses the port. Choose another one, or 0 for any free one`
}
