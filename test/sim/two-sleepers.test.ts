/**
 * A node that has slept hears somebody who knows nothing of what the others have done meanwhile: another process of its
 * machine, that has slept as well, a client, or one that has only begun. It decides nothing by that.
 */

import { expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { heir } from './behaviours.ts'

const IDS = ['a', 'b', 'c', 'd']
const GROUPS = Array.from({ length: 8 }, (_, index) => `g${index}`)
const STAYING = ['n1', 'n2', 'n3']

// With each of them, two of the groups were begun anew, and followed by all: four crashes outdid what the others had decided.
test.each([
  ['a member that has slept too', 'stopped', 2],
  ['a member that has slept too', 'asleep', 1],
  ['a client that has slept too', 'stopped', 2],
  ['a client that has slept too', 'asleep', 1],
  ['a node that begins', 'asleep', 1],
] as const)('%s (%s, seed %i)', async (beside, pause, seed) => {
  const options: { role?: 'client' | 'member' } = {}
  const mesh = new SimulatedMesh({ nodes: 5, behaviours: [heir], seed }, options)
  await mesh.startAll([...STAYING, 'n4'])
  const isThere = beside !== 'a node that begins'
  if (isThere) {
    options.role = beside.includes('client') ? 'client' : 'member'
    await mesh.start('n5')
  }
  await allSeeAll(mesh)
  const members = IDS.map(id => ({ id, run: heir }))
  const intensity = { restarts: 100, withinMs: 1_000 }
  for (const id of GROUPS)
    await mesh.settle(mesh.node('n3').addGroup({ id, strategy: 'one_for_one', intensity, members }))
  await mesh.run(1_000)
  const sleepers = isThere ? ['n4', 'n5'] : ['n4']
  for (const sleeper of sleepers) mesh.freeze(sleeper)
  mesh.partition(STAYING, ['n4', 'n5'])
  await mesh.run(8_000)
  const groups = GROUPS.map(id => mesh.node('n3').getGroup<typeof members>(id))
  for (const group of groups) for (const id of IDS) group.member(id).cast.add(100)
  await mesh.run(500)
  for (const sleeper of sleepers) mesh.thaw(sleeper, pause)
  options.role = 'member'
  if (!isThere) await mesh.start('n5')
  await mesh.run(2_000)
  expect(mesh.node('n4').inspect().core.ledger.membership.isConnected(mesh.node('n5').id)).toBe(true)
  const { phases } = mesh.node('n4').inspect().core.ledger.tables
  let crashes = 0
  mesh.node('n4').on('worker:exit', ({ exit }) => (crashes += Number(exit.kind !== 'normal')))
  for (let times = 0; times < 4; times++) {
    const running = [...phases.rows()].filter(({ rank }) => rank === 'running')
    const here = running.flatMap(({ layout }) => layout.filter(({ owner }) => owner.id === 'n4'))
    for (const { slot } of here) {
      const [spec = '', member = ''] = slot.split('/')
      mesh.node('n4').getGroup<typeof members>(spec).member(member).cast.crash()
    }
    await mesh.run(1_000)
  }
  expect(crashes).toBeGreaterThan(0)
  mesh.heal()
  await mesh.run(12_000)
  const lost: string[] = []
  for (const group of groups)
    for (const id of IDS) {
      const total = await mesh.settle(group.member(id).call.total())
      if (total !== 100) lost.push(`${group.id}/${id} ${total}`)
    }
  expect(lost).toEqual([])
})

// It waited for 30 s for a client that had fallen silent, and can have done nothing.
test('the only node that runs anything waits for no client when it has stood still', async () => {
  const options: { role?: 'client' | 'member' } = {}
  const mesh = new SimulatedMesh({ nodes: 2, behaviours: [heir], seed: 1 }, options)
  await mesh.startAll(['n1'])
  options.role = 'client'
  await mesh.start('n2')
  await allSeeAll(mesh)
  const members = [{ id: 'a', run: heir }]
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', members }))
  await mesh.run(1_000)
  mesh.freeze('n1')
  mesh.freeze('n2')
  await mesh.run(3_000)
  mesh.thaw('n1')
  const member = mesh.node('n1').getGroup<typeof members>('g').member('a')
  member.cast.crash()
  let starts = 0
  mesh.node('n1').on('worker:start', () => (starts += 1))
  await mesh.until('it runs again', () => starts > 0, 2_000)
  expect(mesh.node('n1').members()).toHaveLength(2)
})
