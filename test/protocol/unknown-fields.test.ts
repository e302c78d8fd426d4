/** What newer nodes say in a row, and this one knows nothing of, is passed on: no join of rows loses it. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { renew, restartPart, stopPart, withMember, withoutPart } from '../../src/node/specs/edits.ts'
import type { Hlc } from '../../src/protocol/hlc.ts'
import { type Phase, phases, withNews } from '../../src/protocol/phase.ts'
import { rowOf, specRows } from '../../src/protocol/spec-join.ts'
import type { GroupBody, MemberBody, SpecRow } from '../../src/protocol/spec-row.ts'
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

test('of a spec: also where only one of two has it, which have changed it at once', () => {
  const base = declared()
  const { body } = base
  if (body?.kind !== 'group') throw new Error('no group')
  const change = (id: string, version: Hlc): SpecRow =>
    rowOf({ id: ID, body: stopPart(body, id), desired: 'running', base }, version, base.version)
  const more = { depth: 1 }
  const [one, other] = [change('p', at(3, 'b')), change('q', at(3, 'c'))]
  for (const [a, b] of [
    [{ ...one, ...more, edits: one.edits && { ...one.edits, ...more } }, other],
    [one, { ...other, ...more, edits: other.edits && { ...other.edits, ...more } }],
  ] as const)
    for (const row of [specRows.join(a, b), specRows.join(b, a)])
      expect(row).toMatchObject({ ...NEW, ...more, edits: { ...NEW, ...more } })
})

const slots = fc.subarray(['a', 'b', 'c'].map(id => slotId(ID, id)))
const news = fc.record({
  rank: fc.constantFrom('starting', 'running', 'failed'),
  ready: slots,
  stopped: slots,
  left: slots,
})

test('of a phase: whoever has said it, and whatever others say of the generation', () => {
  const phase: Phase = {
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
  fc.assert(
    fc.property(news, news, (one, other) => {
      const [a, b] = [withNews(marked(phase), one), withNews(phase, other)]
      expect(withNews(marked(phase), one)).toMatchObject(NEW)
      for (const row of [phases.join(a, b), phases.join(b, a)])
        // Where it says no more than the other, that one is not replaced.
        if (row !== b) expect(row).toMatchObject(NEW)
    }),
    { numRuns: 300 },
  )
})
