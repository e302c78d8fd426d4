import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, broken, counter, listener } from './behaviours.ts'

const members = ['a', 'b', 'c', 'd', 'e', 'f'].map(id => ({ id, run: listener, args: [] as const }))

async function withGroup(mesh: SimulatedMesh): Promise<void> {
  await allSeeAll(mesh, 2_000)
  await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members }))
  await mesh.until('all nodes know that it runs', () => mesh.ids.every(id => generationAt(mesh, id) === 1))
}

function specAt(mesh: SimulatedMesh, node: string) {
  return mesh
    .node(node)
    .snapshot()
    .specs.find(spec => spec.id === 'line')
}

const generationAt = (mesh: SimulatedMesh, node: string): number | undefined =>
  specAt(mesh, node)?.workers[0]?.generation

test('members are shared out over the nodes', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh)
  const held = Map.groupBy(specAt(mesh, 'n2')?.workers ?? [], worker => worker.node)
  expect([...held.values()].map(workers => workers.length)).toEqual([2, 2, 2])
})

test('one throws, all stop, and all run again as one new generation, seen from every node', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh)
  const log: string[] = []
  for (const id of mesh.ids) {
    mesh.node(id).on('worker:exit', ({ slot }) => log.push(`exit ${slot}`))
    mesh.node(id).on('worker:start', ({ slot }) => log.push(`start ${slot}`))
    mesh
      .node(id)
      .on('generation:fail', ({ generation, failure }) =>
        log.push(`${id} saw ${generation} fail: ${failure?.message}`),
      )
    mesh.node(id).on('generation:run', ({ generation }) => log.push(`${id} saw ${generation} run`))
  }
  await expect(
    mesh.settle(mesh.node('n2').getGroup<typeof members>('line').member('c').call.crash()),
  ).rejects.toMatchObject({
    name: 'RemoteError',
  })
  await mesh.until(
    'all see the next generation',
    () => mesh.ids.every(id => generationAt(mesh, id) === 2),
    2_000,
  )
  for (const { id } of members) {
    expect(log.filter(line => line === `exit line/${id}`)).toHaveLength(1)
    expect(log.filter(line => line === `start line/${id}`)).toHaveLength(1)
  }
  // No member starts again before all have stopped.
  const lastExit = log.findLastIndex(line => line.startsWith('exit'))
  expect(log.findIndex(line => line.startsWith('start'))).toBeGreaterThan(lastExit)
  for (const id of mesh.ids) {
    expect(log).toContain(`${id} saw 1 fail: told to crash`)
    expect(log).toContain(`${id} saw 2 run`)
  }
})

test('a crash stops the whole group within a few milliseconds; without gossip too', async () => {
  for (const hintLoss of [0, 1]) {
    await using mesh = await simulate({ behaviours: all, conditions: { hintLoss } })
    await withGroup(mesh)
    const exits: number[] = []
    for (const id of mesh.ids) mesh.node(id).on('worker:exit', () => exits.push(mesh.nowMs))
    const crash = mesh
      .node('n1')
      .getGroup<typeof members>('line')
      .member('a')
      .call.crash()
      .catch((error: unknown) => error)
    await mesh.until('all have stopped', () => exits.length === members.length, 1_000)
    expect(Math.max(...exits) - Math.min(...exits)).toBeLessThan(20)
    expect(await mesh.settle(crash)).toMatchObject({ name: 'RemoteError' })
  }
})

test('when a node dies, the group runs again on the others, and has lost its state everywhere', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh)
  mesh.node('n1').getGroup('line').broadcast('before')
  mesh.crash('n3')
  await mesh.until(
    'it runs on the others',
    () => ['n1', 'n2'].every(id => generationAt(mesh, id) === 2),
    5_000,
  )
  for (const { id } of members) {
    const heard = mesh.node('n1').getGroup<typeof members>('line').member(id).call.heard()
    expect(await mesh.settle(heard)).toEqual([])
  }
  expect(new Set(specAt(mesh, 'n1')?.workers.map(worker => worker.node))).toEqual(new Set(['n1', 'n2']))
})

