import { describe, expect, test } from 'vitest'

import { Reach } from '../../src/protocol/reach.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
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

  test('is accused by a node that is unwell when that is over', () => {
    const mesh = bench()
    while (!mesh.membership.health.isDegraded) mesh.membership.health.raise()
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('alive')
    while (mesh.membership.health.isDegraded) mesh.membership.health.lower()
    mesh.membership.onDialFailed(b, REFUSED, mesh.now)
    expect(mesh.statusOf(b)).toBe('suspect')
    expect(mesh.sent('accusations').map(({ message }) => message.accusations[0]?.evidence)).toEqual([
      'refused',
    ])
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
