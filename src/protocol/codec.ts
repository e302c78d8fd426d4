// pure
/**
 * The trust border of the control lane: bytes become messages here, and nowhere else. Anything that is not a
 * message of this protocol is refused with a reason; unknown fields of rows are kept, for newer nodes.
 */

import * as v from 'valibot'

import { type NodeId, type SlotId, type SpecId, isNodeId, isSlotId, isSpecId } from '../ids.ts'
import { decodePayload, encodeUnbounded } from '../payload.ts'
import { CLAIM_STATES, type Claim } from './claim.ts'
import { type News, PIGGYBACK_MAX } from './dissemination.ts'
import { FAILURES_KEPT_MAX, type Failure } from './failure.ts'
import type { Hlc } from './hlc.ts'
import { HEALTH_SCORE_MAX } from './local-health.ts'
import { MEMBER_STATUSES, type MemberRow, type ProtocolRange } from './member-row.ts'
import {
  type Message,
  type NodeStat,
  PROTOCOL,
  type Roots,
  type Rows,
  TABLES,
  speakTogether,
} from './messages.ts'
import {
  type AwaySlot,
  type Generation,
  PHASE_RANKS,
  type Phase,
  type PlacedSlot,
  type Restart,
  type SlotExit,
} from './phase.ts'
import type { PlacementWish, Sharing } from './placement-wish.ts'
import { UNREACHABLE_MAX } from './reach.ts'
import { BUCKET_COUNT } from './record-store.ts'
import {
  AUTO_SHUTDOWNS,
  CHAIN_STRATEGIES,
  type ChildSpec,
  DESIRED_STATES,
  EMISSIONS,
  GROUP_STRATEGIES,
  ISOLATIONS,
  ITEM_ERROR_POLICIES,
  REBALANCES,
  RESTART_TYPES,
  ROUTES,
  type RestartIntensity,
  type SpecBody,
  type SpecRow,
} from './spec-row.ts'
import { type Accusation, EVIDENCES } from './suspicions.ts'

/** What came of bytes from outside. */
export type Decoded =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'garbage'; readonly reason: string }
  /** A hello of a node with which this one has no version of the protocol in common: the rest of it may mean anything. */
  | { readonly kind: 'incompatible'; readonly reason: string }

export function encodeMessage(message: Message): Uint8Array {
  return encodeUnbounded(message)
}

/** @param own the versions that this node speaks */
export function decodeMessage(bytes: Uint8Array, own: ProtocolRange = PROTOCOL): Decoded {
  let value: unknown
  try {
    value = decodePayload(bytes)
  } catch (error) {
    return { kind: 'garbage', reason: String(error) }
  }
  if (isDeeper(value, DEPTH_MAX))
    return { kind: 'garbage', reason: `nested more than ${DEPTH_MAX} levels deep` }
  const greeting = v.safeParse(anyHello, value)
  if (greeting.success && !speakTogether(greeting.output.protocol, own)) {
    const { min, max } = greeting.output.protocol
    const reason = `it speaks the versions ${min} to ${max} of the protocol, this node ${own.min} to ${own.max}: update the older one`
    return { kind: 'incompatible', reason }
  }
  const result = v.safeParse(message, value)
  if (result.success) return { kind: 'message', message: result.output }
  const [issue] = result.issues
  return { kind: 'garbage', reason: `${v.getDotPath(issue) ?? 'message'}: ${issue.message}` }
}

/** Messages of this version are 9 levels deep. Fields of newer ones are passed on, which must be possible. */
const DEPTH_MAX = 32

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  if (levels === 0) return true
  const parts: Iterable<unknown> =
    value instanceof Map ? [...value].flat() : value instanceof Set ? value : Object.values(value)
  for (const part of parts) if (isDeeper(part, levels - 1)) return true
  return false
}

const TEXT_MAX = 1024
/** A megabyte in parts that leave room for the rest of a frame. */
const HANDOFF_PARTS_MAX = 16
const LIST_MAX = 100_000
const ACCUSATIONS_MAX = 64

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const text = v.pipe(v.string(), v.maxLength(TEXT_MAX))
const bytes = v.instance(Uint8Array)
const node = v.custom<NodeId>(isNodeId, 'no node id')
const spec = v.custom<SpecId>(isSpecId, 'no spec id')
const slot = v.custom<SlotId>(isSlotId, 'no slot id')
const run = v.looseObject({ id: node, boot: count })
const list = <T>(item: v.GenericSchema<unknown, T>, max = LIST_MAX): v.GenericSchema<unknown, T[]> =>
  v.pipe(v.array(item), v.maxLength(max))

