/**
 * A node that finds nobody takes itself for the first one, and takes work. When it meets a mesh after all, what runs
 * there is new to it: it takes none of it but by a handoff.
 */

import { expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

/** Stays where it is: what starts again has lost its state. */
const holder = defineServer('holder', {
  init: (_context, start: number) => ({ total: start }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
})

const behaviours = [keeper, holder]
const SEEDS = [1, 2, 3, 4, 5, 6]
const COUNT = 24
const NUMBERS = Array.from({ length: COUNT }, (_, index) => index)
type Members = readonly { readonly id: string; readonly run: typeof holder; readonly args: [number] }[]

const memberOf = (mesh: SimulatedMesh, name: string, group: string, id: string) =>
  mesh.node(name).getGroup<Members>(group).member(id)

/** `n1` and `n2` are a mesh; `n3` is alone, and has taken itself for the first node. */
async function meshAndLoner(seed: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ seed, nodes: 3, behaviours })
  mesh.crash('n3')
  await mesh.until('two are left', () => ['n1', 'n2'].every(name => mesh.node(name).members().length === 2))
  mesh.partition(['n1', 'n2'], ['n3'])
  await mesh.start('n3')
  return mesh
}

async function meet(mesh: SimulatedMesh): Promise<void> {
  mesh.heal()
  await allSeeAll(mesh)
}

test.each(SEEDS)(
  'a node that meets a mesh late takes nothing that runs there, but by a handoff: seed %i',
  async seed => {
    await using mesh = await meshAndLoner(seed)
    const n1 = mesh.node('n1')
    for (const index of NUMBERS) {
      await mesh.settle(n1.addWorker({ id: `k${index}`, run: keeper, args: [0] }))
      await mesh.settle(n1.addWorker({ id: `h${index}`, run: holder, args: [0] }))
      const members = ['a', 'b'].map(id => ({ id, run: holder, args: [0] }) as const)
      await mesh.settle(n1.addGroup({ id: `g${index}`, members }))
      await mesh.settle(n1.getWorker(`k${index}`, keeper).call.add(10))
      await mesh.settle(n1.getWorker(`h${index}`, holder).call.add(10))
      for (const id of ['a', 'b']) await mesh.settle(memberOf(mesh, 'n1', `g${index}`, id).call.add(10))
    }
    const before = new Map(NUMBERS.map(index => [index, placeNow(mesh, `h${index}`)]))
    const starts: { readonly slot: string; readonly atMs: number }[] = []
    for (const name of mesh.ids)
      mesh.node(name).on('worker:start', ({ slot }) => starts.push({ slot, atMs: mesh.nowMs }))
    await meet(mesh)
    const isSettled = (): boolean =>
      NUMBERS.every(index => placeNow(mesh, `k${index}`) === wantedAt(mesh, `k${index}`))
    await mesh.until('those that move have moved', isSettled, 240_000)
    // Passive workers and members of groups stay.
    expect(starts.filter(({ slot }) => !slot.startsWith('k'))).toEqual([])
    expect(starts.length).toBeGreaterThan(0)
    // Each node may give a tenth of what it has in ten seconds: of forty-eight workers, that is four.
    for (const { atMs } of starts)
      expect(
        starts.filter(other => other.atMs >= atMs && other.atMs < atMs + 9_500).length,
      ).toBeLessThanOrEqual(4)
    for (const index of NUMBERS) {
      expect(placeNow(mesh, `h${index}`)).toBe(before.get(index))
      const worker = mesh.node('n3').getWorker(`k${index}`, keeper)
      const moves = starts.filter(({ slot }) => slot === `k${index}`).length
      expect(await mesh.settle(worker.call.get())).toBe(10)
      expect(await mesh.settle(worker.call.generation())).toBe(1 + moves)
      expect(await mesh.settle(mesh.node('n3').getWorker(`h${index}`, holder).call.get())).toBe(10)
      for (const id of ['a', 'b'])
        expect(await mesh.settle(memberOf(mesh, 'n3', `g${index}`, id).call.get())).toBe(10)
    }
  },
)

function placeNow(mesh: SimulatedMesh, id: string): string | undefined {
  const spec = mesh
    .node('n1')
    .snapshot()
    .specs.find(each => each.id === id)
  return spec?.workers[0]?.node
}

function wantedAt(mesh: SimulatedMesh, id: string): string | undefined {
  return mesh
    .node('n1')
    .inspect()
    .core.ledger.ownerOf(slotId(specId(id)))
}
