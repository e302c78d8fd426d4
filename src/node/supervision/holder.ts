// pure
/**
 * What every holder of workers of a group or chain does: it runs those that go on, stops those that do not, and says in
 * the row what became of them. What it has said and the row does not know, it says again.
 */

import { type Run, type SlotId, type SpecId, isSameRun } from '../../ids.ts'
import { runTag } from '../../protocol/claim.ts'
import { FAILURES_KEPT_MAX } from '../../protocol/failure.ts'
import {
  type Generation,
  type Phase,
  type PhaseNews,
  type PlacedSlot,
  type SlotExit,
  compareGenerations,
  generationText,
  isOver,
  withNews,
} from '../../protocol/phase.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { failureOf, howEnded, nodeLost, superseded } from './exit.ts'
import { type FateBody, type Outlook, heldBy, outlookOf } from './outlook.ts'
import type { Assignment, Report, Supervisor } from './supervisor.ts'
import { partsOfSpec } from './units.ts'

/** The newest worker of a slot that was to run here: nothing older is started any more, nor is it a second time. */
interface Latest {
  readonly since: Generation
  readonly hasEnded: boolean
  /** Undefined where it was told to stop. */
  readonly exit: SlotExit | undefined
}

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

export class Holder {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #latest = new Map<SpecId, Map<SlotId, Latest>>()
  readonly #held = new Map<SpecId, Held>()

  constructor(ledger: Ledger, supervisor: Supervisor) {
    this.#ledger = ledger
    this.#supervisor = supervisor
  }

  /** Runs what goes on, stops what does not, and says what has become of it. */
  hold(phase: Phase, body: FateBody, now: Now): void {
    const held = this.#assign(phase, body, now)
    if (isOver(phase)) {
      const stopped = this.#stoppedOf(phase, phase.layout)
      if (stopped.length > 0) this.#write(phase, { stopped })
      return
    }
    const outlook = outlookOf(phase, body)
    const stopped = this.#stoppedOf(phase, goingOf(outlook))
    const ready = this.#readyOf(phase, held)
    if (stopped.length + ready.length > 0) this.#write(phase, { stopped, ready })
    const lost = this.#lostOf(phase, outlook, held, now)
    if (lost.length > 0) this.#tell(this.#ledger.tables.phases.get(phase.spec) ?? phase, body, lost, [])
  }

  /** Nothing of it is to run: says when its workers have stopped. */
  letGo(phase: Phase): void {
    this.#held.delete(phase.spec)
    const stopped = this.#stoppedOf(phase, phase.layout)
    if (stopped.length > 0) this.#write(phase, { stopped })
  }

  /** The spec is gone, and nothing of it runs. */
  forget(spec: SpecId): void {
    this.#latest.delete(spec)
  }

  /** @returns whether the spec is to be looked at */
  onReport(report: Report, body: FateBody, now: Now): boolean {
    const { slot, spec, token } = report.assignment
    // Of ten thousand members that start one after the other, only the last one makes a difference.
    if (report.kind === 'started') return this.#supervisor.isSteady(spec)
    const since: Generation = { number: token.generation, tag: token.tag }
    const exit = this.#exitOf(report, now)
    const latest = this.#latestOf(spec)
    const known = latest.get(slot)
    if (known === undefined || compareGenerations(known.since, since) <= 0)
      latest.set(slot, { since, hasEnded: true, exit })
    this.#held.delete(spec)
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
    if (exit.kind === 'stopped' || exit.kind === 'abandoned') return undefined
    const { slot } = assignment
    return {
      slot,
      at: this.#ledger.moment(now.wallMs),
      kind: howEnded(exit) === 'normally' ? 'normal' : 'abnormal',
      failure: failureOf(exit, slot, this.#ledger.run.id),
      wasReady,
    }
  }

  #assign(phase: Phase, body: FateBody, now: Now): Held {
    const before = this.#held.get(phase.spec)
    if (before?.phase === phase && before.body === body) return before
    const { run } = this.#ledger
    const kept = isOver(phase) ? [] : outlookOf(phase, body).kept
    if (before?.body === body && before.phase.layout === phase.layout && before.kept.length === kept.length) {
      // Within a generation, who goes on can only become fewer.
      const same = { ...before, phase }
      this.#held.set(phase.spec, same)
      return same
    }
    const mine = heldBy(kept, run)
    const latest = this.#latestOf(phase.spec)
    const spent = mine.filter(({ slot, since }) => isSpent(latest.get(slot), since))
    const wanted = spent.length === 0 ? mine : mine.filter(placed => !spent.includes(placed))
    for (const { slot, since } of wanted) {
      if (latest.get(slot)?.since !== since) latest.set(slot, { since, hasEnded: false, exit: undefined })
    }
    const held: Held = { phase, body, kept, wanted, spent, owners: ownersOf(kept) }
    this.#held.set(phase.spec, held)
    this.#supervisor.assign(phase.spec, assignmentsOf(phase.spec, body, wanted, run), now.ms)
    return held
  }

