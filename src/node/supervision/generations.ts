// pure
/**
 * Groups and chains: workers that share their fate, wherever they run. Every holder runs those of its workers that go
 * on, stops those that do not, and says what became of them; the coordinator waits for all that have to stop and makes
 * the next generation, which may leave most of the workers alone.
 *
 *   starting → running → failed → (what has to stop has) → starting, one generation later
 *                 └→ done            └→ given-up
 */

import type { SpecId } from '../../ids.ts'
import { runTag } from '../../protocol/fencing-token.ts'
import { givesAway } from '../../protocol/member-row.ts'
import {
  type Generation,
  type Phase,
  type PlacedSlot,
  causeOf,
  isOver,
  withNews,
} from '../../protocol/phase.ts'
import { type FateBody, type SpecRow, hlcText } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { awayUntilMs } from './absence.ts'
import { EarlyPhases } from './early-phases.ts'
import { Holder, type HolderInit } from './holder.ts'
import type { Legacies } from './legacies.ts'
import { outlookAtEnd, reasonsAtEnd } from './outlook-at-end.ts'
import { type Outlook, type Renewal, outlookOf, unstartedIn } from './outlook.ts'
import { backoffMs, isExceeded } from './restart-policy.ts'
import { RUNNING, STARTING, type SpecStatus } from './spec-status.ts'
import { acquaintanceOf, firstNumberAt, firstTag } from './seniority.ts'
import { goingOf, overdueIn } from './stops.ts'
import { type Succession, areEndsNews, planAnew, planNext, restartsAfter } from './succession.ts'
import type { Report, Supervisor } from './supervisor.ts'
import { type SpecSlot, partsOfSpec, slotsOfSpec } from './units.ts'
import { Waits } from './waits.ts'

export class Generations {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #holder: Holder
  readonly #silentMs: HolderInit['silentMs']
  readonly early: EarlyPhases
  /** When the coordinator began to wait for something, or will have waited enough. */
  readonly #waits = new Map<SpecId, ReadonlyMap<string, number>>()
  readonly #deadlines = new Deadlines<SpecId>()

  constructor(init: HolderInit) {
    this.#ledger = init.ledger
    this.#supervisor = init.supervisor
    this.#holder = new Holder(init)
    this.#silentMs = init.silentMs
    this.early = new EarlyPhases(init.ledger)
  }

  /** What workers of groups have left behind for their successors, and what those that start here wait for. */
  get legacies(): Legacies {
    return this.#holder.legacies
  }

  /** What runs here and belongs to others, by whatever version of the spec, can do nothing any more. */
  fence(id: SpecId, nowMs: number): void {
    const phase = this.#ledger.tables.phases.get(id)
    if (phase !== undefined) this.#holder.fence(phase, nowMs)
  }