const protocolRange: v.GenericSchema<unknown, ProtocolRange> = v.looseObject({ min: count, max: count })

/** What every version of a hello has had, and will have. */
const anyHello = v.looseObject({ kind: v.literal('hello'), protocol: protocolRange })

const hlc: v.GenericSchema<unknown, Hlc> = v.looseObject({ ms: count, count, node })

const memberRow: v.GenericSchema<unknown, MemberRow> = v.looseObject({
  id: node,
  boot: count,
  seq: count,
  status: v.picklist(MEMBER_STATUSES),
  name: text,
  addresses: list(text, 64),
  role: v.picklist(['member', 'client']),
  weight: v.pipe(v.number(), v.minValue(1), v.maxValue(16)),
  labels: v.record(text, text),
  behaviours: list(text, 4096),
  protocol: protocolRange,
  placementVersion: v.optional(v.pipe(count, v.minValue(1))),
  endedMs: v.optional(count),
})

const stat: v.GenericSchema<unknown, NodeStat> = v.looseObject({
  health: v.pipe(count, v.maxValue(HEALTH_SCORE_MAX)),
  view: text,
  unreachable: list(node, UNREACHABLE_MAX),
})

const accusation: v.GenericSchema<unknown, Accusation> = v.looseObject({
  run,
  seq: count,
  by: node,
  evidence: v.picklist(EVIDENCES),
})

const news: v.GenericSchema<unknown, News> = v.looseObject({
  members: list(memberRow, PIGGYBACK_MAX),
  accusations: list(accusation, PIGGYBACK_MAX),
})

const intensity: v.GenericSchema<unknown, RestartIntensity> = v.looseObject({
  restarts: count,
  withinMs: count,
})

const placement: v.GenericSchema<unknown, PlacementWish | undefined> = v.optional(
  v.looseObject({
    labels: v.record(text, text),
    near: v.optional(text),
    pack: v.optional(text),
    spread: v.optional(text),
  }),
)

const sharing: v.GenericSchema<unknown, Sharing> = v.union([v.boolean(), v.literal('zones')])

const child: v.GenericSchema<unknown, ChildSpec> = v.looseObject({
  behaviour: text,
  args: bytes,
  restart: v.picklist(RESTART_TYPES),
  startTimeoutMs: count,
  stopTimeoutMs: count,
  isolation: v.picklist(ISOLATIONS),
  limits: v.looseObject({
    heapMb: v.optional(v.pipe(count, v.minValue(1))),
    heartbeatMs: v.pipe(count, v.minValue(1)),
  }),
  placement,
  mailbox: v.optional(v.looseObject({ messages: count, bytes: count })),
})

/** The fields of `PartBody`. */
const part = { id: text, child, revision: count, isStopped: v.boolean() }

const specBody: v.GenericSchema<unknown, SpecBody> = v.variant('kind', [
  v.looseObject({ kind: v.literal('worker'), child, intensity, rebalance: v.picklist(REBALANCES) }),
  v.looseObject({
    kind: v.literal('group'),
    strategy: v.picklist(GROUP_STRATEGIES),
    intensity,
    spread: sharing,
    placement,
    autoShutdown: v.picklist(AUTO_SHUTDOWNS),
    revision: count,
    members: list(v.looseObject({ ...part, isSignificant: v.boolean() })),
  }),
  v.looseObject({
    kind: v.literal('chain'),
    strategy: v.picklist(CHAIN_STRATEGIES),
    intensity,
    spread: v.optional(sharing),
    placement,
    revision: count,
    stages: list(
      v.looseObject({
        ...part,
        workers: v.pipe(count, v.minValue(1)),
        emission: v.picklist(EMISSIONS),
        route: v.picklist(ROUTES),
        onItemError: v.picklist(ITEM_ERROR_POLICIES),
        queueItems: v.pipe(count, v.minValue(1)),
      }),
    ),
    emission: v.picklist(EMISSIONS),
    windowItems: v.pipe(count, v.minValue(1)),
    attemptsMax: v.pipe(count, v.minValue(1)),
    onFinish: v.optional(text),
  }),
])

const specRow: v.GenericSchema<unknown, SpecRow> = v.pipe(
  v.looseObject({
    id: spec,
    version: hlc,
    body: v.optional(specBody),
    desired: v.picklist(DESIRED_STATES),
    replaces: v.optional(hlc),
    overtaken: v.optional(v.looseObject({ version: hlc, isRemoval: v.boolean() })),
  }),
  v.transform(row => ({ ...row, body: row.body })),
)

