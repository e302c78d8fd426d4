// pure
/** What a peer says of the failure of a worker: anything that is not that is left out. */

import type { NodeId, SlotId } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'
import { originsOf } from '../thrown-value.ts'

/** The failure that a worker of the peer has had. */
export function failureIn(payload: unknown, node: NodeId, slot: SlotId): Failure {
  const field = (name: string): unknown =>
    typeof payload === 'object' && payload !== null ? Reflect.get(payload, name) : undefined
  const [name, message, stack, generation] = ['name', 'message', 'stack', 'generation'].map(field)
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '',
    stack: typeof stack === 'string' ? stack : undefined,
    ...originsOf(payload),
    node,
    slot,
    ...(typeof generation === 'number' ? { generation } : {}),
  }
}

/** How a worker of the peer has ended: see `REPLY.exited`. */
export function exitIn(
  payload: unknown,
  node: NodeId,
  slot: SlotId,
): readonly [isExecuted: boolean, failure: Failure | undefined] {
  if (!isList(payload)) return [payload === true, undefined]
  const [isExecuted, failure] = payload
  return [isExecuted === true, failureIn(failure, node, slot)]
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}
