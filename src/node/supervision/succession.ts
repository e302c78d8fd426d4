// pure
/**
 * The next generation of a group or chain: what goes on, what is placed anew, what stays away. Worked out by the
 * coordinator whenever something has changed; it is only made when there is something to do.
 */

import type { Run, SlotId, SpecId } from '../../ids.ts'
import { type Failure, withFailure } from '../../protocol/failure.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import {
  type AwaySlot,
  type Generation,
  type Phase,
  type PlacedSlot,
  type Restart,
  STOP_MS,
  type SlotExit,
} from '../../protocol/phase.ts'
import type { FateBody, RestartIntensity } from '../../protocol/spec-row.ts'
import { isCounted } from './exit.ts'
import type { Outlook, Renewal } from './outlook.ts'
import { countRestart } from './restart-policy.ts'
import { type SpecSlot, partsOfSpec, slotsOfSpec } from './units.ts'

/** What the coordinator knows besides the rows. */
export interface Circumstances {
  /** The number and tag of the generation that is to be. */
  readonly generation: Generation
  readonly nowMs: number
  /** Renewals whose slots are empty, and whose wait is over. */
  readonly renewals: readonly Renewal[]
  /** Whether all of what is outdated has stopped. */
  readonly isRenewable: boolean
  readonly isEmpty: (placed: PlacedSlot) => boolean
  /** Where placement puts the slot; undefined when no node can run it. */
  readonly ownerOf: (slot: SlotId) => Run | undefined
}

/** The part of a phase that a generation is created with. */
export type Succession = Pick<
  Phase,
  | 'layout'
  | 'away'
  | 'pending'
  | 'isFirst'
  | 'previous'
  | 'restarts'
  | 'failures'
  | 'exits'
  | 'stopped'
  | 'left'
>

/** So many exits are passed on to those who have not heard of them. */
const PREVIOUS_MAX = 16

/** The first generation of a revision of the whole: everything is placed, or nothing. @returns undefined for nothing */
export function planAnew(
  spec: SpecId,
  body: FateBody,
  how: Pick<Circumstances, 'generation' | 'ownerOf'>,
): Succession | undefined {
  const layout: PlacedSlot[] = []
  for (const part of slotsOfSpec(spec, body)) {
    const owner = how.ownerOf(part.slot)
    if (owner === undefined) return undefined
    layout.push(placedAt(part, owner, how.generation, true))
  }
  return {
    layout,
    away: [],
    pending: sortedSlots(layout),
    isFirst: true,
    previous: [],
    restarts: [],
    failures: [],
    exits: [],
    stopped: [],
    left: [],
  }
}

/**
 * Whether those who have ended on their own make another generation. In a group they leave nothing to be done, but where
 * they were to move, and have failed the generation with that; the neighbours of a stage are to be told.
 */
export function areEndsNews({ rank }: Phase, { kind }: FateBody, { ended, renewals }: Outlook): boolean {
  return ended.length > 0 && (kind === 'chain' || (rank === 'failed' && renewals.length === 0))
}

