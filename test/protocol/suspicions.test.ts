import { beforeEach, describe, expect, test } from 'vitest'

import { LAN_TIMINGS, suspicionRangeMs } from '../../src/protocol/timings.ts'
import { Bench, a, b, c, d, e, row } from './bench.ts'

const { probePeriodMs, probeTimeoutMs } = LAN_TIMINGS

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

describe('a suspicion', () => {
  /** Makes `b` suspect in a mesh of five. */
  function suspect(): void {
    bench.meet(b, c, d, e)
    bench.passUntil(() => bench.statusOf(b) === 'suspect', [c, d, e])
  }
  const [minMs, maxMs] = suspicionRangeMs(LAN_TIMINGS, 5)

  test('that nobody else has is long', () => {
    suspect()
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeCloseTo(maxMs, -2)
  })

  test.each([
    [[c], maxMs - (maxMs - minMs) * 0.6309],
    [[c, d], minMs],
    [[c, d, e], minMs],
  ])('that %s share is shorter', (witnesses, wantedMs) => {
    suspect()
    for (const witness of witnesses) bench.accuse(b, witness)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeCloseTo(wantedMs, -2)
  })

  test.each([
    [[c, d, e], [], minMs],
    [[d, e], [], maxMs],
    [[d, e], [c], minMs],
    [[e], [c], maxMs - (maxMs - minMs) * 0.6309],
  ])('of whom %s have not met is shared when %s share it: by all who can', (apart, witnesses, wantedMs) => {
    for (const id of apart) bench.apartOf.set(id, [b])
    bench.meet(b, c, d, e)
    bench.pass(3_000, [b, c, d, e])
    bench.passUntil(() => bench.statusOf(b) === 'suspect', [c, d, e])
    for (const witness of witnesses) bench.accuse(b, witness)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeCloseTo(wantedMs, -2)
  })

  test('is as short as it gets from when those who could share it say that they have not met its suspect', () => {
    suspect()
    for (const id of [c, d, e]) {
      bench.apartOf.set(id, [b])
      bench.answer(id, 0)
    }
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeCloseTo(minMs, -2)
  })

  test('is not shared by repeating it', () => {
    suspect()
    for (let times = 0; times < 5; times++) bench.accuse(b, c)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeGreaterThan(minMs * 2)
  })

  test.each(['suspect', 'leaving', 'dead'] as const)('is not shared by who is %s itself', status => {
    suspect()
    bench.membership.merge(row(c, { status, seq: 2 }), bench.now)
    bench.membership.merge(row(d, { status, seq: 2 }), bench.now)
    if (status === 'dead') bench.pass(3 * probePeriodMs, [e])
    for (const witness of [c, d]) bench.accuse(b, witness)
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [e])).toBeGreaterThan(minMs * 3)
  })

  test.each([
    [4, maxMs],
    [3, minMs],
  ])('is not shared by who is unwell, from 4 on: %i', (health, wantedMs) => {
    suspect()
    for (const witness of [c, d]) {
      bench.healthOf.set(witness, health)
      bench.answer(witness, 0)
      bench.accuse(b, witness)
    }
    expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c, d, e])).toBeCloseTo(wantedMs, -2)
  })

  test('of another state of the suspect counts for nothing', () => {
    suspect()
    bench.membership.merge(row(b, { seq: 2 }), bench.now)
    bench.accuse(b, c)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('that others tell of is looked into at once, and told on', () => {
    bench.meet(b, c, d, e)
    bench.pass(probeTimeoutMs + 10)
    bench.effects = []
    bench.accuse(b, c)
    expect(bench.statusOf(b)).toBe('suspect')
    bench.membership.tick(bench.now)
    expect(bench.sent('probe').map(({ to }) => to)).toContain(b)
    bench.pass(probePeriodMs + 50, [c, d, e])
    const told = bench.sent('accusations').filter(({ message }) => message.accusations[0]?.by === a)
    expect(told.map(({ to }) => to).toSorted()).toEqual([b, c, d, e])
  })
})
