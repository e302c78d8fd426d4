/** Where workers live in a mesh: labels, weights, zones, who stays with whom, and who moves when a node joins. */

import { describe, expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter, double, listener, slowly } from './behaviours.ts'

async function formed(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: all, ...init })
  await allSeeAll(mesh, 3_000)
  return mesh
}

/** The nodes of the workers of a spec, in the order of starting, once all nodes know that it runs. */
async function homesOf(mesh: SimulatedMesh, spec: string): Promise<string[]> {
  await mesh.until(
    `all know that ${spec} runs`,
    () => mesh.up.every(id => statusOf(mesh, id, spec)?.kind === 'running'),
    5_000,
  )
  const found = mesh
    .node(mesh.up[0] ?? '')
    .snapshot()
    .specs.find(({ id }) => id === spec)
  return (found?.workers ?? []).map(worker => worker.node)
}

async function allHomesOf(mesh: SimulatedMesh, specs: readonly string[]): Promise<string[]> {
  const homes: string[] = []
  for (const spec of specs) homes.push(...(await homesOf(mesh, spec)))
  return homes
}

const ZONED: SimulationInit = {
  nodes: ['e1', 'e2', 's1', 's2', 'w1', 'w2'],
  labelsOf: {
    e1: { zone: 'east' },
    e2: { zone: 'east' },
    s1: { zone: 'south' },
    s2: { zone: 'south' },
    w1: { zone: 'west' },
    w2: { zone: 'west' },
  },
}
const zoneOf = (node: string): string => node.slice(0, 1)
const listeners = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ id: `m${index}`, run: listener, args: [] as const }))

describe('labels', () => {
  test('a worker runs only on nodes that carry its labels, and waits for one when there is none', async () => {
    await using mesh = await simulate({
      behaviours: all,
      nodes: ['n1', 'n2', 'gpu'],
      labelsOf: { gpu: { gpu: 'yes' } },
    })
    mesh.crash('gpu')
    await mesh.until('the others know', () =>
      ['n1', 'n2'].every(id =>
        mesh
          .node(id)
          .members()
          .every(member => member.id !== 'gpu' || member.status === 'dead'),
      ),
    )
    const added = mesh
      .node('n1')
      .addWorker({ id: 'render', run: counter, args: [0], placement: { labels: { gpu: 'yes' } } })
    await mesh.until('it waits', () => statusOf(mesh, 'n1', 'render')?.kind === 'pending', 2_000)
    await mesh.until('the other knows', () => statusOf(mesh, 'n2', 'render')?.kind === 'pending', 2_000)
    expect(statusOf(mesh, 'n2', 'render')).toMatchObject({ reason: expect.stringContaining('gpu=yes') })
    await mesh.start('gpu')
    await mesh.settle(added, 5_000)
    expect(await homesOf(mesh, 'render')).toEqual(['gpu'])
  })

  test('of the whole and of a part are both wanted', async () => {
    await using mesh = await formed({
      nodes: ['n1', 'n2', 'n3'],
      labelsOf: { n1: { rack: 'a' }, n2: { rack: 'a', disk: 'ssd' }, n3: { disk: 'ssd' } },
    })
    const [first, second] = [
      { id: 'm0', run: listener, args: [] as const },
      { id: 'm1', run: listener, args: [] as const, placement: { labels: { disk: 'ssd' } } },
    ]
    await mesh.settle(
      mesh
        .node('n3')
        .addGroup({ id: 'line', placement: { labels: { rack: 'a' } }, members: [first, second] }),
    )
    expect(await homesOf(mesh, 'line')).toEqual(['n1', 'n2'])
  })
})

test('a node of three times the weight gets about three times the workers', async () => {
  await using mesh = await formed({ nodes: ['n1', 'n2', 'big'], weightOf: { big: 3 } })
  const ids = Array.from({ length: 50 }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: counter, args: [0] }))))
  const homes = await allHomesOf(mesh, ids)
  const load = (node: string): number => homes.filter(home => home === node).length
  expect(load('n1') + load('n2') + load('big')).toBe(50)
  // Fair shares are 10, 10 and 30, and the bound is 1.25 of that.
  expect(load('big')).toBeGreaterThanOrEqual(24)
  expect(load('big')).toBeLessThanOrEqual(38)
  expect(Math.max(load('n1'), load('n2'))).toBeLessThanOrEqual(13)
})

