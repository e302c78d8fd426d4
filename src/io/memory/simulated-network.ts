// shell
/**
 * A network in memory: ordered sessions like TCP's, gossip that may be lost, and every fault that a test wants, drawn
 * from one seed. The nodes on it run the production code, down to the bytes of their frames.
 */

import { assert } from '../../assert.ts'
import { type NodeId, nodeId } from '../../ids.ts'
import type { Lane, Transport, TransportHandlers } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import { CALM, type NetworkConditions } from './network-conditions.ts'
import { SimulatedHost } from './simulated-host.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** More than this on its way in one direction of a session, and `send` asks to wait. */
const CONGESTED_BYTES = 1024 * 1024

/** For more than this, the session ends, as it does where a stream of libp2p has too much to keep. */
const BYTES_ON_WAY_MAX = 64 * 1024 * 1024

/** Linux waits so long at least before it sends a packet again, and twice as long each further time. */
const RETRANSMISSION_MS = 200
const RETRANSMISSIONS_MAX = 5

/** What happened on the network, in order: equal for equal seeds. */
export type Observer = (line: string, bytes?: Uint8Array) => void

/** One direction of one lane. */
interface Pipe {
  readonly lane: Lane
  readonly from: SimulatedHost
  readonly to: SimulatedHost
  /** Nothing overtakes what was sent before. */
  lastArrivalMs: number
  bytesOnWay: number
  isCongested: boolean
  /** What waits for the cut to be mended, as TCP would send it again. */
  readonly held: (() => void)[]
}

interface Link {
  readonly hosts: readonly [SimulatedHost, SimulatedHost]
  readonly pipes: readonly Pipe[]
  /** Since when something is not acknowledged, because one direction or both are cut. */
  stuckSinceMs: number | undefined
  /** Taken down, and not both sides know yet. */
  isUp: boolean
}

export class SimulatedNetwork {
  readonly #clock: VirtualClock
  readonly #prng: Prng
  readonly #observe: Observer
  readonly #hosts = new Map<NodeId, SimulatedHost>()
  readonly #links = new Map<string, Link>()
  readonly #cuts = new Set<string>()
  #conditions: NetworkConditions = CALM

  constructor(clock: VirtualClock, prng: Prng, observe: Observer = () => {}) {
    this.#clock = clock
    this.#prng = prng
    this.#observe = observe
  }

  get conditions(): NetworkConditions {
    return this.#conditions
  }

