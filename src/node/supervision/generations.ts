// pure
/**
 * Groups and chains: workers that share their fate, wherever they run. One fails, all stop, and all start again
 * as the next generation. Every holder stops its own; the coordinator waits for all of them and decides.
 *
 *   starting → running → failed → (all stopped) → starting, one generation later
 *                 └→ done            └→ given-up
 */

import type { SlotId, SpecId } from '../../ids.ts'
import { runTag } from '../../protocol/claim.ts'
import type { Failure } from '../../protocol/failure.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import { type Phase, type PlacedSlot, type Restart, isActive, slotsOf } from '../../protocol/phase.ts'
import {
  type ChainBody,
  type ChildSpec,
  type GroupBody,
  type SpecRow,
  hlcText,
  needOf,
} from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { NODE_LOST, failureOf, nodeLost } from './exit.ts'
import { backoffMs, countRestart, isExceeded, isRestarted } from './restart-policy.ts'
import { type SpecStatus, pendingFor } from './spec-status.ts'
import type { Assignment, Report, Supervisor } from './supervisor.ts'
import { type SpecSlot, slotsOfSpec } from './units.ts'

export type FateBody = GroupBody | ChainBody

/** How much longer than the slowest member may take to stop the coordinator waits for word of it. */
const STOP_GRACE_MS = 1000

/** Since when this node knows that a generation has failed, and when the next one may start. */
interface Wake {
  readonly generation: string
  readonly stopByMs: number
  restartAtMs: number | undefined
}

export class Generations {
  readonly #ledger: Ledger
  readonly #supervisor: Supervisor
  readonly #wakes = new Map<SpecId, Wake>()
  readonly #deadlines = new Deadlines<SpecId>()

  constructor(ledger: Ledger, supervisor: Supervisor) {
    this.#ledger = ledger
    this.#supervisor = supervisor
  }

  /** Does what the rows ask of this node, and says how the spec stands. */
  evaluate(row: SpecRow, body: FateBody, now: Now): SpecStatus {
    const phase = this.#ledger.tables.phases.get(row.id)
    if (phase === undefined || compareHlc(phase.specVersion, row.version) !== 0) {
      this.#supervisor.assign(row.id, [], now.ms)
      return this.#create(row, body, { before: phase, attempt: 1, restarts: [] })
    }
    switch (phase.rank) {
      case 'starting':
      case 'running':
        return this.#run(row, body, phase, now)
      case 'failed':
        return this.#recover(row, body, phase, now)
      case 'done':
      case 'given-up':
        this.#supervisor.assign(row.id, [], now.ms)
        return { kind: phase.rank === 'done' ? 'done' : 'failed', failure: phase.cause?.failure }
      default:
        return unreachable(phase.rank)
    }
  }

  /** There is no such group or chain any more: holders say when their workers have stopped. @returns whether all have */
  letGo(id: SpecId): boolean {
    const phase = this.#ledger.tables.phases.get(id)
    if (phase === undefined || phase.rank === 'done' || phase.rank === 'given-up') return true
    this.#reportStopped(phase)
    return !this.#isWaited(this.#ledger.tables.phases.get(id) ?? phase)
  }

  onReport(report: Report, body: FateBody, now: Now): void {
    const { slot, spec, token } = report.assignment
    const phase = this.#ledger.tables.phases.get(spec)
    if (phase === undefined || report.kind === 'started' || !isActive(phase)) return
    if (phase.generation.number !== token.generation || phase.generation.tag !== token.tag) return
    const { exit } = report
    if (exit.kind === 'stopped' || exit.kind === 'abandoned') return
    const isFatal = isFatalExit(childOf(spec, body, slot), exit.kind === 'normal' ? 'normally' : 'abnormally')
    if (isFatal) this.#fail(phase, failureOf(exit, slot, this.#ledger.run.id), now)
    else this.#ledger.writePhase({ ...phase, ended: withSlots(phase.ended, [slot]) })
  }