describe('zones', () => {
  test('a group that wants to be near lives in one zone', async () => {
    await using mesh = await formed(ZONED)
    for (const id of ['g1', 'g2', 'g3']) {
      await mesh.settle(mesh.node('e1').addGroup({ id, placement: { near: id }, members: listeners(2) }))
      expect(new Set((await homesOf(mesh, id)).map(zoneOf)).size).toBe(1)
    }
  })

  test('a group that is spread over zones has as many members in each, and on as many nodes', async () => {
    await using mesh = await formed(ZONED)
    await mesh.settle(mesh.node('w1').addGroup({ id: 'line', spread: 'zones', members: listeners(6) }))
    const homes = await homesOf(mesh, 'line')
    expect(homes.map(zoneOf).toSorted()).toEqual(['e', 'e', 's', 's', 'w', 'w'])
    expect(new Set(homes).size).toBe(6)
  })

  test('a chain that is spread over zones has the workers of each stage in all of them', async () => {
    await using mesh = await formed(ZONED)
    await mesh.settle(
      mesh.node('w1').addChain({
        id: 'pipe',
        spread: 'zones',
        stages: [
          { run: double, workers: 3 },
          { run: slowly, workers: 3 },
        ],
      }),
    )
    const homes = (await homesOf(mesh, 'pipe')).map(zoneOf)
    expect(homes.slice(0, 3).toSorted()).toEqual(['e', 's', 'w'])
    expect(homes.slice(3).toSorted()).toEqual(['e', 's', 'w'])
  })
})

describe('together and apart', () => {
  test('what is packed lives on one node', async () => {
    await using mesh = await formed({ nodes: 4 })
    await mesh.settle(mesh.node('n1').addGroup({ id: 'other', members: listeners(8) }))
    await mesh.settle(
      mesh.node('n1').addGroup({ id: 'line', placement: { pack: 'line' }, members: listeners(2) }),
    )
    expect(new Set(await homesOf(mesh, 'line')).size).toBe(1)
  })

  test('workers that are spread by name live on different nodes', async () => {
    await using mesh = await formed({ nodes: 4 })
    const ids = ['r1', 'r2', 'r3', 'r4']
    const added = ids.map(id =>
      mesh.node('n2').addWorker({ id, run: counter, args: [0], placement: { spread: 'replicas' } }),
    )
    await mesh.settle(Promise.all(added))
    const homes = await allHomesOf(mesh, ids)
    expect(homes.toSorted()).toEqual(['n1', 'n2', 'n3', 'n4'])
  })
})

test('when a node joins, what it is given moves to it, and little else; when it is gone, all is as it was', async () => {
  const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']
  await using mesh = await simulate({ behaviours: all, nodes: names })
  await allSeeAll(mesh)
  mesh.crash('n6')
  await mesh.until('it is dead for all', () =>
    mesh.up.every(id =>
      mesh
        .node(id)
        .members()
        .every(member => member.id !== 'n6' || member.status === 'dead'),
    ),
  )
  const ids = Array.from({ length: 60 }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: counter, args: [0] }))))
  const before = placesAt(mesh, 'n1', ids)
  await mesh.start('n6')
  await mesh.until('it is seen by all', () =>
    mesh.up.every(
      id =>
        mesh
          .node(id)
          .members()
          .filter(member => member.status === 'alive').length === 6,
    ),
  )
  const during = placesAt(mesh, 'n1', ids)
  const moved = ids.filter(id => during.get(id) !== before.get(id))
  const elsewhere = moved.filter(id => during.get(id) !== 'n6')
  // Its fair share is 10 of 60. Bounds shrink from 15 to 13, so one that was full may have to give something up.
  expect(moved.length - elsewhere.length).toBeGreaterThanOrEqual(5)
  expect(elsewhere.length).toBeLessThanOrEqual(3)
  for (const id of mesh.up) expect(placesAt(mesh, id, ids)).toEqual(during)
  mesh.crash('n6')
  await mesh.until('it is dead for all again', () =>
    mesh.up.every(id =>
      mesh
        .node(id)
        .members()
        .every(member => member.id !== 'n6' || member.status === 'dead'),
    ),
  )
  for (const id of mesh.up) expect(placesAt(mesh, id, ids)).toEqual(before)
})

/** Where a node would have the workers live. */
function placesAt(
  mesh: SimulatedMesh,
  node: string,
  ids: readonly string[],
): Map<string, string | undefined> {
  const { ledger } = mesh.node(node).inspect().core
  return new Map(ids.map(id => [id, ledger.ownerOf(slotId(specId(id)))]))
}

function statusOf(mesh: SimulatedMesh, node: string, spec: string) {
  return mesh
    .node(node)
    .snapshot()
    .specs.find(({ id }) => id === spec)?.status
}
