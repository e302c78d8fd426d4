// shell
/**
 * Nodes of the mesh in the same network, found by multicast. libp2p's own way is not used: it keeps whoever was ever
 * claimed to be there, however many, and tells of each once in the life of a process, wherever it moves later.
 */

import type { PeerDiscovery, PeerInfo, Startable } from '@libp2p/interface'
import type { MulticastDNSComponents } from '@libp2p/mdns'

import { type NodeId, nodeId } from '../../ids.ts'
import { NODE_ID_PATTERN } from '../../multiaddress.ts'

/** So many are remembered as told: several times as many as there are nodes in a mesh. */
const TOLD_MAX = 1_024

/** Everybody answers everybody, every ten seconds: what has not changed is told again after that only. */
const TELL_AGAIN_MS = 60_000

export interface MulticastHandlers {
  /** Somebody is said to be there: anybody can have said so. */
  onFound(peer: NodeId, addresses: readonly string[]): void
  /** This node has failed at what somebody has said. Thrown on, it would end the process. */
  onFault(error: unknown): void
}

/** Loaded only where it is wanted: it brings a DNS library along. @param name what the nodes of this mesh ask for */
export async function multicast(
  name: string,
  handlers: MulticastHandlers,
): Promise<(components: MulticastDNSComponents) => Multicast> {
  const { mdns } = await import('@libp2p/mdns')
  const make = mdns({ serviceTag: name })
  return components => new Multicast(make(components), handlers)
}

/** A service of libp2p. */
export class Multicast implements Startable {
  readonly #discovery: PeerDiscovery & Partial<Startable>
  readonly #handlers: MulticastHandlers
  /** Who was told of last comes last. */
  readonly #told = new Map<NodeId, { readonly text: string; readonly atMs: number }>()

  constructor(discovery: PeerDiscovery, handlers: MulticastHandlers) {
    this.#discovery = discovery
    this.#handlers = handlers
    discovery.addEventListener('peer', ({ detail }) => {
      try {
        this.#onPeer(detail)
      } catch (error) {
        handlers.onFault(error)
      }
    })
  }

  async start(): Promise<void> {
    await this.#discovery.start?.()
  }

  async stop(): Promise<void> {
    await this.#discovery.stop?.()
  }

  #onPeer({ id, multiaddrs }: PeerInfo): void {
    const name = id.toString()
    // libp2p takes more for ids than the keys of nodes, some of them without end.
    if (!NODE_ID_PATTERN.test(name)) return
    const peer = nodeId(name)
    const addresses = multiaddrs.map(address => `${address.toString()}/p2p/${peer}`)
    const [text, nowMs, known] = [addresses.join(), performance.now(), this.#told.get(peer)]
    if (known?.text === text && nowMs - known.atMs < TELL_AGAIN_MS) return
    this.#told.delete(peer)
    this.#told.set(peer, { text, atMs: nowMs })
    const [first] = this.#told.keys()
    if (this.#told.size > TOLD_MAX && first !== undefined) this.#told.delete(first)
    this.#handlers.onFound(peer, addresses)
  }
}
