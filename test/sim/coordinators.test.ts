/** Who decides for a group: whoever made its generation, then one who was there when it was made, then any other. */

import { expect, test } from 'vitest'

import { specId } from '../../src/ids.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const GROUPS = Array.from({ length: 12 }, (_, index) => `g${index}`)
const members = [{ id: 'm', run: keeper, args: [0] as const }]

test('a node that has come since decides for nothing, until nobody is there who was', async () => {
  await using mesh = new SimulatedMesh({ nodes: 4, behaviours: [keeper], seed: 'coordinators' })
  await mesh.startAll(['n1', 'n2', 'n3'])
  await allSeeAll(mesh)
  await mesh.settle(Promise.all(GROUPS.map(id => mesh.node('n1').addGroup({ id, members }))))
  await mesh.start('n4')
  await allSeeAll(mesh)
  const leaders = (): (string | undefined)[] =>
    GROUPS.map(group => mesh.up.find(id => mesh.node(id).inspect().core.ledger.isCoordinator(specId(group))))
  const before = leaders()
  expect(new Set(before)).toEqual(new Set(['n1', 'n2', 'n3']))
  mesh.crash('n1')
  await mesh.until('n1 is taken for dead', () => mesh.node('n4').members().length === 3, 10_000)
  const after = leaders()
  expect(after).not.toContain('n4')
  for (const [index, leader] of before.entries()) if (leader !== 'n1') expect(after[index]).toBe(leader)
  mesh.crash('n2')
  mesh.crash('n3')
  await mesh.until('n4 decides for all', () => leaders().every(leader => leader === 'n4'), 10_000)
})
