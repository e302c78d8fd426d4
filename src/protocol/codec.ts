// pure
/**
 * The trust border of the control lane: bytes become messages here, and nowhere else. Anything that is not a
 * message of this protocol is refused with a reason; unknown fields of rows are kept, for newer nodes.
 */

import { type Run, type SlotId, isSlotId, isSpecId } from '../ids.ts'
import { decodePayload, encodeUnbounded, isTooMuch } from '../payload.ts'
import { CLAIM_STATES, type Claim } from './claim.ts'
import { type News, PIGGYBACK_MAX } from './dissemination.ts'
import { FAILURES_KEPT_MAX } from './failure.ts'
import { failure } from './failure-shape.ts'
import { HEALTH_SCORE_MAX } from './local-health.ts'
import type { ProtocolRange } from './member-row.ts'
import { memberRow, protocolRange } from './member-shape.ts'
import {
  CONTROL_FRAME_BYTES_MAX,
  CONTROL_MESSAGE_BYTES_MAX,
  type CarriedMessage,
  HANDOFF_PART_BYTES_MAX,
  MESSAGE_LIMITS,
  type Message,
  type NodeStat,
  PROTOCOL,
  RELAY_HOPS_MAX,
  type Removal,
  type Roots,
  type Rows,
  TABLES,
  speakTogether,
} from './messages.ts'
import {
  type AwaySlot,
  EXIT_KINDS,
  type Generation,
  type Legacy,
  PHASE_RANKS,
  type Phase,
  type PlacedSlot,
  type Restart,
  type SlotExit,
} from './phase.ts'
import { UNREACHABLE_MAX } from './reach.ts'
import { BUCKET_COUNT } from './record-store.ts'
import {
  Flaw,
  type Shape,
  checked,
  isBoolean,
  isPlainObject,
  listOf,
  literal,
  objectOf,
  oneOf,
  optional,
  textOf,
  variantOf,
  whole,
} from './shape.ts'
import { hlc, node, spec, specRow } from './spec-shape.ts'
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

/** Whether no node would take the encoded message in: a row may have grown as it was joined with another one. */
export function isOversize(bytes: Uint8Array): boolean {
  if (bytes.length <= CONTROL_FRAME_BYTES_MAX) return false
  return bytes.length > CONTROL_MESSAGE_BYTES_MAX || isTooMuch(bytes, MESSAGE_LIMITS)
}

/** @param own the versions that this node speaks */
export function decodeMessage(bytes: Uint8Array, own: ProtocolRange = PROTOCOL): Decoded {
  let value: unknown
  try {
    value = decodePayload(bytes, MESSAGE_LIMITS)
  } catch (error) {
    return { kind: 'garbage', reason: String(error) }
  }
  if (isPlainObject(value) && value['kind'] === 'hello' && anyHello(value, new Flaw())) {
    const { min, max } = value.protocol
    const reason = `it speaks the versions ${min} to ${max} of the protocol, this node ${own.min} to ${own.max}: update the older one`
    if (!speakTogether(value.protocol, own)) return { kind: 'incompatible', reason }
  }
  const flaw = new Flaw()
  if (message(value, flaw)) return { kind: 'message', message: value }
  return { kind: 'garbage', reason: String(flaw) }
}

/** The rows of a message that is nothing else, as gossip is; undefined when it is not, or cannot be read. */
export function decodeRows(bytes: Uint8Array): Rows | undefined {
  const decoded = decodeMessage(bytes)
  return decoded.kind === 'message' && decoded.message.kind === 'rows' ? decoded.message.rows : undefined
}

const TEXT_MAX = 1024
/** A megabyte in parts that leave room for the rest of a frame. */
export const HANDOFF_PARTS_MAX = 16
/** Of everything that has no limit of its own. */
export const LIST_MAX = 100_000
/** In one message by itself. */
export const ACCUSATIONS_MAX = 64

const count = whole(0)
const text = textOf(TEXT_MAX)
const handoffPart = checked<Uint8Array>(
  `at most ${HANDOFF_PART_BYTES_MAX} bytes`,
  (value): value is Uint8Array => value instanceof Uint8Array && value.length <= HANDOFF_PART_BYTES_MAX,
)
const slot = checked<SlotId>('the id of a slot', isSlotId)
/** Nobody claims anything else: of one spec there is one claim. */
const standalone = checked<SlotId>('the slot of a standalone worker', (value): value is SlotId =>
  isSpecId(value),
)
const run = objectOf<Run>({ id: node, boot: count })
const list = <T>(item: Shape<T>, max = LIST_MAX): Shape<readonly T[]> => listOf(item, max)

