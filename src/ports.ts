// shell
/**
 * The doors to the outside world. Everything that touches time, the network, threads or a log does it through
 * one of these, so that a simulated mesh runs the very code that a real one runs.
 */

import type { NodeId } from './ids.ts'

/** Takes back what was asked for; doing so twice, or too late, changes nothing. */
export type Cancel = () => void

export interface Clock {
  /** Milliseconds that only ever grow; where they start means nothing. For every wait and time-out. */
  nowMs(): number
  /** Milliseconds since 1970, as this machine believes. For ids and order between nodes, never for waits. */
  wallMs(): number
  /** Calls `action` once, `delayMs` from now. 0 means: after what waits already, before the next wait. */
  after(delayMs: number, action: () => void): Cancel
}

/** Any logger of the shape of pino's: an object of facts first, a sentence second. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/**
 * The two ordered byte streams of a session with a peer. `control` is never waiting behind `data`:
 * probes and crashes travel on it.
 */
export type Lane = 'control' | 'data'

/** No dial has more addresses: those of a row, and what is claimed besides. */
export const DIAL_ADDRESSES_MAX = 80

/** Why an address could not be dialled. `refused` is evidence that nobody runs there. */
export type DialFailure = 'refused' | 'handshake' | 'unreachable' | 'self'

/** What a transport tells its node. Called one at a time, never from inside a call to the transport. */
export interface TransportHandlers {
  /** A session with an authenticated peer is open, both ways. There is at most one with each peer. */
  onPeerUp(peer: NodeId): void
  /** The session is over; what was on its way is lost. The reason is for people. */
  onPeerDown(peer: NodeId, reason: string): void
  /** Bytes of a lane, in the order of sending, cut anywhere. Valid as long as the receiver holds them. */
  onBytes(peer: NodeId, lane: Lane, bytes: Uint8Array): void
  /** The lane takes more again, after `send` returned false: most of what was queued has left. */
  onDrain(peer: NodeId, lane: Lane): void
  /** A message on a topic: it may come late, twice, out of order or not at all. */
  onHint(topic: string, bytes: Uint8Array): void
  /** Somebody of this mesh was found at these addresses (mDNS). False: not looked at, tell it when it is said again. */
  onDiscovered(peer: NodeId, addresses: readonly string[]): boolean
  /** A dial has led to `peer`, with whom there is a session now, or was one already. */
  onDialled(key: string, peer: NodeId): void
  /** @param cause the same in the words of the system, for whom the reason does not help */
  onDialFailed(key: string, failure: DialFailure, reason: string, cause?: string): void
  /**
   * Somebody did not get in: the handshake failed, the node is not on the list or shut out, or it does not speak the
   * protocol. `who` is an address without its port, or the id of the node where that is known.
   */
  onRefused(who: string, reason: string): void
  /** Another process with the key of this node was met: the number of its run. */
  onTwin(boot: number): void
  /** The number of this run, for such a process to know. */
  boot(): number
  /**
   * One of these functions has thrown at what came from outside, which must not bring down the process: a bug, that
   * would otherwise go from node to node. `peer` is undefined where it came by gossip or multicast.
   */
  onFault(peer: NodeId | undefined, error: unknown): void
}

export interface Transport {
  readonly id: NodeId
  /** Where peers can dial this node. Empty before `start`. */
  readonly addresses: readonly string[]
  /** @throws {ListenError} when no address can be listened on */
  start(handlers: TransportHandlers): Promise<void>
  /** Opens a session with whoever answers at one of the addresses. The outcome is told: `onDialled` or `onDialFailed`. */
  dial(key: string, addresses: readonly string[]): void
  /** Ends the session once what was sent has got out, and takes no new one with the peer for `shutOutMs`. */
  hangUp(peer: NodeId, reason: string, shutOutMs: number): void
  /**
   * Queues `bytes`, which the transport owns from now on. False: queued, but wait for `onDrain`. With whoever goes on all
   * the same, the session ends when 64 MiB are queued. Bytes for a peer without a session are dropped.
   */
  send(peer: NodeId, lane: Lane, bytes: Uint8Array): boolean
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  /** Tells everybody who listens to `topic`, with luck. `bytes` ≤ `HINT_BYTES_MAX`. */
  publish(topic: string, bytes: Uint8Array): void
  stop(): Promise<void>
}

