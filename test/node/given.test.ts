/** Rows of others that give something to one who is dead for this node: it may live on the other side of a split. */

import { beforeEach, expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { Ledger } from '../../src/node/ledger.ts'
import { nodeLost } from '../../src/node/supervision/exit.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { NO_ROWS } from '../../src/protocol/messages.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, a, b, row } from '../protocol/bench.ts'
import { PHASE } from './supervision/heirs.ts'

const [A, B] = [
  { id: a, boot: 1 },
  { id: b, boot: 1 },
]
const W = specId('w')

let bench: Bench
let ledger: Ledger

/** `b` has long been dead. */
beforeEach(() => {
  bench = new Bench()
  ledger = new Ledger(bench.membership, 1_000_000, () => {})
  bench.meet(b)
  bench.membership.onPeerDown(b, bench.now)
  bench.membership.merge(row(b, { status: 'dead', endedMs: bench.now.wallMs }), bench.now)
  bench.pass(10 * LAN_TIMINGS.probePeriodMs)
  expect(bench.membership.isGone(B)).toBe(true)
})

const claim = (more: Partial<Claim>): Claim => ({
  slot: slotId(W),
  generation: 2,
  owner: A,
  score: 1,
  seq: 0,
  state: 'running',
  specVersion: { ms: 1, count: 0, node: a },
  restarts: [],
  failures: [],
  ...more,
})

test.each([
  ['a later generation', { generation: 3 }],
  ['the same one, that both sides have made', { generation: 2, score: 2 }],
])('a claim of %s', (_what, more) => {
  ledger.takeIn({ ...NO_ROWS, claims: [claim({})] }, bench.now)
  expect(bench.membership.isGone(B)).toBe(true)
  ledger.takeIn({ ...NO_ROWS, claims: [claim({ owner: B, ...more })] }, bench.now)
  expect(bench.membership.isGone(B)).toBe(false)
  bench.pass(10 * LAN_TIMINGS.probePeriodMs)
  expect(bench.membership.isGone(B)).toBe(true)
})

test('a generation in which it has a place, but for one that has ended and only keeps it', () => {
  const slot = slotId(W, 'a')
  const failure = nodeLost(b, slot)
  const exit = { slot, at: { ms: 1, count: 0, node: a }, kind: 'abnormal', failure, wasReady: true } as const
  const placed = { slot, owner: B, since: { number: 1, tag: 1 }, revision: 1, isNew: false }
  const phase = (number: number, exits: Phase['exits']): Phase => ({
    ...PHASE,
    spec: W,
    generation: { number, tag: 1 },
    layout: [placed],
    exits,
  })
  ledger.takeIn({ ...NO_ROWS, phases: [phase(2, [exit])] }, bench.now)
  expect(bench.membership.isGone(B)).toBe(true)
  ledger.takeIn({ ...NO_ROWS, phases: [phase(3, [])] }, bench.now)
  expect(bench.membership.isGone(B)).toBe(false)
})
