/** Transports under test, with everything that they tell written down. */

import type { NodeId } from '../../src/ids.ts'
import type { DialFailure, Lane, Transport } from '../../src/ports.ts'

/** A started transport, and what it has told. */
export class Probe {
  readonly transport: Transport
  readonly ups: NodeId[] = []
  /** Sessions and outcomes of dials, in the order in which they were told of. */
  readonly told: string[] = []
  readonly downs: NodeId[] = []
  /** Why the sessions of `downs` have ended. */
  readonly reasons: string[] = []
  readonly dialled: (readonly [key: string, peer: NodeId])[] = []
  readonly failures: (readonly [key: string, failure: DialFailure, reason: string])[] = []
  readonly faults: unknown[] = []
  readonly refused: (readonly [who: string, reason: string])[] = []
  readonly hints: (readonly [topic: string, text: string])[] = []
  /** Who was found by multicast, each time. */
  readonly found: (readonly [peer: NodeId, addresses: readonly string[]])[] = []
  /** The runs of other processes with the same key that were met. */
  readonly twins: number[] = []
  boot = 1
  /** Looks at nobody whom multicast finds, as where more are found than there can be. */
  isFull = false
  drains = 0
  readonly #bytes = new Map<string, Uint8Array[]>()

  private constructor(transport: Transport) {
    this.transport = transport
  }

  static async start(transport: Transport): Promise<Probe> {
    const probe = new Probe(transport)
    await transport.start({
      onPeerUp: peer => {
        probe.told.push(`up ${peer}`)
        probe.ups.push(peer)
      },
      onPeerDown: (peer, reason) => {
        probe.told.push(`down ${peer}`)
        probe.downs.push(peer)
        probe.reasons.push(reason)
      },
      onBytes: (peer, lane, bytes) => probe.#onBytes(peer, lane, bytes),
      onDrain: () => (probe.drains += 1),
      onHint: (topic, bytes) => probe.hints.push([topic, Buffer.from(bytes).toString()]),
      onDiscovered: (peer, addresses) => {
        probe.found.push([peer, addresses])
        return !probe.isFull
      },
      onDialled: (key, peer) => {
        probe.told.push(`dialled ${peer}`)
        probe.dialled.push([key, peer])
      },
      onDialFailed: (key, failure, reason) => probe.failures.push([key, failure, reason]),
      onFault: (_peer, error) => probe.faults.push(error),
      onRefused: (who, reason) => probe.refused.push([who, reason]),
      onTwin: boot => probe.twins.push(boot),
      boot: () => probe.boot,
    })
    return probe
  }

  get id(): NodeId {
    return this.transport.id
  }

  get address(): string {
    return this.transport.addresses[0] ?? ''
  }

  /** Sessions that are up now. */
  get peers(): NodeId[] {
    const open = new Map<NodeId, number>()
    for (const peer of this.ups) open.set(peer, (open.get(peer) ?? 0) + 1)
    for (const peer of this.downs) open.set(peer, (open.get(peer) ?? 0) - 1)
    return [...open].flatMap(([peer, count]) => (count > 0 ? [peer] : []))
  }

  /** All that has come from a peer on a lane, in one piece. */
  received(peer: NodeId, lane: Lane): Buffer {
    return Buffer.concat(this.#bytes.get(`${peer} ${lane}`) ?? [])
  }

  receivedBytes(peer: NodeId, lane: Lane): number {
    return (this.#bytes.get(`${peer} ${lane}`) ?? []).reduce((sum, bytes) => sum + bytes.length, 0)
  }

  #onBytes(peer: NodeId, lane: Lane, bytes: Uint8Array): void {
    const key = `${peer} ${lane}`
    const known = this.#bytes.get(key)
    if (known === undefined) this.#bytes.set(key, [bytes])
    else known.push(bytes)
  }
}

/** How transports of one kind are made, and how time passes for them. */
export interface Harness {
  /** `listen`: at addresses of its kind; at one, where nothing is said. */
  make(listen?: readonly string[]): Promise<Probe>
  /** An address at which nobody listens. */
  nowhere(): Promise<string>
  /** Lets so much time pass by the clocks of the transports; none of their timers runs earlier for it. */
  pass(durationMs: number): void
  /** Waits until `condition` holds, and fails with `what` when it does not in time. */
  until(what: string, condition: () => boolean): Promise<void>
  stop(): Promise<void>
}
