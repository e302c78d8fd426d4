/** Two nodes that leave, one right after the other, as in an update of all of them: what one has given the other goes on. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

/** Its node stays for as long as it may take to stop. */
const lingerer = defineServer('lingerer', {
  init: () => ({}),
  terminate: () => new Promise<void>(() => {}),
})

const LINGER_MS = 20_000

/** Each step of a move takes about a millisecond here. */
const MOMENTS = Array.from({ length: 16 }, (_, index) => index * 0.5)

/** With more than three nodes, others are there that are not to have the worker next. */
const CASES = [
  ...MOMENTS.map(moment => ({ nodes: 3, count: 12, moment })),
  ...[2, 3, 4].map(moment => ({ nodes: 6, count: 100, moment })),
]

const NAME = 'of $nodes nodes, an heir that leaves $moment ms into a move, and takes long, costs no state'

test.each(CASES)(NAME, async ({ nodes, count, moment }) => {
  const labels = { slow: 'yes' }
  const seed = nodes === 3 ? `heir ${moment}` : `others ${moment}`
  const init = { nodes, behaviours: [keeper, lingerer], seed, labelsOf: { n2: labels } }
  await using mesh = new SimulatedMesh(init)
  await mesh.startAll()
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const ids = Array.from({ length: count }, (_, index) => `k${index}`)
  await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: keeper, args: [0] }))))
  const slow = { id: 'slow', run: lingerer, stopTimeoutMs: LINGER_MS, placement: { labels } }
  await mesh.settle(node.addWorker(slow))
  for (const [index, id] of ids.entries()) await mesh.settle(node.getWorker(id, keeper).call.add(index + 100))
  const leaving = mesh.leave('n1')
  await mesh.run(moment)
  const leavingToo = mesh.leave('n2')
  await mesh.settle(leaving)
  for (const [index, id] of ids.entries()) {
    const worker = mesh.node('n3').getWorker(id, keeper).with({ timeoutMs: LINGER_MS })
    expect(await mesh.settle(worker.call.get())).toBe(index + 100)
  }
  await mesh.settle(leavingToo, 2 * LINGER_MS)
})
