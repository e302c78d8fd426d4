/** What a node makes of its own stalls, where messages of others come before its timer. */

import { expect, test } from 'vitest'

import { Bench, b, c, d, row } from './bench.ts'

const OTHERS = [b, c, d]

test('a stall counts once, however many messages come before the timer', () => {
  const bench = new Bench()
  bench.meet(...OTHERS)
  bench.pass(5_000, OTHERS)
  for (let stall = 0; stall < 6; stall++) {
    bench.nowMs += 600
    for (let each = 0; each < 8; each++) bench.membership.merge(row(b), bench.now)
    bench.pass(600, OTHERS)
  }
  expect(bench.effects.filter(({ kind }) => kind === 'degraded')).toEqual([])
  expect(bench.membership.health.score).toBeLessThanOrEqual(2)
})