const failure: v.GenericSchema<unknown, Failure> = v.looseObject({
  name: v.string(),
  message: v.string(),
  stack: v.optional(v.string()),
  node,
  slot,
  generation: v.optional(count),
  item: v.optional(v.looseObject({ origin: node, boot: count, n: count })),
})

const restart: v.GenericSchema<unknown, Restart> = v.looseObject({ atMs: count, item: text })

const claim: v.GenericSchema<unknown, Claim> = v.looseObject({
  slot,
  generation: count,
  owner: run,
  score: count,
  seq: count,
  state: v.picklist(CLAIM_STATES),
  specVersion: hlc,
  restarts: list(restart, 1024),
  failures: list(failure, FAILURES_KEPT_MAX),
  heir: v.optional(node),
})

const generation: v.GenericSchema<unknown, Generation> = v.looseObject({ number: count, tag: count })

const placedSlot: v.GenericSchema<unknown, PlacedSlot> = v.looseObject({
  slot,
  owner: run,
  since: generation,
  revision: count,
  isNew: v.boolean(),
})

const slotExit: v.GenericSchema<unknown, SlotExit> = v.looseObject({
  slot,
  at: hlc,
  kind: v.picklist(['normal', 'abnormal']),
  failure,
  wasReady: v.boolean(),
})

const awaySlot: v.GenericSchema<unknown, AwaySlot> = v.looseObject({
  slot,
  revision: count,
  why: v.picklist(['ended', 'failed', 'dropped']),
  failure: v.optional(failure),
})

const phase: v.GenericSchema<unknown, Phase> = v.looseObject({
  spec,
  specVersion: hlc,
  revision: count,
  generation,
  coordinator: run,
  layout: list(placedSlot),
  away: list(awaySlot),
  pending: list(slot),
  isFirst: v.boolean(),
  previous: list(slotExit),
  restarts: list(restart, 1024),
  failures: list(failure, FAILURES_KEPT_MAX),
  since: list(node),
  rank: v.picklist(PHASE_RANKS),
  ready: list(slot),
  exits: list(slotExit),
  stopped: list(slot),
})

const rows: v.GenericSchema<unknown, Rows> = v.looseObject({
  members: list(memberRow),
  specs: list(specRow),
  claims: list(claim),
  phases: list(phase),
})

const roots: v.GenericSchema<unknown, Roots> = v.looseObject({
  members: text,
  specs: text,
  claims: text,
  phases: text,
})

const message: v.GenericSchema<unknown, Message> = v.variant('kind', [
  v.looseObject({ kind: v.literal('hello'), protocol: protocolRange, run, rows }),
  v.looseObject({ kind: v.literal('probe'), n: count, stat, news }),
  v.looseObject({ kind: v.literal('probe-ack'), n: count, stat, news }),
  v.looseObject({ kind: v.literal('probe-request'), n: count, target: node }),
  v.looseObject({ kind: v.literal('probe-report'), n: count, target: node, isHeard: v.boolean() }),
  v.looseObject({ kind: v.literal('accusations'), accusations: list(accusation, ACCUSATIONS_MAX) }),
  v.looseObject({ kind: v.literal('rows'), rows, ask: v.optional(count) }),
  v.looseObject({ kind: v.literal('merged'), ask: count }),
  v.looseObject({ kind: v.literal('handoff-ask'), slot, generation: count }),
  v.looseObject({ kind: v.literal('handoff-refuse'), slot, generation: count }),
  v.looseObject({
    kind: v.literal('handoff-state'),
    slot,
    generation: count,
    index: count,
    count: v.pipe(count, v.minValue(1), v.maxValue(HANDOFF_PARTS_MAX)),
    bytes,
  }),
  v.looseObject({ kind: v.literal('digest'), roots }),
  v.looseObject({ kind: v.literal('agree'), tables: list(v.picklist(TABLES), TABLES.length) }),
  v.looseObject({ kind: v.literal('forget'), specs: list(spec), before: hlc }),
  v.looseObject({
    kind: v.literal('buckets'),
    table: v.picklist(TABLES),
    digests: v.pipe(v.array(text), v.length(BUCKET_COUNT)),
  }),
  v.looseObject({
    kind: v.literal('want'),
    table: v.picklist(TABLES),
    buckets: list(v.pipe(count, v.maxValue(BUCKET_COUNT - 1)), BUCKET_COUNT),
  }),
])
