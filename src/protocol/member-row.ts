// pure
/** What a node says about itself, and what others may say about it: that it is suspect or dead. */

import type { NodeId, Run, SlotId } from '../ids.ts'
import type { RecordKind } from './record-store.ts'

/** In the order in which one overrules another of the same sequence number. `left` is final for its run. */
export const MEMBER_STATUSES = ['joining', 'alive', 'suspect', 'leaving', 'dead', 'left'] as const

export type MemberStatus = (typeof MEMBER_STATUSES)[number]

/** A `client` uses the mesh and is never given work. */
export type MemberRole = 'member' | 'client'

/** A node declines no more slots at once: its row is told to everybody, and a node that fails at more is ill altogether. */
export const DECLINES_MAX = 64

/** A node names no more addresses of its own: a machine with more interfaces is reached by the first of them. */
export const ADDRESSES_MAX = 64

/** A row names no more behaviours, those among them twice that can run in a thread or process as well. */
export const BEHAVIOURS_MAX = 4_096

/**
 * Of labels, and fields of newer nodes, a row has no more: it rides on probes, and everybody keeps it. A node may give
 * itself 32 labels of 400 characters, which are 38 KiB at most.
 */
export const MORE_BYTES_MAX = 64 * 1024

/** The versions of the protocol that a node speaks. */
export interface ProtocolRange {
  readonly min: number
  readonly max: number
}

export interface MemberRow extends Run {
  readonly id: NodeId
  /** Raised by the node itself, and by nobody else. */
  readonly seq: number
  readonly status: MemberStatus
  /** For people: logs, dashboards. Need not be unique. */
  readonly name: string
  /** At most `ADDRESSES_MAX`. */
  readonly addresses: readonly string[]
  readonly role: MemberRole
  /** 1 … 16 */
  readonly weight: number
  /** With what newer nodes say beside all this, at most `MORE_BYTES_MAX`. */
  readonly labels: Readonly<Record<string, string>>
  /** `name@version` of every behaviour that the node can run, sorted: at most `BEHAVIOURS_MAX`. */
  readonly behaviours: readonly string[]
  readonly protocol: ProtocolRange
  /** The newest rules of placement that it knows. @default 1 */
  readonly placementVersion?: number | undefined
  /** An operator empties it: it stays a member, takes no work, and gives away what it has. @default false */
  readonly isDraining?: boolean | undefined
  /**
   * Slots that it does not take for now, sorted: it could not start them. It takes each back by itself, after a while.
   * At most `DECLINES_MAX`. @default none
   */
  readonly declines?: readonly SlotId[] | undefined
  /** Where the status is `joining`: it dials somebody who may be of a mesh of which it knows nothing yet. @default false */
  readonly isLooking?: boolean | undefined
  /** Where the status is `dead` or `left`: when whoever said so did, by its clock. For forgetting, not for merging. */
  readonly endedMs?: number | undefined
}

/** What a node says anew of itself: how far it has joined or left, whether it is emptied, what it declines, where it listens. */
export type SelfChange = Partial<
  Pick<MemberRow, 'status' | 'isLooking' | 'isDraining' | 'declines' | 'addresses'>
>

/**
 * A larger boot wins; `left` is final for its boot; then a larger sequence number, which only the node itself
 * raises, so that it can refute its own death; then the graver status.
 */
export const memberRows: RecordKind<MemberRow> = {
  keyOf: row => row.id,
  join: (a, b) => (compareMembers(a, b) >= 0 ? a : b),
  versionOf: row => `${row.boot}.${row.seq}.${row.status}`,
  // Who is gone is forgotten after a while, by each node by itself: that must not make them differ.
  isCounted: row => !isOver(row),
}

/** < 0 when `a` is the older statement about the same node. */
export function compareMembers(a: MemberRow, b: MemberRow): number {
  return (
    a.boot - b.boot ||
    Number(a.status === 'left') - Number(b.status === 'left') ||
    a.seq - b.seq ||
    MEMBER_STATUSES.indexOf(a.status) - MEMBER_STATUSES.indexOf(b.status)
  )
}

/** Whether the row ends something: no news will follow but that it is back. */
export function isOver(row: MemberRow): boolean {
  return row.status === 'dead' || row.status === 'left'
}

/** Whether the node goes, or has gone, as it was asked to. */
export function isLeaving({ status }: MemberRow): boolean {
  return status === 'leaving' || status === 'left'
}

/** Whether the node takes no work, and gives away what it has: it leaves, or an operator empties it. */
export function givesAway(row: MemberRow): boolean {
  return row.status === 'leaving' || row.isDraining === true
}

/** Whether the node takes part: it may be suspect, but nobody has declared it dead. */
export function isPresent(row: MemberRow): boolean {
  return row.status === 'alive' || row.status === 'suspect' || row.status === 'leaving'
}

/**
 * Whether `row` says nothing new of a member but that it is suspect, or is not any more. What else a node says anew of
 * itself may come with that: who has drained, declined something or left, refutes a suspicion by the same row.
 */
export function isDoubt(row: MemberRow, before: MemberRow): boolean {
  const isOfStatus = row.status !== before.status && isAliveOrSuspect(row) && isAliveOrSuspect(before)
  return (
    isOfStatus &&
    row.boot === before.boot &&
    (row.isDraining ?? false) === (before.isDraining ?? false) &&
    isSameList(row.declines ?? [], before.declines ?? []) &&
    isSameList(row.addresses, before.addresses)
  )
}

function isAliveOrSuspect({ status }: MemberRow): boolean {
  return status === 'alive' || status === 'suspect'
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index])
}
