// pure
/**
 * How large a value is, roughly and fast: what stays on a node is never encoded, and still must not fill its memory.
 * Long lists are judged by their first entries, what is deep inside is not looked at.
 */

import { refusal } from '../../payload.ts'

const FIELD_BYTES = 8
const HEADER_BYTES = 16
/** What an object that is not looked into counts for. */
const UNSEEN_BYTES = 64
const DEPTH_MAX = 3
const ENTRIES_LOOKED_AT = 8

/**
 * In bytes, as a 64-bit engine would hold it; a text counts a byte for each character.
 * @throws {PayloadError} when it throws as one looks at it: so it cannot be sent anywhere, and is refused here, too
 */
export function estimateBytes(value: unknown): number {
  try {
    return estimate(value, DEPTH_MAX)
  } catch (cause) {
    throw refusal(cause)
  }
}

function estimate(value: unknown, depth: number): number {
  if (typeof value === 'string') return FIELD_BYTES + value.length
  if (typeof value !== 'object' || value === null) return FIELD_BYTES
  if (ArrayBuffer.isView(value)) return UNSEEN_BYTES + value.byteLength
  if (depth === 0) return UNSEEN_BYTES
  if (Array.isArray(value)) return estimateList(value, value.length, depth)
  if (value instanceof Map) return estimateList(firstOf(value), value.size, depth)
  if (value instanceof Set) return estimateList(firstOf(value), value.size, depth)
  if (value instanceof ArrayBuffer) return UNSEEN_BYTES + value.byteLength
  return isRecord(value) ? estimateRecord(value, depth) : UNSEEN_BYTES
}

function estimateRecord(value: Readonly<Record<string, unknown>>, depth: number): number {
  let bytes = HEADER_BYTES
  // Several times as fast as `Object.entries`, and every local message passes here.
  for (const key in value) bytes += FIELD_BYTES + estimate(value[key], depth - 1)
  return bytes
}

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  return !(value instanceof Date)
}

function estimateList(entries: readonly unknown[], length: number, depth: number): number {
  const count = Math.min(entries.length, ENTRIES_LOOKED_AT)
  if (count === 0) return HEADER_BYTES
  let bytes = 0
  for (let index = 0; index < count; index++) bytes += estimate(entries[index], depth - 1)
  return HEADER_BYTES + Math.ceil((bytes / count) * length)
}

function firstOf(entries: Iterable<unknown>): unknown[] {
  const first: unknown[] = []
  for (const entry of entries) {
    first.push(entry)
    if (first.length === ENTRIES_LOOKED_AT) break
  }
  return first
}
