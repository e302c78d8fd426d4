/** What holds of three, five and ten nodes (`detector.test.ts`), in a mesh of thirty, and a kill at the patient profiles. */

import { expect, test } from 'vitest'

import type { MemberStatus } from '../../src/protocol/member-row.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** A mesh in which all have met all. */
async function met(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = await simulate(init)
  await allSeeAll(mesh)
  const haveMet = (id: string): boolean =>
    mesh.node(id).inspect().core.ledger.membership.connected().length === mesh.ids.length - 1
  await mesh.until('all have met', () => mesh.ids.every(haveMet), 60_000)
  await mesh.run(2_000)
  return mesh
}

/** @returns how long it took until `of` had that status for all other nodes that are awake */
async function untilAll(mesh: SimulatedMesh, of: string, status: MemberStatus): Promise<number> {
  const startMs = mesh.nowMs
  const statusAt = (id: string): MemberStatus | undefined =>
    mesh.node(id).inspect().core.ledger.tables.members.get(of)?.status
  const others = mesh.awake.filter(id => id !== of)
  await mesh.until(`${of} is ${status} for all`, () => others.every(id => statusAt(id) === status))
  return mesh.nowMs - startMs
}

test('of thirty, a frozen process is out for all within 3.5 s and back at once, and a killed one is within 0.8 s', async () => {
  await using mesh = await met({ seed: 1, nodes: 30 })
  for (const frozen of ['n2', 'n12', 'n22']) {
    await mesh.run(137)
    mesh.freeze(frozen)
    expect(await untilAll(mesh, frozen, 'dead'), `${frozen} is frozen`).toBeLessThan(3_500)
    mesh.thaw(frozen)
    expect(await untilAll(mesh, frozen, 'alive'), `${frozen} goes on`).toBeLessThan(5_000)
  }
  for (const killed of ['n3', 'n13', 'n23']) {
    await mesh.run(2_137)
    mesh.crash(killed)
    expect(await untilAll(mesh, killed, 'dead'), `${killed} is killed`).toBeLessThan(800)
  }
})

test.each(['edge', 'wan'] as const)(
  'at %s a killed process is out within two seconds, too',
  async profile => {
    for (const nodes of [2, 3, 5]) {
      for (let seed = 1; seed <= 4; seed++) {
        await using mesh = await met({ seed, nodes, profile })
        await mesh.run(seed * 137)
        mesh.crash('n2')
        expect(await untilAll(mesh, 'n2', 'dead'), `${nodes} nodes, seed ${seed}`).toBeLessThan(2_000)
      }
    }
  },
)
