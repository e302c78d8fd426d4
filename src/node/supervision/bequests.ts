// pure
/**
 * What members of groups of this node leave behind for their successors when they move: kept until those are named and
 * have started, however long that takes, and a little longer, and given to whoever asks for it. There is no more of it than of
 * members that this node has had.
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
import { Bequest, type Left } from './bequest.ts'
import { HEIR_MS, type SendHandoff } from './handoffs.ts'
import { type Loss, Losses } from './losses.ts'
import type { OnStateLost } from './parting.ts'

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
  /** Of what is set aside. */
  readonly #ends = new Deadlines<SlotId>()
  /** What rows give to nobody any more, of what was left behind here, or has come here. */
  readonly losses: Losses

  constructor(init: BequestsInit) {
    this.#init = init
    this.losses = new Losses(init.onLost)
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

  keep(slot: SlotId, since: Generation, left: Left): void {
    const before = this.#find(slot)
    this.#forget(slot)
    this.#kept.set(slot, new Bequest(since, left, before))
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
    if (!this.isEmpty) this.#followPlaced(phase, nowMs)
    this.losses.follow(phase)
  }

  #followPlaced(phase: Phase, nowMs: number): void {
    const pending = new Set(phase.pending)
    for (const slot of phase.ready) pending.delete(slot)
    for (const placed of phase.layout) {
      const { slot, since, legacy } = placed
      const kept = this.#find(slot)
      if (kept === undefined) continue
      const isMeant = legacy !== undefined && kept.isFrom(legacy.since)
      if (kept.isFrom(since)) {
        // Whoever is to start in its place has not been named, or not by what counts.
        this.#keepOn(slot, kept)
      } else if (isMeant && pending.has(slot)) {
        this.#onPlaced(placed, kept)
      } else if (this.#kept.delete(slot)) {
        // Somebody has started with it; or, which that one tells, without; or is to start with nothing, or something else.
        this.#layAside(slot, kept, nowMs)
        if (isMeant) kept.heir = placed
        // Where the row has one that it has come from, that may be what was given.
        if (!kept.isGiven) this.#noteLoss(slot, kept, { isWith: isMeant ? kept.isOf : kept.isWith, nowMs })
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
      this.#kept.delete(slot)
      this.#layAside(slot, kept, nowMs)
      if (!kept.isGiven) this.#noteLoss(slot, kept, { isWith: kept.isWith, nowMs })
    }
  }

  #layAside(slot: SlotId, kept: Bequest, nowMs: number): void {
    this.#setAside.set(slot, kept)
    this.#ends.set(slot, nowMs + HEIR_MS)
  }

  #noteLoss(
    slot: SlotId,
    { heir, revision, since: { number } }: Bequest,
    { isWith, nowMs }: Pick<Loss, 'isWith'> & { readonly nowMs: number },
  ): void {
    if (revision === undefined) return
    const isWanted = (): boolean => this.#init.isWanted(slot, revision)
    this.losses.note(slot, { heir: heir?.owner.id, number, isWith, isWanted }, nowMs)
  }

  #onPlaced(placed: PlacedSlot, kept: Bequest): void {
    const { slot, since } = placed
    const { heir } = kept
    kept.heir = placed
    const isOther = heir !== undefined && compareGenerations(heir.since, since) !== 0
    // Known by now: who places it anew tells of the loss with that, or before.
    if (isOther && kept.givenTo.has(heir.owner.id) && this.#init.isLost(heir.owner)) kept.lostCount += 1
    this.#keepOn(slot, kept)
  }

  /** Somebody waits for it, also where it has been set aside. */
  #keepOn(slot: SlotId, kept: Bequest): void {
    if (!this.#setAside.delete(slot)) return
    this.#kept.set(slot, kept)
    this.#ends.clear(slot)
  }

  /** The group is gone, or nothing of it is to run. */
  dropAll(phase: Phase): void {
    for (const slots of [this.#kept, this.#setAside])
      for (const slot of slots.keys()) if (specOfSlot(slot) === phase.spec) this.#forget(slot)
    this.losses.forgetAll(phase)
  }

  /** This node waits for nobody any more. */
  giveUp(): void {
    for (const [slot, { isGiven }] of this.#kept) if (!isGiven) this.#init.onLost(slot, undefined)
    this.losses.giveUp()
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
    this.losses.onTaken(slot, kept.since.number)
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

  /** The worker that is placed here has started with what is kept here, where that is so. */
  onStarted(slot: SlotId): void {
    const kept = this.#find(slot)
    if (kept?.startedAs !== undefined) kept.hasStarted = true
  }

  tick(nowMs: number): void {
    for (const slot of this.#ends.take(nowMs)) this.#forget(slot)
    this.losses.tick(nowMs)
  }

  wakeAtMs(): number {
    return Math.min(this.#ends.wakeAtMs(), this.losses.wakeAtMs())
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
