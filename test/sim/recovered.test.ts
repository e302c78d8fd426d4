/** A node that was held up again and again while others died: it notices, though nobody tells it. */

import { describe, expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'

function statusAt(mesh: SimulatedMesh, id: string, of: string): string | undefined {
  const { members } = mesh.node(id).inspect().core.ledger.tables
  return members.get(of)?.status
}

describe.each([2, 3])('in a mesh of %i, a node that is held up again and again', nodes => {
  /** Whatever `end` does to the others, with n1 held up for nine tenths of the next 20 s. @returns how often it was degraded */
  async function heldUpWhile(mesh: SimulatedMesh, end: (id: string) => void): Promise<number> {
    await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === nodes))
    await mesh.run(2_000)
    let degraded = 0
    mesh.node('n1').on('node:degraded', () => (degraded += 1))
    for (const id of othersOf(mesh)) end(id)
    for (let times = 0; times < 20; times++) {
      mesh.freeze('n1')
      await mesh.run(900)
      mesh.thaw('n1')
      await mesh.run(100)
    }
    return degraded
  }

  const othersOf = (mesh: SimulatedMesh): string[] => mesh.ids.filter(id => id !== 'n1')
  const fates = (mesh: SimulatedMesh): (string | undefined)[] =>
    othersOf(mesh).map(id => statusAt(mesh, 'n1', id))

  test('while all others fall silent, takes over from them', async () => {
    await using mesh = await simulate({ seed: 5, nodes })
    expect(await heldUpWhile(mesh, id => mesh.freeze(id))).toBe(1)
    await mesh.run(60_000)
    expect(fates(mesh)).toEqual(othersOf(mesh).map(() => 'dead'))
  })

  test('while all others are killed, takes over from them as it is: their ports refuse', async () => {
    await using mesh = await simulate({ seed: 5, nodes })
    expect(await heldUpWhile(mesh, id => mesh.crash(id))).toBe(0)
    expect(fates(mesh)).toEqual(othersOf(mesh).map(() => 'dead'))
  })
})
