// pure
/** How rows of one spec, written by nodes that may not have known of each other, become one. */

import { type Hlc, compareHlc, momentAfter } from './hlc.ts'
import {
  declaredAt,
  editedAt,
  editedBy,
  editsOf,
  editsText,
  saySame,
  hasParts,
  joinEdits,
  laterOf,
  originOf,
  originalOf,
  replacedBy,
} from './part-edits.ts'
import type { RecordKind } from './record-store.ts'
import {
  type Overtaken,
  type SpecRow,
  type SpecWrite,
  hlcText,
  isSameContent,
  writtenAt,
} from './spec-row.ts'
import {
  BODY_FIELDS,
  EDITS_FIELDS,
  ROW_FIELDS,
  compareUnknown,
  unknownIn,
  withUnknownOf,
} from './unknown-fields.ts'

export const specRows: RecordKind<SpecRow> = {
  keyOf: row => row.id,
  join: joinSpecs,
  versionOf: row => {
    const { version, isUpheld, replaces, overtaken, edits } = row
    const upheld = isUpheld === true && replaces !== undefined ? ` = ${hlcText(replaces)}` : ''
    const lost = overtaken === undefined ? '' : ` > ${overtakenText(overtaken)}`
    // Who waits asks what was replaced last, so it is told as well.
    const last = isUpheld === true || replaces === undefined ? '' : ` < ${hlcText(replaces)}`
    const edited = edits === undefined ? '' : `${last} + ${textOf(row)}`
    return `${hlcText(version)}${upheld}${lost}${edited}`
  },
}

function overtakenText({ version, isRemoval, origin }: Overtaken): string {
  const goesOn = origin === undefined ? '' : ` = ${hlcText(origin)}`
  return `${hlcText(version)}${isRemoval ? ' removal' : ''}${goesOn}`
}

/**
 * What is written at `version`: a declaration or removal as a whole; of a group or chain that is changed, what was changed.
 * @param replaces the version that the writer knows, where there is one
 */
export function rowOf(
  { base, isDesired = false, ...change }: SpecWrite,
  version: Hlc,
  replaces: Hlc | undefined,
): SpecRow {
  const { id, body, desired } = change
  if (base === undefined || !hasParts(base.body) || !hasParts(body) || base.body.kind !== body.kind)
    return { ...change, version, replaces }
  const edited = editedBy(base, base.body, body, { version, desired, isDesired })
  return { ...unknownIn(base, ROW_FIELDS), id, version, replaces, ...edited }
}

/**
 * The later declaration, with all that was done to it on either side, and with the latest version that it has overtaken
 * unseen. The latest is enough: what was forgotten with a row that lost is older than that
 * row, and is unseen only where that row is. Not associative where a config comes between what is upheld and what it was, nor where
 * something else comes between two who have declared one config, nor for the last stage of a chain: two nodes that differ by that have different texts, and join once more. The version is that of the later row, also where the other one counts: nobody
 * who has heard of it waits for one that is older.
 */
function joinSpecs(a: SpecRow, b: SpecRow): SpecRow {
  const order = compareDeclarations(a, b)
  const joined = order === 0 ? joinOne(a, b) : order < 0 ? succeeded(a, b) : succeeded(b, a)
  if (joined === a || joined === b) return joined
  return isSameRow(joined, a) ? a : isSameRow(joined, b) ? b : joined
}

function isSameRow(one: SpecRow, other: SpecRow): boolean {
  if (compareHlc(one.version, other.version) !== 0) return false
  const isSame = specRows.versionOf(one) === specRows.versionOf(other) && compareSaid(one, other) === 0
  return isSame && saySame(one, other)
}

/** What was made once of each row: of one with many parts it is long, and each row is compared and counted several times. */
const texts = new WeakMap<SpecRow, string>()

function textOf(row: SpecRow): string {
  const known = texts.get(row)
  if (known !== undefined) return known
  const text = editsText(row, hlcText)
  texts.set(row, text)
  return text
}

/** Of two declarations the later one. */
function succeeded(earlier: SpecRow, later: SpecRow): SpecRow {
  const row = withOvertaken(later, latestIn(earlier))
  if (compareHlc(earlier.version, row.version) <= 0) return row
  return { ...row, version: earlier.version, edits: editsOf(later) }
}

/** Two rows of one declaration. What newer nodes say of it comes from the one that was changed last. */
function joinOne(a: SpecRow, b: SpecRow): SpecRow {
  const joined = joinKnown(a, b)
  const isSame = compareSaid(a, b) === 0
  const isFirst = isSame || (compareHlc(editedAt(a), editedAt(b)) || compareSaid(a, b)) >= 0
  const { body, edits } = isFirst ? a : b
  if (isSame && compareSaid(joined, a) === 0) return joined
  return {
    ...withUnknownOf(joined, isFirst ? a : b, ROW_FIELDS),
    body: joined.body && withUnknownOf(joined.body, body, BODY_FIELDS),
    ...(joined.edits && { edits: withUnknownOf(joined.edits, edits, EDITS_FIELDS) }),
  }
}

/** By what newer nodes say of the whole. */
function compareSaid(a: SpecRow, b: SpecRow): number {
  return (
    compareUnknown(a, b, ROW_FIELDS) ||
    compareUnknown(a.body, b.body, BODY_FIELDS) ||
    compareUnknown(a.edits, b.edits, EDITS_FIELDS)
  )
}

