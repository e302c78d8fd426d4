// pure
/**
 * Changes of the members of a group, or the stages of a chain, that are made one by one, from any node. Each part says when
 * it was changed last, and of those that were removed it is kept when: so two rows of one declaration are joined part by
 * part, the later change of each counts, and no change of another part is lost to it, whoever has seen what.
 */

import { byCodeUnits } from '../text-order.ts'
import { type Hlc, compareHlc } from './hlc.ts'
import { placeAt, placeBetween, placeOfOne } from './place.ts'
import {
  type Edits,
  type FateBody,
  type MemberBody,
  type RemovedPart,
  type SpecBody,
  type SpecRow,
  type StageBody,
  emissionOf,
} from './spec-row.ts'
import { type Fields, PART_FIELDS, REMOVED_FIELDS, compareUnknown } from './unknown-fields.ts'

type Part = MemberBody | StageBody

/** So many removed parts are listed one by one. */
export const REMOVED_MAX = 1024

/** What of a row tells what became of its declaration. */
export type Edited = Pick<SpecRow, 'body' | 'desired' | 'edits'>

/** When it was declared. */
export function declaredAt({ edits, version }: SpecRow): Hlc {
  return edits?.declared ?? version
}

/** Of what is upheld: when that was declared. */
export function originOf({ edits, isUpheld, replaces }: SpecRow): Hlc | undefined {
  return edits === undefined ? (isUpheld === true ? replaces : undefined) : edits.origin
}

/** Which declaration it is of: what is upheld goes on with that. */
export function originalOf(row: SpecRow): Hlc {
  return originOf(row) ?? declaredAt(row)
}

/** The version that it was declared in the place of: whoever has written a later one, was not seen by its writer. */
export function replacedBy({ edits, replaces }: SpecRow): Hlc | undefined {
  return edits === undefined ? replaces : edits.replaces
}

/** What of the row is there, where nothing was changed yet. */
export function editsOf(row: SpecRow): Edits {
  const [declared, origin, replaces] = [declaredAt(row), originOf(row), replacedBy(row)]
  const { content, configContent } = row
  return row.edits ?? { declared, origin, replaces, content, configContent, removed: [] }
}

/**
 * What somebody writes who changes `base` at `version`.
 * @param after the body as it is to be: what is changed in it, is another object than in that of `base`
 */
export function editedBy(base: SpecRow, before: FateBody, after: FateBody, wish: Wish): Edited {
  const { version, desired, isDesired } = wish
  const edits = editsOf(base)
  const known = new Map(placed(before).map(part => [part.id, part]))
  const removed = new Set(edits.removed.map(({ id }) => id))
  // Who changes something, keeps a stage that is only there as it is the last one: see `joinedParts`.
  const kept = new Set([...known.keys()].filter(id => removed.has(id)))
  const parts = stamped({ known, kept }, after, version)
  const left = new Set(parts.map(({ id }) => id))
  const gone = [...known.keys()].filter(id => !left.has(id)).map(id => ({ id, at: version }))
  const isRenewed = after.revision !== before.revision
  return {
    body: withParts(after, parts),
    desired,
    edits: {
      ...edits,
      desired: isDesired ? version : edits.desired,
      renewed: isRenewed ? version : edits.renewed,
      ...listed([...gone, ...edits.removed.filter(({ id }) => !left.has(id))], edits.forgotten),
    },
  }
}

export interface Wish {
  readonly version: Hlc
  readonly desired: SpecRow['desired']
  /** Whether it is to run was asked for as well. */
  readonly isDesired: boolean
}

/** What became of one declaration, as two rows of it tell. */
export function joinEdits(a: SpecRow, b: SpecRow): Edited {
  const { body } = a
  if (a.edits === undefined && b.edits === undefined) return a
  const [one, other] = [editsOf(a), editsOf(b)]
  const isLater = isAfter(other.renewed, one.renewed)
  const desired = isAfter(other.desired, one.desired) ? b.desired : a.desired
  const later = isAfter(other.declared, one.declared) ? other : one
  const { declared, origin, replaces, content, configContent } = later
  const edits: Edits = {
    declared,
    origin,
    replaces,
    content,
    configContent,
    desired: laterOf(one.desired, other.desired),
    renewed: isLater ? other.renewed : one.renewed,
    removed: [],
  }
  const forgotten = laterOf(one.forgotten, other.forgotten)
  if (!hasParts(body) || !hasParts(b.body) || body.kind !== b.body.kind)
    return { body, desired, edits: { ...edits, ...listed([], forgotten) } }
  const header = isLater ? b.body : body
  const { parts, removed } = joinedParts([body, one], [b.body, other])
  return {
    body: withParts(header, parts.toSorted(compareParts).map(renewedIn(header, edits.renewed))),
    desired,
    edits: { ...edits, ...listed(removed, forgotten) },
  }
}

