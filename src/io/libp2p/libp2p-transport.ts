// shell
/**
 * The transport of real nodes: a session is a libp2p connection with one stream for each lane, opened by whoever
 * dialled. Of two connections that cross, both sides keep the same one.
 */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

import { ListenError } from '../../errors.ts'
import { type NodeId, nodeId } from '../../ids.ts'
import type { Clock, Lane, Logger, Transport, TransportHandlers } from '../../ports.ts'
import { silentLogger } from '../system/loggers.ts'
import { elsewhere, peerOf, readAddresses } from './dial-addresses.ts'
import { NotLetInError, SessionRefusedError, TooManyDialsError, diagnose } from './dial-failure.ts'
import { Gate } from './gate.ts'
import { Gossip } from './gossip.ts'
import {
  DIALS_MAX,
  DIAL_TIMEOUT_MS,
  type Libp2pInit,
  type MeshLibp2p,
  createMeshLibp2p,
} from './libp2p-node.ts'
import { listenFailures, unusable } from './listen-failure.ts'
import { Libp2pSession, type SessionHandlers } from './libp2p-session.ts'
import { Processes } from './processes.ts'
import { Rivals } from './rivals.ts'

const PROTOCOLS: Readonly<Record<Lane, string>> = {
  control: '/meshvisor/control/1',
  data: '/meshvisor/data/1',
}

const STREAM_LIMITS = { maxInboundStreams: 4, maxOutboundStreams: 4 }

/** A mesh is comfortable with about a hundred nodes, and is simulated with a thousand. */
const SESSIONS_MAX = 1_024
/** Connections for each session that may be, those included that are opening or closing: two may cross. */
const CONNECTIONS_PER_SESSION = 2

/** The longest time that a timer of Node can have. */
const FOREVER_MS = 2 ** 31 - 1

/** What libp2p tells of, once there is a transport. */
type Told = 'onFound' | 'onFault' | 'onRefused' | 'onTwin' | 'boot'

export interface Libp2pTransportInit extends Omit<
  Libp2pInit,
  'privateKey' | 'gate' | 'processes' | 'logger' | Told
> {
  readonly clock: Clock
  /** Told what keeps others from finding this node. @default nobody */
  readonly logger?: Logger
  /** The ids of the nodes that get in. @default everybody who knows the secret */
  readonly allow?: readonly string[] | undefined
  /** Beyond this number of sessions, nobody gets in. @default SESSIONS_MAX */
  readonly sessionsMax?: number
  /** The identity of the node. @default a new one */
  readonly privateKey?: PrivateKey | undefined
}

export class Libp2pTransport implements Transport, SessionHandlers {
  readonly id: NodeId
  readonly #libp2p: MeshLibp2p
  readonly #clock: Clock
  readonly #gate: Gate
  readonly #rivals: Rivals
  readonly #listen: readonly string[]
  readonly #sessionsMax: number
  /** By the ids of their connections: those that are opening, too. */
  readonly #all = new Map<string, Libp2pSession>()
  readonly #sessions = new Map<NodeId, Libp2pSession>()
  /** Ends of sessions that the node has yet to be told of. */
  readonly #untold = new Map<NodeId, string>()
  #gossip: Gossip | undefined
  #handlers: TransportHandlers | undefined
  #dialCount = 0
  #isStopped = false
  /** Keeps the process alive, also where nothing listens and nobody is connected. */
  #keepAlive: NodeJS.Timeout | undefined

  private constructor(init: {
    readonly id: NodeId
    readonly libp2p: MeshLibp2p
    readonly clock: Clock
    readonly gate: Gate
    readonly processes: Processes
    readonly listen: readonly string[]
    readonly sessionsMax: number
  }) {
    this.id = init.id
    this.#libp2p = init.libp2p
    this.#clock = init.clock
    this.#gate = init.gate
    this.#listen = init.listen
    this.#sessionsMax = init.sessionsMax
    const { id, processes } = init
    this.#rivals = new Rivals({ id, processes, all: this.#all, sessions: this.#sessions })
  }

  /** Makes a transport that does not listen yet. @throws {ListenError} when an address is none */
  static async create(init: Libp2pTransportInit): Promise<Libp2pTransport> {
    const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
    Libp2pTransport.refuseUnusable(init.listen)
    const [gate, processes] = [new Gate(init.allow, init.clock), new Processes()]
    const made: Partial<Pick<Libp2pInit, Told>> = {}
    const { clock, listen, sessionsMax = SESSIONS_MAX, logger = silentLogger } = init
    const libp2p = await createMeshLibp2p({
      ...init,
      logger,
      privateKey,
      gate,
      processes,
      onFound: (peer, addresses) => made.onFound?.(peer, addresses) ?? false,
      onFault: error => made.onFault?.(error),
      onRefused: (who, reason) => made.onRefused?.(who, reason),
      boot: () => made.boot?.() ?? 0,
      onTwin: boot => made.onTwin?.(boot),
    })
    const id = nodeId(peerIdFromPrivateKey(privateKey).toString())
    const transport = new Libp2pTransport({ id, libp2p, gate, processes, clock, listen, sessionsMax })
    Object.assign(made, {
      onFound: (peer, addresses) => transport.#onFound(peer, addresses),
      onFault: error => transport.#handlers?.onFault(undefined, error),
      onRefused: (who, reason) => transport.#onRefused(who, reason),
      onTwin: boot => transport.#onTwin(boot),
      boot: () => transport.#handlers?.boot() ?? 0,
    } satisfies typeof made)
    return transport
  }