test('a broadcast reaches each member once, from whichever node it is sent', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh)
  for (const id of mesh.ids)
    expect(mesh.node(id).getGroup('line').broadcast(`from ${id}`)).toBe(members.length)
  await mesh.run(100)
  for (const { id } of members) {
    const heard = await mesh.settle(mesh.node('n1').getGroup<typeof members>('line').member(id).call.heard())
    expect(heard.map(String).toSorted()).toEqual(['from n1', 'from n2', 'from n3'])
  }
})

test('a message reaches one member only; one that there is not is an error', async () => {
  await using mesh = await simulate({ behaviours: all })
  await withGroup(mesh)
  const line = mesh.node('n2').getGroup<typeof members>('line')
  line.member('b').send('for b')
  expect(await mesh.settle(line.member('b').call.heard())).toEqual(['for b'])
  expect(await mesh.settle(line.member('a').call.heard())).toEqual([])
  const nobody = mesh.node('n2').getGroup<typeof members>('line').member('z').call.heard()
  await expect(mesh.settle(nobody)).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('a member that cannot start is an error of whoever adds the group, and nothing is left of it', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh, 2_000)
  const group = {
    id: 'bad',
    members: [
      { id: 'good', run: listener, args: [] },
      { id: 'broken', run: broken, args: [] },
    ],
  } as const
  await expect(mesh.settle(mesh.node('n1').addGroup(group))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('bad/broken'),
  })
  await mesh.run(1_000)
  for (const id of mesh.ids) expect(() => mesh.node(id).getGroup('bad')).toThrow(/no group "bad"/)
})

test('a member that ends, and may, is not restarted, and its siblings are not touched', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: all })
  const node = mesh.node('n1')
  const group = await mesh.settle(
    node.addGroup({
      id: 'pair',
      members: [
        { id: 'short', run: listener, args: [], restart: 'temporary' },
        { id: 'long', run: counter, args: [1] },
      ],
    }),
  )
  expect(await mesh.settle(group.member('long').call.add(1))).toBe(2)
  await expect(mesh.settle(group.member('short').call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  await mesh.run(1_000)
  expect(await mesh.settle(group.member('long').call.get())).toBe(2)
  const workers = node.snapshot().specs[0]?.workers.map(worker => worker.slot)
  expect(workers).toEqual(['pair/long'])
})

test('a group that fails too often is given up, and says why', async () => {
  await using mesh = await simulate({ nodes: 2, behaviours: all })
  await mesh.until('both see both', () => mesh.ids.every(id => mesh.node(id).members().length === 2), 2_000)
  const group = await mesh.settle(
    mesh.node('n1').addGroup({ id: 'line', intensity: { restarts: 2, withinMs: 60_000 }, members }),
  )
  for (let times = 0; times < 3; times++) {
    await expect(mesh.settle(group.member('a').call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  }
  await mesh.until(
    'it is given up everywhere',
    () => mesh.ids.every(id => specAt(mesh, id)?.status.kind === 'gave-up'),
    5_000,
  )
  expect(specAt(mesh, 'n2')?.status).toMatchObject({ failure: { message: 'told to crash', slot: 'line/a' } })
  await expect(mesh.settle(group.member('a').call.heard())).rejects.toMatchObject({
    name: 'WorkerExitedError',
  })
})

test('after a partition in which both sides ran the group, one generation is left', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: all })
  await withGroup(mesh)
  mesh.partition(['n1', 'n2'], ['n3', 'n4'])
  await mesh.until(
    'both sides have restarted it',
    () => mesh.ids.every(id => generationAt(mesh, id) === 2),
    20_000,
  )
  mesh.heal()
  await mesh.run(15_000)
  const layouts = mesh.ids.map(id => JSON.stringify(specAt(mesh, id)?.workers))
  expect(new Set(layouts).size).toBe(1)
  expect(specAt(mesh, 'n1')?.workers).toHaveLength(members.length)
})