/** What every version of a hello has had, and will have. */
const anyHello = objectOf<{ readonly kind: 'hello'; readonly protocol: ProtocolRange }>({
  kind: literal('hello'),
  protocol: protocolRange,
})

const stat: Shape<NodeStat> = objectOf<NodeStat>({
  health: whole(0, HEALTH_SCORE_MAX),
  unreachable: list(node, UNREACHABLE_MAX),
})

const accusation: Shape<Accusation> = objectOf<Accusation>({
  run,
  seq: count,
  by: node,
  evidence: oneOf(EVIDENCES),
})

const news: Shape<News> = objectOf<News>({
  members: list(memberRow, PIGGYBACK_MAX),
  accusations: list(accusation, PIGGYBACK_MAX),
})

const restart: Shape<Restart> = objectOf<Restart>({ atMs: count, item: text })

const claim: Shape<Claim> = objectOf<Claim>({
  slot: standalone,
  generation: count,
  owner: run,
  score: count,
  seq: count,
  state: oneOf(CLAIM_STATES),
  specVersion: hlc,
  content: optional(count),
  restarts: list(restart, 1024),
  failures: list(failure, FAILURES_KEPT_MAX),
  heir: optional(node),
})

const generation: Shape<Generation> = objectOf<Generation>({ number: count, tag: count })

const placedSlot: Shape<PlacedSlot> = objectOf<PlacedSlot>({
  slot,
  owner: run,
  since: generation,
  revision: count,
  stopMs: optional(count),
  isNew: isBoolean,
  legacy: optional(objectOf<Legacy>({ owner: run, since: generation })),
})

const slotExit: Shape<SlotExit> = objectOf<SlotExit>({
  slot,
  at: hlc,
  kind: oneOf(EXIT_KINDS),
  failure,
  wasReady: isBoolean,
})

const awaySlot: Shape<AwaySlot> = objectOf<AwaySlot>({
  slot,
  revision: count,
  why: oneOf(['ended', 'failed', 'dropped']),
  failure: optional(failure),
})

const phase: Shape<Phase> = objectOf<Phase>({
  spec,
  specVersion: hlc,
  revision: count,
  generation,
  coordinator: run,
  layout: list(placedSlot),
  away: list(awaySlot),
  pending: list(slot),
  isFirst: isBoolean,
  previous: list(slotExit),
  restarts: list(restart, 1024),
  failures: list(failure, FAILURES_KEPT_MAX),
  since: list(node),
  rank: oneOf(PHASE_RANKS),
  ready: list(slot),
  exits: list(slotExit),
  stopped: list(slot),
  left: list(slot),
})

const rows: Shape<Rows> = objectOf<Rows>({
  members: list(memberRow),
  specs: list(specRow),
  claims: list(claim),
  phases: list(phase),
})

const roots: Shape<Roots> = objectOf<Roots>({
  members: text,
  specs: text,
  claims: text,
  phases: text,
})

/** The kinds of `CarriedMessage`. */
const carried = {
  'handoff-ask': { slot, generation: count },
  'handoff-refuse': { slot, generation: count },
  'handoff-state': {
    slot,
    generation: count,
    index: count,
    count: whole(1, HANDOFF_PARTS_MAX),
    bytes: handoffPart,
  },
  rows: { rows, ask: optional(count) },
}

const message: Shape<Message> = variantOf<Message>({
  ...carried,
  relay: {
    from: node,
    to: node,
    hops: whole(0, RELAY_HOPS_MAX),
    message: variantOf<CarriedMessage>(carried),
  },
  hello: { protocol: protocolRange, run, profile: text, rows },
  probe: { n: count, stat, news },
  'probe-ack': { n: count, stat, news },
  'probe-request': { n: count, target: node },
  'probe-report': { n: count, target: node, isHeard: isBoolean },
  accusations: { accusations: list(accusation, ACCUSATIONS_MAX) },
  merged: { ask: count },
  digest: { roots },
  agree: { tables: list(oneOf(TABLES), TABLES.length) },
  forget: { removals: list(objectOf<Removal>({ spec, at: hlc })) },
  buckets: {
    table: oneOf(TABLES),
    digests: listOf(text, BUCKET_COUNT, BUCKET_COUNT),
  },
  want: {
    table: oneOf(TABLES),
    buckets: list(whole(0, BUCKET_COUNT - 1), BUCKET_COUNT),
  },
})
