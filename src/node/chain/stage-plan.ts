// pure
/** What a worker of a stage, and those who feed it, take from the spec of the chain. */

import type { SlotId } from '../../ids.ts'
import type { ChainBody, ItemErrorPolicy } from '../../protocol/spec-row.ts'

export interface StagePlan {
  readonly stage: string
  /** 0 for the first stage. */
  readonly depth: number
  readonly isLast: boolean
  /** The number of the worker's first output for an item: see `COPY_STRIDE`. */
  readonly firstIndex: number
  readonly onItemError: ItemErrorPolicy
  readonly attemptsMax: number
  /** How many items may wait on each way to the worker. */
  readonly inletItems: number
}

/**
 * What the workers of a broadcast stage make of one item is told apart by their outputs' numbers: those of the second
 * worker begin here. There is room for 256 workers in the 32 bits of an index.
 */
const COPY_STRIDE = 2 ** 24

/** What the slot asks of its worker; undefined for a slot that the chain does not have. */
export function planOf(body: ChainBody, slot: SlotId): StagePlan | undefined {
  const [, id, copy] = slot.split('/')
  const depth = body.stages.findIndex(stage => stage.id === id)
  const stage = body.stages[depth]
  if (stage === undefined) return undefined
  const feeders = body.stages[depth - 1]?.workers ?? 1
  return {
    stage: stage.id,
    depth,
    isLast: depth === body.stages.length - 1,
    firstIndex: stage.route === 'broadcast' ? Number(copy) * COPY_STRIDE : 0,
    onItemError: stage.onItemError,
    attemptsMax: body.attemptsMax,
    inletItems: Math.max(1, Math.floor(stage.queueItems / feeders)),
  }
}
