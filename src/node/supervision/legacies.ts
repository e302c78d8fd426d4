// pure
/**
 * What members of groups leave behind for their successors when they move, on its way: whoever has it keeps it until
 * the successor has started, and whoever starts the successor asks for it. The row says where it is, and every step
 * can be asked for again.
 */

import { type NodeId, type Run, type SlotId, isSameRun, specOfSlot } from '../../ids.ts'
import type { Message } from '../../protocol/messages.ts'
import {
  type Generation,
  type Legacy,
  type Phase,
  type PlacedSlot,
  compareGenerations,
} from '../../protocol/phase.ts'
import { Deadlines } from '../deadlines.ts'
import { ArrivingState, partsOfState } from './arriving-state.ts'
import { HEIR_MS, type SendHandoff } from './handoffs.ts'
import { heldBy } from './outlook.ts'
import type { OnStateLost } from './parting.ts'
import { ASK_MS, KEEP_MS, Patience } from './patience.ts'

/**
 * So many are asked for at once: one after the other, each would take as long as it takes there and back. Of two megabytes
 * each, at most, they leave room in what waits for a session.
 */
export const COMING_MAX = 16

/**
 * So many nodes may be lost with it: whoever is, before it has started, may have been killed by just that, and was the
 * whole process. Once is mere chance as a rule, more often hardly; as with an item that workers have crashed on. Who has
 * to move on before it has started, or fails, was not: many may, where nodes are updated one after the other.
 */
export const HEIRS_MAX = 3

/** Something that a worker of this node has left behind. */
interface Kept {
  readonly since: Generation
  readonly bytes: Uint8Array
  /** The worker that is to start with it, as far as it is known here. */
  heir: PlacedSlot | undefined
  readonly givenTo: Set<NodeId>
  /** Of those, how many were lost before they had started. */
  lostCount: number
  /** Whoever was to start with it has asked for it, or has it anyway. */
  isGiven: boolean
}

/** Something that a successor has started with. */
interface Taken {
  readonly kept: Kept
  /** The number of the generation that says so. */
  readonly number: number
}

/** Something that a worker of this node is to start with. */
interface Wanted {
  readonly owner: Run
  readonly since: Generation
  /** Since when it is waited for. */
  readonly sinceMs: number
  askedMs: number
  readonly arriving: ArrivingState
  bytes: Uint8Array | undefined
  /** Its owner does not have it. */
  isRefused: boolean
  isStarted: boolean
}

/** Whether a worker can start: with what it has inherited, if there is anything. */
export type Inheritance =
  | { readonly kind: 'coming' }
  | { readonly kind: 'here'; readonly bytes: Uint8Array | undefined }

export interface LegaciesInit {
  readonly run: () => Run
  readonly send: SendHandoff
  readonly onLost: OnStateLost
  readonly isGone: (run: Run) => boolean
  /** It is gone, and has not said that it goes. */
  readonly isLost: (run: Run) => boolean
  /** Something that was asked for has come, or is waited for no longer. */
  readonly onChanged: (slot: SlotId) => void
}

export class Legacies {
  readonly #init: LegaciesInit
  readonly #kept = new Map<SlotId, Kept>()
  /**
   * Nobody waits for it, but may again: where a coordinator leaves just as another node joins, there may be two for some
   * milliseconds, and so two generations of one number. One of them is overruled, with what it has started.
   */
  readonly #taken = new Map<SlotId, Taken>()
  readonly #wanted = new Map<SlotId, Wanted>()
  /** Those of them that have been asked for, and have not come. */
  readonly #coming = new Set<SlotId>()
  /** Workers that have to wait until fewer are asked for. */
  readonly #queue = new Set<SlotId>()
  readonly #patience = new Patience()
  readonly #deadlines = new Deadlines<SlotId>()
  readonly #ends = new Deadlines<SlotId>()

  constructor(init: LegaciesInit) {
    this.#init = init
  }

  /** Whether nobody waits for anything that is here, as far as this node knows. */
  get isFree(): boolean {
    return this.#kept.size === 0
  }

  /** Whether nothing is here for others, not even of what they have taken. */
  get isEmpty(): boolean {
    return this.#kept.size + this.#taken.size === 0
  }

  /** What is here for others, by whom it is of. */
  slotsLeft(): Iterable<SlotId> {
    return this.#kept.keys()
  }

  // Who has it.

  keep(
    slot: SlotId,
    since: Generation,
    context: { readonly bytes: Uint8Array; readonly nowMs: number },
  ): void {
    const { bytes } = context
    this.#taken.delete(slot)
    this.#kept.set(slot, { since, bytes, heir: undefined, givenTo: new Set(), lostCount: 0, isGiven: false })
    this.#ends.set(slot, context.nowMs + KEEP_MS)
  }

  has({ slot, since }: PlacedSlot): boolean {
    const kept = this.#find(slot)
    return kept !== undefined && compareGenerations(kept.since, since) === 0
  }

