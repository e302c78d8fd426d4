// pure
/** What a row of a member looks like that has come from outside. */

import { encodeUnbounded, payloadBytesMax } from '../payload.ts'
import { type SlotId, isSlotId } from '../ids.ts'
import {
  ADDRESSES_MAX,
  BEHAVIOURS_MAX,
  DECLINES_MAX,
  MEMBER_STATUSES,
  MORE_BYTES_MAX,
  type MemberRow,
  type ProtocolRange,
} from './member-row.ts'
import {
  type Fields,
  type Shape,
  between,
  checked,
  isBoolean,
  listOf,
  objectOf,
  oneOf,
  optional,
  recordOf,
  textOf,
  whole,
} from './shape.ts'
import { node } from './spec-shape.ts'

const count = whole(0)
const text = textOf(1024)
const slot = checked<SlotId>('the id of a slot', isSlotId)

export const protocolRange: Shape<ProtocolRange> = objectOf<ProtocolRange>({ min: count, max: count })

const fields: Fields<MemberRow> = {
  id: node,
  boot: count,
  seq: count,
  status: oneOf(MEMBER_STATUSES),
  name: text,
  addresses: listOf(text, ADDRESSES_MAX),
  role: oneOf(['member', 'client']),
  weight: between(1, 16),
  labels: recordOf(text, text),
  behaviours: listOf(text, BEHAVIOURS_MAX),
  protocol: protocolRange,
  placementVersion: optional(whole(1)),
  isDraining: optional(isBoolean),
  declines: optional(listOf(slot, DECLINES_MAX)),
  isLooking: optional(isBoolean),
  endedMs: optional(count),
}

const known: ReadonlySet<string> = new Set(Object.keys(fields))
const anyRow = objectOf<MemberRow>(fields)

export const memberRow: Shape<MemberRow> = (value, flaw): value is MemberRow =>
  anyRow(value, flaw) &&
  (isLight(value) ||
    flaw.want(`a row with at most ${MORE_BYTES_MAX} bytes of labels and of fields of newer nodes`))

/** Everybody keeps the row, and tells others of it. */
function isLight(row: MemberRow): boolean {
  const more = Object.entries(row).filter(([name]) => name === 'labels' || !known.has(name))
  // What is far from the limit, as all but all are, is not encoded for it.
  return payloadBytesMax(more) <= MORE_BYTES_MAX || encodeUnbounded(more).length <= MORE_BYTES_MAX
}