  setConditions(conditions: Partial<NetworkConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions }
  }

  /** The address of a node: `/sim/<id>`. */
  static addressOf(id: NodeId): string {
    return `/sim/${id}`
  }

  /** The network card of one run of a node. */
  transport(id: NodeId): Transport {
    return new SimulatedTransport(id, this)
  }

  /**
   * Nothing gets from `from` to `to` until it is mended; what is sent the other way arrives. The session times out once
   * something has been sent, by whichever side: neither data nor acknowledgements get through.
   */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(direction(from, to))
  }

  /** Whether something is cut between the two, in one direction or both. */
  isCut(a: NodeId, b: NodeId): boolean {
    return this.#cuts.has(direction(a, b)) || this.#cuts.has(direction(b, a))
  }

  mend(from: NodeId, to: NodeId): void {
    this.#cuts.delete(direction(from, to))
    const link = this.#links.get(pairOf(from, to))
    if (link === undefined) return
    if (!this.isCut(from, to)) link.stuckSinceMs = undefined
    for (const pipe of link.pipes) {
      if (pipe.from.id === from) for (const deliver of pipe.held.splice(0)) deliver()
    }
  }

  /** The process stands still: what comes for it waits, and nobody gets an answer. Its sessions stay open. */
  freeze(id: NodeId): void {
    const host = this.#hosts.get(id)
    if (host === undefined) return
    host.freeze()
    this.#observe(`freeze ${id}`)
  }

  /** It goes on, and finds everything that has come. */
  thaw(id: NodeId): void {
    const host = this.#hosts.get(id)
    if (host?.isFrozen !== true) return
    this.#observe(`thaw ${id}`)
    host.thaw()
  }

  /** Breaks the session between two nodes: both notice, and what was on its way is lost. */
  breakSession(a: NodeId, b: NodeId): void {
    const link = this.#links.get(pairOf(a, b))
    if (link !== undefined) this.#takeDown(link, 'broken')
  }

  attach(id: NodeId, handlers: TransportHandlers): void {
    assert(!this.#hosts.has(id), `${id} is on the network twice`)
    this.#hosts.set(id, new SimulatedHost(id, handlers, this.#clock))
    this.#observe(`attach ${id}`)
  }

  /** The process is gone: its peers' sessions close as the kernel would close its sockets. */
  detach(id: NodeId): void {
    this.#hosts.get(id)?.end()
    if (!this.#hosts.delete(id)) return
    this.#observe(`detach ${id}`)
    for (const link of this.#links.values()) {
      if (link.hosts.some(host => host.id === id)) this.#takeDown(link, 'closed')
    }
  }

  /** A process that ends in peace: what it has sent gets through before its sessions close. */
  close(id: NodeId): Promise<void> {
    const { latencyMs, jitterMs } = this.#conditions
    const host = this.#hosts.get(id)
    return new Promise(resolve => {
      this.#clock.after(latencyMs + jitterMs, () => {
        // It may have been killed meanwhile, and started anew.
        if (this.#hosts.get(id) === host) this.detach(id)
        resolve()
      })
    })
  }

  dial(from: NodeId, key: string, addresses: readonly string[]): void {
    const to = addresses.map(address => address.split('/').at(-1) ?? '').find(name => name !== '')
    const target = to === undefined ? undefined : nodeId(to)
    if (target === undefined || target === from) return this.#failDial(from, key, 'self')
    if (this.isCut(from, target)) {
      this.#clock.after(this.#conditions.dialTimeoutMs, () => this.#dialFailed(from, key, 'unreachable'))
    } else {
      this.#clock.after(2 * this.#delay(), () => this.#connect(from, target, key))
    }
  }

  hangUp(from: NodeId, to: NodeId): void {
    this.breakSession(from, to)
  }

  send(from: NodeId, to: NodeId, lane: Lane, bytes: Uint8Array): boolean {
    const link = this.#links.get(pairOf(from, to))
    const pipe = link?.pipes.find(candidate => candidate.from.id === from && candidate.lane === lane)
    if (link === undefined || pipe === undefined || !link.isUp) return true
    pipe.bytesOnWay += bytes.length
    if (this.isCut(from, to)) this.#getStuck(link)
    if (this.#cuts.has(direction(from, to))) pipe.held.push(() => this.#carry(link, pipe, bytes))
    else this.#carry(link, pipe, bytes)
    if (pipe.bytesOnWay > BYTES_ON_WAY_MAX) this.#takeDown(link, 'overrun')
    pipe.isCongested = pipe.bytesOnWay > CONGESTED_BYTES
    return !pipe.isCongested
  }

  publish(from: NodeId, topic: string, bytes: Uint8Array): void {
    for (const id of this.#reachable(from)) {
      const isLost = this.#prng.chance(this.#conditions.hintLoss)
      if (isLost || id === from) continue
      this.#hint(from, id, topic, bytes)
      if (this.#prng.chance(this.#conditions.hintEcho)) this.#hint(from, id, topic, bytes)
    }
  }

  #hint(from: NodeId, to: NodeId, topic: string, bytes: Uint8Array): void {
    this.#clock.after(this.#delay() * 2, () => {
      const host = this.#hosts.get(to)
      if (host === undefined || !host.topics.has(topic)) return
      this.#observe(`hint ${from}>${to} ${topic}`, bytes)
      host.hand(() => host.handlers.onHint(topic, bytes))
    })
  }

  subscribe(id: NodeId, topic: string): void {
    this.#hosts.get(id)?.topics.add(topic)
  }

  unsubscribe(id: NodeId, topic: string): void {
    this.#hosts.get(id)?.topics.delete(topic)
  }

  #failDial(from: NodeId, key: string, failure: 'self'): void {
    this.#clock.after(0, () => this.#dialFailed(from, key, failure))
  }

  #dialFailed(from: NodeId, key: string, failure: 'self' | 'refused' | 'unreachable'): void {
    this.#observe(`dial-failed ${from} ${key} ${failure}`)
    const host = this.#hosts.get(from)
    if (host !== undefined) {
      host.hand(() => host.handlers.onDialFailed(key, failure, `simulated: ${failure}`))
    }
  }

  #connect(from: NodeId, to: NodeId, key: string): void {
    const dialler = this.#hosts.get(from)
    const listener = this.#hosts.get(to)
    if (dialler === undefined) return
    if (listener === undefined) return this.#dialFailed(from, key, 'refused')
    if (listener.isFrozen) {
      // Its kernel takes the connection, and nobody answers the handshake.
      this.#clock.after(this.#conditions.dialTimeoutMs, () => this.#dialFailed(from, key, 'unreachable'))
      return
    }
    const known = this.#links.get(pairOf(from, to))
    if (known !== undefined && !known.isUp) {
      // The end of a session comes before the beginning of the next.
      this.#clock.after(this.#delay(), () => this.#connect(from, to, key))
      return
    }
    dialler.hand(() => dialler.handlers.onDialled(key, to))
    if (known !== undefined) return
    const hosts = [dialler, listener] as const
    const pipes = hosts.flatMap((host, index) =>
      (['control', 'data'] as const).map(lane => newPipe(lane, host, hosts[1 - index] ?? host)),
    )
    this.#links.set(pairOf(from, to), { hosts, pipes, stuckSinceMs: undefined, isUp: true })
    this.#observe(`up ${from}>${to}`)
    dialler.hand(() => dialler.handlers.onPeerUp(to))
    listener.hand(() => listener.handlers.onPeerUp(from))
  }

  /** Something is under way that cannot be acknowledged: if that stays so, both ends give the session up. */
  #getStuck(link: Link): void {
    if (link.stuckSinceMs !== undefined) return
    const sinceMs = this.#clock.nowMs
    link.stuckSinceMs = sinceMs
    this.#clock.after(this.#conditions.sessionTimeoutMs, () => {
      if (link.stuckSinceMs === sinceMs) this.#takeDown(link, 'timed out')
    })
  }

  #carry(link: Link, pipe: Pipe, bytes: Uint8Array): void {
    const arrivalMs = Math.max(pipe.lastArrivalMs, this.#clock.nowMs + this.#delay() + this.#repeatMs())
    pipe.lastArrivalMs = arrivalMs
    this.#clock.after(arrivalMs - this.#clock.nowMs, () => {
      const isCut = this.#cuts.has(direction(pipe.from.id, pipe.to.id))
      if (link.isUp && isCut) pipe.held.push(() => pipe.to.hand(() => this.#arrive(link, pipe, bytes)))
      else pipe.to.hand(() => this.#arrive(link, pipe, bytes))
    })
  }

  #arrive(link: Link, pipe: Pipe, bytes: Uint8Array): void {
    if (!link.isUp) return
    const { from, to, lane } = pipe
    pipe.bytesOnWay -= bytes.length
    this.#observe(`${lane} ${from.id}>${to.id}`, bytes)
    // A stream is cut anywhere: receivers must not rely on how it was sent.
    const cut = bytes.length > 1 && this.#prng.chance(0.1) ? this.#prng.below(bytes.length) : 0
    if (cut > 0) to.handlers.onBytes(from.id, lane, bytes.subarray(0, cut))
    to.handlers.onBytes(from.id, lane, bytes.subarray(cut))
    if (!pipe.isCongested || pipe.bytesOnWay > CONGESTED_BYTES / 2) return
    pipe.isCongested = false
    from.hand(() => from.handlers.onDrain(to.id, lane))
  }

  #takeDown(link: Link, why: string): void {
    if (!link.isUp) return
    link.isUp = false
    for (const pipe of link.pipes) pipe.held.length = 0
    const [a, b] = link.hosts
    this.#observe(`down ${a.id}-${b.id} ${why}`)
    let untold = 2
    const tell = (host: SimulatedHost, peer: SimulatedHost): void => {
      this.#clock.after(this.#delay(), () => {
        untold -= 1
        if (untold === 0) this.#links.delete(pairOf(a.id, b.id))
        host.hand(() => host.handlers.onPeerDown(peer.id, `simulated: ${why}`))
      })
    }
    tell(a, b)
    tell(b, a)
  }

  /** Whom gossip reaches: everybody to whom a way of sessions leads. */
  #reachable(from: NodeId): Set<NodeId> {
    const reached = new Set([from])
    for (const id of reached) {
      for (const link of this.#links.values()) {
        if (!link.hosts.some(host => host.id === id) || this.isCut(...idsOf(link))) continue
        for (const host of link.hosts) reached.add(host.id)
      }
    }
    return reached
  }

  /** How much later it comes for being lost on its way. */
  #repeatMs(): number {
    const { packetLoss } = this.#conditions
    let lateMs = 0
    for (let tries = 0; tries < RETRANSMISSIONS_MAX && this.#prng.chance(packetLoss); tries++)
      lateMs += RETRANSMISSION_MS * 2 ** tries
    return lateMs
  }

  #delay(): number {
    const { latencyMs, jitterMs } = this.#conditions
    return latencyMs + this.#prng.float() * jitterMs
  }
}

