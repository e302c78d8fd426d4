/** What newer nodes say in a row, and this one knows nothing of, is passed on: by who changes it, and by joins, in any order. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { encodeUnbounded } from '../../src/payload.ts'
import { renew, restartPart, stopPart, withMember, withoutPart } from '../../src/node/specs/edits.ts'
import type { Hlc } from '../../src/protocol/hlc.ts'
import { type Phase, phases, withNews } from '../../src/protocol/phase.ts'
import { rowOf, specRows } from '../../src/protocol/spec-join.ts'
import type { GroupBody, MemberBody, SpecRow } from '../../src/protocol/spec-row.ts'
import {
  BODY_FIELDS,
  EDITS_FIELDS,
  PART_FIELDS,
  PHASE_FIELDS,
  REMOVED_FIELDS,
  ROW_FIELDS,
  unknownIn,
} from '../../src/protocol/unknown-fields.ts'
import { CHILD } from './child.ts'

const ID = specId('g')
const NEW = { hue: 'green' }
const PARTS = ['p', 'q', 'r', 's']

/** As a newer node has written it. */
const marked = <T extends object>(value: T): T => ({ ...value, ...NEW })
const part = (id: string): MemberBody => ({
  id,
  child: CHILD,
  revision: 1,
  isStopped: false,
  isSignificant: false,
})
const at = (ms: number, node: string): Hlc => ({ ms, count: 0, node: nodeId(node) })

/** A group that a newer node has declared, and has changed since: so there is something new at each place. */
function declared(): SpecRow {
  const body: GroupBody = marked({
    kind: 'group',
    strategy: 'one_for_one',
    intensity: { restarts: 1, withinMs: 1 },
    autoShutdown: 'never',
    revision: 1,
    spread: true,
    members: [...PARTS, 'gone'].map(id => marked(part(id))),
  })
  const first = { id: ID, version: at(1, 'a'), body, desired: 'running' } as const
  const removed = withoutPart(body, 'gone')
  const row = rowOf({ id: ID, body: removed, desired: 'running', base: first }, at(2, 'a'), first.version)
  const { edits } = row
  if (edits === undefined) throw new Error('nothing was changed')
  return marked({ ...row, edits: marked({ ...edits, removed: edits.removed.map(marked) }) })
}

/** What nodes that know nothing of it do, one after the other where they have heard of each other, else at once. */
const acts = fc.array(
  fc.record({
    by: fc.constantFrom(0, 1, 2),
    what: fc.constantFrom('restart', 'stop', 'add', 'remove', 'renew'),
    part: fc.constantFrom(...PARTS),
    heard: fc.subarray([0, 1, 2]),
  }),
  { minLength: 1, maxLength: 12 },
)

function edited(
  body: GroupBody,
  { what, part: id }: { readonly what: string; readonly part: string },
  revision: number,
) {
  switch (what) {
    case 'restart':
      return restartPart(body, id, revision)
    case 'stop':
      return stopPart(body, id)
    case 'add':
      return withMember(withoutPart(body, `${revision}`), { ...part(`${revision}`), revision })
    case 'remove':
      return withoutPart(body, id)
    default:
      return renew(body, revision)
  }
}

test('of a spec: in the row, its body, its parts and what was changed, whoever changes it', () => {
  fc.assert(
    fc.property(acts, script => {
      const rows = Array.from({ length: 3 }, declared)
      const written: SpecRow[] = []
      for (const [index, act] of script.entries()) {
        const base = rows[act.by]
        if (base?.body?.kind !== 'group') throw new Error('no group')
        const body = edited(base.body, act, index + 2)
        const change = { id: ID, body, desired: base.desired, base }
        const row = rowOf(change, at(index + 3, 'abc'.charAt(act.by)), base.version)
        written.push(row)
        rows[act.by] = specRows.join(base, row)
        for (const other of act.heard) rows[other] = specRows.join(rows[other] ?? row, rows[act.by] ?? row)
      }
      const [first = declared(), ...others] = rows
      const last = others.reduce((a, b) => specRows.join(a, b), first)
      for (const row of [...rows, ...written, last]) {
        expect(row).toMatchObject({ ...NEW, body: NEW, edits: NEW })
        const members = row.body?.kind === 'group' ? row.body.members : []
        for (const each of members.filter(({ id }) => PARTS.includes(id))) expect(each).toMatchObject(NEW)
        expect(row.edits?.removed.find(({ id }) => id === 'gone')).toMatchObject(NEW)
      }
    }),
    { numRuns: 300 },
  )
})

test('of a spec: of two that were changed at once, as a whole from the one that was changed last', () => {
  const base = declared()
  const { body } = base
  if (body?.kind !== 'group') throw new Error('no group')
  const change = (id: string, version: Hlc): SpecRow =>
    rowOf({ id: ID, body: stopPart(body, id), desired: 'running', base }, version, base.version)
  const more = { depth: 1 }
  const [one, other] = [change('p', at(3, 'b')), change('q', at(3, 'c'))]
  const later = { ...other, ...more, edits: other.edits && { ...other.edits, ...more } }
  for (const row of [specRows.join(one, later), specRows.join(later, one)])
    expect(row).toMatchObject({ ...NEW, ...more, edits: { ...NEW, ...more } })
  const earlier = { ...one, ...more, edits: one.edits && { ...one.edits, ...more } }
  for (const row of [specRows.join(earlier, other), specRows.join(other, earlier)]) {
    expect(row).toMatchObject({ ...NEW, edits: NEW })
    expect([row, row.edits].some(each => Object.hasOwn(each ?? {}, 'depth'))).toBe(false)
  }
})

