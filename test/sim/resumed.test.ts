/** A node that is emptied for a moment, while a user changes a group: what members leave behind is theirs. */

import { expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

/** Each step of a move takes about a millisecond here. */
const MOMENTS = Array.from({ length: 8 }, (_, index) => index * 0.5)

test.each(MOMENTS)(
  'a drain that is taken back after %s ms, and crossed by an edit, costs no state',
  async moment => {
    await using mesh = new SimulatedMesh({ nodes: 3, behaviours: [keeper], seed: `e ${moment} readd` })
    await mesh.startAll()
    await allSeeAll(mesh)
    const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: keeper, args: [0] as const }))
    const strategy = 'one_for_one'
    const group = await mesh.settle(mesh.node('n3').addGroup({ id: 'g', strategy, members }))
    for (const { id } of members) await mesh.settle(group.member(id).call.add(7))
    const draining = mesh
      .node('n1')
      .drain()
      .catch(() => {})
    await mesh.run(moment)
    mesh.node('n1').resume()
    const edit = async (id: string): Promise<void> => {
      await group.removeMember(id)
      await group.addMember({ id, run: keeper, args: [0] })
    }
    await mesh.settle(Promise.all([edit('a'), edit('b')]))
    await mesh.settle<unknown>(draining)
    for (const id of ['c', 'd']) expect([id, await mesh.settle(group.member(id).call.get())]).toEqual([id, 7])
  },
)
