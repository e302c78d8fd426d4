// pure
/** What has become of a change of a spec when other changes of it have come since: the latest one counts. */

import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import type { SpecBody, SpecChange, SpecRow } from '../protocol/spec-row.ts'
import { contentOf } from './specs/spec-content.ts'

/**
 * Whether something else is declared under the id than what was declared as `version`: whoever waits for that, or gives it
 * something, does so no more. Not where it was removed.
 */
export function isReplaced(row: SpecRow | undefined, declared: SpecBody, version: Hlc | undefined): boolean {
  if (row?.body === undefined || isSame(row.body, declared)) return false
  return !isRestarted(row, declared, version)
}

/** Whether a user has removed what says just that. */
export function isRemovalOf(change: SpecChange | undefined, content: number): boolean {
  return change !== undefined && change.body === undefined && change.removedContent === content
}

/** Whether `now` is what was declared as `declared`: members and stages may have come and gone since. */
function isSame(now: SpecBody, declared: SpecBody): boolean {
  return now === declared || (now.kind === declared.kind && hasRevisionOf(now, declared))
}

/** Whether the spec says the same as what was declared, and whoever has written it knew of that: it was restarted since. */
function isRestarted(row: SpecRow, declared: SpecBody, version: Hlc | undefined): boolean {
  const { body, replaces } = row
  const isKnown = version === undefined || (replaces !== undefined && compareHlc(replaces, version) >= 0)
  return body !== undefined && isKnown && contentOf(body) === contentOf(declared)
}

function hasRevisionOf(one: SpecBody, other: SpecBody): boolean {
  const revision = revisionOf(one)
  return revision !== undefined && revision === revisionOf(other)
}

function revisionOf(body: SpecBody | undefined): number | undefined {
  return body === undefined || body.kind === 'worker' ? undefined : body.revision
}
