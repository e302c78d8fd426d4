// pure
/** Casts and messages as frames carry them. */

import { decodePayload, encodePayload } from '../../payload.ts'
import { FRAME } from '../../protocol/channel.ts'
import {
  NO_ORIGIN,
  encodeRequest,
  encodeTraced,
  readRequest,
  readTraced,
  traceOf,
} from '../../protocol/request.ts'
import type { OneWay } from './mailbox.ts'

/** A cast or message as a frame carries it: what its sender does to the arguments afterwards changes nothing. */
export interface Packed {
  readonly kind: number
  readonly payload: Uint8Array
  /** How often it was sent on by a node that its worker had left. */
  readonly hops: number
}

/** A copy: encoded bytes are parts of larger buffers. @throws {PayloadError} when it cannot be sent */
export function pack(letter: OneWay, hops = 0): Packed {
  const { origin } = letter
  if (letter.kind === 'cast') {
    return {
      kind: FRAME.cast,
      payload: Uint8Array.from(encodeRequest(letter.name, letter.args, origin)),
      hops,
    }
  }
  const { message } = letter
  return origin.traceId === undefined
    ? { kind: FRAME.send, payload: Uint8Array.from(encodePayload(message)), hops }
    : { kind: FRAME.traced, payload: Uint8Array.from(encodeTraced(message, origin.traceId)), hops }
}

/** The same. @returns undefined when it cannot be sent */
export function tryPack(letter: OneWay, hops = 0): Packed | undefined {
  try {
    return pack(letter, hops)
  } catch {
    return undefined
  }
}

/** What `pack` was given. @returns undefined for what is nothing of the kind */
export function unpack({ kind, payload }: Omit<Packed, 'hops'>): OneWay | undefined {
  const frame = { payload: () => decodePayload(payload) }
  const bytes = payload.length
  if (kind === FRAME.send) return readMessage(payload)
  if (kind === FRAME.traced) {
    const traced = readTraced(frame)
    return traced && { kind: 'message', message: traced.message, origin: traceOf(traced.traceId), bytes }
  }
  const request = kind === FRAME.cast ? readRequest(frame) : undefined
  if (request === undefined) return undefined
  const { name, args, traceId, caller } = request
  return { kind: 'cast', name, args, origin: { deadlineMs: undefined, traceId, caller }, bytes }
}

function readMessage(payload: Uint8Array): OneWay | undefined {
  try {
    const message = decodePayload(payload)
    return { kind: 'message', message, origin: NO_ORIGIN, bytes: payload.length }
  } catch {
    return undefined
  }
}
