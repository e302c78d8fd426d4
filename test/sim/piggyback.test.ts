/**
 * What probes carry, where there are too many sessions to tell everybody directly, and gossip brings nothing: without it,
 * each of the others would have to find out by itself.
 */

import { expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** @returns how long it took until all others knew that n2 is dead, after `what` was done to it, in the order of the seeds */
async function tookMs(what: (mesh: SimulatedMesh) => void): Promise<number[]> {
  const took: number[] = []
  for (let seed = 1; seed <= 8; seed++) {
    await using mesh = new SimulatedMesh({ seed, nodes: 10, conditions: { hintLoss: 1 } }, { pushedMax: 2 })
    await mesh.startAll()
    await allSeeAll(mesh)
    await mesh.run(2_000 + seed * 137)
    const fromMs = mesh.nowMs
    what(mesh)
    const isDeadFor = (id: string): boolean =>
      mesh.node(id).inspect().core.ledger.tables.members.get('n2')?.status === 'dead'
    await mesh.until('n2 is dead for all', () => mesh.awake.every(isDeadFor))
    took.push(mesh.nowMs - fromMs)
  }
  return took
}

test('a killed process is noticed by all within 0.8 s', async () => {
  expect(Math.max(...(await tookMs(mesh => mesh.crash('n2'))))).toBeLessThan(800)
})

test('a frozen process is out within three seconds', async () => {
  expect(Math.max(...(await tookMs(mesh => mesh.freeze('n2'))))).toBeLessThan(3_000)
})
