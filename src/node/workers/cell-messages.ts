// pure
/**
 * What a node and the cell of a worker (its thread or process) say to each other. All of it is plain data that the
 * structured clone algorithm can copy. Both sides run the same version of this file: what is checked is only that a
 * message is one of ours.
 */

import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import type { FencingToken } from '../../protocol/fencing-token.ts'
import type { Cause, Failure } from '../../protocol/failure.ts'
import type { HandledItem, StopReason } from './context.ts'
import { type MeshAsk, type OriginData, isMeshAsk } from './mesh-ask.ts'

/** What was thrown, as data. */
export interface Thrown {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code?: string | number | undefined
  /** What it came from; of a call that has failed, why, where that is known. */
  readonly cause?: Cause | Failure | undefined
  /** Those that it gathers. */
  readonly errors?: readonly Cause[] | undefined
  /** The end of the worker may have made it, as it was told where it was thrown. */
  readonly isOfStop?: boolean | undefined
}

/** Who the worker is, and what it runs. */
export interface CellOrders {
  /** The URL of the module that exports the behaviour. */
  readonly module: string
  /** `name@version` */
  readonly behaviour: string
  readonly worker: SlotId
  readonly spec: SpecId
  readonly node: NodeId
  readonly token: FencingToken
  readonly incarnation: number
  /** The ids of the members of its group, where it is in one. */
  readonly members: readonly string[] | undefined
  readonly seed: string
  /** What its predecessor on another node has left behind: a payload. */
  readonly handoff: Uint8Array | undefined
}

/** The callbacks of behaviours. */
export type CallbackName =
  | 'init'
  | 'call'
  | 'cast'
  | 'info'
  | 'idle'
  | 'terminate'
  | 'handoff'
  | 'run'
  | 'handle'

/** A callback to run: one at a time, but for `terminate`. */
export interface Order {
  readonly id: number
  readonly callback: CallbackName
  /** Of the function, where it is a call or cast. */
  readonly name: string
  /** Without state and context: the cell has its own. */
  readonly args: readonly unknown[]
  /** What a stage is at. */
  readonly handled: HandledItem | undefined
  /** On whose account, and the number of the message. */
  readonly scope: { readonly n: number; readonly origin: OriginData }
}

export type ToCell =
  | { readonly kind: 'start'; readonly orders: CellOrders }
  | { readonly kind: 'order'; readonly order: Order }
  /** The worker is to stop. */
  | { readonly kind: 'abort' }
  /** Another node has what the worker is: nothing that it does counts any more. */
  | { readonly kind: 'fence'; readonly why: string }
  /** So many more outputs of this order may come. */
  | { readonly kind: 'more'; readonly id: number; readonly count: number }
  /** No more outputs of this order are wanted. */
  | { readonly kind: 'enough'; readonly id: number }
  /** The message that a task has asked for. */
  | { readonly kind: 'message'; readonly message: unknown }
  /** There will be none. */
  | { readonly kind: 'no-message' }
  | { readonly kind: 'ping' }
  /** What came of something that its code has asked of the mesh. */
  | { readonly kind: 'mesh-result'; readonly id: number; readonly value: unknown }
  | {
      readonly kind: 'mesh-error'
      readonly id: number
      readonly thrown: Thrown
      readonly maybeExecuted: boolean | undefined
    }

export type FromCell =
  /** It has imported the behaviour. */
  | { readonly kind: 'ready' }
  /** It cannot. */
  | { readonly kind: 'unfit'; readonly thrown: Thrown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'thrown'; readonly id: number; readonly thrown: Thrown }
  /** The callback has returned; what it answers comes later. */
  | { readonly kind: 'later'; readonly id: number; readonly isUnderWay: boolean }
  /** Its code asks something of the mesh. */
  | { readonly kind: 'mesh'; readonly id: number; readonly ask: MeshAsk }
  /** Its code does not wait any more for what it has asked. */
  | { readonly kind: 'mesh-forget'; readonly id: number }
  /** Its code wants the worker to end. */
  | { readonly kind: 'stop'; readonly reason: Exclude<StopReason, Error> | Thrown }
  /** One of many outputs. */
  | { readonly kind: 'output'; readonly id: number; readonly value: unknown }
  /** A task waits for its next message. */
  | { readonly kind: 'next' }
  /** An error that nobody has caught. It ends, unless that is `isOfStop`: then its node says whether it does. */
  | { readonly kind: 'stray'; readonly thrown: Thrown; readonly isOfStop: boolean }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly facts: object
      readonly message: string
    }
  | { readonly kind: 'pong' }

/** So many outputs of one order may be on their way to the node: enough to hide the way, and few enough to lose. */
export const OUTPUTS_AHEAD = 16

const TO_CELL: ReadonlySet<unknown> = new Set<ToCell['kind']>([
  'start',
  'order',
  'abort',
  'fence',
  'more',
  'enough',
  'message',
  'no-message',
  'ping',
  'mesh-result',
  'mesh-error',
])

const LEVELS: ReadonlySet<unknown> = new Set(['debug', 'info', 'warn', 'error'])

/** The code in a process may listen to messages of its own: what is not ours is left alone. */
export function isToCell(value: unknown): value is ToCell {
  return isObject(value) && TO_CELL.has(value.kind)
}

/** The code in a cell can post what it likes: nothing that it says may be a surprise here. */
export function isFromCell(value: unknown): value is FromCell {
  if (!isObject(value)) return false
  switch (value.kind) {
    case 'ready':
    case 'next':
    case 'pong':
    case 'result':
    case 'output':
    case 'mesh-forget':
      return true
    case 'later':
      return typeof value.isUnderWay === 'boolean'
    case 'mesh':
      return isMeshAsk(value.ask)
    case 'stop':
      return value.reason === 'normal' || value.reason === 'shutdown' || isThrown(value.reason)
    case 'unfit':
    case 'thrown':
      return isThrown(value.thrown)
    case 'stray':
      return isThrown(value.thrown) && typeof value.isOfStop === 'boolean'
    case 'log':
      return LEVELS.has(value.level) && isObject(value.facts) && typeof value.message === 'string'
    default:
      return false
  }
}

interface Fields {
  readonly kind?: unknown
  readonly thrown?: unknown
  readonly name?: unknown
  readonly level?: unknown
  readonly facts?: unknown
  readonly message?: unknown
  readonly ask?: unknown
  readonly reason?: unknown
  readonly isUnderWay?: unknown
  readonly isOfStop?: unknown
}

function isThrown(value: unknown): boolean {
  return isObject(value) && typeof value.name === 'string'
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