/** What a directory tells its node. */
export interface DirectoryHandlers {
  /** Addresses may come of this name, which is being looked up: `onSeed` or `onSeedGone` says what has. */
  onAwaited(name: string): void
  /** Somebody of the mesh should answer at this address. `name`: it was found by that one. */
  onSeed(address: string, name?: string): void
  /** That is not so any more. */
  onSeedGone(address: string): void
  /** Who was in the mesh in an earlier run of this node, and where. */
  onKnown(peer: NodeId, addresses: readonly string[]): void
  /** A later run of this node waits on this machine for it to stop: the number of that run. */
  onReplaced(boot: number): void
}

/**
 * Where to look for a mesh, besides multicast; what is found of it is written down for the next run. It is stopped last,
 * as the next run begins then.
 */
export interface Directory {
  start(handlers: DirectoryHandlers): void
  remember(peer: NodeId, addresses: readonly string[]): void
  /** It was seen until now. */
  part(peer: NodeId): void
  stop(): Promise<void>
}

/** What a cell is made of. */
export interface CellInit {
  readonly kind: 'thread' | 'process'
  /** The URL of the module that it runs first. */
  readonly entry: string
  /** For people: debuggers and process lists show it. */
  readonly name: string
  /** Megabytes of JavaScript heap. Undefined: what Node gives. */
  readonly heapMb: number | undefined
}

/** How a cell has ended: on its own, by a signal, for want of memory, or because it never came up. */
export type CellEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly lastWords: string }
  | { readonly kind: 'out-of-memory' }
  | { readonly kind: 'broken'; readonly error: unknown }

/** What a cell tells whoever made it. Called one at a time, never from inside a call to the cell. */
export interface CellHandlers {
  /** One after the other: whoever waited for the last one has gone on. So it is before `onEnd`, too. */
  onMessage(message: unknown): void
  /** Nothing of it is left, and all of its messages have been told. Said once. */
  onEnd(end: CellEnd): void
}

/** A thread or process of its own, for code that may loop, leak or exit. Does not keep this process alive. */
export interface Cell {
  /**
   * Sends a value, as the structured clone algorithm can copy it. A thread gets the buffers in `transfer` themselves,
   * and they are empty here from then on. Nothing happens when the cell has ended.
   * @throws {DOMException} named `DataCloneError` when the value cannot be copied
   */
  post(message: object, transfer: readonly ArrayBuffer[]): void
  /**
   * Ends it at once, whatever it is at. `onEnd` follows, and this process is kept alive until then. A thread in a native
   * call, or in a loop that V8 does not interrupt, ends when it is out of that.
   */
  kill(): void
  /** After `kill`: its end is not waited for any longer, so that it does not keep this process alive. */
  abandon(): void
}

/** What a cell has to talk with whoever made it. When that is gone, the cell ends. */
export interface CellPort {
  readonly kind: 'thread' | 'process'
  /** @throws {DOMException} named `DataCloneError` when the value cannot be copied */
  post(message: object, transfer: readonly ArrayBuffer[]): void
  onMessage(listener: (message: unknown) => void): void
  /** Tells of errors that nobody in the cell has caught: Node ends it otherwise. */
  onStray(listener: (error: unknown) => void): void
  /** Ends the cell when all that was posted is on its way. */
  exit(code: number): void
}

/** @returns how to end whatever the code that runs now belongs to; undefined: it belongs to nothing of the listener's */
export type StrayListener = () => ((error: unknown) => void) | undefined

/** What a machine has beyond time and network. A simulated one has none: there, all code runs inline. */
export interface Machine {
  spawn(init: CellInit, handlers: CellHandlers): Cell
  /**
   * Asks about every error that nobody has caught, and every call of `process.exit`, in the asynchronous context in which
   * that happens. Once a listener has said that it is of its own code, all is well; if none does, Node does what it does
   * without us.
   */
  onStray(listener: StrayListener): Cancel
  /** Milliseconds that this thread has computed for: the rest of the time it has waited, or was not given a processor. */
  usedMs(): number
}
