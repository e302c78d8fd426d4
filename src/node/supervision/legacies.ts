// pure
/**
 * What members of groups that start here find of their predecessors: whoever starts them asks for it, of whoever has it
 * kept. The row says where it is, and every step can be asked for again.
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
import { ArrivingState } from './arriving-state.ts'
import { Bequests, type BequestsInit, type Inheritance } from './bequests.ts'
import { HEIR_MS } from './handoffs.ts'
import { heldBy } from './outlook.ts'
import { ASK_MS, Patience } from './patience.ts'
import type { Assignment } from './supervisor.ts'

/**
 * So many are asked for at once: one after the other, each would take as long as it takes there and back. Of two megabytes
 * each, at most, they leave room in what waits for a session.
 */
export const COMING_MAX = 16

/** Something that a worker of this node is to start with. */
interface Wanted {
  readonly owner: Run
  readonly since: Generation
  /** Of the slot, as that is placed here. */
  readonly revision: number
  /** Since when it is waited for. */
  readonly sinceMs: number
  askedMs: number
  readonly arriving: ArrivingState
  bytes: Uint8Array | undefined
  /** Its owner does not have it. */
  isRefused: boolean
  isStarted: boolean
}

export interface LegaciesInit extends BequestsInit {
  readonly run: () => Run
  readonly isGone: (run: Run) => boolean
  /** For how long a node may stand still, and is dead for nobody. */
  readonly silentMs: () => number
  /** Something that was asked for has come, or is waited for no longer. */
  readonly onChanged: (slot: SlotId) => void
}

export class Legacies {
  readonly #init: LegaciesInit
  /** What workers of this node have left behind. */
  readonly bequests: Bequests
  readonly #wanted = new Map<SlotId, Wanted>()
  /** Those of them that have been asked for, and have not come. */
  readonly #coming = new Set<SlotId>()
  /** Whose workers have left something behind for those that are to start here, as the row says. */
  readonly #owners = new Map<SlotId, NodeId>()
  /** Workers that have to wait until fewer are asked for. */
  readonly #queue = new Set<SlotId>()
  readonly #patience: Patience
  readonly #deadlines = new Deadlines<SlotId>()

  constructor(init: LegaciesInit) {
    this.#init = init
    this.bequests = new Bequests(init)
    this.#patience = new Patience(init.silentMs)
  }

  follow(phase: Phase, nowMs: number): void {
    this.#followWanted(phase, nowMs)
    this.bequests.follow(phase, nowMs)
  }

  /** The group is gone, or nothing of it is to run. */
  dropAll(phase: Phase): void {
    this.bequests.dropAll(phase)
    for (const slot of this.#wanted.keys()) if (specOfSlot(slot) === phase.spec) this.#drop(slot)
    for (const slot of this.#owners.keys()) if (specOfSlot(slot) === phase.spec) this.#owners.delete(slot)
  }

  /** What the worker that is placed here starts with: asked for when this is first called. */
  of(placed: PlacedSlot, nowMs: number): Inheritance {
    const { slot, legacy } = placed
    this.#owners.delete(slot)
    if (legacy === undefined) return { kind: 'here', bytes: undefined }
    const { owner } = legacy
    this.#owners.set(slot, owner.id)
    if (isSameRun(owner, this.#init.run())) return this.bequests.of(placed, legacy)
    const wanted = this.#want(placed, legacy, nowMs)
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

  /**
   * What it has started with is kept for a while, as a generation may overrule the one that it has started for. Where it has
   * started without what the row has for it, that is told here, as nobody else can know.
   */
  onStarted({ slot, handoff }: Pick<Assignment, 'slot' | 'handoff'>, nowMs: number): void {
    const owner = this.#owners.get(slot)
    this.#owners.delete(slot)
    if (owner !== undefined && handoff === undefined) this.#init.onLost(slot, undefined, owner)
    if (handoff !== undefined) this.bequests.onStarted(slot)
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
    this.bequests.tick(nowMs)
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
    return Math.min(this.#deadlines.wakeAtMs(), this.bequests.wakeAtMs())
  }

  /** It has come, or is not waited for: there is room to ask for others. */
  #onArrived(slot: SlotId): void {
    if (!this.#coming.delete(slot)) return
    const queue = [...this.#queue]
    this.#queue.clear()
    for (const next of queue) this.#init.onChanged(next)
  }

  /** @returns undefined where it has to wait until others have come */
  #want({ slot, revision }: PlacedSlot, legacy: Legacy, nowMs: number): Wanted | undefined {
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
      revision,
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
  #followWanted(phase: Phase, nowMs: number): void {
    if (this.#wanted.size + this.#owners.size === 0) return
    const own = heldBy(phase.layout, this.#init.run())
    const legacies = new Map(own.map(({ slot, legacy }) => [slot, legacy]))
    for (const slot of this.#owners.keys())
      if (specOfSlot(slot) === phase.spec && legacies.get(slot) === undefined) this.#owners.delete(slot)
    for (const [slot, wanted] of this.#wanted) {
      if (specOfSlot(slot) !== phase.spec) continue
      const legacy = legacies.get(slot)
      if (legacy !== undefined && isOf(wanted, legacy)) continue
      this.#drop(slot)
      if (wanted.bytes !== undefined && !wanted.isStarted) this.#noteLoss(slot, wanted, nowMs)
    }
  }

  /**
   * It has come, and nobody has started with it: whoever has sent it takes it for given. Where another row has something else
   * for the slot, that may be the same.
   */
  #noteLoss(slot: SlotId, { since, revision, owner }: Wanted, nowMs: number): void {
    const isWith = ({ legacy }: PlacedSlot): boolean => legacy !== undefined
    const isWanted = (): boolean => this.#init.isWanted(slot, revision)
    this.bequests.losses.note(slot, { from: owner.id, number: since.number, isWith, isWanted }, nowMs)
  }
}

function isOf(wanted: Wanted, { owner, since }: Legacy): boolean {
  return isSameRun(wanted.owner, owner) && compareGenerations(wanted.since, since) === 0
}
