// pure
/** Who has taken in what was written here: a spec that only one node knows is lost with it. */

import type { NodeId, SlotId, SpecId } from '../ids.ts'
import type { Rows } from '../protocol/messages.ts'

/** Rows that have gone out to others, and who of them has said that it has them. */
export interface Ask {
  readonly specs: readonly SpecId[]
  readonly slots: readonly SlotId[]
  readonly waiting: Set<NodeId>
  merged: number
}

/** How far a spec has got. */
export interface Spread {
  /** So many other nodes have it. */
  readonly merged: number
  /** So many others that were told of it have not answered yet, and are still connected. */
  readonly waiting: number
}

/** Somebody on this node waits for a spec to get that far. */
export interface Watch {
  readonly spec: SpecId
  /** The last rows that have gone out with the spec since; undefined: none have. */
  ask: Ask | undefined
}

export class Spreading {
  readonly #asks = new Map<number, Ask>()
  /** Each by itself: several may wait for one spec, and one of them not as long as another. */
  readonly #watches = new Map<SpecId, Set<Watch>>()
  /** The good-bye of this node. */
  #farewell: Ask | undefined
  #count = 0

  /** Whether everybody who was told has heard that this node has left; so too where there was nobody to tell. */
  get isHeard(): boolean {
    return (this.#farewell?.waiting.size ?? 0) === 0
  }

  /** Keeps note of how far the spec gets from now on, until `unwatch`. */
  watch(spec: SpecId): Watch {
    const watch: Watch = { spec, ask: undefined }
    const watches = this.#watches.get(spec) ?? new Set()
    this.#watches.set(spec, watches.add(watch))
    return watch
  }

  /** Which specs somebody waits for: how many nodes there are, has changed. */
  watched(): Iterable<SpecId> {
    return this.#watches.keys()
  }

  unwatch(watch: Watch): void {
    const watches = this.#watches.get(watch.spec)
    watches?.delete(watch)
    if (watches?.size === 0) this.#watches.delete(watch.spec)
  }

  /** Rows go out to `peers`. @returns the number that their answers will carry; undefined: no answer is wanted */
  begin(self: NodeId, rows: Rows, peers: readonly NodeId[]): number | undefined {
    const specs = rows.specs.map(row => row.id)
    const slots = rows.claims.filter(claim => claim.state === 'starting').map(claim => claim.slot)
    const isFarewell = rows.members.some(({ id, status }) => id === self && status === 'left')
    if (peers.length === 0 || (specs.length + slots.length === 0 && !isFarewell)) return undefined
    const ask: Ask = { specs, slots, waiting: new Set(peers), merged: 0 }
    if (isFarewell) this.#farewell = ask
    this.#count += 1
    this.#asks.set(this.#count, ask)
    for (const spec of specs) for (const watch of this.#watches.get(spec) ?? []) watch.ask = ask
    return this.#count
  }

  /** @returns what the peer has taken in */
  onMerged(number: number, peer: NodeId): Pick<Ask, 'specs' | 'slots'> | undefined {
    const ask = this.#asks.get(number)
    if (ask?.waiting.delete(peer) !== true) return undefined
    ask.merged += 1
    if (ask.waiting.size === 0) this.#asks.delete(number)
    return ask
  }

  /** A peer that is gone is not waited for. @returns the specs that are waited for less now */
  onPeerDown(peer: NodeId): readonly SpecId[] {
    const affected: SpecId[] = []
    for (const [number, ask] of this.#asks) {
      if (!ask.waiting.delete(peer)) continue
      affected.push(...ask.specs)
      if (ask.waiting.size === 0) this.#asks.delete(number)
    }
    return affected
  }

  /** How far the spec has got that is watched. */
  of({ ask }: Watch): Spread {
    return { merged: ask?.merged ?? 0, waiting: ask?.waiting.size ?? 0 }
  }
}
