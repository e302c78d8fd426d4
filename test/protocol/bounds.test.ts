/** What a node keeps and says about others has an end, however many they are. */

import { beforeEach, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { Ledger } from '../../src/node/ledger.ts'
import { Dissemination, NEWS_MAX, PIGGYBACK_MAX } from '../../src/protocol/dissemination.ts'
import { FAVOURS_MAX, FAVOURS_TOGETHER_MAX } from '../../src/protocol/favours.ts'
import { PROBES_MAX, RELAYS_MAX } from '../../src/protocol/prober.ts'
import { Reach, UNREACHABLE_MAX } from '../../src/protocol/reach.ts'
import { REFUTE_EVERY_MS } from '../../src/protocol/refutation.ts'
import { Suspicions, UNTRUSTED_WITNESSES_MAX } from '../../src/protocol/suspicions.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, a, b, c, d, e, row } from './bench.ts'

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

const many = (count: number) => Array.from({ length: count }, (_, index) => nodeId(`x${index}`))

test(`news that waits is ${NEWS_MAX} rows at most, and a probe carries ${PIGGYBACK_MAX} of them`, () => {
  const news = new Dissemination()
  for (const id of many(NEWS_MAX + 100)) news.addRow(row(id), 1_000)
  expect(news.size).toBe(NEWS_MAX)
  const { members, accusations } = news.take(b)
  expect(members.length + accusations.length).toBe(PIGGYBACK_MAX)
})

test(`no more than ${UNREACHABLE_MAX} members are named that cannot be reached`, () => {
  bench.meet(b)
  for (const id of many(UNREACHABLE_MAX + 10)) bench.membership.merge(row(id), bench.now)
  bench.pass(3_000, [b])
  const stat = { health: 0, unreachable: [] }
  bench.tell(b, { kind: 'probe', n: 1, stat, news: { members: [], accusations: [] } })
  expect(bench.sent('probe-ack')[0]?.message.stat.unreachable).toHaveLength(UNREACHABLE_MAX)
})

test(`no more than ${PROBES_MAX} probes wait for their answers, however many sessions break at once`, () => {
  const peers = many(PROBES_MAX + 20)
  bench.meet(b, ...peers)
  bench.effects = []
  for (const id of peers) bench.membership.onPeerDown(id, bench.now)
  const asked = () => new Set(bench.sent('probe-request').map(({ message }) => message.target))
  bench.passUntil(() => asked().size > 2, [b])
  expect(asked().size).toBe(PROBES_MAX)
})

test(`no more than ${RELAYS_MAX} probes are under way for others: to the rest the answer is no`, () => {
  bench.meet(a, b)
  for (let n = 0; n < RELAYS_MAX + 10; n++) bench.tell(b, { kind: 'probe-request', n, target: b })
  expect(bench.sent('probe-report').filter(({ message }) => !message.isHeard)).toHaveLength(10)
})

test(`no more than ${FAVOURS_MAX} probes a second are sent for one, and ${FAVOURS_TOGETHER_MAX} of one: to the rest the answer is no`, () => {
  const asking = many(10)
  bench.meet(b, ...asking)
  /** How many are probed for each of them. */
  const ask = (requesters: readonly NodeId[]): number => {
    bench.effects = []
    for (let n = 0; n < 1_000; n++)
      for (const from of requesters) {
        bench.tell(from, { kind: 'probe-request', n, target: b })
        bench.answer(b, n)
      }
    const heard = bench.sent('probe-report').filter(({ message }) => message.isHeard).length
    expect(bench.sent('probe-report')).toHaveLength(1_000 * requesters.length)
    expect(bench.sent('probe').filter(({ to }) => to === b)).toHaveLength(heard)
    return heard
  }
  expect(ask(asking.slice(0, 1))).toBe(FAVOURS_MAX)
  expect(ask(asking)).toBe(FAVOURS_TOGETHER_MAX - FAVOURS_MAX)
  bench.nowMs += 1_000
  expect(ask(asking)).toBe(FAVOURS_TOGETHER_MAX)
})

// Two insiders made it tell one 60,000 times in a moment: that one hung up on it as a flooder.
test('a member that others call suspect again and again is told so once in a while', () => {
  bench.meet(b, ...many(2))
  bench.effects = []
  const call = (seq: number): void => bench.membership.merge(row(b, { seq, status: 'suspect' }), bench.now)
  const told = (): number => bench.sent('rows').filter(({ to }) => to === b).length
  for (let n = 0; n < 1_000; n++) call(2 + n)
  expect(told()).toBe(1)
  bench.nowMs += REFUTE_EVERY_MS
  call(2_000)
  expect(told()).toBe(2)
})

test(`no more than ${UNTRUSTED_WITNESSES_MAX} are kept who accuse and do not count; who counts is heard all the same`, () => {
  const suspicions = new Suspicions(LAN_TIMINGS, {
    self: nodeId('self'),
    count: 5,
    patience: 1,
    isAlive: witness => witness === a,
    isTrusted: witness => witness === a,
    countApart: () => 0,
    isRefused: () => false,
    isAlone: () => false,
  })
  const run = { id: b, boot: 1 }
  suspicions.begin(run, 1, { count: 5, nowMs: 0 })
  const isNew = (by: NodeId): boolean => suspicions.addWitness({ run, seq: 1, by, evidence: 'silent' })
  expect(many(1_000).filter(isNew)).toHaveLength(UNTRUSTED_WITNESSES_MAX)
  expect([isNew(a), isNew(a)]).toEqual([true, false])
})

test('what others say of those that nobody knows is not kept, and of a member the word of a few', () => {
  const reach = new Reach()
  for (const id of many(1_000)) reach.onVouched(id, a, 0)
  for (const id of many(1_000)) reach.onMember(id, 1)
  expect(many(1_000).filter(id => reach.seenMs(id) === 0)).toEqual([])
  reach.onMember(b, 0)
  for (const [index, voucher] of many(10).entries()) reach.onVouched(b, voucher, index)
  expect(reach.takeChanges(100_000, LAN_TIMINGS)).toEqual([])
  for (const [index, voucher] of many(10).entries()) reach.onVouched(b, voucher, 100_000 + index)
  expect(reach.takeChanges(100_010, LAN_TIMINGS)).toEqual([{ peer: b, reachedBy: ['x9', 'x8', 'x7'] }])
})

// Probes carry it all the same.
test('beyond so many sessions, nobody is told directly of what was heard or found', () => {
  const toldBy = (pushedMax: number) => {
    bench = new Bench({ pushedMax })
    const { membership } = bench
    const ledger = new Ledger(membership, 1_000_000, () => {})
    bench.meet(b, c, d)
    membership.onPeerDown(b, bench.now)
    membership.onDialFailed(b, REFUSED, bench.now)
    ledger.onMemberChanged({ kind: 'member-changed', row: row(e), before: undefined, authored: false })
    const found = bench.sent('accusations').map(({ to }) => to)
    return { heard: ledger.news.take(0, 'ahead').members.map(({ id }) => id), found }
  }
  expect(toldBy(2)).toEqual({ heard: [e], found: [c, d] })
  expect(toldBy(1)).toEqual({ heard: [], found: [] })
})
