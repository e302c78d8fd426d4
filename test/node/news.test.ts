/** Whoever makes a node write again and again does not make it speak faster than others listen: they would hang up on it. */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { Ledger } from '../../src/node/ledger.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { NEWS } from '../../src/protocol/limits.ts'
import { NO_ROWS, TABLES } from '../../src/protocol/messages.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { Bench, a, b } from '../protocol/bench.ts'
import { CHILD } from '../protocol/child.ts'

const W = specId('w')
const SPEC: SpecRow = {
  id: W,
  version: { ms: 1, count: 0, node: b },
  body: { kind: 'worker', rebalance: 'active', intensity: { restarts: 1, withinMs: 1 }, child: CHILD },
  desired: 'running',
}

function claimed(): { readonly ledger: Ledger; readonly claim: () => Claim } {
  const bench = new Bench()
  bench.meet(b)
  const ledger = new Ledger(bench.membership, 1_000_000, () => {})
  ledger.takeIn({ ...NO_ROWS, specs: [SPEC] }, { ms: 0, wallMs: 0 })
  ledger.writeClaim({
    slot: slotId(W),
    generation: 1,
    owner: { id: a, boot: 1 },
    score: 1,
    seq: 1,
    state: 'running',
    specVersion: SPEC.version,
    restarts: [],
    failures: [],
  })
  const claim = (): Claim => {
    const own = ledger.tables.claims.get(slotId(W))
    if (own === undefined) throw new Error('it has claimed it')
    return own
  }
  return { ledger, claim }
}

/** How often there was something to tell. */
function tell(ledger: Ledger, ms: number): number {
  const news = ledger.news.take(ms, 'due')
  return TABLES.some(table => news[table].length > 0) ? 1 : 0
}

// Two insiders, each within its own rate, had the owner hung up on by everybody: it took back each of them at once.
test('made-up claims are taken back at once, and what comes too fast after that together', () => {
  const { ledger, claim } = claimed()
  let told = tell(ledger, 0)
  const now = { ms: 1_000, wallMs: 1_000 }
  for (let n = 0; n < 2 * NEWS.burst; n++) {
    ledger.takeIn({ ...NO_ROWS, claims: [{ ...claim(), seq: claim().seq + 1, state: 'draining' }] }, now)
    told += tell(ledger, now.ms)
    if (n === 0) expect(told).toBe(2)
  }
  expect(told).toBe(1 + NEWS.burst)
  const untilMs = ledger.wakeAtMs()
  expect(untilMs).toBeCloseTo(now.ms + 1_000 / NEWS.perSecond)
  expect(ledger.news.take(untilMs, 'due').claims).toEqual([claim()])
  expect(claim().state).toBe('running')
  expect(tell(ledger, 10_000)).toBe(0)
})

test('a node that has left says so all the same', () => {
  const { ledger, claim } = claimed()
  const now = { ms: 1_000, wallMs: 1_000 }
  for (let n = 0; n < 2 * NEWS.burst; n++) {
    ledger.takeIn({ ...NO_ROWS, claims: [{ ...claim(), seq: claim().seq + 1, state: 'draining' }] }, now)
    tell(ledger, now.ms)
  }
  ledger.passOn(a)
  expect(ledger.news.take(now.ms, 'last')).toMatchObject({ members: [{ id: a }], claims: [claim()] })
})

test('nor does it tell what it has heard of members faster, where others ask for something before each', () => {
  const { ledger } = claimed()
  tell(ledger, 0)
  let told = 0
  for (let n = 0; n < 2 * NEWS.burst; n++) {
    ledger.passOn(a)
    told += ledger.news.take(1, 'ahead').members.length
  }
  expect(told).toBeLessThanOrEqual(NEWS.burst)
  expect(ledger.news.take(ledger.wakeAtMs(), 'due').members).toMatchObject([{ id: a }])
})
