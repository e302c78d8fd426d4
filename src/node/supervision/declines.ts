// pure
/**
 * What this node does not take for now. A worker that could not be started here, where others might do better, is in
 * the row of the node for a while: so every node places it elsewhere, and alike. Only the node itself writes it, and takes
 * it back: when its time is over, when the worker is declared anew, and at once where nobody else takes it either.
 */

import { type Run, type SlotId, type SpecId, isSameRun, specOfSlot } from '../../ids.ts'
import { isActiveClaim } from '../../protocol/claim.ts'
import { DECLINES_MAX } from '../../protocol/member-row.ts'
import { isOver } from '../../protocol/phase.ts'
import { type SpecRow, hlcText, writtenAt } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import type { Exit } from './exit.ts'
import { outlookOf } from './outlook.ts'
import { partsOfSpec } from './units.ts'

/**
 * Starts in a row that fail here before others shall try. Fewer than the restarts that are allowed by default, so that
 * a second node has its turn before a worker is given up.
 */
export const FAILED_STARTS_MAX = 3

/** A node declines for so long: long enough for somebody to see to it. */
export const DECLINE_MS = 60_000
/** And for twice as long each time in a row, up to this: what runs well elsewhere is not to come back every minute. */
export const DECLINE_MS_MAX = 3_600_000

/** Of so many specs, and slots of each, it is known how they did here; of others, as if they had never been tried. */
export const SPECS_MAX = 256
const SLOTS_MAX = DECLINES_MAX

/** How a slot did on this node. */
interface Trial {
  /** Starts in a row that have failed. */
  failures: number
  /** So often it was declined since it has started here. */
  times: number
  /** Undefined: it is not declined now. */
  untilMs: number | undefined
  /** What was tried, see `wishOf`: once something else is wanted, nothing is known of that. */
  readonly wish: string | undefined
}

/** How the slots of one spec did. */
type Trials = Map<SlotId, Trial>

export interface DeclinesInit {
  readonly ledger: Ledger
  /** From now on, and for so long, this node does not take the slot. */
  readonly onDeclined: (slot: SlotId, forMs: number) => void
}

export class Declines {
  readonly #ledger: Ledger
  readonly #onDeclined: DeclinesInit['onDeclined']
  readonly #tried = new Map<SpecId, Trials>()
  readonly #deadlines = new Deadlines<SlotId>()

  constructor({ ledger, onDeclined }: DeclinesInit) {
    this.#ledger = ledger
    this.#onDeclined = onDeclined
  }

