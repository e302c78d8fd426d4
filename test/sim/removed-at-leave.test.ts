/** Members that a user removes, or stops, while their node leaves: nobody goes on with them, so nobody is waited for. */

import { expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const MEMBERS = Array.from({ length: 6 }, (_, index) => ({
  id: `m${index}`,
  run: keeper,
  args: [0] as const,
}))
const GOING = ['m1', 'm2', 'm3']
const LEAVE_MS = 2_000
/** The first ones of each strategy took half a minute, as long as a node waits for those who take what it has. */
const SEEDS = { one_for_one: [6, 19, 31], one_for_all: [4, 26, 27], rest_for_one: [8, 11, 15] } as const
const CASES = GROUP_STRATEGIES.flatMap(strategy =>
  [...SEEDS[strategy], 1, 2].map(seed => ({ strategy, seed })),
)

test.each(CASES)('do not keep it: $strategy, seed $seed', async ({ strategy, seed }) => {
  const text = `removed ${strategy} ${seed}`
  const prng = new Prng(text)
  await using mesh = new SimulatedMesh({
    nodes: 4,
    behaviours: [keeper],
    seed: text,
    conditions: { jitterMs: 5 },
  })
  await mesh.startAll()
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members: MEMBERS }))
  await mesh.run(1_000)
  const group = mesh.node('n1').getGroup<typeof MEMBERS>('g')
  const leaving = mesh.leave('n3')
  await mesh.run(prng.between(0, 60))
  const going = prng.chance(0.5) ? GOING : GOING.slice(1, 2)
  const gone = going.map(id => (prng.chance(0.5) ? group.removeMember(id) : group.stopMember(id)))
  await mesh.settle(Promise.all([...gone, leaving]), LEAVE_MS)
  expect(mesh.up).not.toContain('n3')
})
