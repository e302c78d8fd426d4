// pure
/**
 * What members of groups of this node leave behind for their successors when they move: kept until those are named and
 * have started, and a little longer, and given to whoever asks for it.
 */

import { type NodeId, type Run, type SlotId, specOfSlot } from '../../ids.ts'
import type { Message } from '../../protocol/messages.ts'
import {
  type Generation,
  type Legacy,
  type Phase,
  type PlacedSlot,
  compareGenerations,
} from '../../protocol/phase.ts'
import { Deadlines } from '../deadlines.ts'
import { partsOfState } from './arriving-state.ts'
import { Bequest } from './bequest.ts'
import { HEIR_MS, type SendHandoff } from './handoffs.ts'
import type { OnStateLost } from './parting.ts'
import { KEEP_MS } from './patience.ts'

/**
 * So many nodes may be lost with it: whoever is, before it has started, may have been killed by just that, and was the
 * whole process. Once is mere chance as a rule, more often hardly; as with an item that workers have crashed on. Who has
 * to move on before it has started, or fails, was not: many may, where nodes are updated one after the other.
 */
export const HEIRS_MAX = 3

/** Whether a worker can start: with what it has inherited, if there is anything. */
export type Inheritance =
  | { readonly kind: 'coming' }
  | { readonly kind: 'here'; readonly bytes: Uint8Array | undefined }

export interface BequestsInit {
  readonly send: SendHandoff
  readonly onLost: OnStateLost
  /** The spec has the slot as it was, and no user has stopped it. */
  readonly isWanted: (slot: SlotId, revision: number) => boolean
  /** It is gone, and has not said that it goes. */
  readonly isLost: (run: Run) => boolean
  /** The worker of this node that was placed in `since` has not ended. */
  readonly isThere: (slot: SlotId, since: Generation) => boolean
}

export class Bequests {
  readonly #init: BequestsInit
  readonly #kept = new Map<SlotId, Bequest>()
  /**
   * Nobody waits for it, but may again for a while: where a coordinator leaves just as another node joins, or what it says
   * reaches some later than others, there may be two for some milliseconds, and so two generations of one number, and
   * of the next. One of them is overruled, with what it has started.
   */
  readonly #setAside = new Map<SlotId, Bequest>()
  readonly #ends = new Deadlines<SlotId>()

  constructor(init: BequestsInit) {
    this.#init = init
  }

  /** Whether nobody waits for anything that is here, as far as this node knows. */
  get isFree(): boolean {
    return this.#kept.size === 0
  }

  /** Whether nothing is here for others, not even for a while. */
  get isEmpty(): boolean {
    return this.#kept.size + this.#setAside.size === 0
  }

  /** What is here for others, by whom it is of. */
  slotsLeft(): Iterable<SlotId> {
    return this.#kept.keys()
  }

  keep(
    slot: SlotId,
    since: Generation,
    context: { readonly bytes: Uint8Array; readonly nowMs: number },
  ): void {
    const before = this.#find(slot)
    this.#setAside.delete(slot)
    this.#kept.set(slot, new Bequest(since, context.bytes, before))
    this.#ends.set(slot, context.nowMs + KEEP_MS)
    this.#answer(slot, before)
  }

  /** A worker has ended, and has left nothing behind: what it had started with is as new as it gets. */
  onEnded(slot: SlotId): void {
    this.#answer(slot, this.#find(slot))
  }