/** When something was done to the declaration last, as far as the row tells: of two that are joined, the later moment. */
export function editedAt({ version, edits, body }: SpecRow): Hlc {
  if (edits === undefined) return version
  const { declared, desired, renewed, removed, forgotten } = edits
  const parts = hasParts(body) ? partsOf(body) : []
  const moments = [desired, renewed, forgotten, ...[...parts, ...removed].map(({ at }) => at)]
  return moments.reduce<Hlc>((last, at) => laterOf(last, at) ?? last, declared)
}

/** A text that is equal where the same was done at the same moments. @param text of a moment */
export function editsText({ edits, body }: SpecRow, text: (moment: Hlc) => string): string {
  if (edits === undefined) return ''
  const { declared, origin, desired, renewed, removed, forgotten } = edits
  const moments = [declared, origin, desired, renewed, forgotten].map(at =>
    at === undefined ? '-' : text(at),
  )
  const parts: readonly Pick<Part, 'id' | 'at'>[] = hasParts(body) ? partsOf(body) : []
  const changed = [...parts, ...removed].flatMap(({ id, at }) =>
    at === undefined ? [] : `${id}@${text(at)}`,
  )
  // It may be there although it was removed.
  const only = body?.kind === 'chain' && body.stages.length === 1 ? body.stages.map(({ id }) => `=${id}`) : []
  return [...moments, ...changed, ...only].join()
}

/** Whether two rows that tell of the same parts tell the same of each beside what this version knows. */
export function saySame(a: SpecRow, b: SpecRow): boolean {
  const same = (ours: readonly Named[], theirs: readonly Named[], fields: Fields): boolean =>
    ours.every((one, index) => {
      const other = theirs[index]
      return one.id !== other?.id || compareUnknown(one, other, fields) === 0
    })
  const [parts, others] = [a.body, b.body].map(body => (hasParts(body) ? partsOf(body) : []))
  if (!same(parts ?? [], others ?? [], PART_FIELDS)) return false
  return same(a.edits?.removed ?? [], b.edits?.removed ?? [], REMOVED_FIELDS)
}

interface Named {
  readonly id: string
}

export function hasParts(body: SpecBody | undefined): body is FateBody {
  return body !== undefined && body.kind !== 'worker'
}

/** The members or stages, in the order in which they are listed. */
export function partsOf(body: FateBody): readonly Part[] {
  return body.kind === 'group' ? body.members : body.stages
}

/** The same body with other parts, which are of its kind. */
function withParts(body: FateBody, parts: readonly Part[]): FateBody {
  if (body.kind === 'group') return { ...body, members: parts.filter(part => 'isSignificant' in part) }
  const stages = parts.filter(part => 'route' in part)
  return { ...body, stages, emission: emissionOf(stages) }
}

/** The parts, each with its place. */
function placed(body: FateBody): readonly Part[] {
  return partsOf(body).map((part, index) =>
    part.place === undefined ? { ...part, place: placeAt(index) } : part,
  )
}

interface Before {
  readonly known: ReadonlyMap<string, Part>
  /** Of those, which were removed. */
  readonly kept: ReadonlySet<string>
}

/** Of what was changed, when, and of what is new, where it is. */
function stamped({ known, kept }: Before, after: FateBody, version: Hlc): readonly Part[] {
  const places = placesIn(known, after)
  return partsOf(after).map((part, index) => {
    const before = known.get(part.id)
    const place = places[index]
    const isChanged = before === undefined || kept.has(part.id) || !isSame(before, part, after.revision)
    const at = isChanged ? version : before.at
    return part.at === at && part.place === place ? part : { ...part, at, place }
  })
}

/** Where each part of `after` is that somebody makes of `before`: as long as there is room, `PLACE_DIGITS_MAX` digits. */
export function placesOf(before: FateBody, after: FateBody): readonly string[] {
  return placesIn(new Map(placed(before).map(part => [part.id, part])), after)
}

function placesIn(known: ReadonlyMap<string, Part>, after: FateBody): readonly string[] {
  /** Where each stays; undefined: it is new, also where there was one of its id. */
  const kept = partsOf(after).map(({ id, child }) => {
    const before = known.get(id)
    return before?.child === child ? before.place : undefined
  })
  /** Of each: the place of the first one behind it that stays. */
  const next: (string | undefined)[] = []
  for (let index = kept.length - 1; index >= 0; index--) next[index] = kept[index + 1] ?? next[index + 1]
  let last: string | undefined
  return partsOf(after).map(({ revision }, index) => {
    last = kept[index] ?? placeOfOne(placeBetween(last, next[index]), revision)
    return last
  })
}

