// pure
/**
 * The state of a group or chain: one record with its whole assignment, so that it is replaced as one unit and
 * never assembled from two halves of a mesh. Whatever nodes tell each other about a crash is also in here.
 */

import { type NodeId, type Run, type SlotId, type SpecId, isSameRun } from '../ids.ts'
import type { Failure } from './failure.ts'
import { type Hlc, compareHlc } from './hlc.ts'
import type { RecordKind } from './record-store.ts'
import { hlcText } from './spec-row.ts'

/** In the order in which one overrules another of the same generation. */
export const PHASE_RANKS = ['starting', 'running', 'failed', 'done', 'given-up'] as const
export type PhaseRank = (typeof PHASE_RANKS)[number]

/** Two halves of a split mesh may both create generation 8; the tag keeps them two generations. */
export interface Generation {
  readonly number: number
  /** Of the coordinator that created it. */
  readonly tag: number
}

export interface PlacedSlot {
  readonly slot: SlotId
  readonly owner: Run
}

/** What made a generation fail: of several, the earliest counts. */
export interface PhaseCause {
  readonly at: Hlc
  readonly failure: Failure
}

/** A restart that counts against the intensity. Several that are blamed on one item count once. */
export interface Restart {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** The item that the crashed worker was at; empty where there was none. */
  readonly item: string
}

export interface Phase {
  readonly spec: SpecId
  readonly specVersion: Hlc
  readonly generation: Generation
  /** Who created the generation. */
  readonly coordinator: Run
  /** Who fills each slot, in the order of starting. */
  readonly layout: readonly PlacedSlot[]
  readonly rank: PhaseRank
  /** Slots whose worker has started, sorted. */
  readonly ready: readonly SlotId[]
  /** Slots whose worker has ended normally and stays away, sorted. */
  readonly ended: readonly SlotId[]
  /** Slots whose worker has stopped since the generation failed, sorted. */
  readonly stopped: readonly SlotId[]
  readonly cause?: PhaseCause | undefined
  /** Why the generation before failed, for those who have not heard of it. */
  readonly previous?: PhaseCause | undefined
  /** The how-manieth generation of this version of the spec: 1 for the first. */
  readonly attempt: number
  /** The restarts that still count, oldest first: a new coordinator goes on counting. */
  readonly restarts: readonly Restart[]
  /** The members of the mesh when the generation began, sorted. */
  readonly since: readonly NodeId[]
}

export const phases: RecordKind<Phase> = {
  keyOf: phase => phase.spec,
  join: joinPhases,
  versionOf: phase => {
    const { generation, rank, ready, ended, stopped, cause } = phase
    const causeText = cause === undefined ? '' : hlcText(cause.at)
    return [generation.number, generation.tag, rank, ready, ended, stopped, causeText].join(' ')
  },
}

/** < 0 when `a` is the older generation. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.number - b.number || a.tag - b.tag
}

/** Whether the generation is to run: it has neither failed nor ended. */
export function isActive(phase: Phase): boolean {
  return phase.rank === 'starting' || phase.rank === 'running'
}

/** The slots of `phase` that one run of a node holds, in the order of starting. */
export function slotsOf(phase: Phase, run: Run): SlotId[] {
  return phase.layout.filter(placed => isSameRun(placed.owner, run)).map(placed => placed.slot)
}

function joinPhases(a: Phase, b: Phase): Phase {
  const order = compareGenerations(a.generation, b.generation)
  if (order !== 0) return order > 0 ? a : b
  const further = PHASE_RANKS.indexOf(a.rank) >= PHASE_RANKS.indexOf(b.rank) ? a : b
  return {
    ...further,
    ready: union(a.ready, b.ready),
    ended: union(a.ended, b.ended),
    stopped: union(a.stopped, b.stopped),
    cause: earlier(a.cause, b.cause),
  }
}

function earlier(a: PhaseCause | undefined, b: PhaseCause | undefined): PhaseCause | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareHlc(a.at, b.at) <= 0 ? a : b
}

function union(a: readonly SlotId[], b: readonly SlotId[]): readonly SlotId[] {
  if (b.length === 0 || a === b) return a
  if (a.length === 0) return b
  return [...new Set([...a, ...b])].toSorted()
}
