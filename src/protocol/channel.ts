// pure
/**
 * The kinds of frames of the data lane, and what a channel leads to. A sender numbers its channels itself and opens
 * each once in a session; after that, frames name the number. Answers name the number of the sender's channel.
 */

import * as v from 'valibot'

import { type NodeId, type SlotId, type SpecId, isNodeId, isSlotId, isSpecId } from '../ids.ts'
import { decodePayload } from '../payload.ts'
import type { Failure } from './failure.ts'
import { failure as isFailure } from './failure-shape.ts'
import type { Generation } from './phase.ts'
import { TRACE_LENGTH_MAX } from './request.ts'
import { Flaw } from './shape.ts'

export const FRAME = {
  /** u32 channel, payload `Target` */
  open: 1,
  /** receiver → sender: u32 channel, u48 received, u48 items, u48 bytes (credit in all), u48 settled up to, u48… settled beyond */
  resume: 2,
  /** u32 channel, u16 number below `ORIGINS_MAX`, payload `Run`: the origin that items of this channel name by the number from now on */
  origin: 3,
  /** u32 channel, u48 sequence, u16 origin, u48 n, u8 flags, [u16 length, u32… path], [u32 attempt], payload item */
  item: 4,
  /** receiver → sender: u32 channel, u48 settled up to, u48… settled beyond */
  settle: 5,
  /** receiver → sender: u32 channel, u48 items, u48 bytes: credit in all */
  credit: 6,
  /** receiver → sender: u32 channel: nothing is there */
  reset: 7,
  /** u32 channel, u32 correlation, u32 remaining ms, payload [origin, function, …arguments], the origin left out where there is none: see `request.ts` */
  call: 8,
  /** u32 correlation, u8 outcome, payload */
  reply: 9,
  /** u32 channel, payload as of a call */
  cast: 10,
  /** u32 channel, payload message */
  send: 11,
  /** payload `Broadcast` */
  broadcast: 12,
  /** u32 channel: the sender has no more use for it */
  close: 13,
  /** u32 channel, payload [trace, message]: a message that is part of a trace */
  traced: 14,
} as const

/** Of a u48, as each sequence number is. */
export const SEQUENCE_BYTES = 6

/** How a call ended. */
export const REPLY = {
  /** The payload is the result. */
  result: 0,
  /** The worker threw; the payload is the `Failure`. */
  error: 1,
  /** The worker is not here, or not of this generation: it has not been executed. */
  elsewhere: 2,
  /** It has not been executed. The payload is true: more answers wait for the caller than its connection takes; else: the mailbox is full. */
  overloaded: 3,
  /**
   * The worker ended before it came to this call, or while it was at it; the payload says which: false or true. Where
   * it has failed, that and the `Failure`, as a list.
   */
  exited: 4,
  /** The arguments are not what the function wants; the payload is the list of issues. */
  invalid: 5,
  /** The worker waits for the caller: it would never come to this call. */
  deadlock: 6,
  /** Nobody waited any more when the worker came to it: it has not been executed. */
  expired: 7,
} as const

/** The item came out of a stage without any index but 0 on its way: the path is left out. */
export const ITEM_HAS_PATH = 1
/** Its origin waits for what comes out at the end. */
export const ITEM_WANTS_OUTCOME = 2
/** The payload is a `Notice` for the origin. */
export const ITEM_IS_NOTICE = 4
/** It is sent for the second time, or more: without this, for the first. */
export const ITEM_HAS_ATTEMPT = 8

/** So many origins of items a channel knows at once: a sender that comes by more begins to number them anew. */
export const ORIGINS_MAX = 4_096

/** What a channel leads to. */
export type Target =
  /** A worker, to be called. `hops`: how often what goes in was sent on by a node that the worker had left. @default 0 */
  | {
      readonly kind: 'slot'
      readonly slot: SlotId
      readonly generation: Generation
      readonly hops?: number | undefined
    }
  /** A worker of a stage, to be fed: `from` is the worker, or the node, that feeds it. */
  | {
      readonly kind: 'link'
      readonly chain: SpecId
      readonly generation: Generation
      readonly from: string
      readonly to: SlotId
    }
  /** The run that has sent the items of a chain, to be given what came out at the end of it: no later run of its node. */
  | {
      readonly kind: 'return'
      readonly chain: SpecId
      readonly generation: Generation
      readonly from: string
      readonly boot: number
    }

/**
 * What the sender of an item is told besides outcomes. `dead`: it was tried in vain, and nothing will come of this
 * part of it. `callback-failed`: the callback at the end of the chain threw at it.
 */
export interface Notice {
  readonly kind: 'dead' | 'callback-failed'
  readonly stage: string
  /** Names what was handled: the `id` in the context of the stage. */
  readonly itemId: string
  readonly failure: Failure
  /** How often it was tried. */
  readonly attempts: number
}

/** A message for all members of a generation of a group; `n` numbers the broadcasts of the sender. */
export interface Broadcast {
  readonly group: SpecId
  readonly generation: Generation
  readonly sender: { readonly id: NodeId; readonly boot: number }
  readonly n: number
  readonly traceId?: string | undefined
  readonly message: unknown
}

// Of all these, only the fields that are known are taken over: the rest would be kept for as long as the channel, and is
// passed on to nobody.
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.maxLength(1024))
const node = v.custom<NodeId>(isNodeId)
const spec = v.custom<SpecId>(isSpecId)
const slot = v.custom<SlotId>(isSlotId)
const generation: v.GenericSchema<unknown, Generation> = v.object({ number: count, tag: count })
const run = v.object({ id: node, boot: count })

const target: v.GenericSchema<unknown, Target> = v.variant('kind', [
  v.object({ kind: v.literal('slot'), slot, generation, hops: v.optional(count) }),
  v.object({ kind: v.literal('link'), chain: spec, generation, from: text, to: slot }),
  v.object({ kind: v.literal('return'), chain: spec, generation, from: text, boot: count }),
])

const failure = v.custom<Failure>(value => isFailure(value, new Flaw()))

const notice: v.GenericSchema<unknown, Notice> = v.object({
  kind: v.picklist(['dead', 'callback-failed']),
  stage: text,
  itemId: text,
  failure,
  attempts: count,
})

const broadcast: v.GenericSchema<unknown, Broadcast> = v.pipe(
  v.object({
    group: spec,
    generation,
    sender: run,
    n: count,
    traceId: v.optional(v.pipe(v.string(), v.maxLength(TRACE_LENGTH_MAX))),
    message: v.unknown(),
  }),
  v.transform(({ message, ...head }) => ({ ...head, message })),
)

/** @returns undefined when the bytes are none */
export function decodeTarget(bytes: Uint8Array): Target | undefined {
  return parse(target, bytes)
}

/** @returns undefined when the bytes are none */
export function decodeBroadcast(bytes: Uint8Array): Broadcast | undefined {
  return parse(broadcast, bytes)
}

/** @returns undefined when the bytes are none */
export function decodeRun(bytes: Uint8Array): { readonly id: NodeId; readonly boot: number } | undefined {
  return parse(run, bytes)
}

/** @returns undefined when the value that has arrived is none */
export function noticeOf(value: unknown): Notice | undefined {
  const result = v.safeParse(notice, value)
  return result.success ? result.output : undefined
}

function parse<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array): T | undefined {
  try {
    const result = v.safeParse(schema, decodePayload(bytes))
    return result.success ? result.output : undefined
  } catch {
    return undefined
  }
}
