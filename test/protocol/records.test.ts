/** I1: every merge is a join. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { CLAIM_STATES, type Claim, claims, compareClaims } from '../../src/protocol/claim.ts'
import { runTag } from '../../src/protocol/fencing-token.ts'
import type { Hlc } from '../../src/protocol/hlc.ts'
import { MEMBER_STATUSES, type MemberRow, compareMembers, memberRows } from '../../src/protocol/member-row.ts'
import { PHASE_RANKS, type Phase, phases } from '../../src/protocol/phase.ts'
import { type RecordKind, RecordStore } from '../../src/protocol/record-store.ts'
import { areRivals, specRows } from '../../src/protocol/spec-join.ts'
import type { SpecRow, WorkerBody } from '../../src/protocol/spec-row.ts'
import { CHILD } from './child.ts'

const small = fc.integer({ min: 0, max: 3 })
const node = fc.constantFrom('a', 'b', 'c').map(nodeId)
const run = fc.record({ id: node, boot: small })
const hlc: fc.Arbitrary<Hlc> = fc.record({ ms: small, count: small, node })
const slots = fc.subarray(['s/a', 's/b', 's/c'].map(text => slotId(specId('s'), text.slice(2))))

const member: fc.Arbitrary<MemberRow> = fc
  .record({ boot: small, seq: small, status: fc.constantFrom(...MEMBER_STATUSES) })
  .map(({ boot, seq, status }) => ({
    id: nodeId('a'),
    boot,
    seq,
    status,
    // What a node says of itself is decided by the sequence number; others only change the status.
    name: `${boot}.${seq}`,
    addresses: [],
    role: 'member',
    weight: 1,
    labels: {},
    behaviours: [],
    protocol: { min: 1, max: 1 },
  }))

const BODY: WorkerBody = {
  kind: 'worker',
  rebalance: 'active',
  child: CHILD,
  intensity: { restarts: 1, withinMs: 1 },
}

// A moment is written once: two rows of one moment are the same row. Some replace what was written just before, some
// have seen nothing for long, some nothing at all.
const written: fc.Arbitrary<SpecRow> = hlc.map(version => {
  const { ms, count } = version
  const isRemoval = count === 3
  // Whoever declares what a config says has seen nothing under the id.
  const isOfConfig = !isRemoval && (ms + count) % 2 === 0
  return {
    id: specId('s'),
    version,
    body: isRemoval ? undefined : BODY,
    desired: isRemoval ? 'stopped' : 'running',
    content: isOfConfig ? count : undefined,
    replaces: isOfConfig || ms === 0 ? undefined : { ...version, ms: ms - 1, count: (count * 2) % 3 },
  }
})

// Of one moment there are several, as what is upheld differs.
const upheld: fc.Arbitrary<SpecRow> = fc
  .record({ row: written, ms: small, count: small })
  .map(({ row, ms, count }) => ({
    ...row,
    content: undefined,
    version: { ms: row.version.ms + 1 + ms, count, node: row.version.node },
    replaces: row.version,
    isUpheld: true,
  }))

const spec = fc.oneof({ arbitrary: written, weight: 3 }, { arbitrary: upheld, weight: 2 })

const claim: fc.Arbitrary<Claim> = fc
  .record({ generation: small, owner: run, seq: small, state: fc.constantFrom(...CLAIM_STATES) })
  .map(({ generation, owner, seq, state }) => ({
    slot: slotId(specId('s')),
    generation,
    owner,
    score: owner.id.charCodeAt(0) % 2,
    seq,
    state,
    specVersion: { ms: generation, count: 0, node: owner.id },
    restarts: [],
    failures: [],
  }))

const phase: fc.Arbitrary<Phase> = fc
  .record({
    number: small,
    tag: small,
    // Two may make one tag.
    coordinator: run,
    rank: fc.constantFrom(...PHASE_RANKS),
    ready: slots,
    stopped: slots,
    left: slots,
    exits: fc.tuple(slots, hlc),
  })
  .map(({ number, tag, coordinator, rank, ready, stopped, left, exits: [ended, at] }) => ({
    spec: specId('s'),
    specVersion: { ms: 0, count: 0, node: nodeId('a') },
    generation: { number, tag },
    coordinator,
    // What is fixed when a generation is created is the same in all rows of it.
    revision: number,
    layout: [],
    away: [],
    pending: [],
    isFirst: number === 0,
    previous: [],
    restarts: [],
    failures: [],
    since: [],
    rank,
    ready: ready.toSorted(),
    stopped: stopped.toSorted(),
    left: left.toSorted(),
    exits: ended.toSorted().map(slot => ({
      slot,
      at,
      kind: 'abnormal' as const,
      failure: { name: 'E', message: `${at.ms}.${at.count}`, node: at.node, slot },
      wasReady: true,
    })),
  }))

interface Case {
  readonly name: string
  check(law: <Row>(kind: RecordKind<Row>, rows: fc.Arbitrary<Row>) => void): void
}

const CASES: readonly Case[] = [
  { name: 'members', check: law => law(memberRows, member) },
  { name: 'specs', check: law => law(specRows, spec) },
  { name: 'claims', check: law => law(claims, claim) },
  { name: 'phases', check: law => law(phases, phase) },
]

describe.each(CASES)('a merge of $name', ({ check }) => {
  test('is commutative, associative and idempotent', () => {
    check((kind, rows) => {
      const version = kind.versionOf.bind(kind)
      fc.assert(
        fc.property(rows, rows, rows, (a, b, c) => {
          expect(version(kind.join(a, b))).toBe(version(kind.join(b, a)))
          expect(version(kind.join(a, kind.join(b, c)))).toBe(version(kind.join(kind.join(a, b), c)))
          expect(version(kind.join(a, a))).toBe(version(a))
          // Not older than either: joining one of them again changes nothing.
          expect(version(kind.join(kind.join(a, b), a))).toBe(version(kind.join(a, b)))
        }),
        { numRuns: 1_000 },
      )
    })
  })

  test('gives the row that it had, and no copy, exactly where the other tells nothing new', () => {
    check((kind, rows) => {
      fc.assert(
        fc.property(rows, rows, (a, b) => {
          const joined = kind.join(a, b)
          expect(joined === a).toBe(kind.versionOf(joined) === kind.versionOf(a))
        }),
        { numRuns: 1_000 },
      )
    })
  })

  test('ends with the same row and the same root, whatever the order and the repetitions', () => {
    check((kind, rows) => {
      const script = fc.array(rows, { minLength: 1, maxLength: 8 })
      fc.assert(
        fc.property(script, fc.nat(), (sent, turn) => {
          const one = new RecordStore(kind)
          const other = new RecordStore(kind)
          for (const row of sent) {
            one.merge(row)
            // Also whenever somebody asks in between.
            one.root()
          }
          const turned = [...sent.slice(turn % sent.length), ...sent, ...sent.slice(0, turn % sent.length)]
          for (const row of turned.toReversed()) other.merge(row)
          expect(other.root()).toBe(one.root())
          expect(other.bucketDigests()).toEqual(one.bucketDigests())
        }),
        { numRuns: 300 },
      )
    })
  })
})

test('roots are those of the rows that there are, after any number of changes', () => {
  const claimOf = (index: number, seq: number): Claim => ({
    slot: slotId(specId(`s${index}`)),
    generation: 1,
    owner: { id: nodeId('a'), boot: 1 },
    score: 1,
    seq,
    state: 'running',
    specVersion: { ms: 1, count: 0, node: nodeId('a') },
    restarts: [],
    failures: [],
  })
  const count = 1_000
  const changed = new RecordStore(claims)
  for (let seq = 0; seq < 3; seq++) {
    for (let index = 0; index < count; index++) changed.merge(claimOf(index, seq))
  }
  const fresh = new RecordStore(claims)
  for (let index = 0; index < count; index += 2) fresh.merge(claimOf(index, 2))
  expect(changed.root()).not.toBe(fresh.root())
  for (let index = 1; index < count; index += 2) changed.drop(`s${index}`)
  expect(changed.root()).toBe(fresh.root())
  expect(changed.bucketDigests()).toEqual(fresh.bucketDigests())
})

test('a dead member is refuted by a larger sequence number only, and a left one by a new run only', () => {
  const row = (boot: number, seq: number, status: MemberRow['status']): MemberRow => ({
    id: nodeId('a'),
    boot,
    seq,
    status,
    name: '',
    addresses: [],
    role: 'member',
    weight: 1,
    labels: {},
    behaviours: [],
    protocol: { min: 1, max: 1 },
  })
  expect(compareMembers(row(1, 5, 'alive'), row(1, 5, 'dead'))).toBeLessThan(0)
  expect(compareMembers(row(1, 6, 'alive'), row(1, 5, 'dead'))).toBeGreaterThan(0)
  expect(compareMembers(row(1, 9, 'alive'), row(1, 5, 'left'))).toBeLessThan(0)
  expect(compareMembers(row(2, 1, 'alive'), row(1, 9, 'left'))).toBeGreaterThan(0)
})

const CLAIM: Claim = {
  slot: slotId(specId('s')),
  generation: 1,
  owner: { id: nodeId('a'), boot: 1 },
  score: 5,
  seq: 0,
  state: 'running',
  specVersion: { ms: 1, count: 0, node: nodeId('a') },
  restarts: [],
  failures: [],
}

test('of two claims the later generation wins, then the better placed owner', () => {
  const base = CLAIM
  expect(compareClaims({ ...base, generation: 2, score: 0 }, base)).toBeGreaterThan(0)
  const other = { ...base, owner: { id: nodeId('b'), boot: 1 } }
  // Whichever of the two has the larger token of its own.
  expect(compareClaims({ ...other, score: 6 }, base)).toBeGreaterThan(0)
  expect(compareClaims({ ...base, score: 6 }, other)).toBeGreaterThan(0)
})

test('of two claims that are worth the same, the one with the larger token wins', () => {
  const runs = ['a', 'b', 'c', 'd', 'e', 'f'].flatMap(id => [1, 2, 3].map(boot => ({ id: nodeId(id), boot })))
  const byToken = runs.toSorted((a, b) => runTag(a) - runTag(b))
  const byClaim = runs.toSorted((a, b) => compareClaims({ ...CLAIM, owner: a }, { ...CLAIM, owner: b }))
  expect(new Set(runs.map(runTag)).size).toBe(runs.length)
  expect(byClaim).toEqual(byToken)
  // What an owner says later counts, whatever its tag is.
  expect(compareClaims({ ...CLAIM, seq: 1 }, CLAIM)).toBeGreaterThan(0)
})

test('a spec remembers the latest version that it has overtaken unseen, whatever came first', () => {
  const version = (ms: number): Hlc => ({ ms, count: 0, node: nodeId('abc'.charAt(ms % 3)) })
  const row = (ms: number, replaces?: Hlc): SpecRow => ({
    id: specId('s'),
    version: version(ms),
    body: BODY,
    desired: 'running',
    replaces,
  })
  const join = (...rows: readonly SpecRow[]): SpecRow => rows.reduce((a, b) => specRows.join(a, b))
  const [first, second, last] = [row(1), row(2, version(1)), row(3, version(1))]
  expect(join(first, second)).toEqual(second)
  expect(join(first, last)).toEqual(last)
  const overtaken = { version: version(2), isRemoval: false }
  for (const rows of [
    [first, second, last],
    [last, second, first],
    [second, last],
    [last, first, second],
  ]) {
    expect(join(...rows)).toEqual({ ...last, overtaken })
  }
})

test('rows that say what one config says are one declaration, whoever has made them: none is overtaken', () => {
  const row = (ms: number, by: string, content?: number): SpecRow => ({
    id: specId('s'),
    version: { ms, count: 0, node: nodeId(by) },
    body: BODY,
    desired: 'running',
    content,
  })
  const [first, second, other] = [row(1, 'a', 7), row(2, 'b', 7), row(3, 'c', 8)]
  expect(specRows.join(first, second)).toEqual(second)
  expect(areRivals(first, second)).toBe(false)
  expect(areRivals(second, other)).toBe(true)
  expect(areRivals(row(1, 'a'), row(2, 'b'))).toBe(true)
  const overtaken = { version: second.version, isRemoval: false }
  expect(specRows.join(specRows.join(first, second), other)).toEqual({ ...other, overtaken })
})
