// pure
/** What is said of the failure of a worker: by a peer, where anything that is not that is left out, and to a caller. */

import { RemoteError } from '../../call-errors.ts'
import { PayloadError } from '../../errors.ts'
import type { NodeId, SlotId } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'
import { originsOf } from '../thrown-value.ts'
import { UNSENDABLE_ARGUMENTS } from '../workers/thrown.ts'

/** Of a call that the worker has not begun with, as it has no such function. */
const NO_FUNCTION = 'NoSuchFunction'

/** What a caller is given in place of an answer: why there is none, is the `cause`. */
export function errorOfAnswer(failure: Failure): RemoteError | PayloadError {
  const { name, message } = failure
  if (name === UNSENDABLE_ARGUMENTS) return new PayloadError(message, { cause: failure })
  return new RemoteError(`${name}: ${message}`, { cause: failure, maybeExecuted: name !== NO_FUNCTION })
}

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