class SimulatedTransport implements Transport {
  readonly id: NodeId
  readonly addresses: readonly string[]
  readonly #network: SimulatedNetwork

  constructor(id: NodeId, network: SimulatedNetwork) {
    this.id = id
    this.addresses = [SimulatedNetwork.addressOf(id)]
    this.#network = network
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#network.attach(this.id, handlers)
  }

  dial(key: string, addresses: readonly string[]): void {
    this.#network.dial(this.id, key, addresses)
  }

  hangUp(peer: NodeId): void {
    this.#network.hangUp(this.id, peer)
  }

  send(peer: NodeId, lane: Lane, bytes: Uint8Array): boolean {
    return this.#network.send(this.id, peer, lane, bytes)
  }

  subscribe(topic: string): void {
    this.#network.subscribe(this.id, topic)
  }

  unsubscribe(topic: string): void {
    this.#network.unsubscribe(this.id, topic)
  }

  publish(topic: string, bytes: Uint8Array): void {
    this.#network.publish(this.id, topic, bytes)
  }

  stop(): Promise<void> {
    return this.#network.close(this.id)
  }
}

function newPipe(lane: Lane, from: SimulatedHost, to: SimulatedHost): Pipe {
  return { lane, from, to, lastArrivalMs: 0, bytesOnWay: 0, isCongested: false, held: [] }
}

function idsOf({ hosts: [a, b] }: Link): [NodeId, NodeId] {
  return [a.id, b.id]
}

function direction(from: NodeId, to: NodeId): string {
  return `${from}>${to}`
}

function pairOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}
