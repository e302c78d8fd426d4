// pure
/**
 * What a worker leaves behind for its successor: what its `handoff` gives, and the casts and messages that it has not
 * come to. The successor is given these before anything else, so that their order is kept.
 */

import { PAYLOAD_LIMITS, decodePayload, encodeUnbounded } from '../../payload.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { OneWay } from '../messaging/mailbox.ts'
import { tryPack, unpack } from '../messaging/packed.ts'
import type { Exit } from '../supervision/exit.ts'
import type { Assignment } from '../supervision/supervisor.ts'

/** Casts and messages that go along come to no more; what is beyond that is lost, and counted. */
const LETTERS_BYTES_MAX = 1024 * 1024
/** Each has a byte at least, and weighs 22, as bytes in a list with a number. */
const LEGACY_LIMITS = { ...PAYLOAD_LIMITS, weightMax: 24 * LETTERS_BYTES_MAX }

export interface LegacyParts {
  /** A payload; undefined where the worker has no `handoff`, or that has failed. */
  readonly state?: Uint8Array | undefined
  /** Why that has failed. */
  readonly failure?: Failure | undefined
  /** Oldest first. */
  readonly letters: readonly OneWay[]
}

const NOTHING: LegacyParts = { letters: [] }

/** How a worker ends that has stopped for its successor. `lost`: how many of the letters cannot go along. */
export function release({ state, failure, letters }: LegacyParts): {
  readonly exit: Exit
  readonly lost: number
} {
  const packed: [kind: number, payload: Uint8Array][] = []
  let size = 0
  for (const letter of letters) {
    const one = tryPack(letter)
    if (one === undefined || size + one.payload.length > LETTERS_BYTES_MAX) continue
    size += one.payload.length
    packed.push([one.kind, one.payload])
  }
  const lost = letters.length - packed.length
  if (state === undefined && packed.length === 0 && failure === undefined)
    return { exit: { kind: 'stopped' }, lost }
  // A copy: encoded bytes are a part of a buffer that is used for others too.
  const legacy = Uint8Array.from(encodeUnbounded([state ?? null, ...packed]))
  const exit = { kind: 'released', legacy } as const
  return { exit: failure === undefined ? exit : { ...exit, failure }, lost }
}

/** What cannot be read is left out: it comes from another node. */
export function readLegacy(bytes: Uint8Array | undefined): LegacyParts {
  const parts = bytes && tryDecode(bytes)
  if (!isList(parts)) return NOTHING
  const [state, ...letters] = parts
  return { state: state instanceof Uint8Array ? state : undefined, letters: letters.flatMap(readLetter) }
}

function readLetter(packed: unknown): OneWay | readonly never[] {
  const [kind, payload] = isList(packed) ? packed : []
  if (typeof kind !== 'number' || !(payload instanceof Uint8Array)) return []
  return unpack({ kind, payload }) ?? []
}

function tryDecode(bytes: Uint8Array): unknown {
  try {
    return decodePayload(bytes, LEGACY_LIMITS)
  } catch {
    return undefined
  }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

/** How many of the casts and messages that a worker leaves unread it was to start with, and has not. */
export function inheritedBy(
  worker: { readonly hasUsedLegacy: boolean; readonly assignment: Pick<Assignment, 'handoff'> },
  unread: number,
): number {
  const { hasUsedLegacy, assignment } = worker
  return hasUsedLegacy || unread === 0 ? 0 : Math.min(unread, readLegacy(assignment.handoff).letters.length)
}