/** The generation after `phase`. @returns undefined where everything stays as it is */
export function planNext(
  phase: Phase,
  body: FateBody,
  outlook: Outlook,
  how: Circumstances,
): Succession | undefined {
  const { renewals } = how
  const returning = startingIn(renewals)
  const outdated = slotsIn(how.isRenewable ? outlook.outdated : [])
  const added = slotsIn(outlook.added)
  const gone = [...outlook.ended, ...renewals.flatMap(renewal => renewal.dropped)]
  const leaving = new Map(gone.filter(({ slot }) => !returning.has(slot)).map(away => [away.slot, away]))
  const placed = new Map(phase.layout.map(each => [each.slot, each]))
  const neverReady = neverReadyIn(phase)
  const inheritance = inheritanceIn(phase, renewals, neverReady)
  const unable = slotsIn(phase.away.filter(({ why }) => why === 'failed'))

  const layout: PlacedSlot[] = []
  const fresh = new Set<SlotId>()
  /** Wanted again, and no live node can run it: under most strategies, its siblings wait for it. */
  let isIncomplete = false
  /** The same where nobody else waits: it keeps its place, and with it what it has left behind, and that it is not new. */
  const waiting = new Set<SlotId>()
  const blameless = blamelessIn(renewals)
  for (const part of slotsOfSpec(phase.spec, body)) {
    const { slot } = part
    const before = placed.get(slot)
    const isAnew = outdated.has(slot) || added.has(slot)
    if (isAnew || returning.has(slot)) {
      const isNew = isAnew || unable.has(slot) || (before?.isNew === true && neverReady.has(slot))
      const owner = how.ownerOf(slot)
      if (owner !== undefined) {
        layout.push({ ...placedAt(part, owner, how.generation, isNew), ...inheritance.get(slot) })
        fresh.add(slot)
      } else if (body.strategy !== 'one_for_one') {
        isIncomplete ||= returning.has(slot) || outdated.has(slot)
      } else if (before !== undefined && blameless.has(slot)) {
        layout.push(before)
        waiting.add(slot)
      }
    } else if (before !== undefined && !leaving.has(slot)) {
      layout.push(before)
    }
  }
  const kept = outlook.unwanted.filter(each => !how.isEmpty(each))
  const isDropped = kept.length < outlook.unwanted.length
  const isOther = fresh.size > 0 || isDropped || areEndsNews(phase, body, outlook)
  if (isIncomplete || !isOther) return undefined
  const all = [...layout, ...kept]
  const made = renewals.filter(({ stopping }) => !stopping.some(({ slot }) => waiting.has(slot)))
  const history = historyOf(phase, body.intensity, made, how.nowMs)
  const previous = [...history.previous, ...blamingIn(phase.exits, leaving)].slice(0, PREVIOUS_MAX)
  const isCarried = carriedIn(all, fresh)
  return {
    layout: all,
    away: [...stillAway(phase, body, fresh), ...leaving.values()],
    pending: [...fresh, ...phase.pending.filter(slot => neverReady.has(slot) && isCarried(slot))].toSorted(),
    isFirst: phase.isFirst && phase.rank !== 'running' && neverReady.size > 0,
    ...history,
    previous,
    exits: phase.exits.filter(({ slot }) => isCarried(slot)),
    stopped: phase.stopped.filter(isCarried),
    left: phase.left.filter(isCarried),
  }
}

/** Of those who do not come back, the exits that an item is to blame for: its sender counts them as any others. */
function blamingIn(exits: readonly SlotExit[], leaving: ReadonlyMap<SlotId, AwaySlot>): SlotExit[] {
  return exits.filter(({ slot, failure }) => failure.item !== undefined && leaving.has(slot))
}

/** Tells who goes on: whoever is in the layout, and not new there. */
function carriedIn(layout: readonly PlacedSlot[], fresh: ReadonlySet<SlotId>): (slot: SlotId) => boolean {
  let there: ReadonlySet<SlotId> | undefined
  return slot => {
    if (fresh.has(slot)) return false
    there ??= slotsIn(layout)
    return there.has(slot)
  }
}

/** What renewals start; most often there is one. */
function startingIn(renewals: readonly Renewal[]): ReadonlySet<SlotId> {
  const [first, ...others] = renewals
  if (first === undefined || others.length > 0)
    return new Set(renewals.flatMap(({ starting }) => [...starting]))
  return first.starting
}

const NOBODY: ReadonlySet<SlotId> = new Set()

function slotsIn(slots: readonly { readonly slot: SlotId }[]): ReadonlySet<SlotId> {
  return slots.length === 0 ? NOBODY : new Set(slots.map(({ slot }) => slot))
}

/** The restarts and failures on record when these renewals are made. */
export function historyOf(
  phase: Phase,
  intensity: RestartIntensity,
  renewals: readonly Renewal[],
  nowMs: number,
): Pick<Phase, 'restarts' | 'failures' | 'previous'> {
  let { restarts, failures } = phase
  const previous: SlotExit[] = []
  for (const renewal of renewals) {
    restarts = restartsAfter(restarts, intensity, renewal, nowMs)
    const exits = exitsOf(renewal)
    const blamed = countedOf(exits) ?? exits.find(({ kind }) => kind !== 'moved')
    if (blamed !== undefined) failures = withFailure(failures, blamed.failure)
    previous.push(...exits)
  }
  return { restarts, failures, previous: previous.slice(0, PREVIOUS_MAX) }
}

