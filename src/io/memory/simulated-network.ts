// shell
/**
 * A network in memory: ordered sessions like TCP's, gossip that may be lost, and every fault that a test wants, drawn
 * from one seed. The nodes on it run the production code, down to the bytes of their frames.
 */

import { assert } from '../../assert.ts'
import { type NodeId, nodeId } from '../../ids.ts'
import type { Transport, TransportHandlers } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import { CALM, type NetworkConditions } from './network-conditions.ts'
import { type Exchange, SimulatedDial } from './simulated-dial.ts'
import { SimulatedHost } from './simulated-host.ts'
import { type Ending, type Observer, SimulatedSession } from './simulated-session.ts'
import { SimulatedTransport } from './simulated-transport.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** So many processes that end leave something unread in their sockets: then the kernel resets the session. */
const RESET_SHARE = 0.5

export class SimulatedNetwork implements Exchange {
  readonly clock: VirtualClock
  readonly prng: Prng
  readonly observe: Observer
  /** How sessions end is drawn apart: all else is drawn alike, however many end. */
  readonly #endings: Prng
  readonly #links: Prng
  /** How far apart the nodes of a pair are. */
  readonly #distances = new Map<string, number>()
  readonly #hosts = new Map<NodeId, SimulatedHost>()
  /** Of which one side at least has its socket, by the pairs of nodes: an earlier one may not be over everywhere. */
  readonly #sessions = new Map<string, Set<SimulatedSession>>()
  readonly #cuts = new Set<string>()
  #conditions: NetworkConditions = CALM

  constructor(clock: VirtualClock, prng: Prng, observe: Observer = () => {}) {
    this.clock = clock
    this.prng = prng
    this.observe = observe
    this.#endings = prng.fork('endings')
    this.#links = prng.fork('links')
  }

  get conditions(): NetworkConditions {
    return this.#conditions
  }

  setConditions(conditions: Partial<NetworkConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions }
    const { bytesPerMs } = this.#conditions
    for (const sessions of this.#sessions.values()) for (const each of sessions) each.setRate(bytesPerMs)
  }

  /** Where a node is, as a seed says it: `/sim/<id>`. */
  static addressOf(id: NodeId): string {
    return `/sim/${id}`
  }

  /** The network card of one run of a node. Its address says whose it is, as those of libp2p do: `/sim/<id>/p2p/<id>`. */
  transport(id: NodeId): Transport {
    return new SimulatedTransport(id, `${SimulatedNetwork.addressOf(id)}/p2p/${id}`, this)
  }

