// pure
/**
 * What every holder of workers of a group or chain does: it runs those that go on, stops those that do not, and says in
 * the row what became of them. What it has said and the row does not know, it says again.
 */

import { type Run, type SlotId, type SpecId, isSameRun, specOfSlot } from '../../ids.ts'
import { generationOf, runTag, tokenOf } from '../../protocol/fencing-token.ts'
import { FAILURES_KEPT_MAX, withoutStack } from '../../protocol/failure.ts'
import {
  type Phase,
  type PhaseNews,
  type PlacedSlot,
  type SlotExit,
  compareGenerations,
  generationText,
  isOver,
  withNews,
} from '../../protocol/phase.ts'
import type { FateBody } from '../../protocol/spec-row.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { Bereavements, type BereavementsInit, isStarted, lossOf } from './bereavements.ts'
import type { Declines } from './declines.ts'
import { failureOf, howEnded, nodeLeaves, superseded } from './exit.ts'
import { Latest } from './latest.ts'
import { Legacies, type LegaciesInit } from './legacies.ts'
import { type Outlook, type Renewal, heldBy, heldUp, outlookOf } from './outlook.ts'
import { unplacedOf } from './shared-fate.ts'
import { goingOf } from './stops.ts'
import type { Assignment, Report, Supervisor } from './supervisor.ts'
import { partsOfSpec } from './units.ts'

/** What was handed to the supervisor last, so that looking again costs nothing. */
interface Held {
  readonly phase: Phase
  readonly body: FateBody
  /** What goes on, wherever it is. */
  readonly kept: readonly PlacedSlot[]
  /** Slots of this node that shall run. */
  readonly wanted: readonly PlacedSlot[]
  /** Those that ought to, and cannot: their token has been used. */
  readonly spent: readonly PlacedSlot[]
  /** Who holds anything that shall run. */
  readonly owners: readonly Run[]
}

export interface HolderInit {
  readonly ledger: Ledger
  readonly supervisor: Supervisor
  readonly declines: Declines
  readonly timings: BereavementsInit['timings']
  /** For how long a node may stand still, as the mesh is now, and is dead for nobody. */
  readonly silentMs: () => number
  readonly send: LegaciesInit['send']
  readonly onLost: LegaciesInit['onLost']
}

export class Holder {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #declines: Declines
  /** What workers of this node have left behind, and what those that start here have inherited. */
  readonly legacies: Legacies
  readonly bereavements: Bereavements
  readonly #latest = new Map<SpecId, Latest>()
  readonly #held = new Map<SpecId, Held>()
  /** By which it was looked last at what is overruled. */
  readonly #fenced = new Map<SpecId, Pick<Phase, 'layout' | 'ready'> & { readonly isHandingOver: boolean }>()

  constructor({ ledger, supervisor, declines, timings, send, onLost, silentMs }: HolderInit) {
    this.#ledger = ledger
    this.#supervisor = supervisor
    this.#declines = declines
    this.bereavements = new Bereavements({ ledger, timings })
    this.legacies = new Legacies({
      run: () => ledger.run,
      send,
      onLost,
      silentMs,
      isGone: run => ledger.membership.isGone(run),
      isWanted: (slot, revision) => ledger.revisionOf(slot) === revision,
      isThere: (slot, since) => supervisor.findPlaced(slot, since) !== undefined,
      isLost: run => ledger.membership.isGone(run) && !ledger.hasLeft(run),
      onChanged: slot => this.#onLegacy(specOfSlot(slot)),
    })
  }

  /**
   * What runs here, and what the row gives to another node, has been overruled, and can do nothing any more. Where the
   * overruled one has come further, it still hands over, which is the business of its node.
   */
  fence(phase: Phase, nowMs: number): void {
    const { spec, layout } = phase
    const before = this.#fenced.get(spec)
    if (before?.layout === layout && (!before.isHandingOver || before.ready === phase.ready)) return
    const outgrown = this.legacies.bequests.outgrown(phase)
    for (const slot of outgrown) this.#supervisor.entrust(slot)
    // Whoever is to go on with what they hand over has not started without it.
    const handing = new Set(outgrown.filter(slot => !isStarted(phase, slot)))
    this.#fenced.set(spec, { layout, ready: phase.ready, isHandingOver: handing.size > 0 })
    const { run } = this.#ledger
    const lost = layout
      .filter(({ slot, owner }) => !isSameRun(owner, run) && !handing.has(slot))
      .map(({ slot }) => slot)
    this.#supervisor.fence(spec, lost, nowMs)
  }