  #answer(slot: SlotId, before: Bequest | undefined): void {
    const kept = this.#find(slot)
    const askers = [...(before?.askers ?? [])]
    before?.askers.clear()
    for (const [from, generation] of askers) this.#give(slot, generation, from, kept)
  }

  /**
   * Workers of this node that run on what the row gives to others, or has as it was before, as another coordinator has made
   * it at the same time: they are to say what they leave behind, which is newer.
   */
  outgrown({ layout }: Phase): SlotId[] {
    if (this.isEmpty) return []
    return layout.flatMap(({ slot, since, legacy }) => {
      const kept = this.#find(slot)
      const isIt =
        kept?.isFrom(since) === true || (legacy !== undefined && kept?.isFrom(legacy.since) === true)
      const isOther = kept?.startedAs !== undefined && compareGenerations(kept.startedAs, since) !== 0
      return isIt && isOther && this.#isOutgrown(slot, kept) ? [slot] : []
    })
  }

  /** A worker of this node has started with it, and has not ended. */
  #isOutgrown(slot: SlotId, { startedAs }: Bequest): boolean {
    return startedAs !== undefined && this.#init.isThere(slot, startedAs)
  }

  /** Whether it, or what has come from it, is here. */
  has({ slot, since }: PlacedSlot): boolean {
    return this.#find(slot)?.isFrom(since) === true
  }

  /** What nobody waits for any more is set aside: successors have started with it, or without, or will not start at all. */
  follow(phase: Phase, nowMs: number): void {
    if (this.isEmpty) return
    const pending = new Set(phase.pending)
    for (const slot of phase.ready) pending.delete(slot)
    for (const placed of phase.layout) {
      const { slot, since, legacy, owner } = placed
      const kept = this.#find(slot)
      if (kept === undefined) continue
      const isMeant = legacy !== undefined && kept.isFrom(legacy.since)
      if (kept.isFrom(since)) {
        // Whoever is to start in its place has not been named, or not by what counts.
        this.#keepOn(slot, kept, nowMs)
        kept.revision = placed.revision
      } else if (isMeant && pending.has(slot)) {
        this.#onPlaced(placed, kept, nowMs)
      } else if (this.#kept.delete(slot)) {
        // It has started without.
        if (isMeant) this.#tellLoss(slot, kept, owner.id)
        this.#layAside(slot, kept, nowMs)
      }
    }
    this.#followAbsent(phase, nowMs)
  }

  /** Nobody starts in a slot for which the row has no place: a user does not want it any more, or no node can run it. */
  #followAbsent({ spec, layout }: Phase, nowMs: number): void {
    if (this.isFree) return
    const placed = new Set(layout.map(({ slot }) => slot))
    for (const [slot, kept] of this.#kept) {
      if (specOfSlot(slot) !== spec || placed.has(slot)) continue
      const { revision } = kept
      if (revision !== undefined && this.#init.isWanted(slot, revision)) this.#tellLoss(slot, kept)
      this.#kept.delete(slot)
      this.#layAside(slot, kept, nowMs)
    }
  }

  #layAside(slot: SlotId, kept: Bequest, nowMs: number): void {
    this.#setAside.set(slot, kept)
    this.#ends.set(slot, nowMs + HEIR_MS)
  }

  #onPlaced(placed: PlacedSlot, kept: Bequest, nowMs: number): void {
    const { slot, since } = placed
    const { heir } = kept
    kept.heir = placed
    if (heir === undefined) this.#ends.set(slot, nowMs + KEEP_MS)
    const isOther = heir !== undefined && compareGenerations(heir.since, since) !== 0
    // Known by now: who places it anew tells of the loss with that, or before.
    if (isOther && kept.givenTo.has(heir.owner.id) && this.#init.isLost(heir.owner)) kept.lostCount += 1
    this.#keepOn(slot, kept, nowMs)
  }

  /** Somebody waits for it, also where it has been set aside. */
  #keepOn(slot: SlotId, kept: Bequest, nowMs: number): void {
    if (!this.#setAside.delete(slot)) return
    this.#kept.set(slot, kept)
    this.#ends.set(slot, nowMs + KEEP_MS)
  }

  /** The group is gone, or nothing of it is to run. */
  dropAll({ spec }: Phase): void {
    for (const slots of [this.#kept, this.#setAside])
      for (const slot of slots.keys()) if (specOfSlot(slot) === spec) this.#forget(slot)
  }

  /** This node waits for nobody any more. */
  giveUp(): void {
    for (const [slot, kept] of this.#kept) this.#tellLoss(slot, kept)
  }

  onAsk({ slot, generation }: Message & { kind: 'handoff-ask' }, from: NodeId, nowMs: number): void {
    const kept = this.#find(slot)
    if (kept !== undefined && this.#isOutgrown(slot, kept)) {
      kept.askedMs ??= nowMs
      if (nowMs < kept.askedMs + HEIR_MS) {
        // The row that gives it to the one that asks may come later.
        if (this.#setAside.has(slot)) this.#ends.set(slot, nowMs + HEIR_MS)
        return void kept.askers.set(from, generation)
      }
    }
    kept?.askers.delete(from)
    return this.#give(slot, generation, from, kept)
  }

  #give(slot: SlotId, generation: number, from: NodeId, kept: Bequest | undefined): void {
    if (kept?.isFromNumber(generation) !== true || kept.lostCount >= HEIRS_MAX)
      return this.#init.send(from, { kind: 'handoff-refuse', slot, generation })
    kept.givenTo.add(from)
    for (const part of partsOfState(slot, generation, kept.bytes)) this.#init.send(from, part)
    return undefined
  }

  /** What the worker that is placed here starts with, where it is `legacy`, which was left behind here. */
  of({ slot, since }: PlacedSlot, legacy: Legacy): Inheritance {
    const kept = this.#find(slot)
    if (kept?.isFrom(legacy.since) !== true) return { kind: 'here', bytes: undefined }
    if (this.#isOutgrown(slot, kept)) return { kind: 'coming' }
    kept.startedAs = since
    kept.askedMs = undefined
    return { kind: 'here', bytes: kept.bytes }
  }

  tick(nowMs: number): void {
    for (const slot of this.#ends.take(nowMs)) {
      const kept = this.#kept.get(slot)
      // Nobody can have asked for it yet: others may still have to stop before its successor is named.
      if (kept !== undefined && kept.heir === undefined) this.#ends.set(slot, nowMs + KEEP_MS)
      else this.#forget(slot)
    }
  }

  wakeAtMs(): number {
    return this.#ends.wakeAtMs()
  }

  #tellLoss(slot: SlotId, { isGiven, bytes }: Bequest, heir?: NodeId): void {
    if (!isGiven && bytes.length > 0) this.#init.onLost(slot, heir)
  }

  #find(slot: SlotId): Bequest | undefined {
    return this.#kept.get(slot) ?? this.#setAside.get(slot)
  }

  #forget(slot: SlotId): void {
    this.#kept.delete(slot)
    this.#setAside.delete(slot)
    this.#ends.clear(slot)
  }
}