  /**
   * Nothing gets from `from` to `to` until it is mended, not even the end of a session; what is sent the other way
   * arrives. For a side that has sent something, the session times out: neither data nor acknowledgements get through.
   */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(direction(from, to))
  }

  /** Whether something is cut between the two, in one direction or both. */
  isCut(a: NodeId, b: NodeId): boolean {
    return this.isCutFrom(a, b) || this.isCutFrom(b, a)
  }

  isCutFrom(from: NodeId, to: NodeId): boolean {
    // Hardly ever is anything cut, and a key would be made for every packet.
    return this.#cuts.size > 0 && this.#cuts.has(direction(from, to))
  }

  mend(from: NodeId, to: NodeId): void {
    this.#cuts.delete(direction(from, to))
    for (const session of this.#between(from, to)) session.mend(from)
  }

  /** The process stands still: what comes for it waits, and nobody gets an answer. Its sessions stay open. */
  freeze(id: NodeId): void {
    const host = this.#hosts.get(id)
    if (host === undefined) return
    host.freeze()
    this.observe(`freeze ${id}`)
  }

  /** It goes on, and finds everything that has come. */
  thaw(id: NodeId): void {
    const host = this.#hosts.get(id)
    if (host?.isFrozen !== true) return
    this.observe(`thaw ${id}`)
    host.thaw()
  }

  /** Breaks the session between two nodes: both notice, and what was on its way is lost. */
  breakSession(a: NodeId, b: NodeId): void {
    for (const session of this.#between(a, b)) session.breakOff()
  }

  attach(id: NodeId, handlers: TransportHandlers): SimulatedHost {
    assert(!this.#hosts.has(id), `${id} is on the network twice`)
    const host = new SimulatedHost(id, handlers, this.clock)
    this.#hosts.set(id, host)
    this.observe(`attach ${id}`)
    return host
  }

  /** The process is gone: the kernel closes its sockets, and what it still has to send may get out before, or not. */
  detach(id: NodeId): void {
    const host = this.#hosts.get(id)
    if (host !== undefined) this.#end(host, () => this.#draw())
  }

  /** A process that ends in peace: what it has sent gets out before its sessions close, if it does so in time. */
  async close(host: SimulatedHost): Promise<void> {
    await Promise.all(
      this.#sessionsOf(host).map(session => new Promise<void>(resolve => session.onSent(host, resolve))),
    )
    // It may have been killed meanwhile, and started anew.
    if (!host.isGone) this.#end(host, () => 'finish')
  }

  dial(from: SimulatedHost, key: string, addresses: readonly string[]): void {
    const to = addresses.map(address => address.split('/').at(-1) ?? '').find(name => name !== '')
    new SimulatedDial(this, from, key).begin(to === undefined ? undefined : nodeId(to))
  }

  publish(from: SimulatedHost, topic: string, bytes: Uint8Array): void {
    for (const host of this.#reachable(from)) {
      const isLost = this.prng.chance(this.#conditions.hintLoss)
      if (isLost || host === from) continue
      this.#hint(from.id, host.id, topic, bytes)
      if (this.prng.chance(this.#conditions.hintEcho)) this.#hint(from.id, host.id, topic, bytes)
    }
  }

  delayMs(a: NodeId, b: NodeId): number {
    const { latencyMs, jitterMs, spreadMs } = this.#conditions
    const distanceMs = spreadMs === 0 ? 0 : spreadMs * this.#distanceOf(a, b)
    return latencyMs + distanceMs + this.prng.float() * jitterMs
  }

  findHost(id: NodeId): SimulatedHost | undefined {
    return this.#hosts.get(id)
  }

  connect(dialler: SimulatedHost, listener: SimulatedHost): SimulatedSession {
    const session = new SimulatedSession(this, dialler, listener)
    const pair = pairOf(dialler.id, listener.id)
    this.#sessions.set(pair, (this.#sessions.get(pair) ?? new Set()).add(session))
    return session
  }

  onOver(session: SimulatedSession): void {
    const pair = pairOf(...session.ids)
    const sessions = this.#sessions.get(pair)
    sessions?.delete(session)
    if (sessions?.size === 0) this.#sessions.delete(pair)
  }

  /** From 0 to 1, the same whenever it is asked for, and whoever else was asked for before. */
  #distanceOf(a: NodeId, b: NodeId): number {
    const pair = pairOf(a, b)
    const distance = this.#distances.get(pair) ?? this.#links.fork(pair).float()
    this.#distances.set(pair, distance)
    return distance
  }

  /** How a session ends that is hung up: what does not get out in time is given up. */
  endingTo(from: NodeId, to: NodeId): Ending {
    return this.isCutFrom(from, to) ? this.#draw() : 'linger'
  }

  #draw(): Ending {
    return this.#endings.chance(RESET_SHARE) ? 'reset' : 'finish'
  }

  #end(host: SimulatedHost, how: () => Ending): void {
    host.end()
    this.#hosts.delete(host.id)
    this.observe(`detach ${host.id}`)
    for (const session of this.#sessionsOf(host)) session.close(host, 'closed', how())
  }

  #sessionsOf(host: SimulatedHost): readonly SimulatedSession[] {
    return [...this.#sessions.values()].flatMap(sessions => [...sessions]).filter(each => each.leadsTo(host))
  }

  #hint(from: NodeId, to: NodeId, topic: string, bytes: Uint8Array): void {
    this.clock.after(this.delayMs(from, to) * 2, () => {
      const host = this.#hosts.get(to)
      if (host === undefined || !host.topics.has(topic)) return
      this.observe(`hint ${from}>${to} ${topic}`, bytes)
      host.hand(() => host.handlers.onHint(topic, bytes))
    })
  }

  #between(a: NodeId, b: NodeId): readonly SimulatedSession[] {
    return [...(this.#sessions.get(pairOf(a, b)) ?? [])]
  }

  /** Whom gossip reaches: everybody to whom a way of sessions leads, by nodes that do not stand still. */
  #reachable(from: SimulatedHost): Set<SimulatedHost> {
    const reached = new Set([from])
    for (const host of reached) {
      if (host.isFrozen) continue
      for (const [peer, session] of host.sessions) {
        const other = this.#hosts.get(peer)
        if (other !== undefined && session.isWhole && !this.isCut(host.id, peer)) reached.add(other)
      }
    }
    return reached
  }
}

function direction(from: NodeId, to: NodeId): string {
  return `${from}>${to}`
}

function pairOf(a: NodeId, b: NodeId): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}