/** The restarts on record when this renewal is made: `restarts` itself where it does not count. */
export function restartsAfter(
  restarts: readonly Restart[],
  intensity: RestartIntensity,
  renewal: Renewal,
  nowMs: number,
): readonly Restart[] {
  // A lost node is no fault of the group: it has nothing to say about whether the next start will do better.
  const counted = countedOf(exitsOf(renewal))
  if (counted === undefined) return restarts
  return countRestart(restarts, intensity, { atMs: nowMs, item: itemText(counted.failure) })
}

/** In the order in which they happened. */
function exitsOf({ crashes }: Renewal): SlotExit[] {
  const exits = crashes.map(({ exit }) => exit)
  return exits.length > 1 ? exits.toSorted((a, b) => compareHlc(a.at, b.at)) : exits
}

/** What is to start again, and counts for nothing: a restart that counts is on record as soon as anything is made of it. */
function blamelessIn(renewals: readonly Renewal[]): ReadonlySet<SlotId> {
  return startingIn(renewals.filter(renewal => countedOf(exitsOf(renewal)) === undefined))
}

function countedOf(exits: readonly SlotExit[]): SlotExit | undefined {
  return exits.find(({ kind, failure }) => kind !== 'moved' && isCounted(failure))
}

function placedAt(part: SpecSlot, owner: Run, since: Generation, isNew: boolean): PlacedSlot {
  const { slot, revision } = part
  const { stopTimeoutMs: stopMs } = part.child
  return { slot, owner, since, revision, ...(stopMs === STOP_MS ? {} : { stopMs }), isNew }
}

const NO_INHERITANCE: ReadonlyMap<SlotId, Pick<PlacedSlot, 'legacy'>> = new Map()

/**
 * Where successors of workers that have stopped for them find what was left behind. One that had not started yet has
 * left nothing: what it was to start with is where it was, as that is kept until somebody has started with it.
 */
function inheritanceIn(
  phase: Phase,
  renewals: readonly Renewal[],
  neverReady: ReadonlySet<SlotId>,
): ReadonlyMap<SlotId, Pick<PlacedSlot, 'legacy'>> {
  const planned = renewals.filter(({ isPlanned }) => isPlanned).flatMap(({ stopping }) => stopping)
  if (planned.length === 0) return NO_INHERITANCE
  const left = new Set(phase.left)
  return new Map(
    planned.flatMap(placed => {
      const { slot, legacy } = placed
      if (left.has(slot)) return [[slot, legacyOf(placed)]]
      return legacy !== undefined && neverReady.has(slot) ? [[slot, { legacy }]] : []
    }),
  )
}

function legacyOf({ owner: { id, boot }, since }: PlacedSlot): Pick<PlacedSlot, 'legacy'> {
  return { legacy: { owner: { id, boot }, since } }
}

/** Pending slots whose worker has not started, nor ended after it had. */
function neverReadyIn(phase: Phase): Set<SlotId> {
  const slots = new Set(phase.pending)
  for (const slot of phase.ready) slots.delete(slot)
  for (const { slot, wasReady } of phase.exits) if (wasReady) slots.delete(slot)
  return slots
}

/** Who stays away: the spec has it as it was, and it is not placed again. */
function stillAway(phase: Phase, body: FateBody, fresh: ReadonlySet<SlotId>): AwaySlot[] {
  if (phase.away.length === 0) return []
  const { bySlot } = partsOfSpec(phase.spec, body)
  return phase.away.filter(
    ({ slot, revision }) => !fresh.has(slot) && bySlot.get(slot)?.revision === revision,
  )
}

function sortedSlots(layout: readonly PlacedSlot[]): SlotId[] {
  return layout.map(({ slot }) => slot).toSorted()
}

function itemText(failure: Failure): string {
  const { item } = failure
  return item === undefined ? '' : `${item.origin}.${item.boot}.${item.n}`
}