  /** A worker has started here: this node can. */
  onStarted(slot: SlotId, now: Now): void {
    const spec = specOfSlot(slot)
    const tried = this.#tried.get(spec)
    const trial = tried?.get(slot)
    if (tried === undefined || trial === undefined) return
    tried.delete(slot)
    if (tried.size === 0) this.#tried.delete(spec)
    if (this.#end(slot, trial)) this.#write(now)
  }

  /** A worker has ended here before it had started. @returns whether this node declines it, so that others take it */
  onFailedStart(slot: SlotId, exit: Exit, now: Now): boolean {
    const trial = this.#trialOf(slot)
    if (trial === undefined) return false
    // Somebody who has not heard of it yet has placed it here again.
    if (trial.untilMs !== undefined) return true
    trial.failures += 1
    const isEnough =
      exit.kind === 'unable' || trial.failures >= FAILED_STARTS_MAX || this.#isSiblingDeclined(slot)
    if (!isEnough || !this.#mayDecline(slot)) return false
    const forMs = Math.min(DECLINE_MS_MAX, DECLINE_MS * 2 ** trial.times)
    trial.failures = 0
    trial.times += 1
    trial.untilMs = now.ms + forMs
    this.#deadlines.set(slot, trial.untilMs)
    this.#write(now)
    this.#onDeclined(slot, forMs)
    return true
  }

  /** A spec is looked at: what is wanted otherwise now than it was declined, or has no place without this node, is taken back. */
  follow(row: SpecRow, now: Now): void {
    const tried = this.#tried.get(row.id)
    if (tried === undefined) return
    let isChanged = false
    for (const [slot, trial] of tried) {
      const wish = wishOf(row, slot)
      const isSame = wish !== undefined && wish === trial.wish
      if (
        isSame &&
        (trial.untilMs === undefined || this.#isHeld(slot) || this.#ledger.ownerOf(slot) !== undefined)
      )
        continue
      if (this.#end(slot, trial)) isChanged = true
      if (!isSame) tried.delete(slot)
    }
    if (tried.size === 0) this.#tried.delete(row.id)
    if (isChanged) this.#write(now)
  }

  tick(now: Now): void {
    const due = this.#deadlines.take(now.ms)
    for (const slot of due) {
      const trial = this.#tried.get(specOfSlot(slot))?.get(slot)
      if (trial !== undefined) trial.untilMs = undefined
    }
    if (due.length > 0) this.#write(now)
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  /** @returns whether it was declined */
  #end(slot: SlotId, trial: Trial): boolean {
    if (trial.untilMs === undefined) return false
    trial.untilMs = undefined
    this.#deadlines.clear(slot)
    return true
  }

  /** Whether another slot of the spec is declined: where the node is ill, siblings need not try as often. */
  #isSiblingDeclined(slot: SlotId): boolean {
    const tried = this.#tried.get(specOfSlot(slot))
    return tried !== undefined && tried.values().some(({ untilMs }) => untilMs !== undefined)
  }

  /** Whether others can take it; and a row has its bounds. */
  #mayDecline(slot: SlotId): boolean {
    const { id, status } = this.#ledger.membership.self
    return status === 'alive' && this.#declined().length < DECLINES_MAX && this.#ledger.hasOther(slot, id)
  }

  /** Whether somebody who stays runs it, or is about to: it needs no other place. */
  #isHeld(slot: SlotId): boolean {
    const owner = this.#ownerOf(slot)
    const row = owner === undefined ? undefined : this.#ledger.tables.members.get(owner.id)
    if (owner === undefined || row === undefined || !isSameRun(owner, row)) return false
    return row.status === 'alive' || row.status === 'suspect'
  }

  /** Who has it, and goes on with it: not where it is to stop with siblings, also if that takes long. */
  #ownerOf(slot: SlotId): Run | undefined {
    const { specs, claims, phases } = this.#ledger.tables
    const spec = specOfSlot(slot)
    const body = specs.get(spec)?.body
    if (body === undefined) return undefined
    if (body.kind === 'worker') {
      const claim = claims.get(slot)
      return claim !== undefined && isActiveClaim(claim) ? claim.owner : undefined
    }
    const phase = phases.get(spec)
    if (phase === undefined || isOver(phase)) return undefined
    return outlookOf(phase, body).kept.find(placed => placed.slot === slot)?.owner
  }

  /** @returns undefined where there is too much to be remembered, or no such spec */
  #trialOf(slot: SlotId): Trial | undefined {
    const spec = specOfSlot(slot)
    const row = this.#ledger.tables.specs.get(spec)
    if (row === undefined) return undefined
    const known = this.#tried.get(spec)
    const tried: Trials = known ?? new Map()
    const trial = tried.get(slot) ?? { failures: 0, times: 0, untilMs: undefined, wish: wishOf(row, slot) }
    if (!tried.has(slot) && tried.size >= SLOTS_MAX) return undefined
    tried.set(slot, trial)
    if (known === undefined) this.#remember(spec, tried)
    return trial
  }

  /** The oldest of which nothing is declined is forgotten for it. */
  #remember(spec: SpecId, tried: Trials): void {
    if (this.#tried.size >= SPECS_MAX) {
      const isIdle = (trials: Trials): boolean =>
        trials.values().every(({ untilMs }) => untilMs === undefined)
      const [oldest] = this.#tried.entries().find(([, each]) => isIdle(each)) ?? []
      if (oldest !== undefined) this.#tried.delete(oldest)
    }
    this.#tried.set(spec, tried)
  }

  #declined(): SlotId[] {
    const declined: SlotId[] = []
    for (const trials of this.#tried.values())
      for (const [slot, { untilMs }] of trials) if (untilMs !== undefined) declined.push(slot)
    return declined.toSorted()
  }

  #write(now: Now): void {
    const { membership } = this.#ledger
    const declined = this.#declined()
    // What a node that leaves declines makes no difference any more.
    if (membership.self.status !== 'alive') return
    membership.declareSelf({ declines: declined.length === 0 ? undefined : declined }, now)
  }
}

/**
 * What is wanted of the slot, as a text that is another one where that is declared or started anew: the revision of the part,
 * as the version of a group or chain is that of the latest change of any part. Undefined: nothing.
 */
function wishOf(row: SpecRow, slot: SlotId): string | undefined {
  if (row.body?.kind === 'worker') return hlcText(writtenAt(row))
  return partsOfSpec(row.id, row.body).bySlot.get(slot)?.revision.toString()
}
