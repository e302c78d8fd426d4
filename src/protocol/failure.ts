// pure
/** Why a worker ended, as every node can read it: errors themselves do not travel. */

import type { NodeId, SlotId } from '../ids.ts'

/** Names one item of a chain: who sent it, in which run, and the how-manieth it was. */
export interface ItemId {
  readonly origin: NodeId
  readonly boot: number
  /** 1 for the first. */
  readonly n: number
}

/** So many failures are kept of what fails again and again: the last ones. */
export const FAILURES_KEPT_MAX = 5

export interface Failure {
  /** The `name` of the error; `NodeLost` when the node of the worker is gone. */
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  /** Where it happened. */
  readonly node: NodeId
  readonly slot: SlotId
  /** Which generation of the worker it was, where that is known: 1 for the first. */
  readonly generation?: number | undefined
  /** The item that the worker was at, where the worker belongs to a stage. */
  readonly item?: ItemId | undefined
}

/** The failures to keep, newest first. Only the newest keeps its stack: the others are there to be counted and named. */
export function withFailure(failures: readonly Failure[], newest: Failure): readonly Failure[] {
  const earlier = failures
    .slice(0, FAILURES_KEPT_MAX - 1)
    .map(failure => ('stack' in failure ? withoutStack(failure) : failure))
  return [newest, ...earlier]
}

/** Without looking at the stack, which may not be written out yet. */
export function withoutStack({ name, message, node, slot, generation, item }: Failure): Failure {
  return {
    name,
    message,
    node,
    slot,
    ...(generation === undefined ? {} : { generation }),
    ...(item === undefined ? {} : { item }),
  }
}
