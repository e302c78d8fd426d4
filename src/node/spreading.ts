// pure
/** Who has taken in what was written here: a spec that only one node knows is lost with it. */

import type { NodeId, SlotId, SpecId } from '../ids.ts'
import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import { ASKS_MAX } from '../protocol/limits.ts'
import type { Message, Rows } from '../protocol/messages.ts'
import { inFrames } from '../protocol/rows.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import type { Tables } from '../protocol/tables.ts'

/** Rows that have gone out to others, and who of them has said that it has them. */
interface Ask {
  /** The answers carry it. */
  readonly number: number
  readonly specs: readonly SpecId[]
  readonly slots: readonly SlotId[]
  readonly waiting: Set<NodeId>
  /** Those who want to hear of the answers. */
  readonly watches: readonly Watch[]
}

/** How far a spec has got. */
export interface Spread {
  /** So many of the others have it. */
  readonly merged: number
  /** So many others that were told of it have not answered yet, and are still connected. */
  readonly waiting: number
  /** So many are there, this node included. */
  readonly members: number
}

/** Somebody on this node has written something of a spec, and waits for it to get that far. */
export interface Watch {
  readonly spec: SpecId
  /** The version that it has replaced: rows with a later one have it. */
  readonly replaces: Hlc | undefined
  /** Others that were told of it, and have not answered yet: whoever has, has taken in one of these rows. */
  readonly waiting: Set<NodeId>
  readonly merged: Set<NodeId>
  /** In which it has gone out since. */
  readonly asks: Ask[]
}

export interface SpreadingInit {
  readonly self: NodeId
  readonly tables: Tables
  readonly send: (to: NodeId, message: Message) => void
}

export class Spreading {
  readonly #init: SpreadingInit
  /** Those to which somebody has not answered yet: the last `ASKS_MAX`, and those of which somebody here waits for that. */
  readonly #asks = new Map<number, Ask>()
  /** Each by itself: several may wait for one spec, and one of them not as long as another. */
  readonly #watches = new Map<SpecId, Set<Watch>>()
  /** The good-bye of this node. */
  #farewell: Ask | undefined
  #count = 0

  constructor(init: SpreadingInit) {
    this.#init = init
  }

  /** Whether everybody who was told has heard that this node has left; so too where there was nobody to tell. */
  get isHeard(): boolean {
    return (this.#farewell?.waiting.size ?? 0) === 0
  }

  /** Keeps note of how far what is about to be written of the spec gets, until `unwatch`. */
  watch(spec: SpecId): Watch {
    const replaces = this.#init.tables.specs.get(spec)?.version
    const watch: Watch = { spec, replaces, waiting: new Set(), merged: new Set(), asks: [] }
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
    for (const ask of watch.asks) this.#tidy(ask)
  }

  /** Tells `peers` of what is new, and asks for an answer where somebody may wait for one. */
  tell(rows: Rows, peers: readonly NodeId[]): void {
    for (const bundle of inFrames(rows)) {
      const ask = this.#begin(bundle, peers)
      const message: Message = { kind: 'rows', rows: bundle, ask: ask?.number }
      for (const peer of peers) this.#init.send(peer, message)
    }
  }

  /**
   * A peer is met, or is back: it is told of what somebody waits for, and asked once more where it has not answered. It
   * would hear of it anyway, but not say so.
   */
  onPeerUp(peer: NodeId): void {
    for (const [spec, watches] of this.#watches) {
      if (![...watches].every(({ merged }) => merged.has(peer))) this.#askFor(spec, peer)
    }
  }

  /** @returns what the peer has taken in */
  onMerged(number: number, peer: NodeId): Pick<Ask, 'specs' | 'slots'> | undefined {
    const ask = this.#asks.get(number)
    if (ask?.waiting.delete(peer) !== true) return undefined
    for (const { waiting, merged } of ask.watches) {
      waiting.delete(peer)
      merged.add(peer)
    }
    if (ask.waiting.size === 0) this.#asks.delete(number)
    return ask
  }

  /** A peer that is gone is not waited for. @returns the specs that are waited for less now */
  onPeerDown(peer: NodeId): readonly SpecId[] {
    const affected = new Set<SpecId>()
    for (const [number, ask] of this.#asks) {
      if (!ask.waiting.delete(peer)) continue
      for (const spec of ask.specs) affected.add(spec)
      for (const { waiting } of ask.watches) waiting.delete(peer)
      if (ask.waiting.size === 0) this.#asks.delete(number)
    }
    return [...affected]
  }

  /** How far the spec has got that is watched, among those who are there: `present`, this node included. */
  of({ waiting, merged }: Watch, present: readonly NodeId[]): Spread {
    return {
      merged: present.filter(node => merged.has(node)).length,
      waiting: waiting.size,
      members: present.length,
    }
  }

  /** @returns undefined: no answer is wanted */
  #begin(rows: Rows, peers: readonly NodeId[]): Ask | undefined {
    const specs = rows.specs.map(row => row.id)
    const slots = rows.claims.filter(claim => claim.state === 'starting').map(claim => claim.slot)
    const isFarewell = rows.members.some(({ id, status }) => id === this.#init.self && status === 'left')
    if (specs.length + slots.length === 0 && !isFarewell) return undefined
    this.#count += 1
    const watches = rows.specs.flatMap(row => this.#watchesOf(row))
    const ask: Ask = { number: this.#count, specs, slots, waiting: new Set(peers), watches }
    if (peers.length > 0) this.#asks.set(ask.number, ask)
    this.#tidy(this.#asks.get(ask.number - ASKS_MAX))
    for (const { waiting, merged, asks } of watches) {
      asks.push(ask)
      for (const peer of peers) if (!merged.has(peer)) waiting.add(peer)
    }
    if (isFarewell) this.#farewell = ask
    return ask
  }

  /** Forgets it where it was long ago, and nobody waits for what others say to it. */
  #tidy(ask: Ask | undefined): void {
    if (ask === undefined || ask.number > this.#count - ASKS_MAX) return
    if (!ask.watches.some(watch => this.#watches.get(watch.spec)?.has(watch))) this.#asks.delete(ask.number)
  }

  /** Those who wait for what is in the row. */
  #watchesOf({ id, version }: SpecRow): Watch[] {
    const watches = [...(this.#watches.get(id) ?? [])]
    return watches.filter(({ replaces }) => replaces === undefined || compareHlc(version, replaces) > 0)
  }

  #askFor(spec: SpecId, peer: NodeId): void {
    for (const rows of inFrames(this.#init.tables.rowsOf([spec]))) {
      const ask = this.#begin(rows, [peer])
      this.#init.send(peer, { kind: 'rows', rows, ask: ask?.number })
    }
  }
}
