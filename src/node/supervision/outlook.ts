// pure
/**
 * What follows from a phase and its spec, worked out the same way by everybody: which workers go on, which are to stop,
 * and what is to be started in their place. Nobody decides anything here.
 */

import { type Run, type SlotId, isSameRun } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'
import { type AwaySlot, type Phase, type PlacedSlot, type SlotExit, isOver } from '../../protocol/phase.ts'
import type { FateBody } from '../../protocol/spec-row.ts'
import { isCounted } from './exit.ts'
import { isRestarted } from './restart-policy.ts'
import type { SpecStatus } from './spec-status.ts'
import { type Wave, wavesOf } from './strategy.ts'
import { type SpecSlot, partsOfSpec, slotsOfSpec } from './units.ts'

/** A crash that asks for a restart. */
export interface Crash {
  readonly exit: SlotExit
  readonly position: number
}

/** One restart: what it stops, and what it starts again. */
export interface Renewal {
  readonly crashes: readonly Crash[]
  /** Slots of the layout that have to be empty before, in the order of starting. */
  readonly stopping: readonly PlacedSlot[]
  /** What starts afterwards: of these slots, and of those that were away. */
  readonly starting: ReadonlySet<SlotId>
  /** Of what it stops, what does not start again. */
  readonly dropped: readonly AwaySlot[]
  /** Nothing has gone wrong: a node leaves. Who stops hands over to its successor. */
  readonly isPlanned: boolean
}

export interface Outlook {
  /** Workers that start, or go on running, in the order of starting. */
  readonly kept: readonly PlacedSlot[]
  readonly renewals: readonly Renewal[]
  /** Placed for another revision than the spec has now: to be stopped, and started anew. */
  readonly outdated: readonly PlacedSlot[]
  /** The spec does not have them any more, or a user has stopped them. */
  readonly unwanted: readonly PlacedSlot[]
  /** Ended on their own, and not restarted. */
  readonly ended: readonly AwaySlot[]
  /** Wanted, and not in the layout. */
  readonly added: readonly SpecSlot[]
  /** A first start that failed, of something that has never run as a whole. */
  readonly unstartable: SlotExit | undefined
  /** Significant members have ended, and the group is to end with them. */
  readonly isShutdown: boolean
  /** All that could run has ended, and stays away. */
  readonly isDone: boolean
}

/**
 * The last outlook of each layout: it is asked for by many, and rows are never changed. While a generation lives, what
 * is said of it makes a row after the other with one layout, and most of that makes no difference here.
 */
const known = new WeakMap<
  Phase['layout'],
  { readonly phase: Phase; readonly body: FateBody; readonly outlook: Outlook }
>()

export function outlookOf(phase: Phase, body: FateBody): Outlook {
  const before = known.get(phase.layout)
  if (before?.body === body && isAlike(before.phase, phase)) return before.outlook
  const outlook =
    phase.revision === body.revision ? (calm(phase, body) ?? look(phase, body)) : renewed(phase, body)
  known.set(phase.layout, { phase, body, outlook })
  return outlook
}

/** Whether the outlook of two rows with one layout is the same. */
function isAlike(a: Phase, b: Phase): boolean {
  return (
    a === b ||
    (a.exits === b.exits &&
      a.away === b.away &&
      a.isFirst === b.isFirst &&
      a.revision === b.revision &&
      a.spec === b.spec &&
      (a.rank === 'done') === (b.rank === 'done'))
  )
}

/** The slots of `phase` that callers can reach: what is about to stop is not, nor is half of what has just started. */
export function reachable(phase: Phase, body: FateBody): readonly PlacedSlot[] {
  if (isOver(phase)) return []
  const { kept } = outlookOf(phase, body)
  if (phase.rank === 'running' && phase.stopped.length === 0) return kept
  const stopped = new Set(phase.stopped)
  const pending = new Set(phase.rank === 'running' ? [] : phase.pending)
  if (phase.rank === 'failed') for (const slot of phase.ready) pending.delete(slot)
  return kept.filter(({ slot }) => !stopped.has(slot) && !pending.has(slot))
}

/** Those of `phase` that run or start, and go on: also those that callers cannot reach yet. */
export function goingOn(phase: Phase, body: FateBody): readonly PlacedSlot[] {
  if (isOver(phase)) return []
  return outlookOf(phase, body).kept.filter(({ slot }) => !phase.stopped.includes(slot))
}

