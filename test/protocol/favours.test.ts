/** Probes for others, and by way of others. */

import { expect, test } from 'vitest'

import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { nodeId } from '../../src/ids.ts'
import { Bench, b, c, d } from './bench.ts'

// Of forty leaves that all asked their hub for each other at once, it had probed for 1,250, and said no of the rest.
test('forty leaves may ask for each other all at once', () => {
  const bench = new Bench()
  const leaves = Array.from({ length: 40 }, (_, n) => nodeId(`leaf${n}`))
  bench.meet(...leaves)
  bench.effects = []
  for (const target of leaves) {
    for (const from of leaves) bench.tell(from, { kind: 'probe-request', n: 1, target })
    bench.answer(target, 1)
  }
  const reports = bench.sent('probe-report').map(({ message }) => message.isHeard)
  expect(reports).toEqual(Array.from({ length: 1_600 }, () => true))
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
