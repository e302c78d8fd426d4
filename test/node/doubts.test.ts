/** What of a member's row has the specs looked at again; and of which runs claims speak. */

import { describe, expect, test } from 'vitest'

import { type NodeId, slotId, specId } from '../../src/ids.ts'
import { Ledger } from '../../src/node/ledger.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { Bench, b, c, row } from '../protocol/bench.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const NOW = { ms: 1_000, wallMs: 1_000 }
const [ID, OTHER] = [specId('w'), specId('x')]

/** A ledger that knows node `b` as it is in `before`, and two specs that have been looked at. */
function ledgerWith(before: MemberRow): Ledger {
  const { membership } = new Bench()
  membership.table.merge(before)
  const ledger = new Ledger(membership, 1_000_000, () => {})
  for (const id of [ID, OTHER]) ledger.writeSpec({ id, body: STANDALONE, desired: 'running' }, NOW)
  ledger.takeChanged()
  return ledger
}

function lookedAt(before: MemberRow, after: MemberRow): string[] {
  const ledger = ledgerWith(before)
  ledger.onMemberChanged({ kind: 'member-changed', row: after, before, authored: false })
  return ledger.takeChanged()
}

function passedOn(before: MemberRow, after: MemberRow): string[] {
  const ledger = ledgerWith(before)
  ledger.news.take(NOW.ms, 'ahead')
  ledger.onMemberChanged({ kind: 'member-changed', row: after, before, authored: false })
  return ledger.news.take(NOW.ms, 'ahead').members.map(({ id }) => id)
}

describe('no spec is looked at again', () => {
  test.each([
    ['a member is suspect', row(b), row(b, { status: 'suspect' })],
    ['it has refuted that', row(b, { status: 'suspect' }), row(b, { seq: 2 })],
    [
      'one that is emptied has refuted it',
      row(b, { status: 'suspect', isDraining: true }),
      row(b, { seq: 2, isDraining: true }),
    ],
  ])('where %s', (_what, before, after) => {
    expect(lookedAt(before, after)).toEqual([])
  })
})

describe('all are', () => {
  test.each([
    ['a member is dead', row(b, { status: 'suspect' }), row(b, { status: 'dead' })],
    ['one that is called dead is not', row(b, { status: 'dead' }), row(b, { seq: 2 })],
    ['another run of it is suspect', row(b), row(b, { boot: 2, status: 'suspect' })],
    [
      'it refutes that it is suspect, and leaves',
      row(b, { status: 'suspect' }),
      row(b, { seq: 2, status: 'leaving' }),
    ],
    [
      'one that is emptied refutes that it is suspect, and leaves',
      row(b, { status: 'suspect', isDraining: true }),
      row(b, { seq: 2, status: 'leaving', isDraining: true }),
    ],
    ['it is suspect, and is emptied', row(b), row(b, { seq: 2, status: 'suspect', isDraining: true })],
    [
      'it refutes that, and declines something',
      row(b, { status: 'suspect' }),
      row(b, { seq: 2, declines: [slotId(ID)] }),
    ],
  ])('where %s', (_what, before, after) => {
    expect(lookedAt(before, after)).toEqual([ID, OTHER])
  })
})

describe('it is passed on', () => {
  test.each([
    ['leaves', { status: 'leaving' }],
    ['is emptied', { isDraining: true }],
    ['takes work again', { isDraining: false }],
    ['declines something', { declines: [slotId(ID)] }],
    ['takes that back', { declines: undefined }],
    ['listens elsewhere', { addresses: ['/ip4/10.0.0.9/tcp/4001'] }],
  ] as const)('that a member that refutes that it is suspect %s', (_what, change) => {
    const declines = [slotId(OTHER)]
    const before = row(b, {
      status: 'suspect',
      isDraining: 'isDraining' in change && !change.isDraining,
      declines,
    })
    expect(passedOn(before, row(b, { ...before, seq: 2, status: 'alive', ...change }))).toEqual([b])
  })
})

test('that it is suspect, or is not, is not passed on', () => {
  expect(passedOn(row(b), row(b, { status: 'suspect' }))).toEqual([])
  expect(passedOn(row(b, { status: 'suspect' }), row(b, { seq: 2 }))).toEqual([])
})

test('runs are named by claims as these are now', () => {
  const ledger = ledgerWith(row(b))
  const run = (id: NodeId, boot: number) => ({ id, boot })
  const claim = (owner: NodeId, generation: number): Claim => ({
    slot: slotId(ID),
    generation,
    owner: run(owner, 1),
    score: 1,
    seq: 0,
    state: 'running',
    specVersion: ledger.moment(NOW.wallMs),
    restarts: [],
    failures: [],
  })
  const named = (): boolean[] => [run(b, 1), run(b, 2), run(c, 1)].map(each => ledger.isNamed(each))
  expect(named()).toEqual([false, false, false])
  ledger.writeClaim(claim(b, 1))
  expect(named()).toEqual([true, false, false])
  ledger.writeClaim(claim(c, 2))
  expect(named()).toEqual([false, false, true])
})
