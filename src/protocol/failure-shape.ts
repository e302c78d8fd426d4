// pure
/** What a failure is that has come from another node. */

import { isNodeId, isSlotId } from '../ids.ts'
import {
  CAUSES_MAX,
  type Cause,
  type Failure,
  type ItemId,
  MESSAGE_LENGTH_MAX,
  NAME_LENGTH_MAX,
} from './failure.ts'
import { type Flaw, type Shape, checked, either, objectOf, optional, textOf, whole } from './shape.ts'

const text = textOf(Infinity)
const count = whole(0)
const node = checked('a node id', isNodeId)
const code = optional(either(textOf(NAME_LENGTH_MAX), checked('a number', isNumber)))

export const failure: Shape<Failure> = objectOf<Failure>({
  name: text,
  message: text,
  stack: optional(text),
  code,
  cause: optional(causeOf(CAUSES_MAX)),
  node,
  slot: checked('a slot id', isSlotId),
  generation: optional(count),
  item: optional(objectOf<ItemId>({ origin: node, boot: count, n: count })),
})

/** A cause that with its own is no more than so many. */
function causeOf(countMax: number): Shape<Cause> {
  return objectOf<Cause>({
    name: textOf(NAME_LENGTH_MAX),
    message: textOf(MESSAGE_LENGTH_MAX),
    code,
    cause: countMax === 1 ? nothing : optional(causeOf(countMax - 1)),
  })
}

function nothing(value: unknown, flaw: Flaw): value is undefined {
  return value === undefined || flaw.want(`no more than ${CAUSES_MAX} causes`)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
