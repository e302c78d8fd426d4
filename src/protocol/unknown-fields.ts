// pure
/**
 * What newer versions say in a row beside what this one knows. Whoever changes a row carries it over; where rows are joined
 * it comes as a whole from one of the two, so that it grows by no join. Of which, is told where they are joined; where that
 * is as late as the other, by an order of what they say: so all who have heard the same say the same, in whatever order.
 */

import { encodeUnbounded } from '../payload.ts'
import type { Phase } from './phase.ts'
import type { Edits, MemberBody, RemovedPart, SpecBody, SpecRow, StageBody } from './spec-row.ts'

type KeysOf<T> = T extends unknown ? keyof T : never
/** All that this version knows of one. */
type Known<T> = Readonly<Record<KeysOf<T>, true>>

export const ROW_FIELDS: Known<SpecRow> = {
  id: true,
  version: true,
  body: true,
  desired: true,
  content: true,
  configContent: true,
  removedContent: true,
  replaces: true,
  isUpheld: true,
  overtaken: true,
  edits: true,
}

export const BODY_FIELDS: Known<SpecBody> = {
  kind: true,
  child: true,
  intensity: true,
  rebalance: true,
  strategy: true,
  autoShutdown: true,
  revision: true,
  spread: true,
  placement: true,
  members: true,
  stages: true,
  emission: true,
  windowItems: true,
  attemptsMax: true,
  onFinish: true,
}

export const PART_FIELDS: Known<MemberBody | StageBody> = {
  id: true,
  child: true,
  revision: true,
  isStopped: true,
  at: true,
  place: true,
  isSignificant: true,
  workers: true,
  emission: true,
  route: true,
  onItemError: true,
  queueItems: true,
}

export const EDITS_FIELDS: Known<Edits> = {
  declared: true,
  origin: true,
  replaces: true,
  content: true,
  configContent: true,
  desired: true,
  renewed: true,
  removed: true,
  forgotten: true,
}

export const REMOVED_FIELDS: Known<RemovedPart> = { id: true, at: true }

export const PHASE_FIELDS: Known<Phase> = {
  spec: true,
  specVersion: true,
  revision: true,
  generation: true,
  coordinator: true,
  layout: true,
  away: true,
  pending: true,
  isFirst: true,
  previous: true,
  restarts: true,
  failures: true,
  since: true,
  rank: true,
  ready: true,
  exits: true,
  stopped: true,
  left: true,
}

/** The names of what this version knows. */
export type Fields = Readonly<Record<string, true>>
type Unknown = Readonly<Record<string, unknown>>

/** The fields of `value` that this version does not know; undefined: there are none. */
export function unknownIn(value: object | undefined, known: Fields): Unknown | undefined {
  if (value === undefined || !hasUnknown(value, known)) return undefined
  const entries = Object.entries(value).filter(([name]) => !Object.hasOwn(known, name))
  // Sorted, as the order of fields says nothing.
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Asked of each part of each row, and mostly in vain. */
function hasUnknown(value: object, known: Fields): boolean {
  for (const name in value) if (!Object.hasOwn(known, name)) return true
  return false
}

/** 0 where the two say the same beside what this version knows; who says nothing comes first. */
export function compareUnknown(a: object | undefined, b: object | undefined, known: Fields): number {
  if (a === b) return 0
  const [one, other] = [unknownIn(a, known), unknownIn(b, known)]
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined)
  return compareBytes(encodeUnbounded(one), encodeUnbounded(other))
}

/** `value` with what `source` says beside what this version knows, and nothing else. */
export function withUnknownOf<T extends object>(value: T, source: object | undefined, known: Fields): T {
  const [own, unknown] = [unknownIn(value, known), unknownIn(source, known)]
  if (own === undefined && unknown === undefined) return value
  const copy = { ...value }
  for (const name of Object.keys(own ?? {})) Reflect.deleteProperty(copy, name)
  return { ...copy, ...unknown }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (const [index, byte] of a.entries()) {
    const other = b[index]
    if (other === undefined) return 1
    if (byte !== other) return byte - other
  }
  return a.length - b.length
}
