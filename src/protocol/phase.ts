// pure
/**
 * The state of a group or chain: one record with its whole assignment, so that it is replaced as one unit and
 * never assembled from two halves of a mesh. Whatever nodes tell each other about a crash is also in here.
 */

import { byCodeUnits } from '../text-order.ts'
import { type NodeId, type Run, type SlotId, type SpecId, compareRuns } from '../ids.ts'
import type { Failure } from './failure.ts'
import { type Hlc, compareHlc } from './hlc.ts'
import type { RecordKind } from './record-store.ts'
import { hlcText } from './spec-row.ts'
import { PHASE_FIELDS, compareUnknown, withUnknownOf } from './unknown-fields.ts'

/** In the order in which one overrules another of the same generation. */
export const PHASE_RANKS = ['starting', 'running', 'failed', 'done', 'given-up'] as const
export type PhaseRank = (typeof PHASE_RANKS)[number]

/** Two halves of a split mesh may both create generation 8; the tag keeps them two generations. */
export interface Generation {
  readonly number: number
  /** Of the coordinator that created it. */
  readonly tag: number
}

/** What `stopTimeoutMs` is by default: of ten thousand slots, most need not say it. */
export const STOP_MS = 5000

/** A slot of the layout, and the worker that is to fill it. */
export interface PlacedSlot {
  readonly slot: SlotId
  readonly owner: Run
  /**
   * The generation in which it was last placed. A partial restart leaves it as it is where a worker goes on: together
   * with the slot it names one worker, for tokens and for routes.
   */
  readonly since: Generation
  /** Of the part of the spec that it was placed for: where the spec has another one, the worker is replaced. */
  readonly revision: number
  /** How long it may take to stop, whatever has become of the spec by then. @default STOP_MS */
  readonly stopMs?: number | undefined
  /** No worker of this revision has ever started: if this one cannot, that is an error of whoever asked for it. */
  readonly isNew: boolean
  /** Its predecessor has stopped for it, and left something behind. */
  readonly legacy?: Legacy | undefined
}

/** Where something is that a worker has left behind for its successor. */
export interface Legacy {
  readonly owner: Run
  /** In which the worker was placed that has left it. */
  readonly since: Generation
}

/** How the worker of a slot ended. `moved`: its node leaves, and it is to go on elsewhere: nothing has gone wrong. */
export const EXIT_KINDS = ['normal', 'abnormal', 'moved'] as const

/**
 * How the worker of a slot ended on its own, or was lost, or has to go. Of several of one slot, the earliest counts, but a
 * normal end before all others: who has done its work has nothing to go on with elsewhere.
 */
export interface SlotExit {
  readonly slot: SlotId
  readonly at: Hlc
  readonly kind: (typeof EXIT_KINDS)[number]
  readonly failure: Failure
  /** It had started before. */
  readonly wasReady: boolean
}

/**
 * A slot that nobody fills, until its revision changes. `ended`: it ended on its own, and its type asks for no restart.
 * `failed`: it could not start. `dropped`: it is temporary, and a restart of others stopped it.
 */
export interface AwaySlot {
  readonly slot: SlotId
  readonly revision: number
  readonly why: 'ended' | 'failed' | 'dropped'
  /** Undefined where it ended normally. */
  readonly failure?: Failure | undefined
}

/** A restart that counts against the intensity. Several that are blamed on one item count once. */
export interface Restart {
  /** Milliseconds since 1970. */
  readonly atMs: number
  /** The item that the crashed worker was at; empty where there was none. */
  readonly item: string
}

/**
 * What is fixed when a generation is created, and below it what grows while it lives. A partial restart is a generation
 * too: what goes on running keeps its place in the layout, with the generation in which it was placed.
 */
export interface Phase {
  readonly spec: SpecId
  /** Of the spec that the generation was made for: a node that knows an older one only follows. */
  readonly specVersion: Hlc
  /** Of the spec as a whole: another one, and everything starts anew, with no memory of earlier failures. */
  readonly revision: number
  readonly generation: Generation
  /** Who created the generation. */
  readonly coordinator: Run
  /** Who fills each slot, in the order of starting. */
  readonly layout: readonly PlacedSlot[]
  readonly away: readonly AwaySlot[]
  /** The slots of the layout whose workers had not started when the generation was created. */
  readonly pending: readonly SlotId[]
  /** Nothing of this revision has ever run as a whole. */
  readonly isFirst: boolean
  /** The exits that led to this generation, for those who have not heard of them: also of who is away since, at an item. */
  readonly previous: readonly SlotExit[]
  /** The restarts that still count, oldest first: a new coordinator goes on counting. */
  readonly restarts: readonly Restart[]
  /** Why it failed the last times, newest first. */
  readonly failures: readonly Failure[]
  /** The members of the mesh when the generation began, sorted. */
  readonly since: readonly NodeId[]

  readonly rank: PhaseRank
  /** Pending slots whose worker has started, sorted. */
  readonly ready: readonly SlotId[]
  /** Workers that ended on their own, sorted by slot, each at most once. */
  readonly exits: readonly SlotExit[]
  /** Slots whose worker is gone, on its own or as it was told to, sorted. */
  readonly stopped: readonly SlotId[]
  /** Of these, the slots whose worker has left something behind for its successor, sorted. */
  readonly left: readonly SlotId[]
}

export const phases: RecordKind<Phase> = {
  keyOf: phase => phase.spec,
  join: joinPhases,
  versionOf: phase => {
    const { generation, coordinator, rank, ready, exits, stopped, left } = phase
    const { number, tag } = generation
    const ends = exits.map(exit => `${exit.slot}@${hlcText(exit.at)}`)
    return [number, tag, coordinator.id, coordinator.boot, rank, ready, ends, stopped, left].join(' ')
  },
}

