// pure
/**
 * What user code can do to the mesh. The data plane is the gateway of the workers of this thread; those in other
 * threads and processes have one that passes everything on to it.
 */

import type { SlotId, SpecId } from '../../ids.ts'
import type { Origin } from '../../protocol/request.ts'

/** A call as it is asked for. Everything but the signal is plain data. */
export interface CallRequest {
  readonly slot: SlotId
  readonly name: string
  readonly args: readonly unknown[]
  /** Undefined: what is left to the caller, and 5 s where it has no limit itself. */
  readonly timeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  /** On whose account. A deadline in it is never exceeded. */
  readonly origin: Origin
}

/** `Count`: what is known of a broadcast at once. */
export interface Gateway<out Count extends number | undefined = number | undefined> {
  /** @returns the answer; rejects with a `CallError`, or the reason of the signal */
  call(request: CallRequest): Promise<unknown>
  /** @throws {NotFoundError} when there is no such worker; {OverloadedError} when too much waits for its node */
  cast(slot: SlotId, name: string, args: readonly unknown[], origin: Origin): void
  /** @throws {NotFoundError} {OverloadedError} as `cast` */
  send(slot: SlotId, message: unknown, origin: Origin): void
  /**
   * To every member of a group. @returns how many there are, 0 while the group does not run; undefined in a cell, where
   * only the node knows
   * @throws {NotFoundError} when there is no such group
   */
  broadcast(group: SpecId, message: unknown, origin: Origin): Count
  /**
   * To one of the members that run, drawn by lot. @returns which one
   * @throws {NotFoundError} when there is no such group; {NoMemberError} when none runs
   */
  sendRandom(group: SpecId, message: unknown, origin: Origin): SlotId
  /** The ids of the members, in the order of starting; undefined when there is no such group. */
  membersOf(group: SpecId): readonly string[] | undefined
}
