/** A node that an operator empties: it stays a member, others take what it has with all state, and it can be used again. */

import { describe, expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh, type SimulationInit } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Counts, and takes its count along. */
const keeper = defineServer('keeper', {
  init: context => ({ count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { count: state => state.count },
  cast: {
    add: state => void (state.count += 1),
    fail: () => {
      throw new Error('on purpose')
    },
  },
  handoff: state => state.count,
})

const double = defineStage('double', (n: number) => n * 2)

const ids = Array.from({ length: 12 }, (_, index) => `w${index}`)

async function meshOf(init: SimulationInit = {}): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ nodes: 3, behaviours: [keeper, double], seed: 'drain', ...init })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

/** The nodes that have a worker of any spec, as `from` sees it. */
function homes(mesh: SimulatedMesh, from = 'n1'): string[] {
  return mesh
    .node(from)
    .snapshot()
    .specs.flatMap(({ workers }) => workers.map(({ node }) => node))
}

describe('standalone workers of a node that is emptied', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'are cast to all the while, and move on and on: each cast comes, and none is lost, seed %i',
    async seed => {
      await using mesh = await meshOf({ seed, nodes: 4, conditions: { latencyMs: 20, jitterMs: 40 } })
      const refs = await mesh.settle(
        Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: keeper }))),
      )
      await mesh.run(1_000)
      let casts = 0
      const drained = ['n2', 'n3', 'n4']
      // Each is emptied as soon as it has been given something by the one before.
      const off = drained.map((name, index) =>
        mesh.node(name).on('worker:start', () => {
          const next = drained[index]
          if (casts > 0 && next !== undefined) void mesh.node(next).drain()
        }),
      )
      void mesh.node('n2').drain()
      for (let passedMs = 0; passedMs < 3_000; passedMs += 2) {
        for (const ref of refs) ref.cast.add()
        casts += 1
        await mesh.run(2)
      }
      for (const stop of off) stop()
      await mesh.run(3_000)
      for (const ref of refs) expect(await mesh.settle(ref.call.count())).toBe(casts)
      expect(mesh.up.map(name => mesh.node(name).snapshot().lostMessages)).toEqual([0, 0, 0, 0])
    },
  )

  test.each(['active', 'passive'] as const)('go on elsewhere with their state: %s', async rebalance => {
    await using mesh = await meshOf()
    const refs = await mesh.settle(
      Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: keeper, rebalance }))),
    )
    for (const ref of refs) ref.cast.add()
    await mesh.run(100)
    expect(homes(mesh)).toContain('n2')
    const seen: string[] = []
    for (const kind of ['member:drain', 'member:resume', 'member:suspect', 'member:dead'] as const)
      mesh.node('n3').on(kind, ({ member }) => seen.push(`${kind} ${member.id}`))
    expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
    await mesh.until('all run elsewhere', () => homes(mesh).length === ids.length)
    expect(homes(mesh)).not.toContain('n2')
    for (const ref of refs) expect(await mesh.settle(ref.call.count())).toBe(1)
    const member = mesh
      .node('n3')
      .members()
      .find(({ id }) => id === 'n2')
    expect(member).toMatchObject({ status: 'alive', isDraining: true })
    // What is new goes to others, also where the node itself declares it.
    await mesh.settle(mesh.node('n2').addWorker({ id: 'new', run: keeper }))
    expect(homes(mesh)).not.toContain('n2')
    expect(new Set(mesh.up.map(id => mesh.node(id).snapshot().viewHash)).size).toBe(1)

    mesh.node('n2').resume()
    // Passive workers stay where they are; of the others, those that belong here come back, a few at a time.
    if (rebalance === 'active') {
      await mesh.until('some are back', () => homes(mesh).includes('n2'), 120_000)
      for (const ref of refs) expect(await mesh.settle(ref.call.count())).toBe(1)
    }
    await mesh.until('others know', () => seen.length > 1)
    expect(seen).toEqual(['member:drain n2', 'member:resume n2'])
  })

  test('stay where no other node can run them, and are named', async () => {
    await using mesh = await meshOf({ labelsOf: { n2: { gpu: 'yes' } } })
    const only = { id: 'only', run: keeper, placement: { labels: { gpu: 'yes' } } }
    const ref = await mesh.settle(mesh.node('n1').addWorker(only))
    ref.cast.add()
    await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: keeper }))))
    expect(await mesh.settle(mesh.node('n2').drain())).toEqual(['only'])
    expect(homes(mesh).filter(node => node === 'n2').length).toBe(1)
    expect(await mesh.settle(ref.call.count())).toBe(1)
  })

  test('all stay where every node is emptied, and a run that starts anew takes work again', async () => {
    await using mesh = await meshOf()
    await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: keeper }))))
    await mesh.settle(mesh.node('n1').drain())
    await mesh.settle(mesh.node('n2').drain())
    expect(await mesh.settle(mesh.node('n3').drain())).toHaveLength(ids.length)
    await mesh.stop('n1')
    await mesh.start('n1')
    await mesh.until('all run on it', () => homes(mesh).filter(node => node === 'n1').length === ids.length)
  })
})

