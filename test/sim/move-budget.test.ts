/** How many workers move at once, where nobody is in a hurry: they are not all under way when one node joins. */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Takes so long to gather what it takes along. */
const GATHER_MS = 1_500

const careful = defineServer('careful', {
  init: context => ({ context }),
  handoff: async state => {
    await state.context.sleep(GATHER_MS)
    return 1
  },
})

/** Never starts. */
const stuck = defineServer('stuck', {
  init: () => new Promise<object>(() => {}),
  handoff: () => 1,
})

/** A tenth of a node's workers may go in ten seconds: of sixty, that is more than two. */
const COUNT = 180

test('no more than two leave a node at once, and no more than two come to one', async () => {
  await using mesh = new SimulatedMesh({ nodes: 4, behaviours: [careful], seed: 'budget' })
  await mesh.startAll(['n1', 'n2', 'n3'])
  await allSeeAll(mesh)
  const ids = Array.from({ length: COUNT }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: careful }))))
  await mesh.start('n4')
  const claims = () =>
    ids.flatMap(
      id =>
        mesh
          .node('n4')
          .inspect()
          .core.ledger.tables.claims.get(slotId(specId(id))) ?? [],
    )
  const most = { left: 0, came: 0 }
  const look = (): boolean => {
    const draining = claims().filter(({ state }) => state === 'draining')
    for (const node of mesh.up)
      most.left = Math.max(most.left, draining.filter(({ owner }) => owner.id === node).length)
    most.came = Math.max(most.came, draining.length)
    return claims().filter(({ owner, state }) => owner.id === 'n4' && state === 'running').length >= 12
  }
  await mesh.until('a dozen have moved', look, 120_000)
  expect(most).toEqual({ left: 2, came: 2 })
})

test('no more than two leave a node at once, also where two others ask for them', async () => {
  await using mesh = new SimulatedMesh({ nodes: 3, behaviours: [careful], seed: 'two ask' })
  await mesh.startAll(['n1'])
  const node = mesh.node('n1')
  const ids = Array.from({ length: COUNT / 3 }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: careful }))))
  await mesh.startAll(['n2', 'n3'])
  let left = 0
  const look = (): boolean => {
    const { claims } = node.inspect().core.ledger.tables
    const draining = [...claims.rows()].filter(({ state }) => state === 'draining')
    left = Math.max(left, draining.length)
    return (
      [...claims.rows()].filter(({ owner, state }) => owner.id !== 'n1' && state === 'running').length >= 6
    )
  }
  await mesh.until('half a dozen have moved', look, 120_000)
  expect(left).toBe(2)
})

test('workers that have not started, and do not move for that, hold up no others', async () => {
  await using mesh = new SimulatedMesh({ nodes: 2, behaviours: [careful, stuck], seed: 'stuck' })
  await mesh.startAll(['n1'])
  const node = mesh.node('n1')
  const start = { startTimeoutMs: 300_000 }
  // Declared first, they are asked for first.
  for (let index = 0; index < 8; index++) {
    const spec = { id: `s${index}`, run: stuck, ...start }
    await mesh.settle(node.addWorker(spec, { until: 'declared' }))
  }
  const ids = Array.from({ length: 12 }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: careful }))))
  await mesh.start('n2')
  await allSeeAll(mesh)
  const { ledger } = mesh.node('n2').inspect().core
  const isPlaced = (id: string): boolean => {
    const slot = slotId(specId(id))
    return ledger.tables.claims.get(slot)?.owner.id === ledger.ownerOf(slot)
  }
  expect(ids.every(isPlaced)).toBe(false)
  await mesh.until('all are where placement wants them', () => ids.every(isPlaced), 120_000)
})
