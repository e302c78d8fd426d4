/** Members that were on a node that is lost are removed and stopped where nobody decides any more. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const plain = defineServer('plain', { init: () => ({}) })
const members = ['n1', 'n2'].map(at => ({ id: at, run: plain, placement: { labels: { at } } }))

/** A group of two members, named after the nodes that they are on. */
async function meshOfTwo(): Promise<SimulatedMesh> {
  const labelsOf = { n1: { at: 'n1' }, n2: { at: 'n2' } }
  const mesh = await simulate({ nodes: 2, behaviours: [plain], labelsOf })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', members }))
  return mesh
}

/** Both are lost with a node that is known to be, and with one that is not yet. */
const WISHES = (['removeMember', 'stopMember'] as const).flatMap(wish =>
  [true, false].map(isKnown => ({ wish, isKnown })),
)

/** What is asked for of a member comes true, and no later than its node is known to be lost. */
async function expectDone(mesh: SimulatedMesh, { wish, isKnown }: (typeof WISHES)[number]): Promise<void> {
  const isAlone = (): boolean => mesh.node('n1').members().length === 1
  if (isKnown) await mesh.until('n2 is lost', isAlone)
  await mesh.settle(mesh.node('n1').getGroup<typeof members>('g')[wish]('n2'))
  expect(isAlone()).toBe(true)
}

test.each(WISHES)('of a group that was stopped while a node was lost: %o', async what => {
  await using mesh = await meshOfTwo()
  mesh.crash('n2')
  const stopped = mesh.node('n1').stopGroup('g')
  if (what.isKnown) await mesh.settle(stopped)
  await expectDone(mesh, what)
  await mesh.settle(stopped)
})

test.each(WISHES)('where the nodes that are left are emptied: %o', async what => {
  await using mesh = await meshOfTwo()
  void mesh
    .node('n1')
    .drain()
    .catch(() => {})
  await mesh.run(1_000)
  mesh.crash('n2')
  await expectDone(mesh, what)
})