describe.each(GROUP_STRATEGIES)('a group, %s, on a node that is emptied', strategy => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const
  const members = names.map(id => ({ id, run: keeper }))
  const spec = { id: 'g', strategy, members, intensity: { restarts: 0, withinMs: 60_000 } }

  test('goes on elsewhere with all state, and nothing is counted', async () => {
    await using mesh = await meshOf()
    const group = await mesh.settle(mesh.node('n1').addGroup(spec))
    for (const id of names) group.member(id).cast.add()
    await mesh.run(100)
    expect(homes(mesh)).toContain('n3')
    expect(await mesh.settle(mesh.node('n3').drain())).toEqual([])
    await mesh.until('it runs', () => homes(mesh).length === names.length)
    expect(homes(mesh)).not.toContain('n3')
    for (const id of names) expect(await mesh.settle(group.member(id).call.count())).toBe(1)
  })
})

test('a group that shares its fate stays whole where one of it can run nowhere else', async () => {
  await using mesh = await meshOf({ labelsOf: { n2: { gpu: 'yes' } } })
  const only = { id: 'a', run: keeper, placement: { labels: { gpu: 'yes' } } }
  const members = [only, ...ids.map(id => ({ id, run: keeper }))]
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_all', members }))
  for (const { id } of members) group.member(id).cast.add()
  await mesh.run(100)
  const before = homes(mesh)
  const draining = mesh.settle(mesh.node('n2').drain({ timeoutMs: 2_000 }))
  await expect(draining).rejects.toMatchObject({ name: 'DrainError' })
  expect(homes(mesh)).toEqual(before)
  for (const { id } of members) expect(await mesh.settle(group.member(id).call.count())).toBe(1)
})

test('what had to stay and crashes: a worker starts again there, a member of a group waits for a node', async () => {
  await using mesh = await meshOf({ labelsOf: { n2: { gpu: 'yes' } } })
  const placement = { labels: { gpu: 'yes' } }
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ id: 'w', run: keeper, placement }))
  const members = [{ id: 'a', run: keeper, placement }] as const
  const group = await mesh.settle(node.addGroup({ id: 'g', members }))
  expect((await mesh.settle(mesh.node('n2').drain())).toSorted()).toEqual(['g/a', 'w'])
  ref.cast.add()
  ref.cast.fail()
  group.member('a').cast.fail()
  const statusOf = (id: string) => node.snapshot().specs.find(each => each.id === id)?.status.kind
  await mesh.until('it waits', () => statusOf('g') === 'pending')
  expect(await mesh.settle(ref.call.count())).toBe(0)
  mesh.node('n2').resume()
  await mesh.until('it runs', () => statusOf('g') === 'running')
  expect(await mesh.settle(group.member('a').call.count())).toBe(0)
})

test('bad options change nothing, and nobody waits for a node that has been stopped', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n2')
  await expect(node.drain({ timeoutMs: -1 })).rejects.toMatchObject({ name: 'OptionsError' })
  expect(node.members().some(({ isDraining }) => isDraining)).toBe(false)
  await mesh.stop('n2')
  await expect(node.drain()).rejects.toMatchObject({ name: 'NodeStoppedError' })
})

test('a chain goes on elsewhere, and each item comes out once', async () => {
  await using mesh = await meshOf()
  const stages = [
    { id: 'one', run: double, workers: 3 },
    { id: 'two', run: double, workers: 3 },
  ]
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
  const outcomes: unknown[] = []
  const items = Array.from({ length: 500 }, (_, index) => index)
  const done = (async () => {
    for await (const outcome of chain.run(items)) outcomes.push(outcome)
  })()
  await mesh.run(5)
  expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
  await mesh.settle(done)
  expect(outcomes.length).toBe(items.length)
  expect(homes(mesh)).not.toContain('n2')
})

test('what is taken back by resume says so at once, and is not waited for', async () => {
  await using mesh = await meshOf()
  const n1 = mesh.node('n1')
  for (const id of ids) await mesh.settle(n1.addWorker({ id, run: keeper }))
  const draining = n1.drain()
  n1.resume()
  await expect(mesh.settle(draining, 100)).rejects.toMatchObject({
    name: 'DrainError',
    message: 'resume() was called meanwhile: this node keeps what others have not taken yet',
  })
})
