import { describe, expect, test } from 'vitest'

import { HEALTH_SCORE_MAX } from '../../src/protocol/local-health.ts'
import { Reach } from '../../src/protocol/reach.ts'
import { LAN_TIMINGS, suspicionRangeMs } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, a, b, c, row } from './bench.ts'

const { probePeriodMs, probeTimeoutMs, suspicionFastMs } = LAN_TIMINGS

test('a member that this node has not met yet is left to those who have, for thirty periods', () => {
  const mesh = new Bench()
  mesh.meet(c)
  mesh.membership.merge(row(b), mesh.now)
  mesh.pass(29 * probePeriodMs, [c])
  expect(mesh.statusOf(b)).toBe('alive')
  expect(mesh.sent('probe-request')).toEqual([])
  mesh.pass(3 * probePeriodMs, [c])
  expect(mesh.statusOf(b)).toBe('suspect')
})

test('others are told at once of those whom this node has not met yet, and after a while of those whose session has closed', () => {
  const reach = new Reach()
  reach.onMember(a, 0)
  reach.onPeerUp(b, 0)
  expect(reach.unreachable(0, LAN_TIMINGS)).toEqual([a])
  reach.onPeerDown(b, 1)
  expect(reach.unreachable(probePeriodMs + probeTimeoutMs, LAN_TIMINGS)).toEqual([a])
  expect(reach.unreachable(probePeriodMs + probeTimeoutMs + 1, LAN_TIMINGS)).toEqual([a, b])
  reach.onPeerUp(a, 2)
  reach.onPeerUp(b, 2)
  expect(reach.unreachable(10_000, LAN_TIMINGS)).toEqual([])
})

