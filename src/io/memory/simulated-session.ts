// shell
/**
 * A session of the simulated network: a TCP connection with two ordered lanes. It has no end of its own: each side ends
 * it, or finds out that it has ended, and what has reached a process before that is read first.
 */

import type { NodeId } from '../../ids.ts'
import type { Lane } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { NetworkConditions } from './network-conditions.ts'
import { keepNothing, keepsAny, newEnd, type Pipe, type SessionEnd } from './session-end.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { Uplink } from './uplink.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** More than this on its way in one direction of a session, and `send` asks to wait. */
const CONGESTED_BYTES = 1024 * 1024

/** For more than this, the session ends, as it does where a stream of libp2p has too much to keep. */
const BYTES_ON_WAY_MAX = 64 * 1024 * 1024

/** Linux waits so long at least before it sends a packet again, and twice as long each further time. */
const RETRANSMISSION_MS = 200
const RETRANSMISSIONS_MAX = 5

/** What yamux sends of a stream before the other side has read it; what is on the wire, the other lane waits behind. */
const WINDOW_BYTES = 256 * 1024

/** What arrives at once of a message, where a link carries only so much. */
const PIECE_BYTES = 16 * 1024

/** The limit of the libp2p transport for what a process still keeps of a session that it ends in peace. */
const LINGER_MS = 500

/** What happened on the network, in order: equal for equal seeds. */
export type Observer = (line: string, bytes?: Uint8Array) => void

/** What carries the packets of a session. */
export interface Wire {
  readonly clock: VirtualClock
  readonly prng: Prng
  readonly conditions: NetworkConditions
  readonly observe: Observer
  /** Nothing gets from the one to the other. */
  isCutFrom(from: NodeId, to: NodeId): boolean
  /** How long a packet takes from one to the other. */
  delayMs(from: NodeId, to: NodeId): number
  /** Neither side has its socket any more. */
  onOver(session: SimulatedSession): void
}

/**
 * How one side ends a session. `linger`: after what its process still keeps, if that gets out in time. `finish`: after
 * what the kernel has got, as it does for a process that is gone. `reset`: at once, and what is on its way is lost.
 * `silence`: TCP has given up, and says nothing.
 */
export type Ending = 'linger' | 'finish' | 'reset' | 'silence'

export class SimulatedSession {
  readonly #wire: Wire
  readonly #ends: readonly [SessionEnd, SessionEnd]
  readonly dialler: SimulatedHost
  readonly openedMs: number
  /** Told when it ends before whoever has dialled has its streams. */
  #endedEarly: ((why: string) => void) | undefined

  constructor(wire: Wire, dialler: SimulatedHost, listener: SimulatedHost) {
    this.#wire = wire
    this.dialler = dialler
    this.openedMs = wire.clock.nowMs
    const { clock, conditions } = wire
    const uplink = (): Uplink => new Uplink(clock, conditions.bytesPerMs)
    this.#ends = [newEnd(dialler, uplink()), newEnd(listener, uplink())]
  }

  get ids(): readonly [NodeId, NodeId] {
    const [one, other] = this.#ends
    return [one.host.id, other.host.id]
  }

  /** Whether both sides have their sockets. */
  get isWhole(): boolean {
    return this.#ends.every(end => !end.isClosed)
  }

  /** Whether whoever has dialled waits for its streams. */
  get isOpening(): boolean {
    return this.#endedEarly !== undefined
  }

  /** The other run of a node that it is with. */
  across(host: SimulatedHost): SimulatedHost {
    return this.#from(host)[1].host
  }

  /** Undefined: it is open. */
  onEndedEarly(listener: ((why: string) => void) | undefined): void {
    this.#endedEarly = listener
  }

  /** Whoever has dialled gives it up, unless it is open. */
  endEarly(why: string): void {
    if (!this.isOpening) return
    this.close(this.dialler, why, 'reset')
    this.#onEndedEarly(why)
  }

