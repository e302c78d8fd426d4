/** What is said when the event loop was held up. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { type Stall, Stalls } from '../../src/node/stalls.ts'
import { Scope, runInScope } from '../../src/node/workers/scope.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'

function bench(): { readonly stalls: Stalls; readonly reports: Stall[] } {
  const reports: Stall[] = []
  const clock = new VirtualClock()
  const port = { nowMs: () => clock.nowMs, wallMs: () => 0, after: () => () => {} }
  return { stalls: new Stalls(port, stall => reports.push(stall)), reports }
}

test('code of no worker is held up by nobody, and nobody is named', () => {
  const { stalls, reports } = bench()
  stalls.onLoopWasHeld(300, true)
  stalls.onLoopWasHeld(300, false)
  expect(reports).toHaveLength(2)
  for (const report of reports) expect(Object.keys(report)).toEqual(['durationMs'])
})

test('code of a worker is named', () => {
  const { stalls, reports } = bench()
  const spec = specId('busy')
  const worker = slotId(spec)
  const identity = { worker, spec, node: nodeId('n1'), generation: 1, incarnation: 1 }
  runInScope(new Scope(identity, 1, NO_ORIGIN), () => stalls.onMessageTook(300))
  expect(reports).toEqual([{ durationMs: 300, worker }])
})
