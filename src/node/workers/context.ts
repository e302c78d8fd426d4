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
  /** What the predecessor of this worker has handed over when it moved here; undefined at first, and after a crash. */
  readonly handoff: unknown
  /** Randomness that a simulation can replay. */
  readonly random: Prng
  /** Resolves after `delayMs`, or at once when the worker is to stop. */
  readonly sleep: (delayMs: number) => Promise<void>
}

export type ServerContext = WorkerContext

/** What a stage is at. */
export interface HandledItem {
  /** The item that is handled now: who sent it, and the how-manieth it was. The same when it is tried again. */
  readonly item: ItemId
  /**
   * What is handled now, as a text: of the outputs for one item, each has its own. The same when it is tried again,
   * so that whoever must not do a thing twice can tell, as long as a stage emits the same for the same item.
   */
  readonly id: string
  /** 1 for the first time that the item is sent through the chain, more after a restart. */
  readonly attempt: number
}

export type StageContext = WorkerContext & HandledItem

export interface TaskContext<Message = unknown> extends WorkerContext {
  /** What is sent to the worker, in the order of arrival. Ends when the worker is to stop. */
  readonly messages: AsyncIterable<Message>
}
