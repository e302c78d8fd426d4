// pure
/** What has become of a change of a spec when other changes of it have come since: the latest one counts. */

import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import type { SpecBody, SpecChange, SpecRow } from '../protocol/spec-row.ts'
import { renew } from './specs/edits.ts'
import { contentOf } from './specs/spec-content.ts'

/** So often a change is made again that was lost to one that crossed it; then somebody does not want it. */
export const REPEATS_MAX = 3

/** What a spec was when a change of it was asked for. */
export type Before = Pick<SpecChange, 'body' | 'desired'>

/**
 * Whether the change is gone, and nobody has asked for something else: a change of a part of the spec has crossed it. Of
 * a worker all is asked for as a whole, so that nothing is lost.
 */
export function isLost(change: SpecChange, before: Before, { body, desired }: SpecRow): boolean {
  if (body === undefined || revisionOf(body) === undefined) return false
  if (revisionOf(body) !== revisionOf(before.body)) return false
  if (change.body === undefined) return true
  const isIn = revisionOf(change.body) === revisionOf(body) && desired === change.desired
  return !isIn && desired === before.desired
}

/** Whether `now` is what was declared as `declared`: members and stages may have come and gone since. */
export function isSame(now: SpecBody, declared: SpecBody): boolean {
  return now === declared || (now.kind === declared.kind && hasRevisionOf(now, declared))
}

/** Whether the spec says the same as what was declared, and whoever has written it knew of that: it was restarted since. */
export function isRestarted(row: SpecRow, declared: SpecBody, version: Hlc | undefined): boolean {
  const { body, replaces } = row
  const isKnown = version === undefined || (replaces !== undefined && compareHlc(replaces, version) >= 0)
  return body !== undefined && isKnown && contentOf(body) === contentOf(declared)
}

/** `body`, started anew as `wanted` was to be. */
export function renewAs(body: SpecBody, wanted: SpecBody): SpecBody {
  const revision = revisionOf(wanted)
  return revision === undefined || revision === revisionOf(body) ? body : renew(body, revision)
}

function hasRevisionOf(one: SpecBody, other: SpecBody): boolean {
  const revision = revisionOf(one)
  return revision !== undefined && revision === revisionOf(other)
}

function revisionOf(body: SpecBody | undefined): number | undefined {
  return body === undefined || body.kind === 'worker' ? undefined : body.revision
}