  /** What nobody will ask for any more goes: successors have started with it, or without, or will not start at all. */
  follow(phase: Phase, nowMs: number): void {
    this.#followWanted(phase)
    if (this.isEmpty) return
    const pending = new Set(phase.pending)
    for (const slot of phase.ready) pending.delete(slot)
    for (const placed of phase.layout) {
      const { slot, since, legacy, owner } = placed
      const kept = this.#find(slot)
      if (kept === undefined || compareGenerations(since, kept.since) === 0) continue
      const isMeant = legacy !== undefined && compareGenerations(legacy.since, kept.since) === 0
      if (!isMeant) this.#forget(slot)
      else if (pending.has(slot)) this.#onPlaced(placed, kept, nowMs)
      else this.#onReady(slot, kept, { number: phase.generation.number, heir: owner.id, nowMs })
    }
  }

  #onPlaced(placed: PlacedSlot, kept: Kept, nowMs: number): void {
    const { slot, since } = placed
    const { heir } = kept
    kept.heir = placed
    const isOther = heir !== undefined && compareGenerations(heir.since, since) !== 0
    // Known by now: who places it anew tells of the loss with that, or before.
    if (isOther && kept.givenTo.has(heir.owner.id) && this.#init.isLost(heir.owner)) kept.lostCount += 1
    if (!this.#taken.delete(slot)) return
    this.#kept.set(slot, kept)
    this.#ends.set(slot, nowMs + KEEP_MS)
  }

  #onReady(
    slot: SlotId,
    kept: Kept,
    { number, heir, nowMs }: { readonly number: number; readonly heir: NodeId; readonly nowMs: number },
  ): void {
    const taken = this.#taken.get(slot)
    if (taken !== undefined) {
      if (number > taken.number) this.#forget(slot)
      return
    }
    // It has started without.
    this.#tellLoss(slot, kept, heir)
    this.#kept.delete(slot)
    this.#taken.set(slot, { kept, number })
    this.#ends.set(slot, nowMs + HEIR_MS)
  }

