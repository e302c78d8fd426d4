/** A node that leaves over a long way: what its workers leave behind does not wait for one another. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const keeper = defineServer('keeper', {
  init: context => ({ told: context.handoff }),
  call: { told: state => state.told },
  cast: { tell: (state, what: string) => void (state.told = what) },
  handoff: state => state.told,
})

async function farMesh(): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({
    nodes: 2,
    behaviours: [keeper],
    seed: 'far',
    profile: 'wan',
    conditions: { latencyMs: 50 },
    weightOf: { n2: 16 },
  })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

test('three hundred members of a group take their state along, at a tenth of a second there and back', async () => {
  await using mesh = await farMesh()
  const ids = Array.from({ length: 320 }, (_, n) => `m${n}`)
  const members = ids.map(id => ({ id, run: keeper }))
  const node = mesh.node('n1')
  await mesh.settle(node.addGroup({ id: 'g', members }))
  const group = node.getGroup<typeof members>('g')
  for (const id of ids) group.member(id).cast.tell(`to ${id}`)
  await mesh.run(1_000)
  const [spec] = node.snapshot().specs
  const there = spec?.workers.filter(worker => worker.node === 'n2').length
  expect(there).toBeGreaterThan(290)
  const atMs = mesh.nowMs
  await mesh.stop('n2')
  expect(mesh.nowMs - atMs).toBeLessThan(5_000)
  await mesh.run(5_000)
  for (const id of ids) expect(await mesh.settle(group.member(id).call.told())).toBe(`to ${id}`)
})

test.each(['workers', 'group'] as const)(
  'a session that breaks while they are on their way costs no state: %s',
  async kind => {
    await using mesh = await farMesh()
    const ids = Array.from({ length: 60 }, (_, n) => `m${n}`)
    const members = ids.map(id => ({ id, run: keeper }))
    const node = mesh.node('n1')
    if (kind === 'workers') await mesh.settle(Promise.all(members.map(member => node.addWorker(member))))
    else await mesh.settle(node.addGroup({ id: 'g', members }))
    const refOf = (id: string) =>
      kind === 'workers' ? node.getWorker(id, keeper) : node.getGroup<typeof members>('g').member(id)
    for (const id of ids) refOf(id).cast.tell(`to ${id}`)
    await mesh.run(1_000)
    const leaving = mesh.leave('n2')
    await mesh.run(120)
    mesh.breakSession('n1', 'n2')
    await mesh.settle(leaving)
    await mesh.run(10_000)
    for (const id of ids) expect(await mesh.settle(refOf(id).call.told())).toBe(`to ${id}`)
  },
)