  tick(nowMs: number): void {
    for (const id of this.#deadlines.take(nowMs)) this.#ledger.touch(id)
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  #create(
    row: SpecRow,
    body: FateBody,
    from: {
      readonly before: Phase | undefined
      readonly attempt: number
      readonly restarts: readonly Restart[]
    },
  ): SpecStatus {
    const slots = slotsOfSpec(row.id, body).filter(
      ({ child }) => from.attempt === 1 || child.restart !== 'temporary',
    )
    const layout = this.#layout(slots)
    if (layout === undefined) return pendingFor(slots.map(({ child }) => needOf(child)))
    if (!this.#ledger.isCoordinator(row.id)) return { kind: 'starting' }
    const { id, boot } = this.#ledger.run
    const number = (from.before?.generation.number ?? 0) + 1
    this.#ledger.writePhase({
      spec: row.id,
      specVersion: row.version,
      generation: { number, tag: runTag({ id, boot }) },
      coordinator: { id, boot },
      layout,
      rank: layout.length === 0 ? 'done' : 'starting',
      ready: [],
      ended: [],
      stopped: [],
      previous: from.before?.cause,
      attempt: from.attempt,
      restarts: from.restarts,
      since: this.#ledger.membership.present().map(member => member.id),
    })
    return { kind: 'starting' }
  }

