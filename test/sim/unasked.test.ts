/** Workers that are not asked to stop (`stopTimeoutMs: 0`), and whose behaviour has a `handoff`. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

let handoffs = 0

const keeper = defineServer('keeper', {
  init: context => ({ total: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
  handoff: state => {
    handoffs += 1
    return state.total
  },
})

const IDS = Array.from({ length: 12 }, (_, index) => `w${index}`)

/** Some on `n1`, which have something to lose. */
async function meshOfOne(): Promise<SimulatedMesh> {
  handoffs = 0
  const mesh = new SimulatedMesh({ nodes: 2, behaviours: [keeper] })
  await mesh.startAll(['n1'])
  const node = mesh.node('n1')
  for (const id of IDS) {
    await mesh.settle(node.addWorker({ id, run: keeper, stopTimeoutMs: 0 }))
    await mesh.settle(node.getWorker(id, keeper).call.add(5))
  }
  return mesh
}

const totalsAt = (mesh: SimulatedMesh, name: string): Promise<number[]> =>
  mesh.settle(Promise.all(IDS.map(id => mesh.node(name).getWorker(id, keeper).call.get())))

test('they stay where they are when a node joins, as they would lose their state', async () => {
  await using mesh = await meshOfOne()
  await mesh.start('n2')
  await allSeeAll(mesh)
  await mesh.run(120_000)
  expect(await totalsAt(mesh, 'n2')).toEqual(IDS.map(() => 5))
})

test('where they have to go, they are not asked for what nobody waits for', async () => {
  await using mesh = await meshOfOne()
  await mesh.start('n2')
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').drain())
  expect(await totalsAt(mesh, 'n1')).toEqual(IDS.map(() => 0))
  expect(handoffs).toBe(0)
})