  /** Runs what goes on, stops what does not, and says what has become of it. */
  hold(phase: Phase, body: FateBody, now: Now): void {
    this.legacies.follow(phase, now.ms)
    const held = this.#assign(phase, body, now)
    if (isOver(phase)) {
      const stopped = this.#stoppedOf(phase, phase.layout)
      if (stopped.length > 0) this.#write(phase, { stopped })
      this.legacies.dropAll(phase)
      return
    }
    const outlook = outlookOf(phase, body)
    const stopped = this.#stoppedOf(phase, goingOf(outlook))
    const ready = this.#readyOf(phase, held)
    if (stopped.length + ready.length > 0)
      this.#write(phase, { stopped, ready, left: this.#leftOf(phase, stopped) })
    const lost = this.#lostOf(phase, outlook, held, now)
    if (lost.length > 0) this.#tell(this.#ledger.tables.phases.get(phase.spec) ?? phase, body, lost, [])
  }

  /** The same on a node that leaves: what runs here is to go on elsewhere, and stops for that. */
  leave(phase: Phase, body: FateBody, now: Now): void {
    this.#move(phase, body, isOver(phase) ? [] : heldBy(outlookOf(phase, body).kept, this.#ledger.run), now)
  }

  /** The same on a node that an operator empties: it keeps what no other node can run, and what hangs together with that. */
  giveAway(phase: Phase, body: FateBody, now: Now): void {
    const { kept } = isOver(phase) ? NOBODY : outlookOf(phase, body)
    const isPlaced = ({ slot }: PlacedSlot): boolean => this.#ledger.ownerOf(slot) !== undefined
    const isWhole = unplacedOf(phase, body, this.#ledger).length === 0
    this.#move(phase, body, isWhole ? heldBy(kept, this.#ledger.run).filter(isPlaced) : [], now)
  }

  #move(phase: Phase, body: FateBody, moving: readonly PlacedSlot[], now: Now): void {
    const { run, tables } = this.#ledger
    const exits = moving.map(({ slot }): SlotExit => {
      const failure = nodeLeaves(run.id, slot)
      return {
        slot,
        at: this.#ledger.moment(now.wallMs),
        kind: 'moved',
        failure,
        wasReady: isStarted(phase, slot),
      }
    })
    if (exits.length > 0) this.#tell(phase, body, exits, [])
    this.hold(tables.phases.get(phase.spec) ?? phase, body, now)
  }

  /** Nothing of it is to run: says when its workers have stopped. */
  letGo(phase: Phase): void {
    this.#held.delete(phase.spec)
    this.legacies.dropAll(phase)
    const stopped = this.#stoppedOf(phase, phase.layout)
    if (stopped.length > 0) this.#write(phase, { stopped })
  }

  /** The spec is gone, and nothing of it runs. */
  forget(spec: SpecId): void {
    this.#latest.delete(spec)
    this.bereavements.forget(spec)
    this.#fenced.delete(spec)
  }

  /** @returns whether the spec is to be looked at */
  onReport(report: Report, body: FateBody, now: Now): boolean {
    const { slot, spec, token, revision, handoff: startedWith } = report.assignment
    if (report.kind === 'started') {
      this.legacies.onStarted(report.assignment, now.ms)
      this.#declines.onStarted(slot, now)
      // Of ten thousand members that start one after the other, only the last one makes a difference.
      return this.#supervisor.isSteady(spec)
    }
    const since = generationOf(token)
    const exit = this.#exitOf(report, now)
    this.#latestOf(spec).onEnded(slot, since, exit)
    this.#held.delete(spec)
    const { legacy: bytes } = { legacy: undefined, ...report.exit }
    if (bytes === undefined) this.legacies.bequests.onEnded(slot)
    else this.legacies.bequests.keep(slot, since, { bytes, revision, startedWith })
    if (exit === undefined) return !this.#supervisor.isStopping(spec)
    const phase = this.#ledger.tables.phases.get(spec)
    const placed = phase?.layout.find(each => each.slot === slot)
    const isCurrent = placed !== undefined && compareGenerations(placed.since, since) === 0
    if (phase !== undefined && isCurrent && !isOver(phase)) this.#tell(phase, body, [exit], [slot])
    return true
  }

