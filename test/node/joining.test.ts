/** How long a node that starts waits for what its seeds stand for. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import type { CoreEvent } from '../../src/node/events.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { coreOf, timeAt } from './supervision/core-bench.ts'

const { joinAloneMs, joinSyncMs } = LAN_TIMINGS
const NAME = '/dns4/gateway.local/tcp/7000'

/** When a node to which this happens takes itself for the first one. */
function firstAtMs(...events: readonly (readonly [atMs: number, event: CoreEvent])[]): number {
  const core = coreOf(nodeId('a'), 0)
  for (const [atMs, event] of events) core.step(event, timeAt(atMs))
  for (;;) {
    const nowMs = core.wakeAtMs()
    core.step({ kind: 'time-passed' }, timeAt(nowMs))
    if (core.self.status === 'alive') return nowMs
  }
}

test('a node that knows of nobody is the first one soon', () => {
  expect(firstAtMs([0, { kind: 'time-passed' }])).toBe(joinAloneMs)
})

test('a node with a name that is being looked up waits for it, but not for ever', () => {
  expect(firstAtMs([0, { kind: 'seed-awaited', name: NAME }])).toBe(joinSyncMs)
})

test('a name that stands for nobody is not waited for', () => {
  const gone: CoreEvent = { kind: 'seed-removed', address: NAME }
  expect(firstAtMs([0, { kind: 'seed-awaited', name: NAME }], [100, gone])).toBe(joinAloneMs)
})