/**
 * How the worker of one slot stands. `pending`: no live node can run it. `stopped`: a user has stopped it, or it went
 * down with the whole. `failed`: it could not start, or its crash was one too many for the whole. `ended`: it ended, or
 * was stopped along with a sibling, and its restart type says that this is the end.
 */
export interface PartStatus {
  readonly kind:
    | 'pending'
    | 'starting'
    | 'running'
    | 'restarting'
    | 'stopping'
    | 'stopped'
    | 'failed'
    | 'ended'
  readonly failure?: Failure | undefined
}

/** What the status of a part depends on besides its spec and phase. */
export interface Standing {
  /** How the whole stands. */
  readonly whole: SpecStatus | undefined
  readonly isGone: (owner: Run) => boolean
}

/** @returns undefined when the spec has no such slot */
export function partStatus(
  slot: SlotId,
  body: FateBody,
  phase: Phase | undefined,
  { whole, isGone }: Standing,
): PartStatus | undefined {
  const part = slotNamed(slot, body)
  if (part === undefined) return undefined
  const placed = phase?.layout.find(each => each.slot === slot)
  const isLeft = placed !== undefined && phase?.stopped.includes(slot) === false && !isGone(placed.owner)
  const down: PartStatus = { kind: isLeft ? 'stopping' : 'stopped' }
  const coming: PartStatus = { kind: whole?.kind === 'pending' ? 'pending' : 'starting' }
  const isHalted = whole?.kind === 'stopped' || (whole?.kind === 'stopping' && phase?.rank !== 'done')
  if (part.isStopped || isHalted) return down
  if (phase === undefined) return coming
  if (phase.revision !== body.revision) return isLeft ? down : coming
  const { ended, renewals, kept } = outlookOf(phase, body)
  const failure = phase.exits.find(each => each.slot === slot)?.failure
  const away = [...ended, ...phase.away].find(each => each.slot === slot && each.revision === part.revision)
  const isReturning = !isOver(phase) && renewals.some(renewal => renewal.starting.has(slot))
  if (isReturning) return { kind: coming.kind === 'pending' ? 'pending' : 'restarting', failure }
  if (away !== undefined) return { kind: away.why === 'failed' ? 'failed' : 'ended', failure: away.failure }
  if (isOver(phase)) {
    if (failure === undefined) return down
    return { kind: phase.rank === 'done' ? 'ended' : 'failed', failure }
  }
  if (renewals.some(renewal => renewal.dropped.some(each => each.slot === slot)))
    return { kind: isLeft ? 'stopping' : 'ended' }
  if (placed === undefined) return coming
  if (!kept.includes(placed)) return isLeft ? down : coming
  return { kind: !phase.pending.includes(slot) || phase.ready.includes(slot) ? 'running' : 'starting' }
}

/** The member or stage that a slot belongs to. */
function slotNamed(slot: SlotId, body: FateBody): { isStopped: boolean; revision: number } | undefined {
  const [, name] = slot.split('/')
  if (body.kind === 'group') return body.members.find(({ id }) => id === name)
  return body.stages.find(({ id }) => id === name)
}

/** The first start that failed, of something that has never run as a whole: also where the spec has it no more. */
export function unstartedIn({ isFirst, layout, exits }: Phase): SlotExit | undefined {
  if (!isFirst) return undefined
  const placed = new Map(layout.map(each => [each.slot, each]))
  return exits.find(exit => isUnable(placed.get(exit.slot), exit))
}

/** Whether a worker that was new has ended before it had started. */
function isUnable(placed: PlacedSlot | undefined, { wasReady, kind, failure }: SlotExit): boolean {
  return placed?.isNew === true && !wasReady && kind === 'abnormal' && isCounted(failure)
}

/** Those of `slots` that one run of a node holds. */
export function heldBy<Slot extends { readonly owner: Run }>(slots: readonly Slot[], run: Run): Slot[] {
  return slots.filter(({ owner }) => isSameRun(owner, run))
}

/**
 * Tells at which positions nobody is started now, as one that starts before has not come up. Under most strategies those
 * are not kept anyway; in a chain, which starts with its last stage, `rest_for_one` leaves them alone.
 */
