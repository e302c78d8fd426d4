// pure
/** What nodes say to each other on the control lane. Everything here is also in a row that anti-entropy delivers. */

import type { NodeId, Run, SlotId, SpecId } from '../ids.ts'
import { PLAIN, type PayloadLimits } from '../payload-flaw.ts'
import type { Claim } from './claim.ts'
import type { News } from './dissemination.ts'
import type { Hlc } from './hlc.ts'
import type { MemberRow, ProtocolRange } from './member-row.ts'
import type { Phase } from './phase.ts'
import type { SpecRow } from './spec-row.ts'
import type { Accusation } from './suspicions.ts'

/**
 * The versions of this protocol that this program speaks. Raised with the first change after a release that an older
 * program would take for garbage; fields that may be left out are no such change, as unknown ones are kept. Nothing was
 * released yet.
 */
export const PROTOCOL: ProtocolRange = { min: 1, max: 1 }

/** No frame of the control lane is larger. */
export const CONTROL_FRAME_BYTES_MAX = 256 * 1024

/** No message is larger. Those that are larger than a frame come in pieces: a group of ten thousand members is. */
export const CONTROL_MESSAGE_BYTES_MAX = 16 * 1024 * 1024

/**
 * What may come of a message. Rows weigh less than half as much as they have bytes, also with the shortest names; no frame
 * weighs as much as this, whatever is in it. Messages of this version are 9 levels deep; fields of newer ones are passed on,
 * which must be possible. Errors, maps, sets, dates and the like are in none: failures are told as plain objects.
 */
export const MESSAGE_LIMITS: PayloadLimits = {
  freeBytes: 0,
  weightMax: CONTROL_MESSAGE_BYTES_MAX / 2,
  depthMax: 32,
  extensions: PLAIN,
}

/** The replicated tables. */
export const TABLES = ['members', 'specs', 'claims', 'phases'] as const
export type Table = (typeof TABLES)[number]

/** Rows of any of the tables, to be merged. */
export interface Rows {
  readonly members: readonly MemberRow[]
  readonly specs: readonly SpecRow[]
  readonly claims: readonly Claim[]
  readonly phases: readonly Phase[]
}

export type Roots = Readonly<Record<Table, string>>

/** How a node is, in its own words: soft, the last word counts, and nothing safe rests on it. */
export interface NodeStat {
  /** 0: well … 8: it is late itself. See `LocalHealth`. */
  readonly health: number
  /** Members that it cannot reach itself, `UNREACHABLE_MAX` at most. */
  readonly unreachable: readonly NodeId[]
}

/** What workers leave behind, on its way from one node to another. */
export type HandoffMessage =
  /** Placement wants the worker of your claim here: hand it over. Repeated until it is answered. */
  | { readonly kind: 'handoff-ask'; readonly slot: SlotId; readonly generation: number }
  /** Not now. */
  | { readonly kind: 'handoff-refuse'; readonly slot: SlotId; readonly generation: number }
  /** One of `count` parts of what the worker of that generation has left behind: the claim is free with the last one. */
  | {
      readonly kind: 'handoff-state'
      readonly slot: SlotId
      readonly generation: number
      readonly index: number
      readonly count: number
      readonly bytes: Uint8Array
    }

/** What comes to a member with which its sender has no session all the same, by way of others: see `node/relay.ts`. */
export type CarriedMessage =
  | HandoffMessage
  /** News, or what the other side is missing. With `ask`, the sender wants to hear when they have been taken in. */
  | { readonly kind: 'rows'; readonly rows: Rows; readonly ask?: number | undefined }

/** A spec that was removed so long ago that no row of it is left: what is of a declaration from then or before is void. */
export interface Removal {
  readonly spec: SpecId
  readonly at: Hlc
}

export type Message =
  | CarriedMessage
  /** From one member to another, by way of the receiver: so many nodes after it may pass it on to one that is not `to`. */
  | {
      readonly kind: 'relay'
      readonly from: NodeId
      readonly to: NodeId
      readonly hops: number
      readonly message: CarriedMessage
    }
  /** The first message of a session, both ways: who I am, how patient, and everybody I know. */
  | {
      readonly kind: 'hello'
      readonly protocol: ProtocolRange
      readonly run: Run
      readonly profile: string
      readonly rows: Rows
    }
  /** Are you there? */
  | { readonly kind: 'probe'; readonly n: number; readonly stat: NodeStat; readonly news: News }
  | { readonly kind: 'probe-ack'; readonly n: number; readonly stat: NodeStat; readonly news: News }
  /** Ask `target` for me whether it is there: I hear nothing of it. */
  | { readonly kind: 'probe-request'; readonly n: number; readonly target: NodeId }
  /** The answer to that: it has answered me, or it has not. */
  | {
      readonly kind: 'probe-report'
      readonly n: number
      readonly target: NodeId
      readonly isHeard: boolean
    }
  /** What I have found against others, at once. */
  | { readonly kind: 'accusations'; readonly accusations: readonly Accusation[] }
  /** The rows that were sent with `ask` have been taken in. */
  | { readonly kind: 'merged'; readonly ask: number }
  /** What I know, in a hash for each table. */
  | { readonly kind: 'digest'; readonly roots: Roots }
  /** The answer to a digest: the tables that do not differ. */
  | { readonly kind: 'agree'; readonly tables: readonly Table[] }
  /** The answer to rows that are not taken in. */
  | { readonly kind: 'forget'; readonly removals: readonly Removal[] }
  /** The answer to a digest that differs: one hash for each bucket of the table. */
  | { readonly kind: 'buckets'; readonly table: Table; readonly digests: readonly string[] }
  /** Send me your rows of these buckets. */
  | { readonly kind: 'want'; readonly table: Table; readonly buckets: readonly number[] }

/** A message that goes by way of others is passed on so often beyond the first time, before the last one has a session. */
export const RELAY_HOPS_MAX = 2

/** What a worker hands over to its successor on another node may be so large. */
export const HANDOFF_BYTES_MAX = 1024 * 1024

/** A part of that, beside which there is room in a frame; a node that means harm may send `HANDOFF_PARTS_MAX` of them, three times as much. */
export const HANDOFF_PART_BYTES_MAX = 192 * 1024

export const NO_ROWS: Rows = { members: [], specs: [], claims: [], phases: [] }

/** Whether two nodes have a version of the protocol in common. */
export function speakTogether(a: ProtocolRange, b: ProtocolRange): boolean {
  return a.min <= b.max && b.min <= a.max
}
