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

/** A call that was refused where its worker is: see `REPLY.overloaded`. */
export function refusedThere(slot: SlotId, payload: unknown): OverloadedError {
  const message =
    payload === true
      ? `more answers wait on the node of "${slot}" than its connection to this one carries: ask for less at once, or later`
      : `the mailbox of "${slot}" is full: call less at once, or later`
  return new OverloadedError(message, { maybeExecuted: false })
}