/** < 0 when `a` is the older generation. */
export function compareGenerations(a: Generation, b: Generation): number {
  return a.number - b.number || a.tag - b.tag
}

/** A text that is equal for equal generations. */
export function generationText(generation: Generation): string {
  return `${generation.number}.${generation.tag}`
}

/** Whether the generation is over for good: it has ended, or was given up. */
export function isOver(phase: Phase): boolean {
  return phase.rank === 'done' || phase.rank === 'given-up'
}

/** The first exit of the generation; of a worker that only moves, where nothing has gone wrong. */
export function causeOf(phase: Phase): SlotExit | undefined {
  const failed = phase.exits.filter(({ kind }) => kind !== 'moved')
  return (failed.length > 0 ? failed : phase.exits).reduce<SlotExit | undefined>(
    (first, exit) => (first === undefined || compareHlc(exit.at, first.at) < 0 ? exit : first),
    undefined,
  )
}

/** What grows while a generation lives. */
export interface PhaseNews {
  readonly rank?: PhaseRank
  readonly ready?: readonly SlotId[]
  readonly exits?: readonly SlotExit[]
  readonly stopped?: readonly SlotId[]
  readonly left?: readonly SlotId[]
}

/** The phase with more of what can only grow. */
export function withNews(phase: Phase, news: PhaseNews): Phase {
  const { rank = phase.rank, ready = [], exits = [], stopped = [], left = [] } = news
  return {
    ...phase,
    rank: furtherRank(phase.rank, rank),
    ready: union(phase.ready, inOrder(ready)),
    exits: unionOfExits(phase.exits, exits.length > 1 ? exits.toSorted(bySlot) : exits),
    stopped: union(phase.stopped, inOrder(stopped)),
    left: union(phase.left, inOrder(left)),
  }
}

function inOrder(slots: readonly SlotId[]): readonly SlotId[] {
  return slots.length > 1 ? slots.toSorted() : slots
}

/** 0: of one generation. Two who by chance make one tag have made two generations all the same. */
export function compareOrigins(a: Phase, b: Phase): number {
  return compareGenerations(a.generation, b.generation) || compareRuns(a.coordinator, b.coordinator)
}

function joinPhases(a: Phase, b: Phase): Phase {
  const age = compareOrigins(a, b)
  if (age !== 0) return age > 0 ? a : b
  const rank = furtherRank(a.rank, b.rank)
  const ready = union(a.ready, b.ready)
  const exits = unionOfExits(a.exits, b.exits)
  const stopped = union(a.stopped, b.stopped)
  const left = union(a.left, b.left)
  const joined = { rank, ready, exits, stopped, left }
  // What newer nodes say beside that has no moment.
  const order = compareUnknown(a, b, PHASE_FIELDS)
  if (order >= 0 && isAs(a, joined)) return a
  // What this node has said itself is most often all that there is.
  if (order <= 0 && b.layout === a.layout && isAs(b, joined)) return b
  return order >= 0 ? { ...a, ...joined } : withUnknownOf({ ...a, ...joined }, b, PHASE_FIELDS)
}

function isAs(phase: Phase, { rank, ready, exits, stopped, left }: Required<PhaseNews>): boolean {
  return (
    phase.rank === rank &&
    phase.ready === ready &&
    phase.exits === exits &&
    phase.stopped === stopped &&
    phase.left === left
  )
}

function furtherRank(a: PhaseRank, b: PhaseRank): PhaseRank {
  return PHASE_RANKS.indexOf(a) >= PHASE_RANKS.indexOf(b) ? a : b
}

/** Of two sorted lists, in one pass: rows of ten thousand slots are joined again and again. */
function union(a: readonly SlotId[], b: readonly SlotId[]): readonly SlotId[] {
  return merged(a, b, byCodeUnits, one => one)
}

function unionOfExits(a: readonly SlotExit[], b: readonly SlotExit[]): readonly SlotExit[] {
  return merged(a, b, bySlot, (one, other) => (compareExits(one, other) <= 0 ? one : other))
}

/** < 0 where `a` counts before `b`. */
export function compareExits(a: SlotExit, b: SlotExit): number {
  return Number(b.kind === 'normal') - Number(a.kind === 'normal') || compareHlc(a.at, b.at)
}

/** @returns `a` itself where `b` adds nothing, else `b` itself where it has all */
function merged<T>(
  a: readonly T[],
  b: readonly T[],
  compare: (one: T, other: T) => number,
  pick: (one: T, other: T) => T,
): readonly T[] {
  if (b.length === 0 || a === b) return a
  if (a.length === 0) return b
  const all: T[] = []
  let isNews = false
  let isWhole = true
  let at = 0
  for (const other of b) {
    let one = a[at]
    for (; one !== undefined && compare(one, other) < 0; one = a[at]) {
      all.push(one)
      isWhole = false
      at += 1
    }
    if (one !== undefined && compare(one, other) === 0) {
      const picked = pick(one, other)
      all.push(picked)
      isNews ||= picked !== one
      isWhole &&= picked === other
      at += 1
    } else {
      all.push(other)
      isNews = true
    }
  }
  for (; at < a.length; at++) {
    const one = a[at]
    if (one !== undefined) all.push(one)
    isWhole = false
  }
  if (!isNews) return a
  return isWhole ? b : all
}

function bySlot(a: { readonly slot: SlotId }, b: { readonly slot: SlotId }): number {
  return byCodeUnits(a.slot, b.slot)
}
