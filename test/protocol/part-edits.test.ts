/** I1 for what is done to groups and chains part by part: the rows of a real history, seen in any order. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { renew, restartPart, stopPart, withStage, withoutPart } from '../../src/node/specs/edits.ts'
import { decodeRows, encodeMessage } from '../../src/protocol/codec.ts'
import { type Hlc, compareHlc } from '../../src/protocol/hlc.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import { REMOVED_MAX } from '../../src/protocol/part-edits.ts'
import { rowOf, specRows } from '../../src/protocol/spec-join.ts'
import {
  type ChainBody,
  type SpecBody,
  type SpecRow,
  type SpecWrite,
  type StageBody,
  writtenAt,
} from '../../src/protocol/spec-row.ts'
import { CHILD } from './child.ts'

const ID = specId('c')
const NODES = ['a', 'b', 'c']

let revisions = 0
const stage = (id: string): StageBody => ({
  id,
  child: CHILD,
  revision: ++revisions,
  isStopped: false,
  workers: 1,
  emission: 'one',
  route: 'least-debt',
  onItemError: 'crash',
  queueItems: 1,
})

const chain = (ids: readonly string[]): ChainBody => ({
  kind: 'chain',
  strategy: 'one_for_one',
  intensity: { restarts: 1, withinMs: 1 },
  revision: ++revisions,
  stages: ids.map(stage),
  emission: 'maybe',
  windowItems: 1,
  attemptsMax: 1,
})

/** One node: what it knows, and all that it ever wrote. */
class Replica {
  readonly #node: string
  row: SpecRow | undefined
  readonly written: SpecRow[] = []
  #ms = 0

  constructor(node: string) {
    this.#node = node
  }

  see(row: SpecRow): void {
    this.#ms = Math.max(this.#ms, row.version.ms)
    this.row = this.row === undefined ? row : specRows.join(this.row, row)
  }

