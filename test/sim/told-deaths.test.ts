/** Where the sides of a split meet, one of them stands still: what the other side has said of it long ago is no death. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter, listener } from './behaviours.ts'

const IDS = Array.from({ length: 16 }, (_, index) => `w${index}`)

/** The sides have taken each other for dead, and each has counted on. */
async function split(seed: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes: 4, seed, behaviours: [counter] })
  await allSeeAll(mesh)
  await mesh.run(3_000)
  const [n1, n3] = [mesh.node('n1'), mesh.node('n3')]
  for (const id of IDS) await mesh.settle(n1.addWorker({ id, run: counter, args: [0] }))
  mesh.partition(['n1', 'n2'], ['n3', 'n4'])
  const isSplit = (): boolean => mesh.ids.every(id => mesh.node(id).members().length === 2)
  await mesh.until('both sides are dead for each other', isSplit, 60_000)
  await mesh.run(3_000)
  for (const id of IDS) {
    await mesh.settle(n1.getWorker(id, counter).call.add(1_000))
    await mesh.settle(n3.getWorker(id, counter).call.add(2_000))
  }
  return mesh
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

test.each([
  [1_600, 0],
  [1_600, 500],
  [1_900, 0],
  [1_200, 1_000],
])(
  'one that stands still for %i ms, %i ms of them before the heal, dies for nobody, and its workers keep a state',
  async (frozenMs, beforeMs) => {
    for (const seed of SEEDS) {
      await using mesh = await split(seed)
      const dead: string[] = []
      for (const id of mesh.ids)
        mesh.node(id).on('member:dead', ({ member }) => dead.push(`${member.id} for ${id}`))
      mesh.freeze('n1')
      await mesh.run(beforeMs)
      mesh.heal()
      await mesh.run(frozenMs - beforeMs)
      mesh.thaw('n1')
      await allSeeAll(mesh, 10_000)
      await mesh.run(10_000)
      expect(dead, `seed ${seed}`).toEqual([])
      for (const id of IDS) {
        const total = await mesh.settle(mesh.node('n2').getWorker(id, counter).call.get())
        expect([1_000, 2_000], `seed ${seed}, ${id}`).toContain(total)
      }
    }
  },
)

test('one that does not go on is out in time all the same', async () => {
  for (const seed of SEEDS) {
    await using mesh = await split(seed)
    mesh.freeze('n1')
    mesh.heal()
    const healedMs = mesh.nowMs
    const isOut = (id: string): boolean =>
      mesh
        .node(id)
        .members()
        .every(member => member.id !== 'n1')
    await mesh.until('n1 is dead for its side', () => isOut('n2'), 10_000)
    expect(mesh.nowMs - healedMs, `seed ${seed}`).toBeLessThan(3_500)
  }
})

test('of twenty, of whom each is silent for seconds, nobody dies for its own side, and no group begins anew', async () => {
  await using mesh = await simulate({ seed: 5, nodes: 20, behaviours: [listener] })
  await allSeeAll(mesh)
  const members = IDS.map(id => ({ id, run: listener, args: [] }) as const)
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_all', members }))
  await mesh.run(5_000)
  const sides = [mesh.ids.slice(0, 10), mesh.ids.slice(10)]
  mesh.partition(...sides)
  const isSplit = (): boolean => mesh.ids.every(id => mesh.node(id).members().length === 10)
  await mesh.until('both sides are dead for each other', isSplit, 60_000)
  await mesh.run(5_000)
  const dead: string[] = []
  const begun: number[] = []
  for (const id of mesh.ids) {
    const node = mesh.node(id)
    node.on('member:dead', ({ member }) => dead.push(`${member.id} for ${id}`))
    begun.push(node.inspect().core.ledger.tables.phases.get('g')?.generation.number ?? 0)
  }
  mesh.heal()
  await allSeeAll(mesh, 10_000)
  await mesh.run(5_000)
  expect(dead).toEqual([])
  const ends = mesh.ids.map(
    id => mesh.node(id).inspect().core.ledger.tables.phases.get('g')?.generation.number,
  )
  expect(new Set(ends)).toEqual(new Set([Math.max(...begun)]))
})

// They had reached it for others just before: so it was heard of, and suspect for its time then, 12 s with `wan`.
test.each([
  ['lan', 500],
  ['wan', 1_500],
] as const)(
  '%s: whose process is gone is out as soon for those who reach it by others',
  async (profile, withinMs) => {
    for (const seed of SEEDS.slice(0, 4)) {
      await using mesh = await simulate({ seed, nodes: 6, profile, behaviours: [listener] })
      await allSeeAll(mesh, 60_000)
      const leaves = mesh.ids.slice(2)
      for (const [index, leaf] of leaves.entries())
        for (const other of leaves.slice(index + 1)) mesh.cut(leaf, other)
      const members = IDS.map(id => ({ id, run: listener, args: [] }) as const)
      await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_all', members }))
      await mesh.run(60_000 + 500 * seed)
      const generation = (): number | undefined =>
        mesh.node('n1').inspect().core.ledger.tables.phases.get('g')?.generation.number
      const before = generation() ?? Infinity
      mesh.crash('n6')
      const isOut = (id: string): boolean => mesh.node(id).members().length === 5
      await mesh.until('n6 is out', () => mesh.up.every(isOut), withinMs)
      await mesh.run(20 * withinMs)
      expect(generation(), `seed ${seed}`).toBe(before + 1)
    }
  },
)