  /** @throws {ListenError} when one of them is no address */
  static refuseUnusable(addresses: readonly string[]): void {
    const bad = unusable(addresses)
    if (bad.length > 0) throw new ListenError(bad)
  }

  get addresses(): readonly string[] {
    return this.#libp2p.services.listening.addresses
  }

  async start(handlers: TransportHandlers): Promise<void> {
    const libp2p = this.#libp2p
    this.#handlers = handlers
    this.#gossip = new Gossip(libp2p.services, (topic, bytes) => {
      this.#guard(undefined, () => handlers.onHint(topic, bytes))
    })
    libp2p.addEventListener('connection:open', ({ detail }) => {
      this.#guard(undefined, () => this.#onConnection(detail))
    })
    // Before the first connection: what is registered later, peers hear of late.
    for (const lane of ['control', 'data'] as const) {
      await libp2p.handle(
        PROTOCOLS[lane],
        (stream, connection) => this.#onStream(lane, stream, connection),
        STREAM_LIMITS,
      )
    }
    try {
      await libp2p.start()
    } catch (cause) {
      await Promise.resolve(libp2p.stop()).catch(() => {})
      throw new ListenError(listenFailures(cause, this.#listen), { cause })
    }
    this.#keepAlive = setInterval(() => {}, FOREVER_MS)
  }

  dial(key: string, addresses: readonly string[]): void {
    void this.#dial(key, addresses)
  }

  hangUp(peer: NodeId, reason: string, shutOutMs: number): void {
    if (shutOutMs > 0) this.#gate.shutOut(peer, shutOutMs, reason)
    void this.#sessions.get(peer)?.close(reason)
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
    // Also where something cannot be closed, or hangs, the process is to end: who waits for that has a timer of its own.
    clearInterval(this.#keepAlive)
    await Promise.allSettled([...this.#sessions.values()].map(session => session.close('this node stops')))
    await this.#libp2p.stop()
  }

  // SessionHandlers

  onReady(session: Libp2pSession): void {
    const known = this.#sessions.get(session.peer)
    if (this.#isStopped) return session.abort('this node stops')
    if (known !== undefined && this.#rivals.isPreferred(known, session))
      return session.abort('there is a session already')
    if (known === undefined && this.#sessions.size >= this.#sessionsMax) return this.#turnAway(session)
    this.#sessions.set(session.peer, session)
    this.#tellEnd(session.peer)
    if (known !== undefined) {
      const reason = 'another session has taken its place'
      this.#guard(undefined, () => this.#handlers?.onPeerDown(session.peer, reason))
      known.abort(reason)
    }
    this.#guard(session.peer, () => this.#handlers?.onPeerUp(session.peer))
    session.read()
    this.#gossip?.onSession(session.connection)
  }

  onOver(session: Libp2pSession, reason: string): void {
    this.#all.delete(session.connection.id)
    if (this.#sessions.get(session.peer) !== session) return
    this.#sessions.delete(session.peer)
    // It may have ended because of what the node is doing, as it sends too much or hangs up: it is told when that is done.
    this.#untold.set(session.peer, reason)
    queueMicrotask(() => this.#tellEnd(session.peer))
  }

  onBytes(session: Libp2pSession, lane: Lane, bytes: Uint8Array): void {
    if (this.#sessions.get(session.peer) !== session) return
    this.#guard(session.peer, () => this.#handlers?.onBytes(session.peer, lane, bytes))
  }

  onDrain(session: Libp2pSession, lane: Lane): void {
    if (this.#sessions.get(session.peer) !== session) return
    this.#guard(session.peer, () => this.#handlers?.onDrain(session.peer, lane))
  }

  #tellEnd(peer: NodeId): void {
    const reason = this.#untold.get(peer)
    this.#untold.delete(peer)
    if (reason === undefined || this.#isStopped) return
    this.#guard(undefined, () => this.#handlers?.onPeerDown(peer, reason))
  }

  async #dial(key: string, addresses: readonly string[]): Promise<void> {
    this.#dialCount += 1
    let peer: NodeId
    try {
      peer = await this.#open(addresses)
    } catch (error) {
      if (this.#isStopped) return
      const { failure, reason, cause } = diagnose(error)
      this.#guard(undefined, () => this.#handlers?.onDialFailed(key, failure, reason, cause))
      return
    } finally {
      this.#dialCount -= 1
    }
    this.#guard(undefined, () => this.#handlers?.onDialled(key, peer))
  }

  /** Dialling alone says little: libp2p takes a connection for open that the other side is about to refuse. */
  async #open(addresses: readonly string[]): Promise<NodeId> {
    if (this.#dialCount > DIALS_MAX) throw new TooManyDialsError(`${DIALS_MAX} are under way`)
    const objection = addresses.map(address => this.#objectionTo(address)).find(text => text !== undefined)
    if (objection !== undefined) throw new NotLetInError(objection)
    const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
    // libp2p does not dial its own id at all, whoever it is that answers to it.
    const plain = elsewhere(
      addresses.map(address => address.replace(`/p2p/${this.id}`, '')),
      this.#libp2p.services.listening.all,
    )
    // Of two connections with one address it keeps the earlier one, also where that leads to a process that is gone; and it
    // gives back one that is still closing, as right after a session was hung up, though nothing comes of that any more.
    const owner = plain.map(peerOf).find(peer => peer !== undefined)
    const force = owner === undefined || !this.#all.values().some(({ peer }) => peer === owner)
    const connection = await this.#libp2p.dial(readAddresses(plain), { signal, force })
    const peer = nodeId(connection.remotePeer.toString())
    const ended = await this.#settle(connection)
    if (ended !== undefined && !this.#sessions.has(peer))
      throw new SessionRefusedError(ended, this.#gate.lastReason(peer))
    return peer
  }

  /** Resolves when there is a session, by way of this connection or of another one. @returns why there is none */
  async #settle(connection: Connection): Promise<string | undefined> {
    let ended: string | undefined
    for (
      let first = this.#rivals.findFirst(connection);
      first !== undefined;
      first = this.#rivals.findFirst(connection)
    ) {
      ended = await first.opened
      // Nothing has come of the other one: this one is no spare any more.
      if (ended !== undefined) this.#onConnection(connection)
    }
    const session = this.#all.get(connection.id)
    if (session === undefined) closeQuietly(connection)
    return session === undefined ? ended : session.opened
  }

  /** Why the gate would close after the dial, where the address says whose it is. */
  #objectionTo(address: string): string | undefined {
    const peer = peerOf(address)
    return peer === undefined ? undefined : this.#gate.objection(nodeId(peer))
  }

  #onConnection(connection: Connection): void {
    if (this.#all.has(connection.id) || this.#rivals.isSpare(connection)) return
    const session = this.#sessionOf(connection)
    if (session === undefined || connection.direction !== 'outbound') return
    for (const lane of ['control', 'data'] as const) {
      connection.newStream(PROTOCOLS[lane], STREAM_LIMITS).then(
        stream => session.addStream(lane, stream),
        (error: unknown) => session.abort(`no stream: ${String(error)}`),
      )
    }
  }

  #onStream(lane: Lane, stream: Stream, connection: Connection): void {
    const session = this.#sessionOf(connection)
    if (session === undefined) stream.abort(new Error('the connection is closing'))
    else session.addStream(lane, stream)
  }

  /** @returns undefined when the connection is over, or one too many */
  #sessionOf(connection: Connection): Libp2pSession | undefined {
    const known = this.#all.get(connection.id)
    if (known !== undefined || connection.status !== 'open') return known
    if (this.#all.size >= CONNECTIONS_PER_SESSION * this.#sessionsMax) {
      connection.abort(new Error('too many connections'))
      return undefined
    }
    const session = new Libp2pSession(connection, this.#clock, this)
    this.#all.set(connection.id, session)
    return session
  }

  /** An error thrown into libp2p would end the process, or a connection that has nothing to do with it. */
  #guard(peer: NodeId | undefined, handle: () => void): void {
    try {
      handle()
    } catch (error) {
      this.#handlers?.onFault(peer, error)
    }
  }

  #turnAway(session: Libp2pSession): void {
    this.#onRefused(session.peer, `there are ${this.#sessionsMax} sessions already`)
    session.abort('too many sessions')
  }

  #onFound(peer: NodeId, addresses: readonly string[]): boolean {
    return !this.#isStopped && this.#handlers?.onDiscovered(peer, addresses) === true
  }

  #onRefused(who: string, reason: string): void {
    if (!this.#isStopped) this.#handlers?.onRefused(who, reason)
  }

  #onTwin(boot: number): void {
    if (!this.#isStopped) this.#guard(undefined, () => this.#handlers?.onTwin(boot))
  }
}

/** In good order, as the other side may not be through with the handshake yet. */
function closeQuietly(connection: Connection): void {
  const abort = (): void => connection.abort(new Error('there is a session already'))
  // Where that throws as well, it was closed already.
  connection
    .close()
    .catch(abort)
    .catch(() => {})
}
