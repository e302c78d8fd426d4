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
  ORIGINS_MAX,
} from './failure.ts'
import { type Flaw, type Shape, checked, either, listOf, objectOf, optional, textOf, whole } from './shape.ts'

const text = textOf(Infinity)
const count = whole(0)
const node = checked('a node id', isNodeId)
const code = optional(either(textOf(NAME_LENGTH_MAX), checked('a number', isNumber)))

const cause = causeOf(CAUSES_MAX)

const fields = objectOf<Failure>({
  name: text,
  message: text,
  stack: optional(text),
  code,
  cause: optional(cause),
  errors: optional(listOf(cause, ORIGINS_MAX)),
  node,
  slot: checked('a slot id', isSlotId),
  generation: optional(count),
  item: optional(objectOf<ItemId>({ origin: node, boot: count, n: count })),
})

export const failure: Shape<Failure> = (value, flaw): value is Failure =>
  fields(value, flaw) &&
  (countOrigins(value) <= ORIGINS_MAX || flaw.want(`no more than ${ORIGINS_MAX} causes and errors`))

function countOrigins({ cause: found, errors = [] }: Pick<Cause, 'cause' | 'errors'>): number {
  const origins = found === undefined ? errors : [found, ...errors]
  return origins.reduce((sum, origin) => sum + 1 + countOrigins(origin), 0)
}

/** A cause that with its own is no more than so many, one behind the other. */
function causeOf(countMax: number): Shape<Cause> {
  const inner = countMax === 1 ? nothing : optional(causeOf(countMax - 1))
  return objectOf<Cause>({
    name: textOf(NAME_LENGTH_MAX),
    message: textOf(MESSAGE_LENGTH_MAX),
    code,
    cause: inner,
    errors: countMax === 1 ? nothing : optional(listOf(causeOf(countMax - 1), ORIGINS_MAX)),
  })
}

function nothing(value: unknown, flaw: Flaw): value is undefined {
  return value === undefined || flaw.want(`no more than ${CAUSES_MAX} causes`)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