export function heldUp(
  { renewals, unstartable }: Outlook,
  { kind, strategy }: FateBody,
): (position: number) => boolean {
  if (unstartable !== undefined) return () => true
  if (kind === 'group' || strategy === 'one_for_one') return () => false
  const unready = renewals.flatMap(({ crashes }) => crashes.filter(({ exit }) => !exit.wasReady))
  const last = Math.max(...unready.map(({ position }) => position))
  return position => position < last
}

/** Nobody has ended, and everything is as the spec has it: by far the most frequent case, and the cheapest one. */
function calm(phase: Phase, body: FateBody): Outlook | undefined {
  const { layout, exits, away } = phase
  const { inOrder, bySlot } = partsOfSpec(phase.spec, body)
  if (exits.length + away.length > 0 || layout.length !== inOrder.length) return undefined
  for (const { slot, revision } of layout) if (bySlot.get(slot)?.revision !== revision) return undefined
  return { ...CALM, kept: layout }
}

const CALM: Outlook = {
  kept: [],
  renewals: [],
  outdated: [],
  unwanted: [],
  ended: [],
  added: [],
  unstartable: undefined,
  isShutdown: false,
  isDone: false,
}

/** The whole is to start anew. */
function renewed(phase: Phase, body: FateBody): Outlook {
  return { ...CALM, outdated: phase.layout, added: slotsOfSpec(phase.spec, body) }
}

/** A slot of the layout, and what the spec says of it. */
interface Known {
  readonly placed: PlacedSlot
  readonly part: SpecSlot
}

/** The layout when the spec and the exits have had their say. Each in the order of starting. */
interface Sorted {
  readonly running: Known[]
  readonly crashed: (Known & { readonly exit: SlotExit })[]
  /** The outdated ones. */
  readonly renewing: Known[]
  readonly unwanted: PlacedSlot[]
  readonly ended: { readonly away: AwaySlot; readonly part: SpecSlot }[]
  unstartable: SlotExit | undefined
}

function look(phase: Phase, body: FateBody): Outlook {
  const slots = partsOfSpec(phase.spec, body)
  const sorted = sort(phase, slots.bySlot)
  const { running, crashed, unwanted, unstartable } = sorted
  const outdated = sorted.renewing.map(({ placed }) => placed)
  const absent = absentOf(phase, slots.bySlot)
  const crashes = crashed.map(({ exit, part }): Crash => ({ exit, position: part.position }))
  const renewals = wavesOf(body.strategy, crashes).map(wave => renewalOf(wave, sorted, absent))
  const stopping = new Set(renewals.flatMap(renewal => renewal.stopping))
  const ended = sorted.ended.map(({ away }) => away)
  const added = missing(phase, slots.inOrder, unwanted.length)
  // Who is still to stop is waited for: of what is done, whoever has not ended was stopped with significant members.
  const isEmpty = [running, crashed, outdated, unwanted, added].every(({ length }) => length === 0)
  return {
    kept: running.flatMap(({ placed }) => (stopping.has(placed) ? [] : [placed])),
    renewals,
    outdated,
    unwanted,
    ended,
    added,
    unstartable,
    isShutdown: hasShutDown(phase, sorted) || isShutdown(body, { sorted, absent, added }),
    isDone: isEmpty && ended.length + absent.length > 0,
  }
}

function sort(phase: Phase, parts: ReadonlyMap<SlotId, SpecSlot>): Sorted {
  const sorted: Sorted = {
    running: [],
    crashed: [],
    renewing: [],
    unwanted: [],
    ended: [],
    unstartable: undefined,
  }
  const exits = new Map(phase.exits.map(exit => [exit.slot, exit]))
  for (const placed of phase.layout) {
    const part = parts.get(placed.slot)
    const exit = exits.get(placed.slot)
    if (part === undefined) sorted.unwanted.push(placed)
    else if (part.revision !== placed.revision) sorted.renewing.push({ placed, part })
    else if (exit === undefined) sorted.running.push({ placed, part })
    else sortExit(sorted, { placed, part }, exit, phase.isFirst)
  }
  return sorted
}

function sortExit(sorted: Sorted, { placed, part }: Known, exit: SlotExit, isFirst: boolean): void {
  const { slot, revision } = placed
  const { failure } = exit
  if (isUnable(placed, exit)) {
    if (isFirst) sorted.unstartable ??= exit
    sorted.ended.push({ part, away: { slot, revision, why: 'failed', failure } })
  } else if (
    exit.kind === 'moved' ||
    isRestarted(part.child.restart, exit.kind === 'normal' ? 'normally' : 'abnormally')
  ) {
    sorted.crashed.push({ placed, part, exit })
  } else {
    const why = exit.kind === 'normal' ? {} : { failure }
    sorted.ended.push({ part, away: { slot, revision, why: 'ended', ...why } })
  }
}

