// pure
/** What is declared, kept running: standalone workers by their claims, groups and chains by their phases. */

import { type NodeId, type SlotId, type SpecId, slotId, specOfSlot } from '../../ids.ts'
import { isOwner } from '../../protocol/claim.ts'
import type { HandoffMessage } from '../../protocol/messages.ts'
import type { Phase } from '../../protocol/phase.ts'
import type { SpecBody, SpecRow } from '../../protocol/spec-row.ts'
import { excessOf } from '../../protocol/spec-size.ts'
import { type Timings, silentMs } from '../../protocol/timings.ts'
import { unreachable } from '../../assert.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { Claims, type OnLegacyLost } from './claims.ts'
import { Declines, type DeclinesInit } from './declines.ts'
import { Generations } from './generations.ts'
import type { SendHandoff } from './handoffs.ts'
import type { OnStateLost } from './parting.ts'
import { STARTING, type SpecStatus } from './spec-status.ts'
import type { Report, Supervisor } from './supervisor.ts'

export interface UpkeepInit {
  readonly ledger: Ledger
  readonly supervisor: Supervisor
  readonly send: SendHandoff
  readonly onDeclined: DeclinesInit['onDeclined']
  readonly onLost: OnStateLost
  readonly onLegacyLost: OnLegacyLost
  readonly timings: Pick<Timings, 'probePeriodMs'>
}

/** A view that has not changed for so long is settled, or for two periods of probing. */
const STABLE_MS_MIN = 1_000

export class Upkeep {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #declines: Declines
  readonly #claims: Claims
  readonly #generations: Generations
  /** How far a node that leaves is with what was put into chains there: waits twice, see `mayDrainChains`. */
  #chains: 'open' | 'draining' | 'drained' | 'emptying' | 'empty' = 'open'