/** Whether nobody has changed the part by itself: where the whole is started anew, its revision is that of the whole. */
function isSame(before: Part, now: Part, renewed: number): boolean {
  const isOne = before.child === now.child && before.isStopped === now.isStopped
  return isOne && (before.revision === now.revision || now.revision === renewed)
}

type Side = readonly [body: FateBody, edits: Edits]

/**
 * Of each part what was done last, as far as it is there then. A chain is never without stages: where several have each
 * removed what the others left, the stage that was removed last is there, and is among those that were removed.
 */
function joinedParts(one: Side, other: Side): { parts: readonly Part[]; removed: readonly RemovedPart[] } {
  const [mine, theirs] = [placed(one[0]), placed(other[0])]
  const known = new Map(mine.map(part => [part.id, part]))
  const common = new Map(theirs.filter(({ id }) => known.has(id)).map(part => [part.id, part]))
  const gone = new Map<string, RemovedPart>()
  for (const each of [...one[1].removed, ...other[1].removed])
    if (overrules(each, gone.get(each.id), REMOVED_FIELDS)) gone.set(each.id, each)
  const isLeft = ({ id, at }: Part, forgotten: Hlc | undefined): boolean => {
    const last = laterOf(gone.get(id)?.at, common.has(id) ? undefined : forgotten)
    return last === undefined || isAfter(at, last)
  }
  const latest = mine.map(part => {
    const twin = common.get(part.id)
    return twin !== undefined && overrules(twin, part, PART_FIELDS) ? twin : part
  })
  const others = theirs.filter(({ id }) => !known.has(id))
  const parts = [
    ...latest.filter(part => isLeft(part, other[1].forgotten)),
    ...others.filter(part => isLeft(part, one[1].forgotten)),
  ]
  const left = new Set(parts.map(({ id }) => id))
  const removed = [...gone.values()].filter(({ id }) => !left.has(id))
  if (parts.length > 0 || one[0].kind === 'group') return { parts, removed }
  const goneLast = [...latest, ...others].toSorted(
    (a, b) => compareMoments(gone.get(b.id)?.at, gone.get(a.id)?.at) || byCodeUnits(a.id, b.id),
  )
  return { parts: goneLast.slice(0, 1), removed }
}

interface Dated {
  readonly at?: Hlc | undefined
}

/** What was done at one moment is one thing, but for what newer nodes say of it. */
function overrules(one: Dated, other: Dated | undefined, fields: Fields): boolean {
  return (compareMoments(one.at, other?.at) || compareUnknown(one, other, fields)) > 0
}

/** What was not changed since the whole was started anew, was started with it. */
function renewedIn({ revision }: FateBody, renewed: Hlc | undefined): (part: Part) => Part {
  return part =>
    renewed === undefined || part.revision === revision || compareMoments(part.at, renewed) >= 0
      ? part
      : { ...part, revision }
}

/** Not by what changes with the parts: the order stays as it is, whatever is done to one of them. */
function compareParts(a: Part, b: Part): number {
  const [one = '', other = ''] = [a.place, b.place]
  return byCodeUnits(one, other) || byCodeUnits(a.id, b.id)
}

/** The latest of the removed parts, each once, and when the latest of the others was removed. */
function listed(
  removed: readonly RemovedPart[],
  forgotten: Hlc | undefined,
): Pick<Edits, 'removed' | 'forgotten'> {
  const latest = new Map<string, RemovedPart>()
  for (const each of removed) if (isAfter(each.at, latest.get(each.id)?.at)) latest.set(each.id, each)
  const sorted = [...latest.values()].toSorted((a, b) => compareHlc(b.at, a.at) || byCodeUnits(a.id, b.id))
  return { removed: sorted.slice(0, REMOVED_MAX), forgotten: laterOf(forgotten, sorted[REMOVED_MAX]?.at) }
}

// Of moments of which one may never have been: that is before all others.

function compareMoments(a: Hlc | undefined, b: Hlc | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  return compareHlc(a, b)
}

function isAfter(a: Hlc | undefined, b: Hlc | undefined): boolean {
  return compareMoments(a, b) > 0
}

export function laterOf(a: Hlc | undefined, b: Hlc | undefined): Hlc | undefined {
  return isAfter(b, a) ? b : a
}
