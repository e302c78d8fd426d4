/** A mesh that was split, and is whole again: how soon its sides meet, and whom and what that ends. */

import { describe, expect, test } from 'vitest'

import type { MemberStatus } from '../../src/protocol/member-row.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter, listener } from './behaviours.ts'

/** Nodes take this long at most to agree on all that has happened on the two sides (I9, for five). */
const SETTLE_MS = 14_000

/** An hour takes long to simulate: once is enough. */
const SPLITS = [
  ['three from two, after a minute', { durationMs: 60_000, side: ['n1', 'n2', 'n3'], seeds: 8 }],
  ['one from four, after an hour', { durationMs: 3_600_000, side: ['n4'], seeds: 1 }],
] as const

async function formed(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes: 5, ...init })
  await allSeeAll(mesh)
  await mesh.run(2_000)
  return mesh
}

/** The side is cut off for so long, and each side takes the other one for dead. */
async function split(mesh: SimulatedMesh, side: readonly string[], durationMs: number): Promise<void> {
  mesh.partition(
    side,
    mesh.ids.filter(id => !side.includes(id)),
  )
  await mesh.run(durationMs)
  for (const id of mesh.ids) {
    const isOwnSide = (other: string): boolean => side.includes(other) === side.includes(id)
    for (const other of mesh.ids) expect(statusAt(mesh, id, other)).toBe(isOwnSide(other) ? 'alive' : 'dead')
  }
}

function statusAt(mesh: SimulatedMesh, id: string, of: string): MemberStatus | undefined {
  return mesh.node(id).inspect().core.ledger.tables.members.get(of)?.status
}

function bootsOf(mesh: SimulatedMesh): number[] {
  return mesh.ids.map(id => mesh.node(id).inspect().core.self.boot)
}

describe('I49: the sides of a partition find each other, and nobody is called dead for it', () => {
  test.each(SPLITS)('%s', async (_what, { durationMs, side, seeds }) => {
    for (let seed = 1; seed <= seeds; seed++) {
      await using mesh = await formed({ seed, conditions: { hintLoss: 1 } })
      await split(mesh, side, durationMs + seed * 137)
      const boots = bootsOf(mesh)
      // From now on everybody answers everybody. Both sides have called the other one dead long before.
      const dead: string[] = []
      for (const id of mesh.ids)
        mesh.node(id).on('member:dead', ({ member }) => dead.push(`${member.id} for ${id}`))
      mesh.heal()
      await mesh.until(
        'all see all',
        () => mesh.ids.every(id => mesh.ids.every(other => statusAt(mesh, id, other) === 'alive')),
        10_000,
      )
      await mesh.run(SETTLE_MS)
      expect(dead, `seed ${seed}`).toEqual([])
      expect(bootsOf(mesh)).toEqual(boots)
    }
  })
})