test('of a spec: what many have said once is not gathered', () => {
  const base = declared()
  const { body } = base
  if (body?.kind !== 'group') throw new Error('no group')
  let row = base
  for (let index = 0; index < 100; index++) {
    const version = at(index + 3, 'b')
    const written = rowOf(
      { id: ID, body: stopPart(body, 'p'), desired: 'running', base },
      version,
      base.version,
    )
    row = specRows.join(row, { ...written, [`more-${index}`]: 'x'.repeat(1_000) })
  }
  expect(encodeUnbounded(row).length).toBeLessThan(5_000)
})

/** What newer nodes say: of each text another field, so that a mixture is known for one. */
const words = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined })

function saying<T extends object>(value: T, word: string | undefined): T {
  return word === undefined ? value : { ...value, [word]: word }
}

/** What a row says beside what this version knows, and all that is compared of the rest. */
function saidIn(row: SpecRow): unknown {
  const { body, edits } = row
  const own = ({ id, ...rest }: object & { readonly id: string }, known: Readonly<Record<string, true>>) => [
    id,
    unknownIn(rest, known),
  ]
  return {
    version: specRows.versionOf(row),
    row: unknownIn(row, ROW_FIELDS),
    body: unknownIn(body, BODY_FIELDS),
    edits: unknownIn(edits, EDITS_FIELDS),
    parts: body?.kind === 'group' ? body.members.map(each => own(each, PART_FIELDS)) : [],
    removed: edits?.removed.map(each => own(each, REMOVED_FIELDS)),
  }
}

/** Each law of joins, of any three of these rows. */
function expectLaws<Row>(
  join: (a: Row, b: Row) => Row,
  said: (row: Row) => unknown,
  rows: readonly Row[],
): void {
  const [a, b, c] = rows
  if (a === undefined || b === undefined || c === undefined) throw new Error('three rows')
  expect(said(join(a, b))).toEqual(said(join(b, a)))
  expect(said(join(join(a, b), c))).toEqual(said(join(a, join(b, c))))
  expect(join(a, a)).toBe(a)
  const both = join(a, b)
  for (const row of [a, b, both]) expect(join(both, row)).toBe(both)
}

test('of a spec: in whatever order rows are joined, they end with the same', () => {
  const script = fc.tuple(
    acts,
    fc.array(words, { minLength: 60, maxLength: 60 }),
    fc.tuple(fc.nat(), fc.nat(), fc.nat()),
  )
  fc.assert(
    fc.property(script, ([made, spoken, picked]) => {
      const word = (index: number): string | undefined => spoken[index % spoken.length]
      const rows = Array.from({ length: 3 }, declared)
      const all = [...rows]
      // Two who are broken say different things of one moment.
      all.push(saying(declared(), word(0)))
      for (const [index, act] of made.entries()) {
        const base = rows[act.by]
        if (base?.body?.kind !== 'group') throw new Error('no group')
        const body = edited(base.body, act, index + 2)
        const row = rowOf(
          { id: ID, body, desired: base.desired, base },
          at(index + 3, 'abc'.charAt(act.by)),
          base.version,
        )
        const own = row.body?.kind === 'group' ? row.body : base.body
        const members = own.members.map((each, nth) => saying(each, word(index * 5 + nth)))
        const { edits } = row
        const removed = edits?.removed.map(each => saying(each, word(index + 9))) ?? []
        const said = {
          ...saying(row, word(index)),
          body: { ...saying(own, word(index + 7)), members },
          edits: edits && { ...saying(edits, word(index + 8)), removed },
        }
        all.push(said, saying(said, word(index + 5)))
        const merged = specRows.join(base, said)
        rows[act.by] = merged
        for (const other of act.heard) rows[other] = specRows.join(rows[other] ?? said, merged)
        all.push(merged)
        // It has overtaken what was declared before it, and was changed after it.
        const lost = { declared: at(0, 'c'), removed: [] }
        all.push(specRows.join({ ...declared(), version: at(index + 5, 'd'), edits: lost }, said))
      }
      expectLaws(
        specRows.join,
        saidIn,
        picked.map(index => all[index % all.length] ?? declared()),
      )
    }),
    { numRuns: 1_000 },
  )
})

const slots = fc.subarray(['a', 'b', 'c'].map(id => slotId(ID, id)))
const news = fc.record({
  rank: fc.constantFrom('starting', 'running', 'failed'),
  ready: slots,
  stopped: slots,
  left: slots,
})

const PHASE: Phase = {
  spec: ID,
  specVersion: at(1, 'a'),
  revision: 1,
  generation: { number: 1, tag: 1 },
  coordinator: { id: nodeId('a'), boot: 1 },
  layout: [],
  away: [],
  pending: [],
  isFirst: true,
  previous: [],
  restarts: [],
  failures: [],
  since: [],
  rank: 'starting',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
}

test('of a phase: whoever has said it, and whatever others say of the generation', () => {
  fc.assert(
    fc.property(news, news, (one, other) => {
      const [a, b] = [withNews(marked(PHASE), one), withNews(PHASE, other)]
      expect(withNews(marked(PHASE), one)).toMatchObject(NEW)
      for (const row of [phases.join(a, b), phases.join(b, a)]) expect(row).toMatchObject(NEW)
    }),
    { numRuns: 300 },
  )
})

test('of a phase: in whatever order rows are joined, they end with the same', () => {
  const rows = fc.tuple(words, news, fc.boolean()).map(([word, more, isOwn]) => {
    const row = saying(withNews(PHASE, more), word)
    return isOwn ? row : { ...row, layout: [...row.layout] }
  })
  const said = (phase: Phase) => [phases.versionOf(phase), unknownIn(phase, PHASE_FIELDS)]
  fc.assert(
    fc.property(rows, rows, rows, (...three) => expectLaws(phases.join, said, three)),
    { numRuns: 1_000 },
  )
})
