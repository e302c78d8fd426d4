// pure
/** What a worker is given: the only door from user code to the mesh. */

import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import type { Cancel, Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { FencingToken } from '../../protocol/fencing-token.ts'
import type { ItemId } from '../../protocol/failure.ts'
import type { WorkerRef } from '../messaging/refs.ts'
import type { Process } from '../specs/child.ts'

/**
 * Why a worker ends that was not told to. `normal`: it has done its work. `shutdown`: the same for its restart type,
 * and said on purpose. An error: a crash, for this reason.
 */
export type StopReason = 'normal' | 'shutdown' | Error

/**
 * Everything is bound to the one worker: functions may be taken out of the context. What there is, are getters: take
 * out by name what you want to keep, as `{ ...context }` copies nothing.
 */
export interface WorkerContext {
  /** The id of this worker: `hits`, `line/log`, `words/tokenize/0`. */
  readonly worker: SlotId
  /** The worker, group or chain that it belongs to. */
  readonly spec: SpecId
  readonly node: NodeId
  /** Larger for every later owner of this worker: give it to whatever must refuse a predecessor. */
  readonly token: FencingToken
  /**
   * Aborts when the worker is to stop. Code that ignores it is abandoned: it may go on, but reaches nobody; where another
   * node has the worker, it does so from then on.
   */
  readonly signal: AbortSignal
  readonly log: Logger
  /** Randomness that a simulation can replay. */
  readonly random: Prng
  /** What the predecessor of this worker handed over when it moved here; undefined after a crash and at first. */
  readonly handoff: unknown
  /**
   * In milliseconds: how long the caller still waits, where a call is being handled; otherwise undefined. Calls that
   * are made meanwhile wait no longer.
   */
  readonly remainingMs: number | undefined
  /** The group of which this worker is a member; undefined outside of groups. */
  readonly group: GroupContext | undefined
  /**
   * Resolves after `delayMs`, or at once when the worker is to stop. Rejects with a `FencedError` when it is over: a
   * loop that never looks at the signal ends there; with an `OptionsError` where `delayMs` is not 0 or more.
   */
  readonly sleep: (delayMs: number) => Promise<void>
  /**
   * Ends this worker once it is through with the message at hand: what that returns is still its answer. What is said
   * after a first reason changes nothing.
   * @default 'normal' @throws {OptionsError} when the reason is none of these
   */
  readonly stop: (reason?: StopReason) => void
  /** The group `id`. @default its own @throws {NotInGroupError} when no id is given, and it is in no group */
  readonly getGroup: (id?: string) => GroupContext
  /**
   * Any worker of the mesh: `hits`, or `line/log` for a member of a group. Nothing is looked up: a call to a worker
   * that does not exist rejects with a `NotFoundError`. `behaviour` gives the handle its types.
   */
  readonly getWorker: <B extends Process = Process>(id: string, behaviour?: B) => WorkerRef<B>
}

/** A group, from within a worker. */
export interface GroupContext {
  readonly id: SpecId
  /** The ids of the members, in the order of starting. Empty when there is no such group. */
  readonly members: () => readonly string[]
  /**
   * Sends a message to every member, the sender included if it is one: at most once each.
   * @returns how many members there are, 0 while the group restarts; undefined in a thread or process, where only the
   * node knows
   */
  readonly broadcast: (message: unknown) => number | undefined
  /** Sends a message to one member, as `WorkerRef.send`. @throws {NotFoundError}; {OverloadedError} as there */
  readonly send: (member: string, message: unknown) => void
  /** Sends a message to a member that runs, drawn by lot. @throws {NoMemberError} {OverloadedError} */
  readonly sendRandom: (message: unknown) => void
  /** A member, to be called. */
  readonly getMember: <B extends Process = Process>(id: string, behaviour?: B) => WorkerRef<B>
}

/** What a worker with a mailbox is given. */
export interface ServerContext extends WorkerContext {
  /**
   * Sends a message to this worker itself after `delayMs`, if it still runs by then.
   * @returns how to take it back @throws {OptionsError} when `delayMs` is not 0 or more
   */
  readonly sendAfter: (delayMs: number, message: unknown) => Cancel
}

/** What a stage is at. */
export interface HandledItem {
  /** The item that is handled now: who sent it, and the how-manieth it was. The same when it is tried again. */
  readonly item: ItemId
  /**
   * What is handled now, as a text: of the outputs for one item, each has its own. The same when it is tried again,
   * so that whoever must not do a thing twice can tell, as long as a stage emits the same for the same item.
   */
  readonly id: string
  /**
   * 1 for the first time that the item is sent through the chain, more after a restart, and one more with each try by
   * `onItemError: 'retry'`.
   */
  readonly attempt: number
}

export type StageContext = WorkerContext & HandledItem

export interface TaskContext<Message = unknown> extends WorkerContext {
  /** What is sent to the worker, in the order of arrival. Ends when the worker is to stop, and with its input. */
  readonly messages: AsyncIterable<Message>
  /** As for a server. */
  readonly sendAfter: (delayMs: number, message: unknown) => Cancel
}