  /** @returns undefined where it was told to stop */
  #exitOf(report: Report & { readonly kind: 'exited' }, now: Now): SlotExit | undefined {
    const { assignment, exit, wasReady } = report
    if (exit.kind === 'stopped' || exit.kind === 'abandoned' || exit.kind === 'released') return undefined
    const { slot } = assignment
    const isDeclined = !wasReady && this.#declines.onFailedStart(slot, exit, now)
    // What this node cannot do is no failure of the worker, which goes on elsewhere.
    const isMoved = isDeclined && exit.kind === 'unable' && this.#ledger.ownerOf(slot) !== undefined
    return {
      slot,
      at: this.#ledger.moment(now.wallMs),
      kind: isMoved ? 'moved' : howEnded(exit) === 'normally' ? 'normal' : 'abnormal',
      failure: failureOf(exit, slot, this.#ledger.run.id),
      wasReady,
    }
  }

  #assign(phase: Phase, body: FateBody, now: Now): Held {
    const before = this.#held.get(phase.spec)
    if (before?.phase === phase && before.body === body) return before
    const { run } = this.#ledger
    const { kept, renewals } = isOver(phase) ? NOBODY : outlookOf(phase, body)
    if (before?.body === body && before.phase.layout === phase.layout && before.kept.length === kept.length) {
      // Within a generation, who goes on can only become fewer.
      const same = { ...before, phase }
      this.#held.set(phase.spec, same)
      return same
    }
    const mine = heldBy(kept, run)
    const latest = this.#latestOf(phase.spec)
    const wanted: PlacedSlot[] = []
    const spent: PlacedSlot[] = []
    for (const placed of mine) {
      if (latest.isSpent(placed)) {
        spent.push(placed)
      } else {
        wanted.push(placed)
        latest.onPlaced(placed)
      }
    }
    latest.tidy({ layout: phase.layout, own: mine }, slot => this.#supervisor.isOccupied(slot), now.ms)
    const held: Held = { phase, body, kept, wanted, spent, owners: ownersOf(kept) }
    this.#held.set(phase.spec, held)
    this.#entrust(body, renewals)
    for (const slot of this.legacies.bequests.outgrown(phase)) this.#supervisor.entrust(slot)
    this.#supervisor.assign(phase.spec, this.#assignmentsOf(phase, body, wanted, now), now.ms)
    return held
  }