/** Who stays away, and still has a place in the spec. */
function absentOf(phase: Phase, parts: ReadonlyMap<SlotId, SpecSlot>): Absent[] {
  return phase.away.flatMap(away => {
    const part = parts.get(away.slot)
    return part?.revision === away.revision ? [{ away, part }] : []
  })
}

interface Absent {
  readonly away: AwaySlot
  readonly part: SpecSlot
}

/**
 * What a restart stops, and what it starts again. As in OTP, a temporary worker that it stops is never started again,
 * and one that had ended on its own, and is not temporary, is started with the others. Where a node leaves, all that ran
 * goes on, and nothing else.
 */
function renewalOf(wave: Wave<Crash>, sorted: Sorted, absent: readonly Absent[]): Renewal {
  const { crashes, takes } = wave
  const slots = new Set(crashes.map(({ exit }) => exit.slot))
  const taken = ({ part }: { readonly part: SpecSlot }): boolean => takes?.(part.position) === true
  const struck = sorted.crashed.filter(({ exit }) => slots.has(exit.slot))
  const siblings = takes === undefined ? [] : sorted.running.filter(taken)
  const stopping = [...struck, ...siblings].map(({ placed }) => placed)
  const isPlanned = crashes.every(({ exit }) => exit.kind === 'moved')
  if (isPlanned)
    return { crashes, stopping, starting: new Set(stopping.map(({ slot }) => slot)), dropped: [], isPlanned }
  const moved = struck.filter(({ exit }) => exit.kind === 'moved').map(({ part }) => part)
  const back = takes === undefined ? [] : [...sorted.ended, ...absent].filter(taken)
  const starting = [...struck, ...siblings, ...back].filter(({ part }) => part.child.restart !== 'temporary')
  return {
    crashes,
    stopping,
    starting: new Set([...starting.map(({ part }) => part), ...moved].map(({ slot }) => slot)),
    dropped: siblings.flatMap(({ placed: { slot, revision }, part }) =>
      part.child.restart === 'temporary' ? [{ slot, revision, why: 'dropped' }] : [],
    ),
    isPlanned,
  }
}

/** What the spec wants, and is neither placed nor away. */
function missing(phase: Phase, parts: readonly SpecSlot[], unwantedCount: number): SpecSlot[] {
  if (phase.layout.length - unwantedCount === parts.length) return []
  const placed = new Set(phase.layout.map(({ slot }) => slot))
  const away = new Map(phase.away.map(({ slot, revision }) => [slot, revision]))
  return parts.filter(({ slot, revision }) => !placed.has(slot) && away.get(slot) !== revision)
}

/**
 * Whether workers have been stopped that had not ended: then the whole has ended with its significant members, and
 * stays so, whatever becomes of those, until somebody starts it anew.
 */
function hasShutDown({ rank, exits }: Phase, { running, renewing }: Sorted): boolean {
  if (rank !== 'done') return false
  const hasEnded = new Set(exits.map(({ slot }) => slot))
  return running.length > 0 || renewing.some(({ placed }) => !hasEnded.has(placed.slot))
}

/**
 * As in OTP, only members that end on their own count: `any`: one has; `all`: one has, and none is there any more. (In
 * OTP the last one must be one that ends on its own. Here no order counts, of which nodes might think differently.)
 */
function isShutdown(
  body: FateBody,
  members: {
    readonly sorted: Sorted
    readonly absent: readonly Absent[]
    readonly added: readonly SpecSlot[]
  },
): boolean {
  if (body.kind !== 'group' || body.autoShutdown === 'never') return false
  const { sorted, absent, added } = members
  const hasEnded = [...sorted.ended, ...absent].some(
    ({ part, away }) => part.isSignificant && away.why === 'ended',
  )
  if (!hasEnded || body.autoShutdown === 'any') return hasEnded
  const { running, crashed, renewing } = sorted
  const isThere = [...running, ...crashed, ...renewing].some(({ part }) => part.isSignificant)
  return !isThere && !added.some(({ isSignificant }) => isSignificant)
}
