/**
 * A node that wakes for moments only, again and again, and hears nobody then: when it wakes for good, it decides nothing
 * before it has heard how the others have gone on.
 */

import { expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { heir } from './behaviours.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const GROUPS = Array.from({ length: 12 }, (_, index) => `g${index}`)

// With five, six members of a group began anew, for all: it decided as it had heard everybody, and not yet what they knew.
test.each([0, 5])('%i times', async times => {
  const conditions = { latencyMs: 100 }
  await using mesh = new SimulatedMesh({ nodes: 3, behaviours: [heir], seed: 1, conditions })
  await mesh.startAll()
  await allSeeAll(mesh)
  const members = IDS.map(id => ({ id, run: heir }))
  for (const id of GROUPS)
    await mesh.settle(mesh.node('n3').addGroup({ id, strategy: 'one_for_one', members }))
  await mesh.run(1_000)
  mesh.freeze('n2')
  for (const id of ['n1', 'n3']) mesh.cut('n2', id)
  const groups = GROUPS.map(id => mesh.node('n3').getGroup<typeof members>(id))
  const { phases } = mesh.node('n3').inspect().core.ledger.tables
  const isWithout = (): boolean =>
    [...phases.rows()].every(
      ({ rank, layout }) => rank === 'running' && layout.every(({ owner }) => owner.id !== 'n2'),
    )
  await mesh.until('the others run all', isWithout, 20_000)
  for (const group of groups) for (const id of IDS) group.member(id).cast.add(100)
  await mesh.run(3_000)
  for (let woken = 0; woken < times; woken++) {
    mesh.thaw('n2')
    await mesh.run(3_000)
    mesh.freeze('n2')
    await mesh.run(20_000)
  }
  mesh.heal()
  mesh.thaw('n2')
  const n2 = mesh.node('n2')
  const { ledger } = n2.inspect().core
  const { wakefulness } = ledger.membership
  await mesh.run(101)
  await mesh.until('it has heard all', () => [...wakefulness.unheard(mesh.timeOf('n2'))].length === 0)
  // What it takes for its own still, ends just then.
  for (const { spec, layout } of ledger.tables.phases.rows())
    for (const { slot, owner } of layout)
      if (owner.id === n2.id)
        n2.getGroup<typeof members>(spec)
          .member(slot.slice(spec.length + 1))
          .cast.crash()
  await mesh.run(10_000)
  const lost: string[] = []
  for (const group of groups)
    for (const id of IDS) {
      const total = await mesh.settle(group.member(id).call.total())
      if (total !== 100) lost.push(`${group.id}/${id} ${total}`)
    }
  expect(lost).toEqual([])
})