  #layout(slots: readonly SpecSlot[]): PlacedSlot[] | undefined {
    const layout: PlacedSlot[] = []
    for (const { slot } of slots) {
      const owner = this.#ledger.ownerOf(slot)
      const row = owner === undefined ? undefined : this.#ledger.tables.members.get(owner)
      if (row === undefined) return undefined
      layout.push({ slot, owner: { id: row.id, boot: row.boot } })
    }
    return layout
  }

  #run(row: SpecRow, body: FateBody, phase: Phase, now: Now): SpecStatus {
    const assignments = this.#assignments(row, body, phase)
    this.#supervisor.assign(row.id, assignments, now.ms)
    const ready = assignments
      .filter(({ slot, key }) => this.#supervisor.isReady(slot, key))
      .map(({ slot }) => slot)
    if (ready.some(slot => !phase.ready.includes(slot))) {
      this.#ledger.writePhase({ ...phase, ready: withSlots(phase.ready, ready) })
    }
    this.#mourn(body, phase, now)
    if (this.#ledger.isCoordinator(row.id)) this.#promote(row.id)
    return { kind: this.#ledger.tables.phases.get(row.id)?.rank === 'running' ? 'running' : 'starting' }
  }

  #assignments(row: SpecRow, body: FateBody, phase: Phase): Assignment[] {
    const { number, tag } = phase.generation
    const mine = new Set(slotsOf(phase, this.#ledger.run))
    if (mine.size === 0) return []
    const owner = runTag(this.#ledger.run)
    const ended = new Set(phase.ended)
    return slotsOfSpec(row.id, body)
      .filter(({ slot }) => mine.has(slot) && !ended.has(slot))
      .map(({ slot, child }) => ({
        slot,
        spec: row.id,
        child,
        token: { generation: number, tag, owner },
        key: `${hlcText(row.version)} ${generationText(phase)}`,
      }))
  }

  /** A generation one of whose holders is gone has failed, whoever notices it first. */
  #mourn(body: FateBody, phase: Phase, now: Now): void {
    const lost = phase.layout.filter(
      ({ slot, owner }) => this.#ledger.membership.isGone(owner) && !phase.ended.includes(slot),
    )
    const fatal = lost.find(({ slot }) => isFatalExit(childOf(phase.spec, body, slot), 'abnormally'))
    if (fatal !== undefined) {
      this.#fail(phase, nodeLost(fatal.owner.id, fatal.slot), now)
    } else if (lost.length > 0) {
      const ended = lost.map(({ slot }) => slot)
      this.#ledger.writePhase({ ...phase, ended: withSlots(phase.ended, ended) })
    }
  }

  /** All started: the generation runs. All ended: it is done. */
  #promote(id: SpecId): void {
    const phase = this.#ledger.tables.phases.get(id)
    if (phase === undefined || !isActive(phase)) return
    const ended = new Set(phase.ended)
    const ready = new Set(phase.ready)
    if (phase.layout.every(({ slot }) => ended.has(slot))) {
      this.#ledger.writePhase({ ...phase, rank: 'done' })
    } else if (
      phase.rank === 'starting' &&
      phase.layout.every(({ slot }) => ready.has(slot) || ended.has(slot))
    ) {
      this.#ledger.writePhase({ ...phase, rank: 'running' })
    }
  }

  #fail(phase: Phase, failure: Failure, now: Now): void {
    this.#ledger.writePhase({
      ...phase,
      rank: 'failed',
      cause: { at: this.#ledger.moment(now.wallMs), failure },
    })
  }

  #recover(row: SpecRow, body: FateBody, phase: Phase, now: Now): SpecStatus {
    this.#supervisor.assign(row.id, [], now.ms)
    const status: SpecStatus = { kind: 'restarting', failure: phase.cause?.failure }
    this.#reportStopped(phase)
    if (!this.#ledger.isCoordinator(row.id)) return status
    const known = this.#ledger.tables.phases.get(row.id) ?? phase
    const wake = this.#wakeOf(known, body, now)
    if (this.#isWaited(known) && now.ms < wake.stopByMs) {
      this.#deadlines.set(row.id, wake.stopByMs)
      return status
    }
    return this.#restart(row, body, known, { wake, now }) ?? status
  }

  #reportStopped(phase: Phase): void {
    const mine = slotsOf(phase, this.#ledger.run).filter(slot => !this.#supervisor.isOccupied(slot))
    if (mine.every(slot => phase.stopped.includes(slot))) return
    this.#ledger.writePhase({ ...phase, stopped: withSlots(phase.stopped, mine) })
  }

  /** Whether some holder that is still there has not said that its workers have stopped. */
  #isWaited(phase: Phase): boolean {
    return phase.layout.some(
      ({ slot, owner }) => !phase.stopped.includes(slot) && !this.#ledger.membership.isGone(owner),
    )
  }

  #restart(
    row: SpecRow,
    body: FateBody,
    phase: Phase,
    context: { readonly wake: Wake; readonly now: Now },
  ): SpecStatus | undefined {
    const { wake, now } = context
    const failure = phase.cause?.failure
    const isLost = failure?.name === NODE_LOST
    const cannotStart =
      failure !== undefined && !isLost && phase.attempt === 1 && !phase.ready.includes(failure.slot)
    const restart: Restart = { atMs: now.wallMs, item: itemText(failure) }
    // A lost node is no fault of the group: it has nothing to say about whether the next start will do better.
    const restarts = isLost ? phase.restarts : countRestart(phase.restarts, body.intensity, restart)
    if (cannotStart || isExceeded(restarts, body.intensity)) {
      this.#ledger.writePhase({ ...phase, rank: 'given-up' })
      return undefined
    }
    const waitMs = isLost ? 0 : backoffMs(restarts.length, `${row.id} ${generationText(phase)}`)
    wake.restartAtMs ??= now.ms + waitMs
    if (now.ms < wake.restartAtMs) {
      this.#deadlines.set(row.id, wake.restartAtMs)
      return undefined
    }
    return this.#create(row, body, { before: phase, attempt: phase.attempt + 1, restarts })
  }

  #wakeOf(phase: Phase, body: FateBody, now: Now): Wake {
    const generation = generationText(phase)
    const known = this.#wakes.get(phase.spec)
    if (known !== undefined && known.generation === generation) return known
    const slowestMs = Math.max(...slotsOfSpec(phase.spec, body).map(({ child }) => child.stopTimeoutMs))
    const wake: Wake = { generation, stopByMs: now.ms + slowestMs + STOP_GRACE_MS, restartAtMs: undefined }
    this.#wakes.set(phase.spec, wake)
    return wake
  }
}

/** Whether the end of this worker is the end of its generation. As in OTP, a temporary one disturbs nobody. */
function isFatalExit(child: ChildSpec | undefined, ended: 'normally' | 'abnormally'): boolean {
  return child !== undefined && isRestarted(child.restart, ended)
}

function childOf(spec: SpecId, body: FateBody, slot: SlotId): ChildSpec | undefined {
  return slotsOfSpec(spec, body).find(candidate => candidate.slot === slot)?.child
}

function withSlots(slots: readonly SlotId[], added: readonly SlotId[]): readonly SlotId[] {
  return [...new Set([...slots, ...added])].toSorted()
}

function generationText(phase: Phase): string {
  return `${phase.generation.number}.${phase.generation.tag}`
}

function itemText(failure: Failure | undefined): string {
  const item = failure?.item
  return item === undefined ? '' : `${item.origin}.${item.boot}.${item.n}`
}
