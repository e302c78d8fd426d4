/** I9: whatever came to whom, in whatever order: who has told each other all they know, knows the same. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { type Intake, Ledger } from '../../src/node/ledger.ts'
import { withMember, withoutPart } from '../../src/node/specs/edits.ts'
import { decodeRows, encodeMessage } from '../../src/protocol/codec.ts'
import { type Hlc, compareHlc } from '../../src/protocol/hlc.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import type { GroupBody, MemberBody, SpecRow } from '../../src/protocol/spec-row.ts'
import { Bench } from '../protocol/bench.ts'
import { CHILD } from '../protocol/child.ts'

const NOW = { ms: 1_000, wallMs: 1_000 }
const small = fc.integer({ min: 0, max: 3 })
const node = fc.constantFrom('a', 'b', 'c').map(nodeId)
const hlc: fc.Arbitrary<Hlc> = fc.record({ ms: small, count: small, node })

/** Rows that differ, differ in this, too. */
const bodyOf = (version: Hlc): GroupBody => ({
  kind: 'group',
  strategy: 'one_for_one',
  intensity: { restarts: 1, withinMs: 1 },
  autoShutdown: 'never',
  revision: version.ms * 100 + version.count * 10 + version.node.charCodeAt(0) - 97,
  spread: true,
  members: [],
})

/** Of one moment there is one row: by hand, with or without knowledge of what was before, or of a config. */
const written = fc
  .record({ version: hlc, before: hlc, how: fc.constantFrom('config', 'anew', 'by hand') })
  .map(({ version, before, how }): SpecRow => ({
    id: specId('s'),
    version,
    body: version.count === 3 ? undefined : bodyOf(version),
    desired: version.count === 3 ? 'stopped' : 'running',
    ...(how === 'config' && version.count < 3 ? { content: version.count } : {}),
    ...(how === 'by hand' && compareHlc(before, version) < 0 ? { replaces: before } : {}),
  }))

const PLACES = 3
const script = fc.uniqueArray(fc.record({ row: written, at: fc.subarray([0, 1, 2], { minLength: 1 }) }), {
  selector: ({ row }) => JSON.stringify(row.version),
  minLength: 1,
  maxLength: 5,
})

const specsOf = (ledger: Ledger): SpecRow[] => [...ledger.tables.specs.rows()]

/** Whether others take it for a row. */
const isSendable = (row: SpecRow): boolean =>
  decodeRows(encodeMessage({ kind: 'rows', rows: { ...NO_ROWS, specs: [row] } })) !== undefined

test('specs come to be the same everywhere, with those that are upheld', () => {
  fc.assert(
    fc.property(script, sent => {
      const ledgers = Array.from(
        { length: PLACES },
        () => new Ledger(new Bench().membership, 1_000_000, () => {}),
      )
      for (const { row, at } of sent)
        for (const place of at) ledgers[place]?.takeIn({ ...NO_ROWS, specs: [row] }, NOW)
      for (let round = 0; round < 2 * PLACES; round++)
        for (const from of ledgers)
          for (const to of ledgers) to.takeIn({ ...NO_ROWS, specs: specsOf(from) }, NOW)
      const [first, ...others] = ledgers
      expect(first && specsOf(first).every(isSendable)).toBe(true)
      for (const ledger of others) {
        expect(specsOf(ledger)).toEqual(first && specsOf(first))
        expect(ledger.tables.specs.root()).toBe(first?.tables.specs.root())
      }
    }),
    { numRuns: 500 },
  )
})

test('what was removed is as void once its row is dropped as before, and what is later is not', () => {
  const byHand = written.filter(({ content }) => content === undefined)
  fc.assert(
    fc.property(byHand, byHand, ({ version }, other) => {
      fc.pre(compareHlc(version, other.version) !== 0)
      const removed: SpecRow = { id: ID, version, body: undefined, desired: 'stopped' }
      const [keeping, forgetting] = [0, 1].map(() => {
        const ledger = new Ledger(new Bench().membership, 1_000_000, () => {})
        ledger.takeIn({ ...NO_ROWS, specs: [removed] }, NOW)
        return ledger
      })
      forgetting?.drop(ID)
      expect(forgetting && specsOf(forgetting)).toEqual([])
      const taken = forgetting?.takeIn({ ...NO_ROWS, specs: [other] }, NOW)
      keeping?.takeIn({ ...NO_ROWS, specs: [other] }, NOW)
      const isVoid = compareHlc(other.version, version) < 0
      expect(taken?.forgotten).toEqual(isVoid ? [{ spec: ID, at: version }] : [])
      expect(forgetting?.tables.specs.get(ID)?.body).toEqual(keeping?.tables.specs.get(ID)?.body)
    }),
  )
})

