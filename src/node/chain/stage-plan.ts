// pure
/**
 * What the stages of one generation of a chain ask of their workers, and how one follows the other. A stage whose
 * workers have all ended and stay away is passed over: items go from the one above to the one below.
 */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import type { Phase, PlacedSlot } from '../../protocol/phase.ts'
import type { ChainBody, ItemErrorPolicy, StageBody } from '../../protocol/spec-row.ts'
import { excessOf } from '../../protocol/spec-size.ts'
import { reachable } from '../supervision/outlook.ts'

/** For one worker. */
export interface WorkerPlan {
  readonly stage: string
  /** 0 for the first stage, one more for each that the generation was made with, or that a user has stopped. */
  readonly depth: number
  /** The number of the worker's first output for an item: see `COPY_STRIDE`. */
  readonly firstIndex: number
  readonly onItemError: ItemErrorPolicy
  readonly attemptsMax: number
}

/** For one stage. */
export interface StagePlan {
  readonly body: StageBody
  /** Among all stages of the spec. */
  readonly index: number
  readonly depth: number
  /** Its workers, in their order. Empty while none of them runs, and one is to run. */
  readonly workers: readonly PlacedSlot[]
  /** How many items may wait on each way to a worker. */
  readonly inletItems: number
}

export interface ChainPlan {
  /** Those that items go through, first stage first. */
  readonly stages: readonly StagePlan[]
  /**
   * Where an item for each stage of the spec goes in: there, or at the next one that is not passed over; undefined
   * where there is none behind it.
   */
  readonly entries: ReadonlyMap<string, StagePlan | undefined>
  /** Of the workers that run. */
  readonly workers: ReadonlyMap<
    SlotId,
    WorkerPlan & { readonly placed: PlacedSlot; readonly position: number }
  >
}

/**
 * What the workers of a broadcast stage make of one item is told apart by their outputs' numbers: those of the second
 * worker begin here. There is room for 256 workers in the 32 bits of an index.
 */
const COPY_STRIDE = 2 ** 24

/** @returns undefined when the phase was made for another state of the spec, or there is more of it than there may be */
export function planOf(body: ChainBody, phase: Phase): ChainPlan | undefined {
  if (phase.revision !== body.revision || excessOf(body) !== undefined) return undefined
  const known = new Set(body.stages.map(({ id }) => id))
  const placed = new Map(reachable(phase, body).map(each => [each.slot, each]))
  if (phase.layout.some(({ slot }) => !known.has(stageOf(slot)))) return undefined
  // What nobody has placed does not count: who has not heard yet that it is gone, or there, counts as all others do.
  const counted = new Set([...phase.layout, ...phase.away].map(({ slot }) => stageOf(slot)))
  const stages: StagePlan[] = []
  let next = 0
  for (const [index, stage] of body.stages.entries()) {
    const depth = next
    if (stage.isStopped || counted.has(stage.id)) next += 1
    const workers = slotsOf(phase.spec, stage).flatMap(slot => placed.get(slot) ?? [])
    if (workers.length === 0 && isAway(phase, stage)) continue
    const feeders = stages.at(-1)?.workers.length ?? 1
    const inletItems = Math.max(1, Math.floor(stage.queueItems / Math.max(1, feeders)))
    stages.push({ body: stage, index, depth, workers, inletItems })
  }
  const entries = body.stages.map(({ id }, at) => [id, stages.find(({ index }) => index >= at)] as const)
  const workers = stages.flatMap((stage, position) => plansOf(body, stage, position))
  return { stages, entries: new Map(entries), workers: new Map(workers) }
}

/** The stage that a slot belongs to. */
function stageOf(slot: SlotId): string {
  return slot.split('/')[1] ?? ''
}

function plansOf(
  { attemptsMax }: ChainBody,
  { body, depth, workers }: StagePlan,
  position: number,
): [SlotId, WorkerPlan & { placed: PlacedSlot; position: number }][] {
  const { id, route, onItemError } = body
  return workers.map(placed => {
    const copy = Number(placed.slot.split('/')[2])
    const firstIndex = route === 'broadcast' ? copy * COPY_STRIDE : 0
    return [placed.slot, { stage: id, depth, firstIndex, onItemError, attemptsMax, placed, position }]
  })
}

/**
 * Whether nobody fills the stage, nor will. What a user has stopped, or could not start, is waited for: somebody has to
 * see to it.
 */
function isAway(phase: Phase, stage: StageBody): boolean {
  if (stage.isStopped) return false
  const away = phase.away.filter(({ revision, why }) => revision === stage.revision && why !== 'failed')
  const slots = new Set(away.map(({ slot }) => slot))
  return slotsOf(phase.spec, stage).every(slot => slots.has(slot))
}

function slotsOf(spec: SpecId, stage: StageBody): SlotId[] {
  return Array.from({ length: stage.workers }, (_, index) => slotId(spec, stage.id, index))
}