  /** Something that gets to the other side behind all that was sent, and before all that will be. */
  post(from: SimulatedHost, arrive: () => void): void {
    this.#post(this.#from(from)[0], arrive)
  }

  /** Whether it is with this run of a node. */
  leadsTo(host: SimulatedHost): boolean {
    return this.#ends.some(end => end.host === host)
  }

  /** @returns false when the lane asks to wait */
  send(from: SimulatedHost, lane: Lane, bytes: Uint8Array): boolean {
    const [near, far] = this.#from(from)
    if (near.isClosed) return true
    const pipe = near.pipes[lane]
    pipe.bytesOnWay += bytes.length
    if (this.#isCut(near, far) || this.#isCut(far, near)) this.#getStuck(near)
    if (this.#isCut(near, far)) near.held.push(() => this.#carry(near, pipe, bytes))
    else this.#carry(near, pipe, bytes)
    if (pipe.bytesOnWay > BYTES_ON_WAY_MAX) this.hangUp(from, 'overrun', 'reset')
    pipe.isCongested = pipe.bytesOnWay > CONGESTED_BYTES
    return !pipe.isCongested
  }

  /** One side ends the session, and is told so. */
  hangUp(from: SimulatedHost, why: string, ending: Ending): void {
    const [near, far] = this.#from(from)
    if (near.isClosed) return
    this.close(from, why, ending)
    from.sessions.delete(far.host.id)
    from.handLater(() => from.handlers.onPeerDown(far.host.id, `simulated: ${why}`))
  }

  /** The socket of one side is gone, whatever its process knows. */
  close(from: SimulatedHost, why: string, ending: Ending): void {
    const [near, far] = this.#from(from)
    // Its process may be gone before what it keeps has got out.
    if (near.isClosed && !near.isLingering) return
    if (!near.isLingering) this.#wire.observe(`down ${near.host.id}-${far.host.id} ${why}`)
    if (!near.isLingering) this.#lose(near)
    near.isLingering = ending === 'linger'
    if (near.isLingering) return this.#linger(near, why)
    if (ending === 'finish') return this.#finish(near, why)
    keepNothing(near)
    near.isReset = true
    near.held.length = 0
    if (ending === 'reset') this.#reset(near, why)
  }

  /** Calls back once: when the kernel has all that this side has sent, or it is too late for that. */
  onSent(from: SimulatedHost, listener: () => void): void {
    this.#onSent(this.#from(from)[0], listener)
  }

  /** What it carries in a millisecond each way, from now on. */
  setRate(bytesPerMs: number): void {
    for (const { uplink } of this.#ends) uplink.setRate(bytesPerMs)
  }

  /** Both sides find it broken, and what was on its way is lost. */
  breakOff(): void {
    if (!this.isWhole) return
    const [one, other] = this.#ends
    this.#wire.observe(`down ${one.host.id}-${other.host.id} broken`)
    for (const end of this.#ends) {
      end.isReset = true
      end.held.length = 0
      this.#lose(end)
      this.#wire.clock.after(this.#delayMs(), () => this.#tell(end, 'broken'))
    }
  }

  /** What this side had sent before the cut, or since, goes on. */
  mend(from: NodeId): void {
    const [one, other] = this.#ends
    if (!this.#isCut(one, other) && !this.#isCut(other, one))
      for (const end of this.#ends) end.stuckSinceMs = undefined
    for (const end of this.#ends) if (end.host.id === from) for (const go of end.held.splice(0)) go()
  }

  #onSent(near: SessionEnd, listener: () => void): void {
    if (!keepsAny(near)) return listener()
    near.onSent.push(listener)
    this.#wire.clock.after(LINGER_MS, () => {
      const at = near.onSent.indexOf(listener)
      if (at >= 0) near.onSent.splice(at, 1).forEach(tell => tell())
    })
  }

  #linger(near: SessionEnd, why: string): void {
    this.#onSent(near, () => {
      if (near.isLingering) this.#finish(near, why)
    })
  }