describe('a member whose session has closed, and whose port refuses', () => {
  const bench = (): Bench => {
    const mesh = new Bench()
    mesh.meet(b, c)
    mesh.pass(1_000, [b, c])
    mesh.membership.onPeerDown(b, mesh.now)
    return mesh
  }

  /** The node itself is as unwell as can be, and stays it; so is `c`. `b` refuses: `a` has noticed. */
  const unwell = (): { readonly mesh: Bench; readonly refuse: (afterMs: number) => string | undefined } => {
    const mesh = bench()
    mesh.healthOf.set(c, HEALTH_SCORE_MAX)
    mesh.answer(c, 0)
    const refuse = (afterMs: number): string | undefined => {
      for (const untilMs = mesh.nowMs + afterMs; mesh.nowMs < untilMs;) {
        while (mesh.membership.health.score < HEALTH_SCORE_MAX) mesh.membership.health.raise()
        mesh.pass(10, [c])
      }
      mesh.membership.onDialFailed(b, REFUSED, mesh.now)
      return mesh.statusOf(b)
    }
    expect(refuse(10)).toBe('suspect')
    expect(mesh.sent('accusations').map(({ message }) => message.accusations[0]?.evidence)).toEqual([
      'refused',
    ])
    return { mesh, refuse }
  }
  const patientMs = suspicionFastMs * (HEALTH_SCORE_MAX + 1)

  // Nobody said so while all were unwell, and it was never dead.
  test('is dead for one that is unwell if a second one says so, as unwell as that is: with more time to refute', () => {
    const { mesh, refuse } = unwell()
    expect(refuse(2 * patientMs)).toBe('suspect')
    mesh.accuse(b, c, 'refused')
    expect(refuse(patientMs - 100)).toBe('suspect')
    expect(refuse(probePeriodMs + 100)).toBe('dead')
  })

  test('is not dead for one that is unwell as long as it is the only one that says so, but at last', () => {
    const { mesh, refuse } = unwell()
    const [, longestMs] = suspicionRangeMs(LAN_TIMINGS, 3)
    mesh.accuse(b, c, 'silent')
    expect(refuse(longestMs - 100)).toBe('suspect')
    expect(refuse(probePeriodMs + 100)).toBe('dead')
  })

  test('is not dead for one that is unwell, whoever says so, while somebody hears it', () => {
    // Each answer of another one makes it a little better, for a moment.
    for (let afterMs = 50; afterMs < patientMs - suspicionFastMs; afterMs += 50) {
      const { mesh, refuse } = unwell()
      mesh.accuse(b, c, 'refused')
      expect(refuse(afterMs)).toBe('suspect')
      mesh.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: true })
      expect(refuse(2 * probePeriodMs - 50)).toBe('suspect')
    }
  })

  test('is dead at once for one that is well if one that is unwell says so as well', () => {
    const mesh = bench()
    mesh.healthOf.set(c, HEALTH_SCORE_MAX)
    mesh.answer(c, 0)
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    mesh.accuse(b, c, 'refused')
    mesh.pass(suspicionFastMs + 20, [c])
    expect(mesh.statusOf(b)).toBe('dead')
  })

  // At 4 and 5 it had no more than one that is well, as what it says itself of a port that refuses counts as well.
  test('has the more time to refute, the more unwell the one is that it is suspect for', () => {
    for (let score = 0; score <= HEALTH_SCORE_MAX; score++) {
      const mesh = bench()
      const keep = (): void => {
        while (mesh.membership.health.score < score) mesh.membership.health.raise()
      }
      keep()
      mesh.membership.onDialFailed(b, REFUSED, mesh.now)
      mesh.accuse(b, c, 'refused')
      const [shortestMs] = suspicionRangeMs(LAN_TIMINGS, 3)
      const wantedMs = Math.min(suspicionFastMs * (score + 1), shortestMs)
      for (const untilMs = mesh.nowMs + wantedMs - 50; mesh.nowMs < untilMs; keep()) mesh.pass(10, [c])
      expect(mesh.statusOf(b)).toBe('suspect')
      for (const untilMs = mesh.nowMs + probePeriodMs + 100; mesh.nowMs < untilMs; keep()) mesh.pass(10, [c])
      expect(mesh.statusOf(b)).toBe('dead')
    }
  })

  // It was suspect for ever: what had been said against it was forgotten, and not said again.
  test('is dead for one that is unwell also if somebody has heard it right before it ended', () => {
    const { mesh, refuse } = unwell()
    mesh.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: true })
    mesh.accuse(b, c, 'refused')
    const [, longestMs] = suspicionRangeMs(LAN_TIMINGS, 3)
    const untilMs = mesh.nowMs + longestMs + 4 * probePeriodMs
    while (mesh.nowMs < untilMs && mesh.statusOf(b) === 'suspect') refuse(100)
    expect(mesh.statusOf(b)).toBe('dead')
  })

  test('is dead at once also where who says so was suspect itself just then', () => {
    const mesh = bench()
    mesh.membership.merge(row(c, { status: 'suspect' }), mesh.now)
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    mesh.accuse(b, c, 'refused')
    mesh.pass(suspicionFastMs + 20, [c])
    expect(mesh.statusOf(b)).toBe('suspect')
    mesh.membership.merge(row(c, { seq: 2 }), mesh.now)
    mesh.pass(suspicionFastMs + 20, [c])
    expect(mesh.statusOf(b)).toBe('dead')
  })

  test('is dead for one that is unwell, if it is the only one left, when it refuses again', () => {
    const mesh = new Bench()
    mesh.meet(b)
    mesh.pass(1_000, [b])
    while (!mesh.membership.health.isDegraded) mesh.membership.health.raise()
    mesh.membership.onPeerDown(b, mesh.now)
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('suspect')
    mesh.nowMs += suspicionFastMs / 2
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('suspect')
    mesh.nowMs += suspicionFastMs
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.membership.health.isDegraded).toBe(true)
    expect(mesh.statusOf(b)).toBe('dead')
  })

  test('and that refutes, is not accused of that again', () => {
    const mesh = bench()
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('suspect')
    mesh.membership.merge(row(b, { seq: 2 }), mesh.now)
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('alive')
  })

  test('and that refutes, is asked for by way of others as one that was met: not after thirty periods', () => {
    const mesh = bench()
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    mesh.membership.merge(row(b, { seq: 2 }), mesh.now)
    mesh.effects = []
    mesh.pass(2 * probePeriodMs, [c])
    expect(mesh.sent('probe-request').map(({ message }) => message.target)).toContain(b)
  })

  test('is to be met anew where others tell of a new run of it, as if it had never been met', () => {
    const mesh = bench()
    mesh.membership.merge(row(b, { boot: 2 }), mesh.now)
    mesh.effects = []
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    mesh.pass(29 * probePeriodMs, [c])
    expect(mesh.statusOf(b)).toBe('alive')
    expect(mesh.sent('probe-request')).toEqual([])
    mesh.pass(3 * probePeriodMs, [c])
    expect(mesh.statusOf(b)).toBe('suspect')
  })
})

// Seed 219: whoever had slept was the only one who knew the one that had gone, and held it for alive for half a minute.
test('a member that has gone while this node slept is dead when its port refuses, though it was not heard since', () => {
  const mesh = new Bench()
  mesh.meet(b, c)
  mesh.pass(1_000, [b, c])
  mesh.nowMs += 20 * probePeriodMs
  mesh.membership.tick(mesh.now)
  mesh.membership.onPeerDown(b, mesh.now)
  mesh.pass(3 * probePeriodMs, [c])
  expect(mesh.statusOf(b)).toBe('alive')
  mesh.membership.onDialFailed(b, REFUSED, mesh.now)
  expect(mesh.statusOf(b)).toBe('suspect')
  mesh.pass(8 * probePeriodMs, [c])
  expect(mesh.statusOf(b)).toBe('dead')
})
