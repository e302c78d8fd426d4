/** Probes for others, and by way of others. */

import { expect, test } from 'vitest'

import { FAVOURS_TOGETHER_MAX } from '../../src/protocol/favours.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { nodeId } from '../../src/ids.ts'
import { Bench, b, c, d } from './bench.ts'

// Of forty leaves that all asked their hub for each other at once, it had probed for 1,250, and said no of the rest.
test('who asks for a member that is being probed for others waits for the same answer, and costs nothing', () => {
  const bench = new Bench()
  const asking = Array.from({ length: (2 * FAVOURS_TOGETHER_MAX) / 100 }, (_, n) => nodeId(`asking${n}`))
  bench.meet(b, ...asking)
  for (let n = 0; n < 100; n++) {
    bench.effects = []
    for (const from of asking) bench.tell(from, { kind: 'probe-request', n, target: b })
    bench.answer(b, n)
    expect(bench.sent('probe').filter(({ to }) => to === b)).toHaveLength(1)
    expect(bench.sent('probe-report').filter(({ message }) => message.isHeard)).toHaveLength(asking.length)
    bench.nowMs += 1
  }
})

test('whoever was away asks each peer that it has not heard since, and others for whom it has no session with', () => {
  const bench = new Bench()
  bench.meet(b, c, d)
  bench.pass(5_000, [b, c, d])
  bench.membership.onPeerDown(d, bench.now)
  bench.nowMs += 6 * LAN_TIMINGS.probePeriodMs
  bench.membership.tick(bench.now)
  bench.effects = []
  bench.nowMs += LAN_TIMINGS.probeTimeoutMs / 2
  bench.membership.tick(bench.now)
  expect(bench.sent('probe').map(({ to }) => to)).toEqual(expect.arrayContaining([b, c]))
  const asked = bench.sent('probe-request').filter(({ message }) => message.target === d)
  expect(asked.map(({ to }) => to).toSorted()).toEqual([b, c])
})
