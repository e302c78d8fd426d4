/** A node that was frozen while others handed workers over: when it goes on, it takes none that has an owner by now. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Takes its state along. */
const keeper = defineServer('keeper', {
  init: context => ({ total: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
  handoff: state => state.total,
})

/** Starts anew wherever it goes. */
const holder = defineServer('holder', {
  init: () => ({ total: 0 }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
})

const COUNT = 48
const SEEDS = [1, 2, 3, 4, 5, 6]

async function meshOf(seed: number): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ seed, nodes: 4, behaviours: [keeper, holder] })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

function homesAt(mesh: SimulatedMesh, name: string): Map<string, string | undefined> {
  const { specs } = mesh.node(name).snapshot()
  return new Map(specs.map(({ id, workers }) => [id, workers[0]?.node]))
}

test.each(SEEDS)(
  'what a node hands over while another one is frozen keeps its state when that one goes on: seed %i',
  async seed => {
    await using mesh = await meshOf(seed)
    const n1 = mesh.node('n1')
    const ids = Array.from({ length: COUNT }, (_, index) => `k${index}`)
    for (const id of ids) {
      await mesh.settle(n1.addWorker({ id, run: keeper }))
      await mesh.settle(n1.getWorker(id, keeper).call.add(10))
    }
    const leaving = ids.filter(id => homesAt(mesh, 'n1').get(id) === 'n2')
    expect(leaving.length).toBeGreaterThan(2)
    await mesh.run(1_500)
    mesh.freeze('n3')
    await mesh.run(50)
    const sinceMs = mesh.nowMs
    const leave = mesh.leave('n2')
    const isOut = (): boolean => ['n1', 'n2', 'n4'].every(name => mesh.node(name).members().length === 3)
    await mesh.until('n3 is taken for dead', isOut)
    // From now on, nobody tells it anything, and sessions to it are closed.
    mesh.partition(['n1', 'n2', 'n4'], ['n3'])
    await mesh.settle(leave)
    await mesh.run(6_000 - (mesh.nowMs - sinceMs))
    for (const id of leaving) expect(await mesh.settle(n1.getWorker(id, keeper).call.get())).toBe(10)
    mesh.heal()
    mesh.thaw('n3')
    await allSeeAll(mesh)
    await mesh.run(10_000)
    const totals = new Map<string, number>()
    for (const id of leaving) totals.set(id, await mesh.settle(n1.getWorker(id, keeper).call.get()))
    expect(totals).toEqual(new Map(leaving.map(id => [id, 10])))
  },
)

test.each(SEEDS)(
  'a node that was frozen while another one died takes nothing that others have taken over: seed %i',
  async seed => {
    await using mesh = await meshOf(seed)
    const n1 = mesh.node('n1')
    const ids = Array.from({ length: COUNT }, (_, index) => `h${index}`)
    for (const id of ids) await mesh.settle(n1.addWorker({ id, run: holder }))
    const dying = ids.filter(id => homesAt(mesh, 'n1').get(id) === 'n2')
    expect(dying.length).toBeGreaterThan(2)
    await mesh.run(1_500)
    mesh.freeze('n3')
    await mesh.run(50)
    mesh.crash('n2')
    await mesh.run(6_000)
    for (const id of dying) expect(await mesh.settle(n1.getWorker(id, holder).call.add(10))).toBe(10)
    mesh.thaw('n3')
    await allSeeAll(mesh)
    await mesh.run(10_000)
    const totals = new Map<string, number>()
    for (const id of dying) totals.set(id, await mesh.settle(n1.getWorker(id, holder).call.get()))
    expect(totals).toEqual(new Map(dying.map(id => [id, 10])))
  },
)
