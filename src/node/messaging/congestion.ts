// pure
/** A peer that takes in less than is sent to it: the rest waits in the memory of this node. */

import { OverloadedError } from '../../call-errors.ts'
import type { SlotId } from '../../ids.ts'
import type { Session } from './session.ts'

/** So much may wait for a peer before casts and calls are refused. */
const CONGESTED_BYTES_MAX = 16 * 1024 * 1024

export function isCongested({ waitingBytes }: Session): boolean {
  return waitingBytes > CONGESTED_BYTES_MAX
}

/** @throws {OverloadedError} when it is congested */
export function refuseCongestion(session: Session, slot: SlotId): void {
  if (!isCongested(session)) return
  const message = `${session.waitingBytes} bytes wait for the node of "${slot}", which takes in less than it is sent: send less, or later`
  throw new OverloadedError(message, { maybeExecuted: false })
}
