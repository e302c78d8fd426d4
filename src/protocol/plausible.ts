// pure
/**
 * Numbers that nodes count on from, as they may have been made up: whoever has taken in the largest one that the others take
 * can say no next one. So the largest one grows by itself, by a thousand a second, which no node counts as fast as: what
 * follows it counts at once, or as soon as the slowest clock has come so far. What is larger is left out, and ends no
 * session: it may have been taken in by whoever passes it on.
 */

import { unreachable } from '../assert.ts'
import type { Claim } from './claim.ts'
import type { MemberRow } from './member-row.ts'
import type { Message, Removal, Rows } from './messages.ts'
import type { Phase } from './phase.ts'
import type { SpecRow } from './spec-row.ts'

/**
 * Beyond all that anybody comes to: the numbers of generations come close to it (`fencing-token.ts`), all others not within
 * thousands of years, also where a clock is far ahead. Twice as much is the largest number that can be said exactly.
 */
const COUNTED_MAX = 2 ** 52

/** The largest number to count on from that is taken in now. @param wallMs the time here, milliseconds since 1970 */
export function countedMax(wallMs: number): number {
  return COUNTED_MAX + Math.max(0, wallMs)
}

/** Told of something that was left out: one line for people. */
export type OnLeftOut = (what: string) => void

/**
 * What is to be taken in of a message.
 * @returns `message` itself where that is all of it
 */
export function plausiblePart(message: Message, wallMs: number, onLeftOut: OnLeftOut): Message {
  switch (message.kind) {
    case 'rows': {
      const rows = plausibleRows(message.rows, wallMs, onLeftOut)
      return rows === message.rows ? message : { ...message, rows }
    }
    case 'hello': {
      const rows = plausibleRows(message.rows, wallMs, onLeftOut)
      return rows === message.rows ? message : { ...message, rows }
    }
    case 'relay': {
      if (message.message.kind !== 'rows') return message
      const rows = plausibleRows(message.message.rows, wallMs, onLeftOut)
      return rows === message.message.rows ? message : { ...message, message: { ...message.message, rows } }
    }
    case 'probe':
    case 'probe-ack': {
      const members = only(message.news.members, countedMax(wallMs), memberFlaw, onLeftOut)
      return members === message.news.members ? message : { ...message, news: { ...message.news, members } }
    }
    case 'forget': {
      const removals = only(message.removals, countedMax(wallMs), removalFlaw, onLeftOut)
      return removals === message.removals ? message : { ...message, removals }
    }
    // What they name is compared with what is known, and nothing follows from it otherwise.
    case 'accusations':
    case 'probe-request':
    case 'probe-report':
    case 'handoff-ask':
    case 'handoff-refuse':
    case 'handoff-state':
    case 'merged':
    case 'digest':
    case 'agree':
    case 'buckets':
    case 'want':
      return message
    default:
      return unreachable(message)
  }
}

/** The same of rows. */
export function plausibleRows(rows: Rows, wallMs: number, onLeftOut: OnLeftOut): Rows {
  const max = countedMax(wallMs)
  const members = only(rows.members, max, memberFlaw, onLeftOut)
  const specs = only(rows.specs, max, specFlaw, onLeftOut)
  const claims = only(rows.claims, max, claimFlaw, onLeftOut)
  const phases = only(rows.phases, max, phaseFlaw, onLeftOut)
  const isAll =
    members === rows.members && specs === rows.specs && claims === rows.claims && phases === rows.phases
  return isAll ? rows : { members, specs, claims, phases }
}

/** What is too large in a row, if something is. */
type FindFlaw<Row> = (row: Row, max: number) => string | undefined

/** @returns `rows` itself where nothing is left out */
function only<Row>(
  rows: readonly Row[],
  max: number,
  findFlaw: FindFlaw<Row>,
  onLeftOut: OnLeftOut,
): readonly Row[] {
  if (rows.every(row => findFlaw(row, max) === undefined)) return rows
  return rows.filter(row => {
    const flaw = findFlaw(row, max)
    if (flaw !== undefined) onLeftOut(flaw)
    return flaw === undefined
  })
}

function memberFlaw({ id, boot, seq }: MemberRow, max: number): string | undefined {
  if (boot > max) return `member ${id}: boot ${boot}`
  return seq > max ? `member ${id}: seq ${seq}` : undefined
}

/** Whatever was changed, was changed no later: see `specRow`. */
function specFlaw({ id, version }: SpecRow, max: number): string | undefined {
  return version.ms > max ? `spec ${id}: version of ${version.ms} ms` : undefined
}

function removalFlaw({ spec, at }: Removal, max: number): string | undefined {
  return at.ms > max ? `spec ${spec}: removal at ${at.ms} ms` : undefined
}

function claimFlaw({ slot, generation, seq }: Claim, max: number): string | undefined {
  if (generation > max) return `claim of ${slot}: generation ${generation}`
  return seq > max ? `claim of ${slot}: seq ${seq}` : undefined
}

/** A worker that was placed later than in the generation itself would have a token that no later one has. */
function phaseFlaw({ spec, generation: { number }, layout }: Phase, max: number): string | undefined {
  if (number > max) return `phase of ${spec}: generation ${number}`
  const later = layout.find(({ since }) => since.number > number)
  return later === undefined
    ? undefined
    : `phase of ${spec}: ${later.slot} since generation ${later.since.number}`
}
