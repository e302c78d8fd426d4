// pure
/**
 * What workers have left behind and is on its way from this node, by whom it was sent to: until that one has taken it up.
 * What is sent to a peer at once waits in memory, and too much of it ends the session.
 */

import type { NodeId } from '../../ids.ts'

/** A quarter of what may wait for a peer (`io/libp2p`): there is other news, and what members of groups ask for. */
export const IN_FLIGHT_BYTES_MAX = 16 * 1024 * 1024

export class InFlight {
  readonly #bytes = new Map<NodeId, number>()

  /** Whether so much more may be sent: something, in any case. */
  hasRoom(to: NodeId, bytes: number): boolean {
    const known = this.#bytes.get(to)
    return known === undefined || known + bytes <= IN_FLIGHT_BYTES_MAX
  }

  add(to: NodeId, bytes: number): void {
    this.#bytes.set(to, (this.#bytes.get(to) ?? 0) + bytes)
  }

  remove(to: NodeId, bytes: number): void {
    const left = (this.#bytes.get(to) ?? 0) - bytes
    if (left > 0) this.#bytes.set(to, left)
    else this.#bytes.delete(to)
  }
}
