// shell
/** The network card of one run of a node on a simulated network. */

import type { NodeId } from '../../ids.ts'
import type { Lane, Transport, TransportHandlers } from '../../ports.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

export class SimulatedTransport implements Transport {
  readonly id: NodeId
  readonly addresses: readonly string[]
  readonly #network: SimulatedNetwork
  /** Undefined before `start`. */
  #host: SimulatedHost | undefined

  constructor(id: NodeId, address: string, network: SimulatedNetwork) {
    this.id = id
    this.addresses = [address]
    this.#network = network
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#host = this.#network.attach(this.id, handlers)
  }

  dial(key: string, addresses: readonly string[]): void {
    const host = this.#live
    if (host !== undefined) this.#network.dial(host, key, addresses)
  }

  hangUp(peer: NodeId, reason: string, shutOutMs: number): void {
    const host = this.#live
    if (shutOutMs > 0) host?.shutOut(peer, shutOutMs)
    host?.sessions.get(peer)?.hangUp(host, reason, this.#network.endingTo(this.id, peer))
  }

  send(peer: NodeId, lane: Lane, bytes: Uint8Array): boolean {
    const host = this.#live
    return host?.sessions.get(peer)?.send(host, lane, bytes) ?? true
  }

  subscribe(topic: string): void {
    this.#live?.topics.add(topic)
  }

  unsubscribe(topic: string): void {
    this.#live?.topics.delete(topic)
  }

  publish(topic: string, bytes: Uint8Array): void {
    const host = this.#live
    if (host !== undefined) this.#network.publish(host, topic, bytes)
  }

  async stop(): Promise<void> {
    const host = this.#live
    if (host !== undefined) await this.#network.close(host)
  }

  /** What a process still does when it is gone comes to nothing, also where another run of the node has begun. */
  get #live(): SimulatedHost | undefined {
    return this.#host?.isGone === false ? this.#host : undefined
  }
}