  /** @returns when it was written */
  write(write: Omit<SpecWrite, 'id'>): Hlc {
    const version = { ms: ++this.#ms, count: 0, node: nodeId(this.#node) }
    const row = rowOf({ id: ID, ...write }, version, this.row?.version)
    this.see(row)
    this.written.push(this.row ?? row)
    return version
  }

  edit(edit: (body: ChainBody) => SpecBody, isDesired = false, desired = this.row?.desired): Hlc | undefined {
    const { row } = this
    if (row?.body?.kind !== 'chain') return undefined
    return this.write({ body: edit(row.body), desired: desired ?? 'running', base: row, isDesired })
  }
}

const act = fc.record({
  by: fc.constantFrom(0, 1, 2),
  what: fc.constantFrom(
    'add',
    'add',
    'add',
    'remove',
    'remove',
    'restart',
    'stop',
    'renew',
    'halt',
    'end',
    'anew',
  ),
  part: fc.constantFrom('p', 'q', 'r', 's'),
  position: fc.nat(4),
  /** Who hears of what somebody knows, before the next thing happens. */
  heard: fc.subarray([0, 1, 2]),
})
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

/** What was asked for last of each part: its moment counts, and that of the declaration it was asked of. */
interface Last {
  readonly at: Hlc
  readonly isIn: boolean
}

interface History {
  readonly replicas: readonly Replica[]
  readonly rows: readonly SpecRow[]
  readonly last: ReadonlyMap<string, Last>
}

/** @param kept what nobody removes */
function play(acts: readonly Act[], kept: readonly string[]): History {
  const replicas = NODES.map(node => new Replica(node))
  const [first = new Replica('a')] = replicas
  first.write({ body: chain([...kept, 'p', 'q']), desired: 'running' })
  for (const each of replicas.slice(1)) if (first.row !== undefined) each.see(first.row)
  /** Of each declaration by itself. */
  const lasts = new Map<string, Map<string, Last>>()
  const declaredOf = (row?: SpecRow): string => JSON.stringify(row?.edits?.declared ?? row?.version)
  for (const { by, what, part, position, heard } of acts) {
    const replica = replicas[by] ?? first
    const note = (at: Hlc | undefined, isIn: boolean): void => {
      if (at === undefined) return
      const parts = lasts.get(declaredOf(replica.row)) ?? new Map<string, Last>()
      lasts.set(declaredOf(replica.row), parts)
      const known = parts.get(part)
      if (known === undefined || compareHlc(known.at, at) < 0) parts.set(part, { at, isIn })
    }
    const body = replica.row?.body
    const isThere = body?.kind === 'chain' && body.stages.some(({ id }) => id === part)
    if (what === 'add' && !isThere)
      note(
        replica.edit(now => withStage(now, stage(part), position)),
        true,
      )
    // Nobody removes the last stage that there is.
    if (what === 'remove' && isThere && body.stages.length > 1)
      note(
        replica.edit(now => withoutPart(now, part)),
        false,
      )
    if (what === 'restart' && isThere)
      note(
        replica.edit(now => restartPart(now, part, ++revisions)),
        true,
      )
    if (what === 'stop' && isThere && body.stages.some(({ id, isStopped }) => id === part && !isStopped))
      note(
        replica.edit(now => stopPart(now, part)),
        true,
      )
    if (what === 'renew') replica.edit(now => renew(now, ++revisions), true, 'running')
    if (what === 'halt') replica.edit(now => now, true, 'stopped')
    if (what === 'end' && body !== undefined) replica.write({ body: undefined, desired: 'stopped' })
    if (what === 'anew' && body === undefined)
      replica.write({ body: chain([...kept, 'r', 'q']), desired: 'running' })
    for (const each of heard) if (replica.row !== undefined) replicas[each]?.see(replica.row)
  }
  const rows = replicas.flatMap(({ written }) => written)
  const end = rows.reduce((a, b) => specRows.join(a, b))
  return { replicas, rows, last: lasts.get(declaredOf(end)) ?? new Map<string, Last>() }
}

const acts = fc.array(act, { maxLength: 30 })
const all = (rows: readonly SpecRow[]): SpecRow => rows.reduce((a, b) => specRows.join(a, b))
const partsOf = (row: SpecRow): readonly StageBody[] => (row.body?.kind === 'chain' ? row.body.stages : [])

/** Who was overtaken is for the log, and has laws of its own. */
const plain = (row: SpecRow): object => ({ ...row, overtaken: undefined })

describe('whatever several nodes do to one chain', () => {
  test('joins in any order', () => {
    fc.assert(
      fc.property(acts, fc.nat(), fc.nat(), fc.nat(), (history, ...picks) => {
        const { rows } = play(history, ['keep'])
        const [a, b, c] = picks.map(pick => rows[pick % rows.length])
        if (a === undefined || b === undefined || c === undefined) throw new Error('no rows')
        expect(plain(specRows.join(a, b))).toEqual(plain(specRows.join(b, a)))
        expect(specRows.join(a, a)).toBe(a)
        const [left, right] = [specRows.join(specRows.join(a, b), c), specRows.join(a, specRows.join(b, c))]
        expect(plain(left)).toEqual(plain(right))
        expect(specRows.join(left, a)).toBe(left)
      }),
      { numRuns: 1_000 },
    )
  })

  test('is the same in the end for all, and says so', () => {
    fc.assert(
      fc.property(acts, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (history, order) => {
        const { rows } = play(history, ['keep'])
        const shuffled = rows
          .map((row, index) => ({ row, key: order[index % order.length] ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ row }) => row)
        const [one, other] = [all(rows), all(shuffled)]
        expect(plain(one)).toEqual(plain(other))
        // Equal texts for equal rows, also as far as it does not matter.
        expect(specRows.versionOf({ ...one, overtaken: undefined })).toBe(
          specRows.versionOf({ ...other, overtaken: undefined }),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  test('of each part the last thing counts that was asked for, whatever has crossed it', () => {
    fc.assert(
      fc.property(acts, history => {
        const { rows, last } = play(history, ['keep'])
        const end = all(rows)
        if (end.body === undefined) return
        const there = new Set(partsOf(end).map(({ id }) => id))
        for (const [part, { isIn }] of last) expect([part, there.has(part)]).toEqual([part, isIn])
      }),
      { numRuns: 1_000 },
    )
  })

  test('says of nothing that it was later than the row: such a row is refused', () => {
    fc.assert(
      fc.property(acts, fc.nat(), fc.nat(), (history, ...picks) => {
        const { rows } = play(history, ['keep'])
        const [a, b] = picks.map(pick => rows[pick % rows.length])
        if (a === undefined || b === undefined) throw new Error('no rows')
        for (const row of [a, b, specRows.join(a, b)])
          expect(
            decodeRows(encodeMessage({ kind: 'rows', rows: { ...NO_ROWS, specs: [row] } })),
          ).toBeDefined()
      }),
    )
  })

  test('rows of which one has seen the other differ in what they say of their version', () => {
    fc.assert(
      fc.property(acts, history => {
        const { rows } = play(history, ['keep'])
        const texts = new Map(rows.map(row => [specRows.versionOf(row), row]))
        for (const row of rows) expect(texts.get(specRows.versionOf(row))).toEqual(row)
      }),
    )
  })
})

test('a chain whose stages are all removed has one still, and the same whoever tells whom', () => {
  fc.assert(
    fc.property(acts, fc.nat(), fc.nat(), (history, ...picks) => {
      const { rows } = play(history, [])
      for (const row of rows) expect(row.body === undefined || partsOf(row).length > 0).toBe(true)
      const [a, b] = picks.map(pick => rows[pick % rows.length])
      if (a === undefined || b === undefined) throw new Error('no rows')
      const joined = specRows.join(a, b)
      expect(plain(joined)).toEqual(plain(specRows.join(b, a)))
      expect(joined.body === undefined || partsOf(joined).length > 0).toBe(true)
      for (const row of [a, b, joined]) expect(specRows.join(joined, row)).toBe(joined)
      if (specRows.versionOf(a) === specRows.versionOf(b)) expect(plain(a)).toEqual(plain(b))
    }),
    { numRuns: 1_000 },
  )
})

test('one node alone gets the list that it asks for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ part: fc.constantFrom('p', 'q', 'r', 's'), position: fc.nat(4) })),
      changes => {
        const replica = new Replica('a')
        replica.write({ body: chain(['p', 'q']), desired: 'running' })
        const wanted = ['p', 'q']
        for (const { part, position } of changes) {
          if (wanted.includes(part)) {
            if (wanted.length === 1) continue
            replica.edit(body => withoutPart(body, part))
            wanted.splice(wanted.indexOf(part), 1)
          } else {
            replica.edit(body => withStage(body, stage(part), position))
            wanted.splice(position, 0, part)
          }
          expect(replica.row && partsOf(replica.row).map(({ id }) => id)).toEqual(wanted)
        }
      },
    ),
  )
})

test('of very many removals the latest are listed, and none is undone by a row from before', () => {
  const replica = new Replica('a')
  replica.write({ body: chain(['first', 'keep']), desired: 'running' })
  const before = replica.row
  replica.edit(body => withoutPart(body, 'first'))
  for (let n = 0; n < REMOVED_MAX + 10; n++) {
    replica.edit(body => withStage(body, stage(`s${n}`), 0))
    replica.edit(body => withoutPart(body, `s${n}`))
  }
  const { row } = replica
  if (before === undefined || row === undefined) throw new Error('nothing is written')
  expect(row.edits?.removed).toHaveLength(REMOVED_MAX)
  expect(specRows.join(before, row)).toBe(row)
  expect(specRows.join(row, before)).toBe(row)
  expect(partsOf(row).map(({ id }) => id)).toEqual(['keep'])
})

test('of stages that are all removed at once the last one stays, and is kept by whoever adds another one', () => {
  const [one, other] = [new Replica('a'), new Replica('b')]
  one.write({ body: chain(['p', 'q']), desired: 'running' })
  if (one.row !== undefined) other.see(one.row)
  one.edit(body => withoutPart(body, 'q'))
  other.edit(body => withoutPart(body, 'p'))
  const [a, b] = [one.row, other.row]
  if (a === undefined || b === undefined) throw new Error('nothing is written')
  one.see(b)
  other.see(a)
  expect(one.row).toEqual(other.row)
  expect(one.row && partsOf(one.row).map(({ id }) => id)).toEqual(['p'])
  one.edit(body => withStage(body, stage('r'), 1))
  if (one.row !== undefined) other.see(one.row)
  other.see(b)
  expect(other.row && partsOf(other.row).map(({ id }) => id)).toEqual(['p', 'r'])
})

test('a worker that was declared under the id of a chain is not started anew for a late change of that', () => {
  const [one, other] = [new Replica('a'), new Replica('b')]
  one.write({ body: chain(['p', 'q']), desired: 'running' })
  if (one.row !== undefined) other.see(one.row)
  for (let n = 0; n < 5; n++) other.edit(body => restartPart(body, 'p', ++revisions))
  one.write({ body: undefined, desired: 'stopped' })
  const { child } = stage('w')
  const intensity = { restarts: 1, withinMs: 1 }
  const body = { kind: 'worker', child, intensity, rebalance: 'active' } as const
  const declared = one.write({ body, desired: 'running' })
  if (other.row !== undefined) one.see(other.row)
  if (one.row === undefined) throw new Error('nothing is written')
  expect(one.row.body?.kind).toBe('worker')
  expect(one.row.version).not.toEqual(declared)
  expect(writtenAt(one.row)).toEqual(declared)
})

test('what was replaced last is the same for all, whenever a later change of an older declaration comes', () => {
  const [one, other] = [new Replica('a'), new Replica('b')]
  one.write({ body: chain(['p']), desired: 'running' })
  one.write({ body: undefined, desired: 'stopped' })
  if (one.row !== undefined) other.see(one.row)
  for (const each of [one, other]) each.write({ body: chain(['p']), desired: 'running' })
  one.edit(body => restartPart(body, 'p', ++revisions))
  one.edit(body => stopPart(body, 'p'))
  other.edit(body => renew(body, ++revisions), true)
  const [declared, restarted] = other.written
  if (one.row === undefined || declared === undefined || restarted === undefined)
    throw new Error('nothing is written')
  const late = specRows.join(specRows.join(declared, one.row), restarted)
  expect(late).toEqual(specRows.join(restarted, one.row))
  expect(late.replaces).toEqual(declared.version)
})

test('what was replaced last is told also where whoever has the last word of everything has not seen it', () => {
  const one = new Replica('a')
  one.write({ body: chain(['p']), desired: 'running' })
  const { row } = one
  if (row === undefined) throw new Error('nothing is written')
  const stopped = (base: SpecRow, ms: number): SpecRow =>
    rowOf(
      { id: ID, body: base.body, desired: 'stopped', base, isDesired: true },
      { ms, count: 0, node: nodeId('a') },
      base.version,
    )
  const known = stopped(row, 2)
  const [again, last] = [stopped(known, 3), stopped(row, 4)]
  expect(specRows.join(again, last)).toMatchObject({ version: last.version, replaces: known.version })
  expect(specRows.join(again, last)).toEqual(specRows.join(last, again))
})
