// shell
/** One run of a node on a simulated network: what comes for it while its process stands still waits, in order. */

import type { NodeId } from '../../ids.ts'
import type { TransportHandlers } from '../../ports.ts'
import type { SimulatedDial } from './simulated-dial.ts'
import type { SimulatedSession } from './simulated-session.ts'
import type { VirtualClock } from './virtual-clock.ts'

export class SimulatedHost {
  readonly id: NodeId
  readonly handlers: TransportHandlers
  readonly topics = new Set<string>()
  /** The sessions that its process knows of, by its peers: it may not have been told yet that one is over. */
  readonly sessions = new Map<NodeId, SimulatedSession>()
  /** Its dials that wait for the streams of a connection, by whom they have reached. */
  readonly opening = new Map<NodeId, SimulatedDial[]>()
  /** Until when it takes no session with whom. */
  readonly #shutUntilMs = new Map<NodeId, number>()
  readonly #clock: VirtualClock
  /** What has come while it was frozen, and behind that what has come before all of it was taken in. */
  readonly #waiting: (() => void)[] = []
  #isFrozen = false
  #isGone = false

  constructor(id: NodeId, handlers: TransportHandlers, clock: VirtualClock) {
    this.id = id
    this.handlers = handlers
    this.#clock = clock
  }

  get isFrozen(): boolean {
    return this.#isFrozen
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** It takes no session with that peer for a while. */
  shutOut(peer: NodeId, forMs: number): void {
    this.#shutUntilMs.set(peer, this.#clock.nowMs + forMs)
  }

  hasShutOut(peer: NodeId): boolean {
    return (this.#shutUntilMs.get(peer) ?? 0) > this.#clock.nowMs
  }

  /** From now on, what comes for it waits. */
  freeze(): void {
    this.#isFrozen = true
  }

  /** It goes on, and takes in everything that has come: one after the other, before anything that comes from now on. */
  thaw(): void {
    this.#isFrozen = false
    for (const _ of this.#waiting) this.#takeInSoon()
  }

  /** Its process is gone: it takes in nothing any more. */
  end(): void {
    this.#isGone = true
  }

  /** Gives something to the process: now, or when it goes on, and never before what has come earlier. */
  hand(deliver: () => void): void {
    if (!this.#isFrozen && !this.#isGone && this.#waiting.length === 0) return deliver()
    this.handLater(deliver)
  }

  /** The same, when it is done with what it is at: for what comes of something that it has asked for. */
  handLater(deliver: () => void): void {
    if (this.#isGone) return
    this.#waiting.push(deliver)
    if (!this.#isFrozen) this.#takeInSoon()
  }

  /** One of the things that wait. */
  #takeInSoon(): void {
    this.#clock.after(0, () => {
      if (!this.#isFrozen && !this.#isGone) this.#waiting.shift()?.()
    })
  }
}
