/** Two who meet compare what they know at once, and not only by their turn, which may lead to somebody else first. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter } from './behaviours.ts'

const SIDES = [
  ['n1', 'n2', 'n3'],
  ['n4', 'n5', 'n6'],
] as const

/** Whether all have a session with all. */
function haveMet(mesh: SimulatedMesh): boolean {
  return mesh.ids.every(
    id => mesh.node(id).inspect().core.ledger.membership.connected().length === mesh.ids.length - 1,
  )
}

test('what each side of a partition has declared is known to all as soon as they have sessions', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    await using mesh = await simulate({ seed, nodes: 6, behaviours: all })
    await allSeeAll(mesh)
    mesh.partition(...SIDES)
    await mesh.until('each side is alone', () => mesh.ids.every(id => mesh.node(id).members().length === 3))
    for (const [id] of SIDES)
      await mesh.settle(mesh.node(id).addWorker({ id: `of-${id}`, run: counter, args: [1] }))
    await mesh.run(10_000 + seed * 137)
    mesh.heal()
    await mesh.until('all have sessions', () => haveMet(mesh))
    const metMs = mesh.nowMs
    const knowAll = (): boolean =>
      mesh.ids.every(id => SIDES.every(([other]) => mesh.node(id).findWorker(`of-${other}`) !== undefined))
    await mesh.until('all know what both sides have declared', knowAll)
    expect(mesh.nowMs - metMs, `seed ${seed}`).toBeLessThan(100)
  }
})
