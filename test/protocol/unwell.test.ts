/** A node that is degraded: it gives the others more time, and comes to a verdict all the same. */

import { beforeEach, expect, test } from 'vitest'

import { HEALTH_SCORE_MAX } from '../../src/protocol/local-health.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, b, c, row } from './bench.ts'

const { probePeriodMs } = LAN_TIMINGS

let bench: Bench

beforeEach(() => {
  bench = new Bench()
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
})

function makeUnwell(): void {
  while (bench.membership.health.score < HEALTH_SCORE_MAX) bench.membership.health.raise()
}

/** It is as unwell as can be, and `c` answers. @returns how long it takes until `b` is not `status` any more; two minutes: longer */
function unwellWhile(status: string, onStep: () => void = () => undefined): number {
  const startMs = bench.nowMs
  while (bench.statusOf(b) === status && bench.nowMs < startMs + 120_000) {
    makeUnwell()
    bench.pass(10, [c])
    onStep()
  }
  return bench.nowMs - startMs
}

test('it says that another one is silent when probes have failed for 24 periods, and that it is dead', () => {
  const aliveMs = unwellWhile('alive')
  expect(aliveMs).toBeGreaterThanOrEqual(24 * probePeriodMs)
  expect(aliveMs).toBeLessThan(60 * probePeriodMs)
  expect(unwellWhile('suspect')).toBeLessThan(30 * probePeriodMs)
  expect(bench.statusOf(b)).toBe('dead')
})

test('it does so no earlier where whoever is asked says at once that it hears nothing either', () => {
  bench.membership.onPeerDown(b, bench.now)
  const aliveMs = unwellWhile('alive', () => {
    for (const { message } of bench.sent('probe-request'))
      bench.tell(c, { kind: 'probe-report', n: message.n, target: b, isHeard: false })
    bench.effects = []
  })
  expect(aliveMs).toBeGreaterThanOrEqual(24 * probePeriodMs)
  expect(aliveMs).toBeLessThan(60 * probePeriodMs)
})

test('it accuses nobody who gives a sign of life each 24 periods', () => {
  let signMs = bench.nowMs
  const aliveMs = unwellWhile('alive', () => {
    if (bench.nowMs < signMs) return
    bench.membership.onHeard(b, bench.nowMs)
    signMs += 24 * probePeriodMs
  })
  expect(aliveMs).toBe(120_000)
})

test('it accuses nobody for whom others vouch', () => {
  bench.membership.onPeerDown(b, bench.now)
  const vouch = (): void => bench.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: true })
  let signMs = bench.nowMs
  const aliveMs = unwellWhile('alive', () => {
    if (bench.nowMs < signMs) return
    vouch()
    signMs += 24 * probePeriodMs
  })
  expect(aliveMs).toBe(120_000)
})

test('it buries nobody who was suspect before it was unwell, until 24 periods are over', () => {
  bench.passUntil(() => bench.statusOf(b) === 'suspect', [c])
  const suspectMs = unwellWhile('suspect')
  expect(bench.statusOf(b)).toBe('dead')
  expect(suspectMs).toBeGreaterThanOrEqual(22 * probePeriodMs)
  expect(suspectMs).toBeLessThan(60 * probePeriodMs)
})

test('it gets well by itself, also where nobody answers', () => {
  makeUnwell()
  const startMs = bench.nowMs
  bench.passUntil(() => bench.membership.health.score === 0)
  expect(bench.nowMs - startMs).toBeLessThan(HEALTH_SCORE_MAX * 8 * probePeriodMs)
})

// It counted from then on, all the time in which that one was dead: it was accused of being silent by its next probe.
test('a probe that is over only when its member is dead says nothing of it once that is back', () => {
  const step = (): void => {
    makeUnwell()
    bench.pass(10, [c])
  }
  bench.membership.onPeerDown(b, bench.now)
  for (const untilMs = bench.nowMs + 8 * probePeriodMs; bench.nowMs < untilMs;) step()
  bench.effects = []
  while (bench.sent('probe-request').length === 0) step()
  bench.membership.merge(row(b, { status: 'dead' }), bench.now)
  expect(bench.statusOf(b)).toBe('dead')
  for (const untilMs = bench.nowMs + 60 * probePeriodMs; bench.nowMs < untilMs;) step()
  bench.membership.merge(row(b, { seq: 2 }), bench.now)
  // For 30 periods it may still be met.
  expect(unwellWhile('alive')).toBeGreaterThanOrEqual((30 + 24) * probePeriodMs)
})
