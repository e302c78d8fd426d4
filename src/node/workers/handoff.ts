// pure
/** What a worker leaves behind for its successor on another node, as bytes. */

import { PayloadError } from '../../errors.ts'
import { encodePayload } from '../../payload.ts'
import { HANDOFF_BYTES_MAX } from '../../protocol/messages.ts'

/** Said by the node of a worker whose `handoff` has thrown, or given what cannot be sent. */
export const HANDOFF_FAILED =
  'handoff has failed, and the state is lost: the successor of the worker begins without it, with the casts and messages that wait. Let it return what can be sent, 1 MiB at most'

/** Said by the node of a worker whose `terminate` has thrown, or has ended what its code runs in. */
export const TERMINATE_FAILED = 'terminate has failed'

/** Said by the node of a worker that has crashed after it was told to move: to others, it has stopped. */
export const MOVE_FAILED =
  'move has failed, and state and mailbox are lost: the worker has crashed as it was to hand over. What its code throws because of context.signal, its reason or an AbortError, would be no crash'

/** A copy: the bytes of payloads are parts of larger buffers. @throws {PayloadError} when it cannot be sent */
export function encodeHandoff(state: unknown): Uint8Array {
  const bytes = encodePayload(state)
  if (bytes.length <= HANDOFF_BYTES_MAX) return Uint8Array.from(bytes)
  throw new PayloadError(
    `the handoff has ${bytes.length} bytes, the limit is ${HANDOFF_BYTES_MAX}: keep the rest elsewhere, and hand over where`,
  )
}
