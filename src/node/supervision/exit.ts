// pure
/** How a worker ended, and how that is told to every node. */

import type { NodeId, SlotId } from '../../ids.ts'
import {
  type Failure,
  type ItemId,
  MESSAGE_LENGTH_MAX,
  NAME_LENGTH_MAX,
  STACK_LENGTH_MAX,
} from '../../protocol/failure.ts'
import { unreachable } from '../../assert.ts'
import { Trace, describeThrown, nameThrown, originsOf } from '../thrown-value.ts'

/**
 * How a worker ended. `normal`: it has done its work, and nobody has told it to. `shutdown`: the same for its restart type, and said on purpose.
 * `stopped`: it was told to. `abandoned`: told to, but it did not end in time.
 * `unable`: this node could not even begin to start it, which says nothing of the worker.
 * `late`: it did not start in time, which was so long, and was abandoned, or killed, at once. `killed`: the thread or process of its code is gone, by itself or by our hand.
 */
export type Exit =
  | { readonly kind: 'normal' }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'stopped' }
  /** Stopped for a successor, to which it leaves this: see `workers/legacy.ts`. */
  | { readonly kind: 'released'; readonly legacy: Uint8Array }
  /** The same without its state, as its `handoff` has failed. It has stopped as it was told to: this counts nowhere. */
  | { readonly kind: 'released'; readonly legacy: Uint8Array; readonly failure: Failure }
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'late'; readonly afterMs: number }
  | { readonly kind: 'unable'; readonly failure: Failure }
  | { readonly kind: 'crashed'; readonly failure: Failure }
  | { readonly kind: 'killed'; readonly failure: Failure }

/** The `name` of the failure of a worker whose node is gone: it does not count against the restart intensity. */
const NODE_LOST = 'NodeLost'

/**
 * The `name` of the failure of a worker that this node has stopped for a generation that never came to be: two nodes
 * took themselves for the coordinator. Nobody's fault either.
 */
const SUPERSEDED = 'Superseded'

/** The `name` of what is told of a worker whose node leaves: no failure at all. */
const NODE_LEAVES = 'NodeLeaves'

const NOT_COUNTED: ReadonlySet<string> = new Set([NODE_LOST, SUPERSEDED, NODE_LEAVES])

/** Whether a failure says something about the worker: only those count against the restart intensity. */
export function isCounted(failure: Failure): boolean {
  return !NOT_COUNTED.has(failure.name)
}

/** Whether a worker that ended so comes back where its restart type asks for an abnormal end. */
export function howEnded(exit: Exit): 'normally' | 'abnormally' {
  return exit.kind === 'normal' || exit.kind === 'shutdown' ? 'normally' : 'abnormally'
}

export function failureOf(exit: Exit, slot: SlotId, node: NodeId): Failure {
  switch (exit.kind) {
    case 'unable':
    case 'crashed':
    case 'killed':
      return exit.failure
    case 'normal':
    case 'shutdown':
      return { name: 'NormalExit', message: 'it ended, and is to run for ever', node, slot }
    case 'late':
      return {
        name: 'StartTimeout',
        message: `it did not start within ${exit.afterMs} ms (startTimeoutMs)`,
        node,
        slot,
      }
    case 'stopped':
    case 'released':
    case 'abandoned':
      return { name: 'Shutdown', message: 'it was told to stop', node, slot }
    default:
      return unreachable(exit)
  }
}

/** Why the worker has ended, where that was its own failure, or that of what its code ran in. */
export function findFailure(exit: Exit): Failure | undefined {
  return exit.kind === 'crashed' || exit.kind === 'killed' || exit.kind === 'unable'
    ? exit.failure
    : undefined
}

/** Whether the worker ended as its node was gone. */
export function isNodeLost(failure: Failure): boolean {
  return failure.name === NODE_LOST
}

export function nodeLost(node: NodeId, slot: SlotId): Failure {
  return { name: NODE_LOST, message: `node ${node} is gone`, node, slot }
}

export function nodeLeaves(node: NodeId, slot: SlotId): Failure {
  return { name: NODE_LEAVES, message: `node ${node} leaves: it goes on elsewhere`, node, slot }
}

export function superseded(node: NodeId, slot: SlotId): Failure {
  return { name: SUPERSEDED, message: 'it was stopped for a generation that was overruled', node, slot }
}

/** Where something was thrown. */
export interface Where {
  readonly node: NodeId
  readonly slot: SlotId
  readonly generation?: number | undefined
  readonly item?: ItemId | undefined
}

/** What was thrown, as data. Anything can be thrown in JavaScript; all of it arrives as something readable. */
export function failureFrom(thrown: unknown, where: Where): Failure {
  const { name, message, stack } = describeThrown(thrown)
  return {
    name: name.slice(0, NAME_LENGTH_MAX),
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    ...(stack === undefined ? {} : { stack: stack.slice(0, STACK_LENGTH_MAX) }),
    ...originsOf(thrown),
    ...where,
  }
}

/**
 * The same for the end of a worker, which is not to wait until the stack is written out: that is done when somebody
 * looks at it. Whoever makes one sees to it that `writeOut` is called soon.
 */
export function crashFrom(thrown: unknown, where: Where): Failure {
  const { name, message } = nameThrown(thrown)
  const said = {
    name: name.slice(0, NAME_LENGTH_MAX),
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    ...originsOf(thrown),
  }
  return withTrace(said, where, new Trace(thrown))
}

/** Not where the thrown value is in scope, as the getter holds on to all that is. */
function withTrace(said: Omit<Failure, keyof Where | 'stack'>, where: Where, trace: Trace): Failure {
  return {
    ...said,
    get stack() {
      return trace.read()?.slice(0, STACK_LENGTH_MAX)
    },
    ...where,
  }
}

/** From here on, a failure holds on to nothing but its text. */
export function writeOut(failure: Failure): void {
  // Looked at, it is.
  void failure.stack
}
