// shell
/** The sessions with peers, and the channels that are to be open whenever there is one. */

import type { NodeId, Run } from '../../ids.ts'
import type { Channels } from '../chain/wiring.ts'
import type { Outgoing, Session } from './session.ts'

export class Sessions implements Channels {
  readonly #byPeer = new Map<NodeId, Session>()
  readonly #outgoing = new Map<NodeId, Set<Outgoing>>()
  #count = 0

  /** With that run of a node, as far as is known: not with a later one, which knows nothing of what is for this one. */
  findTo({ id, boot }: Run): Session | undefined {
    const session = this.#byPeer.get(id)
    return session !== undefined && session.boot <= boot ? session : undefined
  }

  isFollowed({ id, boot }: Run): boolean {
    const session = this.#byPeer.get(id)
    return session !== undefined && session.boot !== Infinity && session.boot > boot
  }

  find(peer: NodeId): Session | undefined {
    return this.#byPeer.get(peer)
  }

  peers(): Iterable<NodeId> {
    return this.#byPeer.keys()
  }

  add(session: Session): void {
    this.#byPeer.set(session.peer, session)
    for (const outgoing of this.#outgoing.get(session.peer) ?? []) session.open(outgoing)
  }

  /** @returns whether there was one */
  end(peer: NodeId): boolean {
    const session = this.#byPeer.get(peer)
    this.#byPeer.delete(peer)
    session?.end()
    return session !== undefined
  }

  /** Sends what has been written, in all of them: this node goes, and has no other turn. */
  letOut(): void {
    for (const session of this.#byPeer.values()) session.letOut()
  }

  next(): number {
    this.#count = (this.#count + 1) >>> 0
    return this.#count
  }

  open(peer: NodeId, outgoing: Outgoing): void {
    const open = this.#outgoing.get(peer) ?? new Set()
    this.#outgoing.set(peer, open)
    open.add(outgoing)
    this.#byPeer.get(peer)?.open(outgoing)
  }

  close(peer: NodeId, outgoing: Outgoing): void {
    const open = this.#outgoing.get(peer)
    if (open?.delete(outgoing) === true && open.size === 0) this.#outgoing.delete(peer)
    this.#byPeer.get(peer)?.close(outgoing)
  }
}
