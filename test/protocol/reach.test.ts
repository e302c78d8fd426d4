import { expect, test } from 'vitest'

import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, b, c, row } from './bench.ts'

const { probePeriodMs } = LAN_TIMINGS

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