  /** Of what is to stop, the slots of this node that are empty, and have not been called so: told when all are. */
  #stoppedOf(phase: Phase, going: readonly PlacedSlot[]): SlotId[] {
    if (going.length === 0 || this.#supervisor.isStopping(phase.spec)) return []
    const told = new Set(phase.stopped)
    return heldBy(going, this.#ledger.run).flatMap(({ slot }) =>
      told.has(slot) || this.#supervisor.isOccupied(slot) ? [] : [slot],
    )
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
    const { run, membership } = this.#ledger
    const gone = held.owners.filter(owner => membership.isGone(owner))
    const bereaved = gone.length === 0 ? [] : outlook.kept.filter(({ owner }) => gone.includes(owner))
    const lost = bereaved.map(({ slot, owner }) => this.#lossOf(phase, slot, nodeLost(owner.id, slot), now))
    for (const placed of held.spent) {
      const latest = this.#latestOf(phase.spec).get(placed.slot)
      const isSame = latest !== undefined && compareGenerations(latest.since, placed.since) === 0
      const told = isSame ? latest.exit : undefined
      lost.push(told ?? this.#lossOf(phase, placed.slot, superseded(run.id, placed.slot), now))
    }
    return lost
  }

  #lossOf(phase: Phase, slot: SlotId, failure: SlotExit['failure'], now: Now): SlotExit {
    const wasReady = !phase.pending.includes(slot) || phase.ready.includes(slot)
    return { slot, at: this.#ledger.moment(now.wallMs), kind: 'abnormal', failure, wasReady }
  }

  /** Says that workers have ended; the generation has failed where that is more than their own business. */
  #tell(phase: Phase, body: FateBody, exits: readonly SlotExit[], stopped: readonly SlotId[]): void {
    // The reasons of the first few are enough for people: ten thousand stacks would not fit into a row.
    const brief = phase.exits.length < FAILURES_KEPT_MAX ? exits : exits.map(withoutStack)
    const told = withNews(phase, { exits: brief, stopped })
    const { renewals, unstartable } = outlookOf(told, body)
    const isFailed = renewals.length > 0 || unstartable !== undefined
    this.#ledger.writePhase(isFailed ? withNews(told, { rank: 'failed' }) : told)
  }

  #write(phase: Phase, news: PhaseNews): void {
    this.#ledger.writePhase(withNews(phase, news))
  }

  #latestOf(spec: SpecId): Map<SlotId, Latest> {
    const known = this.#latest.get(spec) ?? new Map<SlotId, Latest>()
    this.#latest.set(spec, known)
    return known
  }
}

/** Each once. */
function ownersOf(slots: readonly PlacedSlot[]): Run[] {
  const owners: Run[] = []
  for (const { owner } of slots) if (!owners.some(known => isSameRun(known, owner))) owners.push(owner)
  return owners
}

/** Whether a worker placed in `since` would use a token again, or one that is smaller than the last. */
function isSpent(latest: Latest | undefined, since: Generation): boolean {
  if (latest === undefined) return false
  const order = compareGenerations(latest.since, since)
  return order > 0 || (order === 0 && latest.hasEnded)
}

function assignmentsOf(spec: SpecId, body: FateBody, wanted: readonly PlacedSlot[], run: Run): Assignment[] {
  const parts = partsOfSpec(spec, body).bySlot
  const owner = runTag(run)
  return wanted.flatMap(placed => {
    const { slot, since } = placed
    const child = parts.get(slot)?.child
    const token = { generation: since.number, tag: since.tag, owner }
    return child === undefined ? [] : [{ slot, spec, child, token, key: keyOf(placed) }]
  })
}

/** Names one worker of a slot. */
function keyOf({ since, revision }: PlacedSlot): string {
  return `${generationText(since)} ${revision}`
}

/** The slots that are to become empty. */
function goingOf({ renewals, outdated, unwanted }: Outlook): PlacedSlot[] {
  return [...renewals.flatMap(({ stopping }) => stopping), ...outdated, ...unwanted]
}

function withoutStack(exit: SlotExit): SlotExit {
  const { stack: _stack, ...failure } = exit.failure
  return { ...exit, failure }
}