function joinKnown(a: SpecRow, b: SpecRow): SpecRow {
  const order = compareVersions(a, b)
  const [earlier, later] = order < 0 ? [a, b] : [b, a]
  if (a.edits === undefined && b.edits === undefined) return withOvertaken(later, earlier.overtaken)
  const row = {
    ...later,
    ...joinEdits(a, b),
    // Not that of the version, which may be of another declaration (`succeeded`), nor of either row as it comes.
    replaces: laterOf(a.replaces, b.replaces),
    content: a.content === b.content ? a.content : undefined,
    isUpheld: a.isUpheld === true && b.isUpheld === true ? true : undefined,
  }
  // What the two have replaced together may be later than what one of them has overtaken.
  const { overtaken, ...rest } = row
  return withOvertaken(withOvertaken(rest, overtaken), earlier.overtaken)
}

/** @param other what the row has overtaken as well, unless it was known to whoever declared it */
function withOvertaken(row: SpecRow, other: Overtaken | undefined): SpecRow {
  const { overtaken: known } = row
  const replaces = replacedBy(row)
  if (other === undefined) return row
  if (known !== undefined && compareOvertaken(known, other) >= 0) return row
  if (replaces !== undefined && compareHlc(replaces, other.version) >= 0) return row
  return { ...row, overtaken: other }
}

/**
 * < 0 when `a` is of an older declaration, 0 when both are of one, upheld or not, or of one config: what somebody does who
 * has not heard that it is upheld, or that others have declared it as well, is not lost. Of one moment, what was written then counts more than what is upheld; of that, what was written
 * last.
 */
export function compareDeclarations(a: SpecRow, b: SpecRow): number {
  if (compareHlc(originalOf(a), originalOf(b)) === 0 || isSameContent(a.edits ?? a, b.edits ?? b)) return 0
  return compareHlc(declaredAt(a), declaredAt(b)) || compareOrigins(originOf(a), originOf(b))
}

function compareOrigins(a: Hlc | undefined, b: Hlc | undefined): number {
  if (a === undefined || b === undefined) return Number(b !== undefined) - Number(a !== undefined)
  return compareHlc(a, b)
}

/** Of two rows that are upheld at one moment, one may not know the latest change yet. */
function compareVersions(a: SpecRow, b: SpecRow): number {
  return compareHlc(a.version, b.version) || compareOrigins(b.replaces, a.replaces)
}

/** What is overtaken with that row, and was not seen: the declaration, whoever has changed it since. */
function latestIn(row: SpecRow): Overtaken {
  const { body, overtaken } = row
  const own = { version: declaredAt(row), isRemoval: body === undefined, origin: originOf(row) }
  return overtaken !== undefined && compareOvertaken(overtaken, own) > 0 ? overtaken : own
}

/** As declarations are: of one moment there may be two, as what is upheld was written by nobody. */
function compareOvertaken(a: Overtaken, b: Overtaken): number {
  return compareHlc(a.version, b.version) || compareOrigins(a.origin, b.origin)
}

/** Whether two rows declare one id for two different things, and neither writer had seen the other's. */
export function areRivals(a: SpecRow, b: SpecRow): boolean {
  const order = compareDeclarations(a, b)
  const [earlier, later] = order < 0 ? [a, b] : [b, a]
  if (order === 0 || earlier.body === undefined || later.body === undefined) return false
  if (declaredAt(earlier).node === declaredAt(later).node) return false
  const replaces = replacedBy(later)
  // Who has seen what is upheld later, has seen it.
  return replaces === undefined || compareHlc(replaces, originalOf(earlier)) < 0
}

/** Whether whoever has declared the row knew of what it has overtaken, and not that this is upheld. */
export function hasSeenOvertaken(row: SpecRow): boolean {
  const [replaces, origin] = [replacedBy(row), row.overtaken?.origin]
  return replaces !== undefined && origin !== undefined && compareHlc(replaces, origin) >= 0
}

/** It says what a config does, and its writer has found nothing under the id. */
export function isConfigAnew({ content, replaces }: SpecRow): boolean {
  return content !== undefined && replaces === undefined
}

/**
 * A config changes nothing that users have done: where a node has declared its config while it knew of no other node, and
 * others come to know of that, what they know goes on, as if it had been declared right after. All who know the same write
 * the same; `replaces` is what was written, also where that is upheld for the second time.
 * @returns what is to be taken in in the place of `row`; undefined: `row` itself
 */
export function upheldBy(known: SpecRow, row: SpecRow): SpecRow | undefined {
  if (
    !isConfigAnew(row) ||
    known.content !== undefined ||
    compareHlc(declaredAt(known), declaredAt(row)) >= 0
  )
    return undefined
  // Taken back, or removed when it was something else: that says nothing against this.
  if (known.body === undefined && known.removedContent !== row.content) return undefined
  // Its version may be that of something that it has overtaken.
  const declared = momentAfter(declaredAt(row), declaredAt(known).node)
  const origin = originalOf(known)
  return {
    ...known,
    version: compareHlc(known.version, declared) > 0 ? known.version : declared,
    replaces: writtenAt(known),
    isUpheld: true,
    // What was overtaken by what was written, is older than that.
    overtaken: known.isUpheld === true ? known.overtaken : undefined,
    ...(known.edits && { edits: { ...known.edits, declared, origin, replaces: origin } }),
  }
}
