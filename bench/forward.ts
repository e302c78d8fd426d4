/**
 * The baseline of chains: items passed on by three processes and back, over the same transport with Noise on, with the
 * same framing and codec, and nothing held, acknowledged or routed.
 */

import { decodePayload, encodePayload } from '../src/payload.ts'
import { Libp2pTransport } from '../src/io/libp2p/libp2p-transport.ts'
import { systemClock } from '../src/io/system/system-clock.ts'
import { FrameReader, FrameWriter } from '../src/protocol/frames.ts'
import type { NodeId } from '../src/ids.ts'

const ITEM = 1

/** Passes items to whoever it is connected to. */
export class Forwarder {
  readonly #transport: Libp2pTransport
  readonly #onItem: (item: unknown, forwarder: Forwarder) => void
  readonly #up = new Set<NodeId>()
  #onChange: () => void = () => {}
  #next: NodeId | undefined
  #writer: FrameWriter | undefined

  private constructor(transport: Libp2pTransport, onItem: (item: unknown, forwarder: Forwarder) => void) {
    this.#transport = transport
    this.#onItem = onItem
  }

  static async start(onItem: (item: unknown, forwarder: Forwarder) => void): Promise<Forwarder> {
    const transport = await Libp2pTransport.create({
      cluster: 'bare',
      secret: '',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      mdns: false,
      clock: systemClock,
    })
    const forwarder = new Forwarder(transport, onItem)
    await forwarder.#listen()
    return forwarder
  }

  get address(): string {
    return this.#transport.addresses[0] ?? ''
  }

  /** Connects to the next one in the line, and waits until it can be sent to. */
  async connect(address: string): Promise<void> {
    this.#transport.dial('next', [address])
    while (this.#next === undefined || !this.#up.has(this.#next)) {
      await new Promise<void>(resolve => (this.#onChange = resolve))
    }
    const peer = this.#next
    this.#writer = new FrameWriter(
      bytes => this.#transport.send(peer, 'data', bytes),
      () => queueMicrotask(() => this.#writer?.flush()),
    )
  }

  send(item: unknown): void {
    const bytes = encodePayload(item)
    this.#writer
      ?.begin(ITEM, 4 + bytes.length)
      .u32(0)
      .bytes(bytes)
  }

  stop(): Promise<void> {
    return this.#transport.stop()
  }

  async #listen(): Promise<void> {
    const reader = new FrameReader(frame => {
      frame.u32()
      this.#onItem(decodePayload(frame.rest()), this)
    })
    await this.#transport.start({
      onPeerUp: peer => {
        this.#up.add(peer)
        this.#onChange()
      },
      onPeerDown: () => {},
      onBytes: (_peer, _lane, bytes) => void reader.push(bytes),
      onDrain: () => {},
      onHint: () => {},
      onDiscovered: () => false,
      onDialled: (_key, peer) => {
        this.#next = peer
        this.#onChange()
      },
      onDialFailed: (_key, _failure, reason) => {
        throw new Error(reason)
      },
      onRefused: () => {},
      onTwin: () => {},
      boot: () => 0,
      onFault: (_peer, error) => {
        throw error
      },
    })
  }
}
