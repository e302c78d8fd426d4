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

/** A stack is a hint for people; more than this is of no help to them. */
export const STACK_LENGTH_MAX = 4096
export const MESSAGE_LENGTH_MAX = 1024
/** Of a name, and of a code that is a text. */
export const NAME_LENGTH_MAX = 128

/**
 * So many causes of causes are told. A failure is a part of rows that every node keeps, so that it must stay small; who
 * reads more than a few turns to the log of that node.
 */
export const CAUSES_MAX = 4
/** So many causes and gathered errors are told all together. */
export const ORIGINS_MAX = 8

/** What an error says of one that it came from: its `cause`, or one of its `errors`. */
export interface Cause {
  /** The `name` of that error; `Error` for anything that is none. */
  readonly name: string
  readonly message: string
  /** As of a `Failure`. */
  readonly code?: string | number | undefined
  /** What that one came from; at most `CAUSES_MAX` of them, one behind the other. */
  readonly cause?: Cause | undefined
  /** As of a `Failure`. */
  readonly errors?: readonly Cause[] | undefined
}

/** So many failures are kept of what fails again and again: the last ones. */
export const FAILURES_KEPT_MAX = 5

export interface Failure {
  /** The `name` of the error; `NodeLost` when the node of the worker is gone. */
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  /** The `code` of the error, where it has one: `ENOENT`. */
  readonly code?: string | number | undefined
  /** What the error came from, where it says so. */
  readonly cause?: Cause | undefined
  /** The first of those that the error gathers, as an `AggregateError` does. With all causes, `ORIGINS_MAX` at most. */
  readonly errors?: readonly Cause[] | undefined
  /** Where it happened. */
  readonly node: NodeId
  readonly slot: SlotId
  /** Which generation of the worker it was, where that is known: 1 for the first. */
  readonly generation?: number | undefined
  /** The item that the worker was at, where the worker belongs to a stage. */
  readonly item?: ItemId | undefined
}

/** The failures to keep, newest first. Only the newest keeps its stack, cause and errors: the others are there to be counted and named. */
export function withFailure(failures: readonly Failure[], newest: Failure): readonly Failure[] {
  const earlier = failures
    .slice(0, FAILURES_KEPT_MAX - 1)
    .map(failure => (FULL.some(field => field in failure) ? withoutStack(failure) : failure))
  return [newest, ...earlier]
}

const FULL = ['stack', 'cause', 'errors'] as const

/** And without cause and errors. Does not look at the stack, which may not be written out yet. */
export function withoutStack({ name, message, code, node, slot, generation, item }: Failure): Failure {
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    node,
    slot,
    ...(generation === undefined ? {} : { generation }),
    ...(item === undefined ? {} : { item }),
  }
}