test('who hears that a spec was forgotten removes it anew, later than it was, unless it was declared since', () => {
  const at = { ms: 5_000, count: 3, node: nodeId('c') }
  const [early, late] = [new Teller('a'), new Teller('a')]
  early.declare(1_000)
  early.ledger.forget({ spec: ID, at }, { ms: 2_000, wallMs: 2_000 })
  expect(early.row.body).toBeUndefined()
  expect(compareHlc(early.row.version, at)).toBeGreaterThan(0)
  late.declare(6_000)
  late.ledger.forget({ spec: ID, at }, { ms: 7_000, wallMs: 7_000 })
  expect(late.row.body).toEqual(declared)
})

const ID = specId('s')
const NODES = ['a', 'b', 'c']
const declared: GroupBody = { ...bodyOf({ ms: 1, count: 1, node: nodeId('a') }), members: [] }
const memberOf = (name: string): MemberBody => ({
  id: name,
  child: CHILD,
  revision: 1,
  isStopped: false,
  isSignificant: false,
})

/** One node that declares a group, and changes it. */
class Teller {
  readonly ledger: Ledger

  constructor(name: string) {
    this.ledger = new Ledger(new Bench({ self: { id: nodeId(name) } }).membership, 1_000_000, () => {})
  }

  get row(): SpecRow {
    const row = this.ledger.tables.specs.get(ID)
    if (row === undefined) throw new Error('nothing is declared')
    return row
  }

  get hasRow(): boolean {
    return this.ledger.tables.specs.get(ID) !== undefined
  }

  get members(): readonly string[] {
    const { body } = this.row
    return body?.kind === 'group' ? body.members.map(({ id }) => id) : []
  }

  declare(wallMs: number, content?: number): void {
    this.ledger.writeSpec({ id: ID, body: declared, desired: 'running', content }, { ms: wallMs, wallMs })
  }

  remove(wallMs: number): void {
    this.ledger.writeSpec({ id: ID, body: undefined, desired: 'stopped' }, { ms: wallMs, wallMs })
  }

  add(name: string, wallMs: number): void {
    this.#edit(body => withMember(body, memberOf(name)), wallMs)
  }

  drop(name: string, wallMs: number): void {
    this.#edit(body => withoutPart(body, name), wallMs)
  }

  hear(other: Teller, wallMs: number): Intake {
    return this.ledger.takeIn({ ...NO_ROWS, specs: [other.row] }, { ms: wallMs, wallMs })
  }

  #edit(edit: (body: GroupBody) => GroupBody, wallMs: number): void {
    const { row: base } = this
    if (base.body?.kind !== 'group') throw new Error('there is no group')
    this.ledger.writeSpec({ id: ID, body: edit(base.body), desired: 'running', base }, { ms: wallMs, wallMs })
  }
}

test('what is added by one who has not heard that the group is upheld against a config stays', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000)
  b.hear(a, 1_001)
  b.add('before', 1_500)
  c.declare(2_000, 7)
  a.hear(c, 2_001)
  a.add('upheld', 2_500)
  b.add('after', 3_000)
  for (const one of [a, b, c, a, b, c]) for (const other of [a, b, c]) one.hear(other, 4_000)
  for (const each of [a, b, c]) expect(each.members.toSorted()).toEqual(['after', 'before', 'upheld'])
  expect(new Set([a, b, c].map(({ ledger }) => ledger.tables.specs.root())).size).toBe(1)
})

test('of two who declare one group at once, the later has won, also where the other one was changed after that', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000)
  b.declare(2_000)
  c.hear(a, 2_500)
  c.add('x', 3_000)
  a.hear(c, 3_500)
  const rivals = [{ id: ID, winner: 'b', loser: 'a', fields: ['members'] }]
  const [atA, atB, atC] = [a.hear(b, 4_000).rivals, b.hear(c, 4_000).rivals, c.hear(b, 4_000).rivals]
  expect({ atA, atB, atC }).toEqual({ atA: rivals, atB: rivals, atC: rivals })
  // Nobody is told again.
  expect([a.hear(b, 5_000), b.hear(a, 5_000), c.hear(a, 5_000)].flatMap(each => each.rivals)).toEqual([])
})

test('of two who declare one group at once both are told, also where the later one was changed before they met', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000)
  b.declare(2_000)
  c.hear(b, 2_500)
  c.add('x', 3_000)
  b.hear(c, 3_500)
  const rivals = [{ id: ID, winner: 'b', loser: 'a', fields: ['members'] }]
  const [atB, atC, atA] = [b.hear(a, 4_000).rivals, c.hear(a, 4_000).rivals, a.hear(c, 4_000).rivals]
  expect({ atA, atB, atC }).toEqual({ atA: rivals, atB: rivals, atC: rivals })
  expect([a.hear(b, 5_000), b.hear(a, 5_000), c.hear(a, 5_000)].flatMap(each => each.rivals)).toEqual([])
})

