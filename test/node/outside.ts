/** A node whose network is played by the test: what comes in is what the test says. */

import { type NodeId, nodeId } from '../../src/ids.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { Node } from '../../src/node/node.ts'
import { type NodeInit, checkOptions } from '../../src/node/options.ts'
import type { Directory, Lane, Logger, Transport, TransportHandlers } from '../../src/ports.ts'
import { encodeMessage } from '../../src/protocol/codec.ts'
import { FrameWriter } from '../../src/protocol/frames.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { type Message, NO_ROWS, PROTOCOL } from '../../src/protocol/messages.ts'

/** What is larger goes in pieces. */
const PIECE_BYTES = 128 * 1024

export class Outside implements Transport {
  readonly id = nodeId('self')
  readonly addresses = ['/sim/self']
  readonly clock = new VirtualClock()
  /** Errors as well. */
  readonly warnings: string[] = []
  readonly errors: string[] = []
  readonly hungUp: { readonly peer: NodeId; readonly reason: string; readonly shutOutMs: number }[] = []
  readonly sent: { readonly peer: NodeId; readonly lane: Lane; readonly bytes: Uint8Array }[] = []
  /** What `send` answers. */
  takesMore = true
  /** What seeds were found by. */
  readonly names = new Map<string, string>()
  /** The node has given back its data folder. */
  isFolderFree = false
  #handlers: TransportHandlers | undefined

  /** Starts a node that has nobody but the test around it. */
  async node(init: NodeInit = {}): Promise<Node> {
    const note = (facts: object, message: string): void => {
      this.warnings.push(`${message} ${JSON.stringify(facts)}`)
    }
    const logger: Logger = {
      debug: () => {},
      info: () => {},
      warn: note,
      error: (facts, message) => {
        note(facts, message)
        this.errors.push([message, ...Object.values(facts).map(String)].join(', '))
      },
    }
    const clock = this.clock.fork()
    const options = checkOptions(init)
    const { seeds } = options
    const directory: Directory = {
      start: ({ onSeed }) => seeds.forEach(seed => onSeed(seed, this.names.get(seed))),
      remember: () => {},
      part: () => {},
      stop: async () => void (this.isFolderFree = true),
    }
    const started = Node.start(options, { clock, transport: this, logger, directory }, 'outside')
    await this.clock.run(2_000)
    return started
  }

  get world(): TransportHandlers {
    if (this.#handlers === undefined) throw new Error('the node has not started')
    return this.#handlers
  }

  /** A peer comes, and says hello properly. */
  greet(name: string): NodeId {
    const peer = nodeId(name)
    this.world.onPeerUp(peer)
    this.say(peer, {
      kind: 'hello',
      protocol: PROTOCOL,
      run: { id: peer, boot: 1 },
      profile: 'lan',
      rows: NO_ROWS,
    })
    return peer
  }

  /** The same, of a node that is to be a member. */
  join(name: string): NodeId {
    const peer = nodeId(name)
    const row: MemberRow = {
      id: peer,
      boot: 1,
      seq: 1,
      status: 'alive',
      name,
      addresses: [],
      role: 'member',
      weight: 1,
      labels: {},
      behaviours: [],
      protocol: PROTOCOL,
    }
    const rows = { ...NO_ROWS, members: [row] }
    this.world.onPeerUp(peer)
    this.say(peer, { kind: 'hello', protocol: PROTOCOL, run: { id: peer, boot: 1 }, profile: 'lan', rows })
    return peer
  }

  /** A peer says that it knows no more than the node. */
  tell(name: string, node: Node): void {
    this.say(nodeId(name), { kind: 'digest', roots: node.snapshot().roots })
  }

  say(peer: NodeId, message: Message): void {
    let bytes = encodeMessage(message)
    for (; bytes.length > PIECE_BYTES; bytes = bytes.subarray(PIECE_BYTES))
      this.world.onBytes(peer, 'control', framed(bytes.subarray(0, PIECE_BYTES), 2))
    this.world.onBytes(peer, 'control', framed(bytes))
  }

  async start(handlers: TransportHandlers): Promise<void> {
    this.#handlers = handlers
  }

  send(peer: NodeId, lane: Lane, bytes: Uint8Array): boolean {
    this.sent.push({ peer, lane, bytes })
    return this.takesMore
  }

  hangUp(peer: NodeId, reason: string, shutOutMs: number): void {
    this.hungUp.push({ peer, reason, shutOutMs })
    this.#handlers?.onPeerDown(peer, 'hung up')
  }

  dial(): void {}
  subscribe(): void {}
  unsubscribe(): void {}
  publish(): void {}
  async stop(): Promise<void> {}
}

/** As it is on the wire. */
export function framed(body: Uint8Array, kind = 1): Uint8Array {
  const pieces: Uint8Array[] = []
  const writer = new FrameWriter(bytes => pieces.push(bytes))
  writer.begin(kind, body.length).bytes(body)
  writer.flush()
  return Buffer.concat(pieces)
}

/** The question that is always answered. */
export function probe(n: number): Message & { kind: 'probe' } {
  const stat = { health: 0, view: '', unreachable: [] }
  return { kind: 'probe', n, stat, news: { members: [], accusations: [] } }
}
