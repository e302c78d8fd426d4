/** A node that was held up again and again while others died: once it is well, it notices, though nobody tells it. */

import { describe, expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'

function statusAt(mesh: SimulatedMesh, id: string, of: string): string | undefined {
  const { members } = mesh.node(id).inspect().core.ledger.tables
  return members.get(of)?.status
}

describe.each([2, 3])('in a mesh of %i, a node that is held up again and again', nodes => {
  test('while all others die, takes over from them once it is well', async () => {
    await using mesh = await simulate({ seed: 5, nodes })
    await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === nodes))
    await mesh.run(2_000)
    const others = mesh.ids.filter(id => id !== 'n1')
    let degraded = 0
    mesh.node('n1').on('node:degraded', () => (degraded += 1))
    for (const id of others) mesh.crash(id)
    for (let times = 0; times < 20; times++) {
      mesh.freeze('n1')
      await mesh.run(900)
      mesh.thaw('n1')
      await mesh.run(100)
    }
    expect(degraded).toBe(1)
    await mesh.run(60_000)
    expect(others.map(id => statusAt(mesh, 'n1', id))).toEqual(others.map(() => 'dead'))
  })
})