  constructor(init: UpkeepInit) {
    this.#ledger = init.ledger
    this.#supervisor = init.supervisor
    this.#declines = new Declines(init)
    const declines = this.#declines
    const stableMs = Math.max(STABLE_MS_MIN, 2 * init.timings.probePeriodMs)
    const silent = (): number => silentMs(init.timings, this.#ledger.membership.present().length)
    this.#claims = new Claims({ ...init, declines, stableMs, silentMs: silent })
    this.#generations = new Generations({ ...init, declines, silentMs: silent })
  }

  /** Whether this node has given away all that others go on with. */
  get isFree(): boolean {
    return this.#claims.isFree && this.#generations.legacies.bequests.isFree
  }

  /**
   * The workers that are left on a node that is emptied, or what they have handed over, as no other can run them; undefined
   * while others have to go.
   */
  remaining(): readonly SlotId[] | undefined {
    if (this.#claims.handoffs.isDraining) return undefined
    const slots = this.#slotsLeftHere()
    return slots.every(slot => this.#isToStay(slot)) ? slots : undefined
  }

  /** The workers of a node that is emptied that others can run, and have not taken yet; and those that are still to stop. */
  outstanding(): readonly SlotId[] {
    return this.#slotsLeftHere().filter(slot => !this.#isToStay(slot))
  }

  /** Whether what a standalone worker was to start with, and has not, is kept: for its next start here, or elsewhere. */
  keepsLegacy(slot: SlotId): boolean {
    return this.#claims.keepsLegacy(slot)
  }

  /** This node goes, whatever nobody has taken: what is lost with it is told. */
  giveUp(): void {
    // Where a whole mesh is stopped, nobody goes on with anything.
    if (this.#ledger.isAlone) return
    this.#claims.handoffs.giveUp()
    this.#generations.legacies.bequests.giveUp()
  }

  /** This node leaves, or what was put into chains there is out: all specs are looked at anew. */
  onLeaving(what: 'asked' | 'chains-drained' = 'asked'): void {
    if (what === 'chains-drained') this.#chains = this.#chains === 'draining' ? 'drained' : 'empty'
    for (const { id } of this.#ledger.tables.specs.rows()) this.#ledger.touch(id)
  }

  /**
   * Whether nobody of a node that leaves puts anything into a chain any more: once when only stages are left, which still do
   * for what they are at, and stay meanwhile where nobody else can run them; and once when they have gone, too, for what they
   * have put in since.
   */
  mayDrainChains(): boolean {
    if (this.#chains === 'drained' && this.#supervisor.size === 0) {
      this.#chains = 'emptying'
      return true
    }
    const isStage = (slot: SlotId): boolean =>
      this.#ledger.tables.specs.get(specOfSlot(slot))?.body?.kind === 'chain'
    if (this.#chains !== 'open' || !this.#slotsHere().every(isStage)) return false
    this.#chains = 'draining'
    return true
  }

  /** Whether nothing runs on a node that leaves, and nothing is awaited that was put into chains there. */
  get isIdle(): boolean {
    return this.#chains === 'empty' && this.#supervisor.size === 0
  }

  /** Does what the rows ask of this node, and says how the spec stands. */
  evaluate(row: SpecRow, now: Now): SpecStatus {
    const { body, desired } = row
    if (desired === 'running') this.#claims.regain(row, now)
    this.#fence(row, now)
    this.#declines.follow(row, now)
    if (body === undefined) return this.#endOf(row, now) ?? { kind: 'removed' }
    if (desired === 'stopped') return this.#endOf(row, now) ?? { kind: 'stopped' }
    this.#letGoOfOthers(row, body, now)
    // What runs of it goes on: parts that several have added at once were joined, and somebody removes one.
    const excess = excessOf(body)
    if (excess !== undefined) return { kind: 'pending', reason: `it has ${excess}` }
    return body.kind === 'worker'
      ? this.#claims.evaluate(row, body, now)
      : this.#generations.evaluate(row, body, now)
  }

  /** The phase by which a group or chain goes; undefined: there is none, or its spec has not come yet. */
  findPhase(row: SpecRow, now: Now): Phase | undefined {
    return this.#generations.early.find(row, now.ms)
  }

  /** The same on a node that leaves: it starts nothing, and hands over what it has. `before`: how the spec stood. */
  leave(row: SpecRow, before: SpecStatus | undefined, now: Now): SpecStatus {
    const { body, desired } = row
    if (body === undefined || desired === 'stopped') return this.evaluate(row, now)
    this.#fence(row, now)
    this.#letGoOfOthers(row, body, now)
    if (body.kind === 'worker') return this.#claims.leave(row, body, before, now)
    const isKept = body.kind === 'chain' && (this.#chains === 'open' || this.#chains === 'draining')
    return this.#generations.leave(row, body, { isKept, now }) ?? before ?? STARTING
  }

  /** @returns whether the spec is to be looked at */
  onReport(report: Report, now: Now): boolean {
    const body = this.#ledger.tables.specs.get(report.assignment.spec)?.body
    if (body === undefined) return true
    if (body.kind !== 'worker') return this.#generations.onReport(report, body, now)
    this.#claims.onReport(report, body, now)
    return true
  }

  /** Another node wants what a worker leaves behind, or answers to that. */
  onHandoff(message: HandoffMessage, from: NodeId, now: Now): void {
    const { legacies } = this.#generations
    switch (message.kind) {
      case 'handoff-ask':
        if (this.#isOfWorker(message.slot)) this.#claims.onAsk(message, from, now)
        else legacies.bequests.onAsk(message, from, now.ms)
        return
      case 'handoff-refuse':
        if (!legacies.onRefuse(message, from)) this.#claims.onRefuse(message, from, now)
        return
      case 'handoff-state':
        if (!legacies.onState(message, from, now.ms)) this.#claims.onState(message, from, now)
        return
      default:
        return unreachable(message)
    }
  }

  /** Another node has taken in the claims of these slots. */
  onPushed(slots: readonly SlotId[]): void {
    for (const slot of slots) this.#claims.onPushed(slot)
  }

  /** The view of this node may have changed: by all that has come of members, or by what it says of itself. */
  onView(now: Now): void {
    this.#claims.onView(now)
  }

  tick(now: Now): void {
    this.#declines.tick(now)
    this.onView(now)
    this.#claims.tick(now.ms)
    this.#generations.tick(now.ms)
  }

  wakeAtMs(): number {
    return Math.min(this.#claims.wakeAtMs(), this.#generations.wakeAtMs(), this.#declines.wakeAtMs())
  }

  /** What the rows give to another node, and runs here, has been overruled, whatever else becomes of its spec. */
  #fence({ id }: SpecRow, now: Now): void {
    const slot = slotId(id)
    const claim = this.#ledger.tables.claims.get(slot)
    if (claim !== undefined && !isOwner(claim, this.#ledger.run)) this.#supervisor.fence(id, [slot], now.ms)
    this.#generations.fence(id, now.ms)
  }

  /** A worker under the id of what was a group or chain, or the other way round: what is left of that goes. */
  #letGoOfOthers(row: SpecRow, body: SpecBody, now: Now): void {
    if (body.kind === 'worker') this.#generations.letGo(row, now)
    else this.#claims.letGo(row.id, now.ms)
  }

  /** Stops what runs of a spec. @returns undefined when nothing of it runs any more, on any node */
  #endOf(row: SpecRow, now: Now): SpecStatus | undefined {
    const { id } = row
    this.#supervisor.assign(id, [], now.ms)
    const isClaimFree = this.#claims.letGo(id, now.ms)
    return this.#generations.letGo(row, now) && isClaimFree ? undefined : { kind: 'stopping' }
  }

  /** The workers of this node: also those that wait for their start, as after a crash. */
  #slotsHere(): SlotId[] {
    return [...new Set([...this.#supervisor.slots(), ...this.#claims.slots()])]
  }

  /** Whether no other node can run the worker, and it is to run: one that nobody wants any more stops, and is gone. */
  #isToStay(slot: SlotId): boolean {
    const isWanted = this.#ledger.tables.specs.get(specOfSlot(slot))?.desired === 'running'
    return isWanted && this.#ledger.revisionOf(slot) !== undefined && this.#ledger.ownerOf(slot) === undefined
  }

  /** The same, and the slots whose workers have ended here, and whose successors have not come yet. */
  #slotsLeftHere(): SlotId[] {
    const moving = this.#claims.handoffs.slotsLeft()
    const bequests = this.#generations.legacies.bequests.slotsLeft()
    return [...new Set([...this.#slotsHere(), ...moving, ...bequests])]
  }

  #isOfWorker(slot: SlotId): boolean {
    const spec: SpecId = specOfSlot(slot)
    return this.#ledger.tables.specs.get(spec)?.body?.kind === 'worker'
  }
}
