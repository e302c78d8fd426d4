// pure
/**
 * Workers whose node is gone: whoever holds a part of the same whole says so, and the coordinator places them anew. Where it
 * gives something to that run of the node again, it may hear it, or find out itself in a while: whoever has told it, or heard
 * it told, does not say so again at once. Otherwise the whole would start anew as fast as messages go, for as long as they differ.
 */

import { type Run, type SlotId, type SpecId, isSameRun } from '../../ids.ts'
import {
  type Generation,
  type Phase,
  type PlacedSlot,
  type SlotExit,
  compareGenerations,
} from '../../protocol/phase.ts'
import type { Timings } from '../../protocol/timings.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { isNodeLost, nodeLost } from './exit.ts'
import { heldBy } from './outlook.ts'

/**
 * Who decides takes nobody's word for the end of a member that it has heard in the last two periods of probing, and finds a
 * silent one out itself in no less than four. Where it does not probe that one so soon, it suspects it when it is told again.
 */
const AGAIN_PERIODS = 4

/** The last generation of one that has really died may come late; whoever makes another one lives, and goes on deciding. */
const OF_GONE_MAX = 1

/** A run that is gone, of which the coordinator has been told. */
interface Told {
  readonly run: Run
  readonly untilMs: number
}

/** What a node has to keep of a spec while there is anybody of whom the coordinator has been told. */
interface Known {
  readonly told: readonly Told[]
  readonly generation: Generation
  /** So many generations have come since of those who were gone when they came, as far as this node knew. */
  readonly ofGone: number
}

export interface BereavementsInit {
  readonly ledger: Ledger
  readonly timings: Pick<Timings, 'probePeriodMs'>
}

export class Bereavements {
  readonly #ledger: Ledger
  readonly #againMs: number
  /** Whoever is not gone any more, or was told of long ago, is dropped when the spec is looked at. */
  readonly #known = new Map<SpecId, Known>()
  readonly #deadlines = new Deadlines<SpecId>()

  constructor({ ledger, timings }: BereavementsInit) {
    this.#ledger = ledger
    this.#againMs = AGAIN_PERIODS * timings.probePeriodMs
  }

  /** What is to be said now of the workers that go on, and are lost with those of their `owners` who are gone. */
  lossesOf(phase: Phase, kept: readonly PlacedSlot[], owners: readonly Run[], now: Now): SlotExit[] {
    const gone = this.#goneOf(phase, owners, now.ms)
    for (const { id } of gone) this.#ledger.passOn(id)
    return gone.flatMap(owner => heldBy(kept, owner)).map(placed => this.#lossOf(phase, placed, now))
  }

  forget(spec: SpecId): void {
    this.#known.delete(spec)
    this.#deadlines.clear(spec)
  }

  tick(nowMs: number): void {
    for (const spec of this.#deadlines.take(nowMs)) this.#ledger.touch(spec)
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  /** Those of whose end the coordinator is to be told now. */
  #goneOf(phase: Phase, owners: readonly Run[], nowMs: number): Run[] {
    const gone = owners.filter(owner => this.#ledger.membership.isGone(owner))
    const { told, ofGone } = this.#follow(phase, nowMs) ?? NOTHING
    const again = told.filter(({ run }) => gone.some(owner => isSameRun(owner, run)))
    // Who decides does not tell itself, but where somebody else goes on deciding who is gone.
    const isDeciding = ofGone <= OF_GONE_MAX && this.#ledger.isCoordinator(phase.spec)
    if (again.length === 0 || isDeciding) return gone
    this.#deadlines.set(phase.spec, Math.min(...again.map(({ untilMs }) => untilMs)))
    return gone.filter(owner => !again.some(({ run }) => isSameRun(owner, run)))
  }

  /** Who is called gone by the row, or was a while ago, and still is, as far as this node knows. */
  #follow(phase: Phase, nowMs: number): Known | undefined {
    const { spec, generation, coordinator } = phase
    const { membership } = this.#ledger
    const before = this.#known.get(spec)
    const said = runsLostIn(phase)
    if (before === undefined && said.length === 0) return undefined
    const told = (before?.told ?? []).filter(({ run, untilMs }) => nowMs < untilMs && membership.isGone(run))
    const untilMs = nowMs + this.#againMs
    for (const run of said)
      if (membership.isGone(run) && !told.some(known => isSameRun(known.run, run)))
        told.push({ run, untilMs })
    if (told.length === 0) {
      this.forget(spec)
      return undefined
    }
    const isNext = before !== undefined && compareGenerations(before.generation, generation) !== 0
    const ofGone = (before?.ofGone ?? 0) + Number(isNext && membership.isGone(coordinator))
    const known = { told, generation, ofGone }
    this.#known.set(spec, known)
    return known
  }

  /**
   * Its node is gone. Where it had not started there, and what it was to start with is elsewhere, it is still on its
   * way; and where the node has left in good order, it went before it had heard that it was to start something.
   */
  #lossOf(phase: Phase, { slot, owner, legacy }: PlacedSlot, now: Now): SlotExit {
    const loss = lossOf(this.#ledger, { phase, slot, failure: nodeLost(owner.id, slot), now })
    const isOnItsWay = legacy !== undefined || this.#ledger.hasLeft(owner)
    return isOnItsWay && !loss.wasReady ? { ...loss, kind: 'moved' } : loss
  }
}

interface Loss extends Pick<SlotExit, 'slot' | 'failure'> {
  readonly phase: Phase
  readonly now: Now
}

/** A worker has ended that nobody has seen end. */
export function lossOf(ledger: Ledger, { phase, slot, failure, now }: Loss): SlotExit {
  return { slot, at: ledger.moment(now.wallMs), kind: 'abnormal', failure, wasReady: isStarted(phase, slot) }
}

/** Whether the worker of the slot has started, as far as the row knows. */
export function isStarted(phase: Phase, slot: SlotId): boolean {
  return !phase.pending.includes(slot) || phase.ready.includes(slot)
}

const NOTHING: Pick<Known, 'told' | 'ofGone'> = { told: [], ofGone: 0 }

/** Whose workers have ended with their nodes, as the row says: each once. */
function runsLostIn({ exits, layout }: Phase): Run[] {
  const lost = new Set(exits.flatMap(({ slot, failure }) => (isNodeLost(failure) ? [slot] : [])))
  const runs: Run[] = []
  if (lost.size === 0) return runs
  for (const { slot, owner } of layout)
    if (lost.has(slot) && !runs.some(run => isSameRun(run, owner))) runs.push(owner)
  return runs
}
