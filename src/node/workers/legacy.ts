// pure
/**
 * What a worker leaves behind for its successor: what its `handoff` gives, and the casts and messages that it has not
 * come to. The successor is given these before anything else, so that their order is kept.
 */

import { decodePayload, encodePayload, encodeUnbounded } from '../../payload.ts'
import { NO_ORIGIN, type Origin } from '../../protocol/request.ts'
import type { Letter } from '../messaging/mailbox.ts'
import type { Exit } from '../supervision/exit.ts'

/** Casts and messages that go along come to no more; what is beyond that is lost, and counted. */
export const LETTERS_BYTES_MAX = 1024 * 1024

export interface LegacyParts {
  /** A payload; undefined where the worker has no `handoff`. */
  readonly state: Uint8Array | undefined
  /** Oldest first. */
  readonly letters: readonly Letter[]
}

const NOTHING: LegacyParts = { state: undefined, letters: [] }

/** How a worker ends that has stopped for its successor. `lost`: how many of the letters cannot go along. */
export function release({ state, letters }: LegacyParts): { readonly exit: Exit; readonly lost: number } {
  const encoded: Uint8Array[] = []
  let size = 0
  for (const letter of letters) {
    const bytes = encodeLetter(letter)
    if (bytes === undefined || size + bytes.length > LETTERS_BYTES_MAX) continue
    size += bytes.length
    encoded.push(bytes)
  }
  const lost = letters.length - encoded.length
  if (state === undefined && encoded.length === 0) return { exit: { kind: 'normal' }, lost }
  // A copy: encoded bytes are a part of a buffer that is used for others too.
  const legacy = Uint8Array.from(encodeUnbounded([state ?? null, ...encoded]))
  return { exit: { kind: 'released', legacy }, lost }
}

/** What cannot be read is left out: it comes from another node. */
export function readLegacy(bytes: Uint8Array | undefined): LegacyParts {
  const parts = bytes === undefined ? undefined : tryDecode(bytes)
  if (!isList(parts)) return NOTHING
  const [state, ...letters] = parts
  return {
    state: state instanceof Uint8Array ? state : undefined,
    letters: letters.flatMap(letter => (letter instanceof Uint8Array ? decodeLetter(letter) : [])),
  }
}

/** @returns undefined for what cannot travel: it was never meant to */
function encodeLetter(letter: Letter): Uint8Array | undefined {
  const trace = letter.origin.traceId ?? null
  try {
    switch (letter.kind) {
      case 'cast':
        return Uint8Array.from(encodePayload([trace, letter.name, ...letter.args]))
      case 'message':
        return Uint8Array.from(encodePayload([trace, null, letter.message]))
      default:
        return undefined
    }
  } catch {
    return undefined
  }
}

function decodeLetter(bytes: Uint8Array): Letter[] {
  const parts = tryDecode(bytes)
  if (!isList(parts)) return []
  const [trace, name, ...rest] = parts
  const origin: Origin = typeof trace === 'string' ? { ...NO_ORIGIN, traceId: trace } : NO_ORIGIN
  if (typeof name === 'string') return [{ kind: 'cast', name, args: rest, origin, bytes: bytes.length }]
  return [{ kind: 'message', message: rest[0], origin, bytes: bytes.length }]
}

function tryDecode(bytes: Uint8Array): unknown {
  try {
    return decodePayload(bytes)
  } catch {
    return undefined
  }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}