  #finish(near: SessionEnd, why: string): void {
    near.isLingering = false
    // What the kernel has not got yet goes with the process.
    keepNothing(near)
    this.#post(near, () => this.#hear(this.#across(near), why))
  }

  /** Something is under way that cannot be acknowledged: if that stays so, its sender gives the session up. */
  #getStuck(end: SessionEnd): void {
    if (end.stuckSinceMs !== undefined || end.isClosed) return
    const sinceMs = this.#wire.clock.nowMs
    end.stuckSinceMs = sinceMs
    this.#wire.clock.after(this.#wire.conditions.sessionTimeoutMs, () => {
      if (end.stuckSinceMs !== sinceMs || end.isClosed) return
      this.close(end.host, 'timed out', 'silence')
      this.#tell(end, 'timed out')
    })
  }

  #carry(near: SessionEnd, pipe: Pipe, bytes: Uint8Array): void {
    if (pipe.unsent.length === 0 && this.#wire.conditions.bytesPerMs === Infinity) {
      this.#transmit(near, pipe, bytes)
    } else {
      pipe.unsent.push(bytes)
      this.#pump(near, pipe)
    }
  }

  /** Sends what there is room for in the window, piece by piece. */
  #pump(near: SessionEnd, pipe: Pipe): void {
    while (pipe.bytesInWindow < WINDOW_BYTES) {
      const bytes = pipe.unsent.shift()
      if (bytes === undefined) break
      if (bytes.length > PIECE_BYTES) pipe.unsent.unshift(bytes.subarray(PIECE_BYTES))
      this.#transmit(near, pipe, bytes.subarray(0, PIECE_BYTES))
    }
    if (!keepsAny(near)) for (const tell of near.onSent.splice(0)) tell()
  }

  #transmit(near: SessionEnd, pipe: Pipe, bytes: Uint8Array): void {
    const { clock } = this.#wire
    pipe.bytesInWindow += bytes.length
    near.uplink.put(bytes.length, () => {
      pipe.lastArrivalMs = Math.max(pipe.lastArrivalMs, clock.nowMs + this.#delayMs() + this.#repeatMs())
      clock.at(pipe.lastArrivalMs, () => this.#land(near, () => this.#arrive(near, pipe, bytes)))
    })
  }

  /** A packet is there, unless it has run into a cut: then TCP sends it again. */
  #land(near: SessionEnd, arrive: () => void): void {
    if (near.isReset) return
    if (!this.#isCut(near, this.#across(near))) return arrive()
    this.#getStuck(near)
    near.held.push(() => this.#land(near, arrive))
  }

  #arrive(near: SessionEnd, pipe: Pipe, bytes: Uint8Array): void {
    const far = this.#across(near)
    // Nobody has that socket any more, and the kernel says so.
    if (far.isClosed && !far.isLingering) this.#reset(far, 'closed')
    else far.host.hand(() => this.#take(near, pipe, bytes))
  }

  /** The process reads it. */
  #take(near: SessionEnd, pipe: Pipe, bytes: Uint8Array): void {
    const { host } = this.#across(near)
    const from = near.host
    const isKnown = (): boolean => host.sessions.get(from.id) === this
    pipe.bytesOnWay -= bytes.length
    pipe.bytesInWindow -= bytes.length
    this.#pump(near, pipe)
    if (!isKnown()) return
    this.#wire.observe(`${pipe.lane} ${from.id}>${host.id}`, bytes)
    // A stream is cut anywhere: receivers must not rely on how it was sent.
    const cut = bytes.length > 1 && this.#wire.prng.chance(0.1) ? this.#wire.prng.below(bytes.length) : 0
    if (cut > 0) host.handlers.onBytes(from.id, pipe.lane, bytes.subarray(0, cut))
    if (isKnown()) host.handlers.onBytes(from.id, pipe.lane, bytes.subarray(cut))
    if (near.isClosed || !pipe.isCongested || pipe.bytesOnWay > CONGESTED_BYTES / 2) return
    pipe.isCongested = false
    from.hand(() => {
      if (from.sessions.get(host.id) === this) from.handlers.onDrain(host.id, pipe.lane)
    })
  }

  /** Behind all that was sent; sent again until it gets through. */
  #post(near: SessionEnd, arrive: () => void): void {
    if (this.#isCut(near, this.#across(near))) {
      this.#getStuck(near)
      near.held.push(() => this.#post(near, arrive))
      return
    }
    const { clock } = this.#wire
    const { control, data } = near.pipes
    near.uplink.put(0, () => {
      const leastMs = clock.nowMs + this.#delayMs() + this.#repeatMs()
      const arrivalMs = Math.max(control.lastArrivalMs, data.lastArrivalMs, leastMs)
      control.lastArrivalMs = arrivalMs
      data.lastArrivalMs = arrivalMs
      clock.at(arrivalMs, () => this.#land(near, arrive))
    })
  }

  /**
   * Said once: where it is lost, the other side hears it when it sends something, if that gets through. It comes behind
   * what this side had sent, unless that is lost.
   */
  #reset(near: SessionEnd, why: string): void {
    const far = this.#across(near)
    if (this.#isCut(near, far)) return
    const { clock } = this.#wire
    const { control, data } = near.pipes
    const say = (behindMs: number): void => {
      clock.at(Math.max(behindMs, clock.nowMs + this.#delayMs()), () => {
        if (!this.#isCut(near, far)) this.#hear(far, why)
      })
    }
    if (near.isReset) say(0)
    else near.uplink.put(0, () => say(Math.max(control.lastArrivalMs, data.lastArrivalMs)))
  }

  /** One side hears that the other one has ended the session. */
  #hear(end: SessionEnd, why: string): void {
    if (end.isClosed) return
    this.#lose(end)
    this.#tell(end, why)
  }

  #lose(end: SessionEnd): void {
    end.isClosed = true
    if (this.#ends.every(each => each.isClosed)) this.#wire.onOver(this)
  }

  /** Its process is told when it has read what came before, unless it has ended the session itself, or has another one. */
  #tell({ host }: SessionEnd, why: string): void {
    const peer = this.ids[0] === host.id ? this.ids[1] : this.ids[0]
    host.hand(() => {
      if (host === this.dialler && this.isOpening) return this.#onEndedEarly(why)
      if (host.sessions.get(peer) !== this) return
      host.sessions.delete(peer)
      host.handlers.onPeerDown(peer, `simulated: ${why}`)
    })
  }

  #delayMs(): number {
    const [one, other] = this.#ends
    return this.#wire.delayMs(one.host.id, other.host.id)
  }

  #onEndedEarly(why: string): void {
    const listener = this.#endedEarly
    this.#endedEarly = undefined
    listener?.(why)
  }

  /** How much later it comes for being lost on its way. */
  #repeatMs(): number {
    const { prng, conditions } = this.#wire
    let lateMs = 0
    for (let tries = 0; tries < RETRANSMISSIONS_MAX && prng.chance(conditions.packetLoss); tries++)
      lateMs += RETRANSMISSION_MS * 2 ** tries
    return lateMs
  }

  #isCut(near: SessionEnd, far: SessionEnd): boolean {
    return this.#wire.isCutFrom(near.host.id, far.host.id)
  }

  #across(end: SessionEnd): SessionEnd {
    const [one, other] = this.#ends
    return end === one ? other : one
  }

  /** The side of this host, and the other one. */
  #from(host: SimulatedHost): readonly [SessionEnd, SessionEnd] {
    const [one, other] = this.#ends
    return one.host === host ? [one, other] : [other, one]
  }
}
