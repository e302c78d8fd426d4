// pure
/** Casts and messages as frames carry them. */

import { decodePayload, encodePayload } from '../../payload.ts'
import { FRAME } from '../../protocol/channel.ts'
import { NO_ORIGIN, encodeRequest, encodeTraced, readRequest, readTraced } from '../../protocol/request.ts'
import type { Letter } from './mailbox.ts'

/** A cast or message as a frame carries it: what its sender does to the arguments afterwards changes nothing. */
export interface Packed {
  readonly kind: number
  readonly payload: Uint8Array
  /** How often it was sent on by a node that its worker had left. */
  readonly hops: number
}

/** A copy: encoded bytes are parts of larger buffers. @throws {PayloadError} when it cannot be sent */
export function pack(letter: Exclude<Letter, { kind: 'call' }>, hops = 0): Packed {
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

/** What `pack` was given. */
export function unpack({ kind, payload }: Packed): Letter | undefined {
  const frame = { payload: () => decodePayload(payload) }
  const bytes = payload.length
  if (kind === FRAME.send) return { kind: 'message', message: frame.payload(), origin: NO_ORIGIN, bytes }
  if (kind === FRAME.traced) {
    const { message, traceId } = readTraced(frame) ?? {}
    return { kind: 'message', message, origin: { ...NO_ORIGIN, traceId }, bytes }
  }
  const request = readRequest(frame)
  if (request === undefined) return undefined
  const { name, args, traceId, caller } = request
  return { kind: 'cast', name, args, origin: { deadlineMs: undefined, traceId, caller }, bytes }
}
