// pure
/**
 * Broadcasts to groups: sent to each node that holds members, and by gossip as well, in case a session is just
 * breaking. Each node hands a broadcast to its members once, whichever way it comes first.
 */

import type { NodeId, Run, SlotId, SpecId } from '../../ids.ts'
import type { Broadcast } from '../../protocol/channel.ts'
import { compareGenerations } from '../../protocol/phase.ts'
import { TRACE_LENGTH_MAX, traceOf } from '../../protocol/request.ts'
import { SeenWindow } from '../../protocol/seen-window.ts'
import type { Post } from './post.ts'
import type { Router } from './router.ts'

/** How many senders are remembered; the one that was silent longest is forgotten first. */
export const SENDERS_MAX = 1024

export class Broadcasts {
  readonly #run: Run
  readonly #router: Router
  readonly #post: Post
  readonly #slotsHere: (group: SpecId) => readonly SlotId[]
  readonly #seen = new Map<string, SeenWindow>()
  #count = 0

  constructor(init: {
    readonly run: Run
    readonly router: Router
    readonly post: Post
    /** The workers of a group on this node. */
    readonly slotsHere: (group: SpecId) => readonly SlotId[]
  }) {
    this.#run = init.run
    this.#router = init.router
    this.#post = init.post
    this.#slotsHere = init.slotsHere
  }

  /** A new broadcast, already given to the members here. @returns undefined when the group does not run now */
  make(group: SpecId, message: unknown, traceId: string | undefined): Broadcast | undefined {
    const generation = this.#router.generationOf(group)
    if (generation === undefined || this.#router.slotsOf(group).length === 0) return undefined
    this.#count += 1
    const { id, boot } = this.#run
    const trace = traceId === undefined ? {} : { traceId: traceId.slice(0, TRACE_LENGTH_MAX) }
    const broadcast: Broadcast = {
      group,
      generation,
      sender: { id, boot },
      n: this.#count,
      ...trace,
      message,
    }
    this.receive(broadcast)
    return broadcast
  }

  /** The other nodes that hold members of the group. */
  holders(group: SpecId): Set<NodeId> {
    const holders = new Set<NodeId>()
    for (const slot of this.#router.slotsOf(group)) {
      const owner = this.#router.find(slot)?.owner
      if (owner !== undefined && owner.id !== this.#run.id) holders.add(owner.id)
    }
    return holders
  }

  /** Gives a broadcast to the members of this node, unless they have had it. */
  receive(broadcast: Broadcast): void {
    const { group, generation, sender, n, message } = broadcast
    if (!this.#windowOf(sender).add(n)) return
    const origin = traceOf(broadcast.traceId)
    const known = this.#router.generationOf(group)
    const isBehind = known === undefined || compareGenerations(known, generation) < 0
    for (const slot of this.#slotsHere(group)) {
      const since = this.#router.find(slot)?.generation
      // A member that was placed later than the sender knows of is another one than it meant.
      const isMeant = !isBehind && since !== undefined && compareGenerations(since, generation) <= 0
      this.#post.deliver(slot, isMeant ? since : generation, {
        kind: 'message',
        message,
        origin,
        bytes: undefined,
      })
    }
  }

  #windowOf(sender: Run): SeenWindow {
    const key = `${sender.id}.${sender.boot}`
    const window = this.#seen.get(key) ?? new SeenWindow()
    this.#seen.delete(key)
    this.#seen.set(key, window)
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > SENDERS_MAX && oldest !== undefined) this.#seen.delete(oldest)
    return window
  }
}