  /**
   * The same on a node that leaves: it decides nothing, and what runs here stops for its successors. `isKept`: what no other
   * node can run goes on. @returns what is news of how it stands: a chain that is down, or that nobody runs any more, so that
   * nothing that is in it is waited for; undefined: that something stops here is none
   */
  leave(
    row: SpecRow,
    body: FateBody,
    how: { readonly isKept: boolean; readonly now: Now },
  ): SpecStatus | undefined {
    const { isKept, now } = how
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined || this.early.isEarly(row, now.ms)) {
      this.#supervisor.assign(row.id, [], now.ms)
      return isKept && phase === undefined ? this.#pendingOf(row, slotsOfSpec(row.id, body)) : undefined
    }
    if (!isKept) this.#holder.leave(phase, body, now)
    else this.#holder.giveAway(phase, body, now)
    const left = this.#ledger.tables.phases.get(row.id) ?? phase
    if (!isKept) return undefined
    return isOver(left)
      ? this.#statusOf(row, body)
      : this.#pendingOf(row, comingOf(left, body, outlookOf(left, body)))
  }

  /** Does what the rows ask of this node, and says how the spec stands. */
  evaluate(row: SpecRow, body: FateBody, now: Now): SpecStatus {
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined) {
      this.#supervisor.assign(row.id, [], now.ms)
      if (this.#isLeader(row.id, now)) this.#begin(row, body, now)
      return this.#pendingOf(row, slotsOfSpec(row.id, body)) ?? STARTING
    }
    if (this.early.isEarly(row, now.ms)) return STARTING
    if (givesAway(this.#ledger.membership.self)) this.#holder.giveAway(phase, body, now)
    else this.#holder.hold(phase, body, now)
    if (this.#isLeader(row.id, now)) this.#lead(row, body, now)
    return this.#statusOf(row, body)
  }

  /** Nothing of it is to run: holders say when their workers have stopped. @returns whether all have */
  letGo(row: SpecRow, now: Now): boolean {
    this.#waits.delete(row.id)
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined) return true
    if (this.early.isEarly(row, now.ms)) return false
    this.#holder.letGo(phase)
    const known = this.#ledger.tables.phases.get(row.id) ?? phase
    const isGone = known.layout.every(this.#emptiness(known))
    if (isGone && row.body === undefined) this.#holder.forget(row.id)
    return isGone
  }

  /** @returns whether the spec is to be looked at */
  onReport(report: Report, body: FateBody, now: Now): boolean {
    return this.#holder.onReport(report, body, now)
  }

  tick(nowMs: number): void {
    for (const id of this.#deadlines.take(nowMs)) this.#ledger.touch(id)
    this.legacies.tick(nowMs)
    this.#holder.bereavements.tick(nowMs)
    this.early.tick(nowMs)
  }

  wakeAtMs(): number {
    const { bereavements } = this.#holder
    const dueMs = Math.min(this.#deadlines.wakeAtMs(), bereavements.wakeAtMs())
    return Math.min(dueMs, this.legacies.wakeAtMs(), this.early.wakeAtMs())
  }

  // What the coordinator does.

  #lead(row: SpecRow, body: FateBody, now: Now): void {
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined) return undefined
    if (phase.revision !== body.revision) return this.#renew(row, body, phase, now)
    if (phase.rank === 'given-up') return undefined
    const outlook = outlookOf(phase, body)
    if (outlook.isShutdown) return this.#finish(phase, 'done')
    const restarts = outlook.renewals.reduce(
      (before, renewal) => restartsAfter(before, body.intensity, renewal, now.wallMs),
      phase.restarts,
    )
    if (outlook.unstartable !== undefined || isExceeded(restarts, body.intensity))
      return this.#finish(phase, 'given-up')
    if (outlook.isDone) return this.#finish(phase, 'done')
    return this.#proceed(row, body, phase, { outlook, now })
  }

  #proceed(
    row: SpecRow,
    body: FateBody,
    phase: Phase,
    context: { readonly outlook: Outlook; readonly now: Now },
  ): void {
    const { outlook, now } = context
    const { renewals, outdated, unwanted, added } = outlook
    const isQuiet = renewals.length + outdated.length + unwanted.length + added.length === 0
    if (isQuiet && !areEndsNews(phase, body, outlook)) {
      this.#waits.delete(row.id)
      return this.#promote(phase)
    }
    const waits = new Waits(this.#waits.get(row.id), now.ms)
    const hasStopped = this.#stoppedness(body, phase, goingOf(outlook), waits)
    const due = this.#dueOf(phase, body, { renewals, waits, now }).filter(({ stopping }) =>
      stopping.every(hasStopped),
    )
    const generation = this.#nextGeneration(row.id, phase, now)
    const next = planNext(phase, body, outlook, {
      generation,
      nowMs: now.wallMs,
      renewals: due,
      isRenewable: outdated.every(hasStopped),
      isEmpty: hasStopped,
      ownerOf: slot => this.#ledger.placeOf(slot),
    })
    this.#waits.set(row.id, waits.used)
    if (waits.nextMs !== Infinity) this.#deadlines.set(row.id, waits.nextMs)
    if (next === undefined) this.#promote(phase)
    else this.#create(row, body, generation, next)
    return undefined
  }

  /** The renewals that need not wait any longer. */
  #dueOf(
    phase: Phase,
    body: FateBody,
    context: { readonly renewals: readonly Renewal[]; readonly waits: Waits; readonly now: Now },
  ): Renewal[] {
    const { waits, now } = context
    let { restarts } = phase
    return context.renewals.filter(renewal => {
      const before = restarts
      restarts = restartsAfter(restarts, body.intensity, renewal, now.wallMs)
      // Nothing is waited for where nothing is counted, as a lost node is not, nor before the first restart of a while.
      if (restarts === before || restarts.length === 1) return true
      const name = nameOf(renewal)
      const waitMs = backoffMs(restarts.length, `${phase.spec} ${name}`)
      return waits.isOver(`restart ${name}`, () => waitMs)
    })
  }

  /** The whole starts anew, when nothing of it is left: there is no restart to count, and no failure to remember. */
  #renew(row: SpecRow, body: FateBody, phase: Phase, now: Now): void {
    const waits = new Waits(this.#waits.get(row.id), now.ms)
    const hasStopped = this.#stoppedness(body, phase, phase.layout, waits)
    this.#waits.set(row.id, waits.used)
    if (phase.layout.every(hasStopped)) return this.#begin(row, body, now, phase)
    this.#deadlines.set(row.id, waits.nextMs)
    return undefined
  }

  #begin(row: SpecRow, body: FateBody, now: Now, before?: Phase): void {
    const generation = this.#nextGeneration(row.id, before, now)
    const first = planAnew(row.id, body, { generation, ownerOf: slot => this.#ledger.placeOf(slot) })
    if (first !== undefined) this.#create(row, body, generation, first)
  }

  #create(row: SpecRow, body: FateBody, generation: Generation, succession: Succession): void {
    this.#ledger.writePhase({
      spec: row.id,
      specVersion: row.version,
      revision: body.revision,
      generation,
      coordinator: this.#ledger.run,
      rank: 'starting',
      ready: [],
      since: this.#ledger.membership.present().map(member => member.id),
      ...succession,
    })
  }

  /** All have started: the generation runs. */
  #promote(phase: Phase): undefined {
    if (phase.rank === 'starting' && isReady(phase)) this.#finish(phase, 'running')
  }

  #finish(phase: Phase, rank: 'running' | 'done' | 'given-up'): undefined {
    this.#ledger.writePhase(withNews(phase, { rank }))
  }

  #statusOf(row: SpecRow, body: FateBody): SpecStatus {
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined) return STARTING
    const isRenewed = phase.revision !== body.revision
    const outlook = outlookOf(phase, body)
    if (!isRenewed && phase.rank === 'given-up') return lostStatus(phase, body)
    const pending = outlook.isShutdown ? undefined : this.#pendingOf(row, comingOf(phase, body, outlook))
    if (pending !== undefined) return pending
    if (isRenewed) return STARTING
    const isRunning = phase.rank === 'running' || (phase.rank === 'failed' && isReady(phase))
    if (phase.rank === 'done') {
      const ended = [...outlookAtEnd(phase, body).ended, ...phase.away]
      const failure = ended.find(away => away.failure !== undefined)?.failure
      return phase.layout.every(this.#emptiness(phase)) ? { kind: 'done', failure } : { kind: 'stopping' }
    }
    if (outlook.renewals.length > 0) return { kind: 'restarting', failure: causeOf(phase)?.failure }
    if (outlook.unstartable !== undefined) return STARTING
    return isRunning ? RUNNING : STARTING
  }

  /** @returns why the whole waits, where no live node can run one of these */
  #pendingOf(row: SpecRow, coming: readonly SpecSlot[]): SpecStatus | undefined {
    const unplaced = coming.filter(({ slot }) => this.#ledger.placeOf(slot) === undefined)
    if (unplaced.length === 0) return undefined
    const slots = new Set<string>(unplaced.map(({ slot }) => slot))
    return { kind: 'pending', reason: this.#ledger.shortage(row, slots) }
  }

  /** Tells which of the slots that are `going` nobody waits for any more: they are empty, or their holders have had their time. */
  #stoppedness(
    body: FateBody,
    phase: Phase,
    going: readonly PlacedSlot[],
    waits: Waits,
  ): (placed: PlacedSlot) => boolean {
    const isEmpty = this.#emptiness(phase)
    const left = going.filter(placed => !isEmpty(placed))
    const { wakefulness } = this.#ledger.membership
    const overdue = overdueIn(left, { phase, body, waits, wakefulness, silentMs: this.#silentMs() })
    return placed => isEmpty(placed) || overdue.has(placed)
  }

  /** Tells which slots of the phase are empty: nobody is there any more, or their node is not. */
  #emptiness(phase: Phase): (placed: PlacedSlot) => boolean {
    const stopped = new Set(phase.stopped)
    return ({ slot, owner }) => stopped.has(slot) || this.#ledger.membership.isGone(owner)
  }

  #nextGeneration(id: SpecId, before: Phase | undefined, { wallMs }: Now): Generation {
    const { run, membership, tombstones } = this.#ledger
    const tag = runTag(run)
    if (before !== undefined) return { number: before.generation.number + 1, tag }
    const number = firstNumberAt(wallMs, tombstones.findGeneration(id))
    return { number, tag: firstTag(acquaintanceOf(membership), tag) }
  }

  /** Whoever has stood still for long decides nothing before it has heard how the others have gone on. */
  #isLeader(spec: SpecId, { ms }: Now): boolean {
    if (!this.#ledger.isCoordinator(spec)) return false
    const untilMs = awayUntilMs(this.#ledger.membership, ms)
    if (untilMs > ms) this.#deadlines.set(spec, untilMs)
    return untilMs <= ms
  }
}