  /** The group is gone, or nothing of it is to run. */
  dropAll(phase: Phase): void {
    for (const { slot } of phase.layout) this.#forget(slot)
    for (const slot of this.#wanted.keys()) if (specOfSlot(slot) === phase.spec) this.#drop(slot)
  }

  /** This node waits for nobody any more. */
  giveUp(): void {
    for (const [slot, kept] of this.#kept) this.#tellLoss(slot, kept)
  }

  onAsk({ slot, generation }: Message & { kind: 'handoff-ask' }, from: NodeId): void {
    const kept = this.#find(slot)
    if (kept?.since.number !== generation || kept.lostCount >= HEIRS_MAX)
      return this.#init.send(from, { kind: 'handoff-refuse', slot, generation })
    kept.isGiven = true
    kept.givenTo.add(from)
    for (const part of partsOfState(slot, generation, kept.bytes)) this.#init.send(from, part)
    return undefined
  }

  // Who wants it.

  /** What the worker that is placed here starts with: asked for when this is first called. */
  of({ slot, legacy }: PlacedSlot, nowMs: number): Inheritance {
    if (legacy === undefined) return { kind: 'here', bytes: undefined }
    const { owner, since } = legacy
    if (isSameRun(owner, this.#init.run())) {
      const kept = this.#find(slot)
      const isIt = kept !== undefined && compareGenerations(kept.since, since) === 0
      if (isIt) kept.isGiven = true
      return { kind: 'here', bytes: isIt ? kept.bytes : undefined }
    }
    const wanted = this.#want(slot, legacy, nowMs)
    if (wanted === undefined) return { kind: 'coming' }
    const isOver = wanted.isRefused || nowMs >= this.#untilMs(wanted) || this.#init.isGone(owner)
    if (wanted.bytes === undefined && !isOver) {
      // Its time was over while its worker could not start, and its owner has been heard of since.
      if (!this.#deadlines.has(slot)) this.#ask(slot, wanted, nowMs, 'again')
      return { kind: 'coming' }
    }
    this.#onArrived(slot)
    return { kind: 'here', bytes: wanted.bytes }
  }

  /** What it has started with is kept for a while, as a generation may overrule the one that it has started for. */
  onStarted(slot: SlotId, nowMs: number): void {
    const wanted = this.#wanted.get(slot)
    if (wanted?.bytes === undefined) return this.#drop(slot)
    wanted.isStarted = true
    this.#onArrived(slot)
    return this.#deadlines.set(slot, nowMs + HEIR_MS)
  }

  /** Nothing is wanted for the worker any more. */
  #drop(slot: SlotId): void {
    this.#wanted.delete(slot)
    this.#deadlines.clear(slot)
    this.#onArrived(slot)
    if (this.#wanted.size === 0) this.#patience.end()
  }

  /** @returns whether it was waited for */
  onRefuse({ slot, generation }: Message & { kind: 'handoff-refuse' }, from: NodeId): boolean {
    const wanted = this.#wantedOf(slot, generation, from)
    if (wanted === undefined) return false
    wanted.isRefused = true
    this.#init.onChanged(slot)
    this.#onArrived(slot)
    return true
  }

  /** @returns whether it was waited for */
  onState(message: Message & { kind: 'handoff-state' }, from: NodeId, nowMs: number): boolean {
    const { slot, generation } = message
    const wanted = this.#wantedOf(slot, generation, from)
    if (wanted === undefined) return false
    this.#patience.onHeard(from, nowMs)
    const bytes = wanted.arriving.add(message)
    if (bytes === undefined) return true
    wanted.bytes = bytes
    this.#init.onChanged(slot)
    this.#onArrived(slot)
    return true
  }

  tick(nowMs: number): void {
    for (const slot of this.#ends.take(nowMs)) this.#forget(slot)
    for (const slot of this.#deadlines.take(nowMs)) {
      const wanted = this.#wanted.get(slot)
      if (wanted?.isStarted === true) this.#drop(slot)
      if (wanted === undefined || wanted.isStarted) continue
      this.#init.onChanged(slot)
      const isOver = wanted.bytes !== undefined || wanted.isRefused || nowMs >= this.#untilMs(wanted)
      if (isOver) {
        // Whoever is to start with it may be held up for a while.
        this.#onArrived(slot)
        continue
      }
      const askAtMs = this.#patience.askAtMs(wanted.owner.id, wanted.askedMs)
      if (nowMs >= askAtMs) this.#ask(slot, wanted, nowMs, 'again')
      else this.#deadlines.set(slot, Math.min(askAtMs, this.#untilMs(wanted)))
    }
  }

  wakeAtMs(): number {
    return Math.min(this.#deadlines.wakeAtMs(), this.#ends.wakeAtMs())
  }

  /** It has come, or is not waited for: there is room to ask for others. */
  #onArrived(slot: SlotId): void {
    if (!this.#coming.delete(slot)) return
    const queue = [...this.#queue]
    this.#queue.clear()
    for (const next of queue) this.#init.onChanged(next)
  }

  /** @returns undefined where it has to wait until others have come */
  #want(slot: SlotId, legacy: Legacy, nowMs: number): Wanted | undefined {
    const { owner, since } = legacy
    const known = this.#wanted.get(slot)
    if (known !== undefined && isOf(known, legacy)) return known
    if (this.#coming.size >= COMING_MAX && !this.#coming.has(slot)) {
      this.#queue.add(slot)
      return undefined
    }
    this.#coming.add(slot)
    const wanted: Wanted = {
      owner,
      since,
      sinceMs: nowMs,
      askedMs: nowMs,
      arriving: new ArrivingState(),
      bytes: undefined,
      isRefused: false,
      isStarted: false,
    }
    this.#wanted.set(slot, wanted)
    this.#ask(slot, wanted, nowMs)
    return wanted
  }

  #ask(slot: SlotId, wanted: Wanted, nowMs: number, again?: 'again'): void {
    const ask = { kind: 'handoff-ask', slot, generation: wanted.since.number } as const
    this.#init.send(wanted.owner.id, ask, again)
    wanted.askedMs = nowMs
    this.#deadlines.set(slot, Math.min(nowMs + ASK_MS, this.#untilMs(wanted)))
  }

  #untilMs({ owner, sinceMs }: Wanted): number {
    return this.#patience.untilMs(owner.id, sinceMs)
  }

  #wantedOf(slot: SlotId, generation: number, from: NodeId): Wanted | undefined {
    const wanted = this.#wanted.get(slot)
    return wanted?.since.number === generation && wanted.owner.id === from ? wanted : undefined
  }

  /** What is wanted for workers that the row does not place here any more, or with something else, is not. */
  #followWanted(phase: Phase): void {
    if (this.#wanted.size === 0) return
    const own = heldBy(phase.layout, this.#init.run())
    const legacies = new Map(own.map(({ slot, legacy }) => [slot, legacy]))
    for (const [slot, wanted] of this.#wanted) {
      if (specOfSlot(slot) !== phase.spec) continue
      const legacy = legacies.get(slot)
      if (legacy === undefined || !isOf(wanted, legacy)) this.#drop(slot)
    }
  }

  #tellLoss(slot: SlotId, { isGiven, bytes }: Kept, heir?: NodeId): void {
    if (!isGiven && bytes.length > 0) this.#init.onLost(slot, heir)
  }

  #find(slot: SlotId): Kept | undefined {
    return this.#kept.get(slot) ?? this.#taken.get(slot)?.kept
  }

  #forget(slot: SlotId): void {
    this.#kept.delete(slot)
    this.#taken.delete(slot)
    this.#ends.clear(slot)
  }
}

function isOf(wanted: Wanted, { owner, since }: Legacy): boolean {
  return isSameRun(wanted.owner, owner) && compareGenerations(wanted.since, since) === 0
}
