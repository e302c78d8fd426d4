// pure
/** Calls and casts as bytes: the function, its arguments, and on whose account they are made. */

import { type Issue } from '../call-errors.ts'
import { type SlotId, isSlotId } from '../ids.ts'
import { encodePayload } from '../payload.ts'
import type { Frame } from './frames.ts'

/** A worker that waits for the answer to a call, and the message on account of which it does. */
export interface Caller {
  readonly worker: SlotId
  readonly generation: number
  /** Numbers the messages of the worker. */
  readonly n: number
  /** Who waits for that worker in turn. */
  readonly caller: Caller | undefined
}

/** On whose account something is asked for. */
export interface Origin {
  /** When nobody waits for the answer any more, on the clock of this node. Undefined: nobody waits at all. */
  readonly deadlineMs: number | undefined
  readonly traceId: string | undefined
  readonly caller: Caller | undefined
}

/** Of what is asked for outside of workers. */
export const NO_ORIGIN: Origin = { deadlineMs: undefined, traceId: undefined, caller: undefined }

/** Of what is part of a trace, and of nothing else. */
export function traceOf(traceId: string | undefined): Origin {
  return traceId === undefined ? NO_ORIGIN : { deadlineMs: undefined, traceId, caller: undefined }
}

export interface Request {
  readonly name: string
  readonly args: readonly unknown[]
  readonly traceId: string | undefined
  readonly caller: Caller | undefined
}

/** Of callers that wait for one another, so many are told of; a circle that is longer ends by its time-out. */
export const CALLERS_MAX = 64
/** More of an id is cut off. */
export const TRACE_LENGTH_MAX = 256
const ISSUES_MAX = 100

/** @throws {PayloadError} when the arguments cannot be sent. The deadline is not in it: it travels as what is left. */
export function encodeRequest(name: string, args: readonly unknown[], origin: Origin): Uint8Array {
  const { traceId, caller } = origin
  if (traceId === undefined && caller === undefined) return encodePayload([name, ...args])
  return encodePayload([[traceId ?? null, ...listed(caller)], name, ...args])
}

/** All that is left of a frame. Checked by hand, as every call passes here. @returns undefined when it is none */
export function readRequest(frame: Pick<Frame, 'payload'>): Request | undefined {
  let items: unknown
  try {
    items = frame.payload()
  } catch {
    return undefined
  }
  if (!isList(items)) return undefined
  const head = items.shift()
  if (typeof head === 'string') return { name: head, args: items, traceId: undefined, caller: undefined }
  const name = items.shift()
  if (typeof name !== 'string' || !isList(head)) return undefined
  const [traceId, ...callers] = head
  return {
    name,
    args: items,
    traceId: typeof traceId === 'string' ? traceId.slice(0, TRACE_LENGTH_MAX) : undefined,
    caller: linked(callers.slice(0, CALLERS_MAX)),
  }
}

/** A message, and the trace that it is part of. @throws {PayloadError} when it cannot be sent */
export function encodeTraced(message: unknown, traceId: string): Uint8Array {
  return encodePayload([traceId.slice(0, TRACE_LENGTH_MAX), message])
}

/** All that is left of a frame, as `encodeTraced` has written it. @returns undefined when it is nothing of the kind */
export function readTraced(
  frame: Pick<Frame, 'payload'>,
): { readonly traceId: string; readonly message: unknown } | undefined {
  let pair: unknown
  try {
    pair = frame.payload()
  } catch {
    return undefined
  }
  if (!isList(pair) || pair.length !== 2) return undefined
  const [traceId, message] = pair
  return typeof traceId === 'string' ? { traceId: traceId.slice(0, TRACE_LENGTH_MAX), message } : undefined
}

/** What a peer says that is wrong with the arguments; anything that is not that is left out. */
export function issuesOf(payload: unknown): Issue[] {
  if (!isList(payload)) return []
  return payload.slice(0, ISSUES_MAX).flatMap(entry => {
    if (typeof entry !== 'object' || entry === null) return []
    const path: unknown = Reflect.get(entry, 'path')
    const message: unknown = Reflect.get(entry, 'message')
    return typeof path === 'string' && typeof message === 'string' ? [{ path, message }] : []
  })
}

/** Who waits, the last caller first. */
function listed(last: Caller | undefined): (readonly [SlotId, number, number])[] {
  const list: (readonly [SlotId, number, number])[] = []
  for (let caller = last; caller !== undefined && list.length < CALLERS_MAX; caller = caller.caller) {
    list.push([caller.worker, caller.generation, caller.n])
  }
  return list
}

/** The reverse of `listed`; an entry that makes no sense ends the list. */
function linked(list: readonly unknown[]): Caller | undefined {
  const [first, ...rest] = list
  if (!isList(first)) return undefined
  const [worker, generation, n] = first
  if (!isSlotId(worker) || typeof generation !== 'number' || typeof n !== 'number') return undefined
  return { worker, generation, n, caller: linked(rest) }
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}
