// pure
/** What a worker is given: the only door from user code to the mesh. */

import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import type { Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import type { ItemId } from '../../protocol/failure.ts'

export interface WorkerContext {
  /** The id of this worker: `hits`, `line/log`, `words/tokenize/0`. */
  readonly worker: SlotId
  /** The worker, group or chain that it belongs to. */
  readonly spec: SpecId
  readonly node: NodeId
  /** Larger for every later owner of this worker: give it to whatever must refuse a predecessor. */
  readonly token: FencingToken
  /** Aborts when the worker is to stop. Code that ignores it is abandoned: it may go on, but reaches nobody. */
  readonly signal: AbortSignal
  readonly log: Logger
  /** Randomness that a simulation can replay. */
  readonly random: Prng
  /** Resolves after `delayMs`, or at once when the worker is to stop. */
  readonly sleep: (delayMs: number) => Promise<void>
}

export type ServerContext = WorkerContext

export interface StageContext extends WorkerContext {
  /** The item that is handled now: who sent it, and the how-manieth it was. The same when it is tried again. */
  readonly item: ItemId
}

export interface TaskContext<Message = unknown> extends WorkerContext {
  /** What is sent to the worker, in the order of arrival. Ends when the worker is to stop. */
  readonly messages: AsyncIterable<Message>
}
