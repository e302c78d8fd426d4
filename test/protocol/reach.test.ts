import { expect, test } from 'vitest'

import { Reach } from '../../src/protocol/reach.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, a, b, c, row } from './bench.ts'

const { probePeriodMs, probeTimeoutMs } = LAN_TIMINGS

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
