/** I5: a node that has stood still for a moment, in the midst of whatever it was about to find out, begins with that anew. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { ThawWatch } from './thaw-watch.ts'

/** A mesh of three in which n2 is cut off from both others. */
async function meshWithout(seed: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed, nodes: 3 })
  await allSeeAll(mesh)
  await mesh.run(2_000)
  mesh.partition(['n2'], ['n1', 'n3'])
  return mesh
}

// From the first probe that is not answered to the last moment of the suspicion.
const MOMENTS = Array.from({ length: 24 }, (_, index) => 100 + index * 100)

test.each([
  [300, 'stopped'],
  [650, 'stopped'],
  [1_500, 'stopped'],
  [1_500, 'asleep'],
] as const)('for %i ms (%s), while it cannot reach another one', async (stillMs, pause) => {
  for (const afterMs of MOMENTS) {
    await using mesh = await meshWithout(afterMs)
    await mesh.run(afterMs)
    mesh.freeze('n1')
    await mesh.run(stillMs)
    const watch = new ThawWatch(mesh, 'n1', pause === 'asleep')
    mesh.thaw('n1', pause)
    await mesh.run(6_000)
    expect(() => watch.check(), `${afterMs} ms after the cut`).not.toThrow()
    // And it comes to its verdict all the same.
    const { members } = mesh.node('n1').inspect().core.ledger.tables
    expect(members.get('n2')?.status, `${afterMs} ms after the cut`).toBe('dead')
  }
})