test('who has declared a group is told what it has overtaken, also where others have seen and changed both', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000)
  b.declare(2_000)
  c.hear(a, 2_500)
  c.hear(b, 2_500)
  c.add('x', 3_000)
  expect(b.hear(c, 4_000).rivals).toMatchObject([{ id: ID, winner: 'b', loser: 'a' }])
})

test('who changes what another one has declared under an id, and knew that it was removed, is no rival', () => {
  const [a, b] = [new Teller('a'), new Teller('b')]
  a.declare(1_000)
  b.hear(a, 1_500)
  const before = new Teller('c')
  before.hear(a, 1_500)
  b.remove(2_000)
  b.declare(2_500)
  b.add('x', 3_000)
  expect([before.hear(b, 4_000), b.hear(a, 4_000)].flatMap(each => each.rivals)).toEqual([])
})

test('who declares anew what it knew, and has not heard that it is upheld against a config, is no rival', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000)
  b.hear(a, 1_500)
  c.declare(2_000, 7)
  a.hear(c, 2_500)
  // As a restart of a worker is written: in the place of what it knows.
  b.declare(3_000)
  const d = new Teller('d')
  d.hear(b, 3_500)
  expect([a.hear(b, 4_000), b.hear(a, 4_000), d.hear(a, 4_000)].flatMap(each => each.rivals)).toEqual([])
  expect(c.hear(a, 4_000).rivals).toMatchObject([{ winner: 'b', loser: 'c' }])
})

test('what two have changed who have started with one config, and have not met, is all there when they meet', () => {
  const [a, b, c] = [new Teller('a'), new Teller('b'), new Teller('c')]
  a.declare(1_000, 7)
  b.declare(1_500, 7)
  a.add('x', 2_000)
  b.add('y', 2_500)
  // One that comes later, with the same config, and changes it as well.
  c.declare(3_000, 7)
  c.add('z', 3_500)
  const rivals = [a, b, c, a, b, c].flatMap(to => [a, b, c].flatMap(from => to.hear(from, 4_000).rivals))
  for (const each of [a, b, c]) expect(each.members.toSorted()).toEqual(['x', 'y', 'z'])
  expect(new Set([a, b, c].map(({ ledger }) => ledger.tables.specs.root())).size).toBe(1)
  expect(rivals).toEqual([])
})

test('what a config has overtaken on one side, and is upheld after on the other, is the same everywhere in the end', () => {
  const [a, b, c, d] = [new Teller('a'), new Teller('b'), new Teller('c'), new Teller('d')]
  a.declare(500)
  b.declare(1_000, 7)
  b.add('x', 1_100)
  d.declare(2_000, 7)
  c.declare(2_100, 7)
  d.add('y', 2_200)
  b.hear(c, 2_300)
  c.hear(d, 2_300)
  c.hear(b, 2_300)
  d.hear(a, 2_300)
  const all = [a, b, c, d]
  for (const to of [...all, ...all, ...all]) for (const from of all) to.hear(from, 4_000)
  expect(new Set(all.map(({ ledger }) => ledger.tables.specs.root())).size).toBe(1)
})

const step = fc.record({
  by: fc.constantFrom(0, 1, 2),
  what: fc.constantFrom('declare', 'add', 'add', 'drop', 'hear', 'hear'),
  name: fc.constantFrom('p', 'q'),
  from: fc.constantFrom(0, 1, 2),
})

test('whoever declares one config, changes it and hears of others, in whatever order: all is there in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      const tellers = NODES.map(name => new Teller(name))
      const wanted = new Map<string, boolean>()
      for (const [index, { by, what, name, from }] of steps.entries()) {
        const [one, other] = [tellers[by], tellers[from]]
        if (one === undefined || other === undefined) throw new Error('no such node')
        const wallMs = 1_000 + 10 * index
        if (what === 'hear') {
          if (other.hasRow) one.hear(other, wallMs)
        } else if (!one.hasRow) {
          one.declare(wallMs, 7)
        } else if (what !== 'declare' && one.members.includes(name) === (what === 'drop')) {
          if (what === 'add') one.add(name, wallMs)
          else one.drop(name, wallMs)
          wanted.set(name, what === 'add')
        }
      }
      const there = tellers.filter(({ hasRow }) => hasRow)
      for (let round = 0; round < 3; round++)
        for (const to of there) for (const from of there) to.hear(from, 10_000)
      const names = [...wanted].flatMap(([name, isIn]) => (isIn ? [name] : []))
      for (const each of there) {
        expect(isSendable(each.row)).toBe(true)
        expect(each.members.toSorted()).toEqual(names.toSorted())
        expect(each.ledger.tables.specs.root()).toBe(there[0]?.ledger.tables.specs.root())
      }
    }),
    { numRuns: 500 },
  )
})