  /**
   * Who stops for a successor says what it leaves behind. What nobody can run now has no successor; and where siblings
   * wait for such a one, nobody comes while a node that leaves is still there.
   */
  #entrust(body: FateBody, renewals: readonly Renewal[]): void {
    const { run, membership } = this.#ledger
    const isPlaceable = (slot: SlotId): boolean => this.#ledger.isPlaceable(slot)
    const isWaiting =
      body.strategy !== 'one_for_one' &&
      renewals.some(({ starting }) => !starting.values().every(isPlaceable))
    if (isWaiting && membership.self.status === 'leaving') return
    for (const { stopping, isPlanned } of renewals) {
      for (const { slot } of isPlanned ? heldBy(stopping, run) : [])
        if (isPlaceable(slot)) this.#supervisor.entrust(slot)
    }
  }

  /**
   * Those that start with something that has not come yet, and what starts after them, wait for it. So does what would
   * start after one that has not come up, until that is dealt with.
   */
  #assignmentsOf(phase: Phase, body: FateBody, wanted: readonly PlacedSlot[], now: Now): Assignment[] {
    const parts = partsOfSpec(phase.spec, body).bySlot
    const isHeldUp = heldUp(outlookOf(phase, body), body)
    const owner = runTag(this.#ledger.run)
    const assignments: Assignment[] = []
    let isWaiting = false
    for (const placed of wanted) {
      const { slot, since, revision } = placed
      const there = this.#supervisor.findPlaced(slot, since)
      if (there !== undefined) {
        assignments.push(there)
        continue
      }
      const part = parts.get(slot)
      if (part === undefined || isHeldUp(part.position)) continue
      const { child } = part
      const inheritance = this.legacies.of(placed, now.ms)
      if (inheritance.kind === 'coming') isWaiting = true
      if (isWaiting) continue
      const token = tokenOf(since, owner)
      const handoff = inheritance.kind === 'here' ? inheritance.bytes : undefined
      assignments.push({ slot, spec: phase.spec, child, token, key: keyOf(placed), revision, handoff })
    }
    return assignments
  }

  /** Something that workers of the spec start with has come, or does not. */
  #onLegacy(spec: SpecId): void {
    this.#held.delete(spec)
    this.#ledger.touch(spec)
  }

  #leftOf(phase: Phase, stopped: readonly SlotId[]): SlotId[] {
    if (this.legacies.bequests.isEmpty || stopped.length === 0) return []
    const empty = new Set(stopped)
    return phase.layout.flatMap(placed =>
      empty.has(placed.slot) && this.legacies.bequests.has(placed) ? [placed.slot] : [],
    )
  }

  /**
   * Of what is to stop, the slots of this node that are empty, and have not been called so: told when all are. Whoever is
   * called so never starts, also where it had not come to that yet, and is wanted again by the next version of the spec.
   */
  #stoppedOf(phase: Phase, going: readonly PlacedSlot[]): SlotId[] {
    if (going.length === 0 || this.#supervisor.isStopping(phase.spec)) return []
    const told = new Set(phase.stopped)
    const empty = heldBy(going, this.#ledger.run).filter(
      ({ slot }) => !told.has(slot) && !this.#supervisor.isOccupied(slot),
    )
    const latest = this.#latestOf(phase.spec)
    for (const placed of empty)
      if (!latest.isSpent(placed)) latest.onEnded(placed.slot, placed.since, undefined)
    return empty.map(({ slot }) => slot)
  }

  /** Workers of this node that have started: told when all have. */
  #readyOf(phase: Phase, held: Held): SlotId[] {
    if (phase.ready.length === phase.pending.length || !this.#supervisor.isSteady(phase.spec)) return []
    const pending = new Set(phase.pending)
    for (const slot of phase.ready) pending.delete(slot)
    return held.wanted.flatMap(placed =>
      pending.has(placed.slot) && this.#supervisor.isReady(placed.slot, keyOf(placed)) ? [placed.slot] : [],
    )
  }

  /** Workers that ought to run, and cannot: their node is gone, or they have ended and the row does not know of it. */
  #lostOf(phase: Phase, outlook: Outlook, held: Held, now: Now): SlotExit[] {
    const lost = this.bereavements.lossesOf(phase, outlook.kept, held.owners, now)
    const latest = this.#latestOf(phase.spec)
    for (const placed of held.spent) lost.push(latest.findExit(placed) ?? this.#undoneOf(phase, placed, now))
    return lost
  }

  /**
   * It was stopped for a generation that never came to be, and has not ended: it goes on, with what it has left behind, also
   * where it is temporary, and takes nobody back who has.
   */
  #undoneOf(phase: Phase, { slot, owner }: PlacedSlot, now: Now): SlotExit {
    return {
      ...lossOf(this.#ledger, { phase, slot, failure: superseded(owner.id, slot), now }),
      kind: 'moved',
    }
  }

  /** Says that workers have ended; the generation has failed where that is more than their own business. */
  #tell(phase: Phase, body: FateBody, exits: readonly SlotExit[], stopped: readonly SlotId[]): void {
    // The reasons of the first few are enough for people: ten thousand stacks would not fit into a row.
    const brief =
      phase.exits.length < FAILURES_KEPT_MAX
        ? exits
        : exits.map(exit => ({ ...exit, failure: withoutStack(exit.failure) }))
    const told = withNews(phase, { exits: brief, stopped })
    const { renewals, unstartable } = outlookOf(told, body)
    const isFailed = renewals.length > 0 || unstartable !== undefined
    this.#ledger.writePhase(isFailed ? withNews(told, { rank: 'failed' }) : told)
  }

  #write(phase: Phase, news: PhaseNews): void {
    this.#ledger.writePhase(withNews(phase, news))
  }

  #latestOf(spec: SpecId): Latest {
    const known = this.#latest.get(spec) ?? new Latest()
    this.#latest.set(spec, known)
    return known
  }
}

const NOBODY: Pick<Outlook, 'kept' | 'renewals'> = { kept: [], renewals: [] }

/** Each once. */
function ownersOf(slots: readonly PlacedSlot[]): Run[] {
  const owners: Run[] = []
  for (const { owner } of slots) if (!owners.some(known => isSameRun(known, owner))) owners.push(owner)
  return owners
}

/** Names one worker of a slot. */
function keyOf({ since, revision }: PlacedSlot): string {
  return `${generationText(since)} ${revision}`
}
