// shell
/** Who is let in: everybody who knows the secret, or the nodes of a list, and nobody who has just broken the rules. */

import type { NodeId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'

/** So many peers are shut out at a time, or were; beyond that, the one that was shut out first gets in again. */
export const SHUT_OUT_MAX = 1_024

interface Ban {
  readonly untilMs: number
  readonly reason: string
}

export class Gate {
  readonly #allowed: ReadonlySet<string> | undefined
  readonly #clock: Clock
  readonly #bans = new Map<NodeId, Ban>()

  /** @param allow undefined: everybody */
  constructor(allow: readonly string[] | undefined, clock: Clock) {
    this.#allowed = allow === undefined ? undefined : new Set(allow)
    this.#clock = clock
  }

  /** Lets a peer in no more for a while. */
  shutOut(peer: NodeId, forMs: number, reason: string): void {
    this.#bans.delete(peer)
    this.#bans.set(peer, { untilMs: this.#clock.nowMs() + forMs, reason })
    const [first] = this.#bans.keys()
    if (this.#bans.size > SHUT_OUT_MAX && first !== undefined) this.#bans.delete(first)
  }

  /** @returns why the peer does not get in; undefined when it does */
  objection(peer: NodeId): string | undefined {
    if (this.#allowed?.has(peer) === false) return 'it is not on the allow-list of this node'
    const ban = this.#bans.get(peer)
    if (ban === undefined) return undefined
    return ban.untilMs > this.#clock.nowMs() ? `shut out for a while: ${ban.reason}` : undefined
  }

  /** @returns why the peer was shut out last, also where it gets in again */
  lastReason(peer: NodeId): string | undefined {
    return this.#bans.get(peer)?.reason
  }
}