function nameOf({ crashes }: Renewal): string {
  return crashes.map(({ exit }) => `${exit.slot}@${hlcText(exit.at)}`).toSorted()[0] ?? ''
}

function isReady(phase: Phase): boolean {
  const waiting = new Set(phase.pending)
  for (const slot of phase.ready) waiting.delete(slot)
  for (const { slot } of phase.exits) waiting.delete(slot)
  return waiting.size === 0
}

/** How something stands that was given up: it could not start, or failed too often; whatever became of its spec since. */
function lostStatus(phase: Phase, body: FateBody): SpecStatus {
  const unstarted = unstartedIn(phase)
  if (unstarted !== undefined) return { kind: 'failed', failure: unstarted.failure }
  const failures = reasonsAtEnd(phase, body)
  return { kind: 'gave-up', failure: failures[0], failures }
}

/** What is to be placed, and is not yet. */
function comingOf(phase: Phase, body: FateBody, { added, outdated, renewals }: Outlook): readonly SpecSlot[] {
  if (outdated.length + renewals.length === 0) return added
  const { bySlot } = partsOfSpec(phase.spec, body)
  const slots = [...outdated.map(({ slot }) => slot), ...renewals.flatMap(({ starting }) => [...starting])]
  return [...added, ...slots.flatMap(slot => bySlot.get(slot) ?? [])]
}
