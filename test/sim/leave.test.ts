/** A node that leaves: members of groups and stages of chains go on elsewhere, as planned, and nothing is lost. */

import { describe, expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { CHAIN_STRATEGIES, GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Counts, takes its state along, and keeps what it was told, in order. */
const keeper = defineServer('keeper', {
  init: context => ({
    told: Array.isArray(context.handoff) ? context.handoff.map(String) : [],
    node: context.node,
  }),
  call: { told: state => state.told, node: state => state.node },
  cast: { tell: (state, what: string) => void state.told.push(what) },
  info: (state, message) => void state.told.push(String(message)),
  handoff: state => state.told,
})

/** The same, and takes its time to come to anything. */
const slow = defineServer('slow', {
  init: context => ({
    context,
    told: Array.isArray(context.handoff) ? context.handoff.map(String) : [],
  }),
  call: { told: state => state.told },
  cast: {
    tell: async (state, what: string) => {
      await state.context.sleep(100)
      state.told.push(what)
    },
  },
  info: (state, message) => void state.told.push(String(message)),
  handoff: state => state.told,
})

/** The same as the first, and takes its time to start: what others leave behind for it is not used meanwhile. */
const late = defineServer('late', {
  init: async context => {
    await context.sleep(300)
    return { told: Array.isArray(context.handoff) ? context.handoff.map(String) : [] }
  },
  call: { told: state => state.told },
  cast: { tell: (state, what: string) => void state.told.push(what) },
  handoff: state => state.told,
})

/** Has nothing to take along. */
const plain = defineServer('plain', {
  init: () => ({ told: new Array<string>() }),
  call: { told: state => state.told, wait: async state => state.told.length },
  cast: { tell: (state, what: string) => void state.told.push(what) },
})

const double = defineStage('double', (n: number) => n * 2)
const crawl = defineStage('crawl', async (n: number, context) => {
  await context.sleep(20)
  return n + 1
})

/** Never comes to an end. */
const stuck = defineStage('stuck', async (n: number, context) => {
  while (!context.signal.aborted) await context.sleep(1_000)
  return n
})

const behaviours = [keeper, slow, late, plain, double, crawl, stuck]

async function meshOf(nodes: number, seed: string): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ nodes, behaviours, seed })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

/** Where each worker of a spec runs, by its slot, as `from` sees it. */
function homesOf(mesh: SimulatedMesh, id: string, from: string): Map<string, string> {
  const spec = mesh
    .node(from)
    .snapshot()
    .specs.find(each => each.id === id)
  return new Map(spec?.workers.map(({ slot, node }) => [slot, node]))
}

describe.each(GROUP_STRATEGIES)('a group, %s, of which a node leaves', strategy => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'] as const

  async function leave(restart: 'permanent' | 'transient' | 'temporary' = 'permanent') {
    const mesh = await meshOf(3, `leave ${strategy} ${restart}`)
    const members = ids.map(id => ({ id, run: keeper, restart }))
    const intensity = { restarts: 0, withinMs: 60_000 }
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members, intensity }))
    for (const id of ids) mesh.node('n1').getGroup<typeof members>('g').member(id).cast.tell(`to ${id}`)
    await mesh.run(100)
    const before = homesOf(mesh, 'g', 'n1')
    const seen: string[] = []
    const starts: string[] = []
    const times: number[] = []
    for (const kind of ['member:suspect', 'member:dead', 'generation:fail'] as const)
      mesh.node('n1').on(kind, () => seen.push(kind))
    for (const id of ['n1', 'n2'])
      mesh.node(id).on('worker:start', ({ slot }) => {
        starts.push(slot)
        times.push(mesh.nowMs)
      })
    const atMs = mesh.nowMs
    await mesh.stop('n3')
    return {
      mesh,
      members,
      before,
      seen,
      starts,
      lastMs: Math.max(...times) - atMs,
      tookMs: mesh.nowMs - atMs,
    }
  }

  test('goes on without it, with all state, before it is gone; nothing is counted, and nobody waits', async () => {
    const { mesh, members, before, seen, starts, lastMs, tookMs } = await leave()
    await using _ = mesh
    expect([...before.values()]).toContain('n3')
    const after = homesOf(mesh, 'g', 'n1')
    expect(after.size).toBe(ids.length)
    expect([...after.values()]).not.toContain('n3')
    for (const id of ids) {
      const member = mesh.node('n2').getGroup<typeof members>('g').member(id)
      expect(await mesh.settle(member.call.told())).toEqual([`to ${id}`])
    }
    const moved = [...before].flatMap(([slot, node]) => (node === 'n3' ? [slot] : []))
    if (strategy === 'one_for_one') expect(starts.toSorted()).toEqual(moved.toSorted())
    if (strategy === 'one_for_all') expect(starts.length).toBe(ids.length)
    expect(seen).toEqual([])
    expect(lastMs).toBeLessThan(100)
    expect(tookMs).toBeLessThan(500)
  })

  test('takes temporary members along', async () => {
    const { mesh } = await leave('temporary')
    await using _ = mesh
    expect(homesOf(mesh, 'g', 'n2').size).toBe(ids.length)
  })
})

test.each(GROUP_STRATEGIES)(
  'members that move on before they have started with what they inherit lose nothing: %s',
  async strategy => {
    await using mesh = await meshOf(4, `on and on ${strategy}`)
    const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
    const members = ids.map(id => ({ id, run: late }))
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members }))
    const group = mesh.node('n1').getGroup<typeof members>('g')
    for (const id of ids) group.member(id).cast.tell(`to ${id}`)
    await mesh.run(100)
    const first = mesh.stop('n4')
    await mesh.run(100)
    const second = mesh.stop('n3')
    await mesh.run(100)
    await Promise.all([first, second, mesh.stop('n2')])
    await mesh.until('all run', () => homesOf(mesh, 'g', 'n1').size === ids.length)
    for (const id of ids) expect(await mesh.settle(group.member(id).call.told())).toEqual([`to ${id}`])
  },
)

/** A move takes about a millisecond for each step: sessions break at every moment of it. */
const MOMENTS = Array.from({ length: 24 }, (_, index) => index * 0.5)

test.each(MOMENTS)('a session that breaks %s ms into the move of a group loses no state', async moment => {
  await using mesh = await meshOf(2, `break ${moment}`)
  const ids = ['a', 'b', 'c', 'd'] as const
  const members = ids.map(id => ({ id, run: keeper }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  for (const id of ids) mesh.node('n1').getGroup<typeof members>('g').member(id).cast.tell(`to ${id}`)
  await mesh.run(100)
  const stopping = mesh.stop('n2')
  await mesh.run(moment)
  mesh.breakSession('n1', 'n2')
  await stopping
  await mesh.until('it runs', () => homesOf(mesh, 'g', 'n1').size === 4, 20_000)
  for (const id of ids) {
    const member = mesh.node('n1').getGroup<typeof members>('g').member(id)
    expect(await mesh.settle(member.call.told())).toEqual([`to ${id}`])
  }
})

test('two nodes that leave one after the other take the state along twice', async () => {
  await using mesh = await meshOf(3, 'twice')
  const ids = ['a', 'b', 'c', 'd'] as const
  const members = ids.map(id => ({ id, run: keeper }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_all', members }))
  for (const id of ids) mesh.node('n1').getGroup<typeof members>('g').member(id).cast.tell(`to ${id}`)
  await mesh.run(100)
  const stopping = Promise.all([mesh.leave('n3'), mesh.leave('n2')])
  await mesh.settle(stopping)
  await mesh.until('it runs', () => homesOf(mesh, 'g', 'n1').size === 4, 20_000)
  for (const id of ids) {
    const member = mesh.node('n1').getGroup<typeof members>('g').member(id)
    expect(await mesh.settle(member.call.told())).toEqual([`to ${id}`])
  }
})

describe('items of a node that leaves', () => {
  async function chainOf(strategy: (typeof CHAIN_STRATEGIES)[number]) {
    const mesh = await meshOf(3, `items ${strategy}`)
    const stages = [
      { run: double, workers: 3 },
      { run: crawl, workers: 6 },
    ] as const
    const intensity = { restarts: 0, withinMs: 60_000 }
    await mesh.settle(mesh.node('n1').addChain({ id: 'c', strategy, stages, intensity }))
    for (const id of mesh.up) await mesh.until('all know it', () => homesOf(mesh, 'c', id).size === 9)
    return mesh
  }

  test.each(CHAIN_STRATEGIES)('come out, those of the node and those of others, %s', async strategy => {
    await using mesh = await chainOf(strategy)
    const sent = Array.from({ length: 200 }, (_, n) => n)
    const outcomes = ['n1', 'n2', 'n3'].map(id =>
      Promise.all(sent.map(n => mesh.node(id).getChain<number, number>('c').call(n))),
    )
    const seen: string[] = []
    for (const kind of ['member:suspect', 'member:dead', 'generation:fail', 'item:dead'] as const)
      for (const id of mesh.up) mesh.node(id).on(kind, () => seen.push(kind))
    await mesh.run(50)
    const leaver = mesh.node('n3')
    expect(leaver.getChain('c').stats.finished).toBeLessThan(200)
    await mesh.stop('n3')
    for (const each of outcomes) expect(await mesh.settle(each)).toEqual(sent.map(n => n * 2 + 1))
    expect(seen).toEqual([])
    expect([...homesOf(mesh, 'c', 'n1').values()]).not.toContain('n3')
  })

  test('are not taken any more, while those before them come out', async () => {
    await using mesh = await chainOf('one_for_all')
    const chain = mesh.node('n3').getChain<number, number>('c')
    const before = chain.call(1)
    const stopping = mesh.stop('n3')
    await expect(mesh.settle(chain.call(2))).rejects.toMatchObject({ name: 'NodeStoppedError' })
    expect(await mesh.settle(before)).toBe(3)
    await stopping
  })

  test('that cannot come out in time are told of, each once', async () => {
    await using mesh = await meshOf(2, 'stuck')
    await mesh.settle(mesh.node('n1').addChain({ id: 's', stages: [{ run: stuck }] }))
    await mesh.until('it is known', () => homesOf(mesh, 's', 'n2').size === 1)
    const leaver = mesh.node('n2')
    const chain = leaver.getChain<number, number>('s')
    const dead: unknown[] = []
    leaver.on('item:dead', ({ item, reason }) => dead.push([item, reason.name]))
    const call = chain.call(1)
    await mesh.settle(chain.send(2))
    const atMs = mesh.nowMs
    const stopping = mesh.stop('n2')
    await expect(mesh.settle(call)).rejects.toMatchObject({ name: 'NodeStoppedError' })
    await stopping
    expect(mesh.nowMs - atMs).toBeLessThan(45_100)
    expect(dead).toEqual([
      [1, 'NodeStoppedError'],
      [2, 'NodeStoppedError'],
    ])
    expect(chain.stats).toMatchObject({ accepted: 2, finished: 0, dropped: 2 })
  })

  test('that wait in a chain that was stopped hold up nobody', async () => {
    await using mesh = await chainOf('one_for_all')
    await mesh.settle(mesh.node('n1').stopChain('c'))
    await mesh.until('all know it', () => mesh.node('n3').findChain('c')?.status.kind === 'stopped')
    const atMs = mesh.nowMs
    await mesh.stop('n3')
    expect(mesh.nowMs - atMs).toBeLessThan(500)
  })
})

describe('casts and messages', () => {
  /** Each node tells the worker something new every millisecond, from before the move until after it. */
  async function tellAll(mesh: SimulatedMesh, tell: (node: string, what: string) => void, leaver: string) {
    const told: string[] = []
    const round = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n++) {
        for (const id of mesh.up) {
          const what = `${id} ${told.length}`
          told.push(what)
          tell(id, what)
        }
        await mesh.run(1)
      }
    }
    await round(10)
    const stopping = mesh.stop(leaver)
    await round(120)
    await stopping
    await mesh.run(1_000)
    return told
  }

  test.each([keeper, slow])('for a worker that moves all come, each once: $name', async run => {
    await using mesh = await meshOf(3, `casts ${run.name}`)
    await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run }))
    for (const id of mesh.up) await mesh.until('all know it', () => homesOf(mesh, 'w', id).size === 1)
    const leaver = homesOf(mesh, 'w', 'n1').get('w') ?? ''
    const tell = (node: string, what: string): void => {
      const worker = mesh.node(node).getWorker('w', run)
      if (run === keeper) worker.cast.tell(what)
      else worker.send(what)
    }
    const told = await tellAll(mesh, tell, leaver)
    const [other = ''] = mesh.up
    await mesh.run(60_000)
    const heard = await mesh.settle(mesh.node(other).getWorker('w', keeper).call.told())
    expect(heard.toSorted()).toEqual(told.toSorted())
    for (const id of mesh.ids)
      expect(mesh.up.includes(id) ? mesh.node(id).snapshot().lostMessages : 0).toBe(0)
  })

  test.each(GROUP_STRATEGIES)('for members of a group that moves all come, each once: %s', async strategy => {
    await using mesh = await meshOf(3, `group casts ${strategy}`)
    const ids = ['a', 'b', 'c'] as const
    const members = ids.map(id => ({ id, run: keeper }))
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members }))
    for (const id of mesh.up) await mesh.until('all know it', () => homesOf(mesh, 'g', id).size === 3)
    const told = await tellAll(
      mesh,
      (node, what) => {
        for (const id of ids) mesh.node(node).getGroup<typeof members>('g').member(id).cast.tell(what)
      },
      'n3',
    )
    for (const id of ids) {
      const heard = await mesh.settle(mesh.node('n1').getGroup<typeof members>('g').member(id).call.told())
      expect(heard.toSorted()).toEqual(told.toSorted())
    }
  })

  test('that wait in a mailbox come before what is sent later, and in order', async () => {
    await using mesh = await meshOf(2, 'mailbox')
    await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: slow }))
    for (const id of mesh.up) await mesh.until('all know it', () => homesOf(mesh, 'w', id).size === 1)
    const leaver = homesOf(mesh, 'w', 'n1').get('w') ?? ''
    const other = leaver === 'n1' ? 'n2' : 'n1'
    const worker = mesh.node(other).getWorker('w', slow)
    const all = Array.from({ length: 20 }, (_, n) => `${n}`)
    for (const what of all) worker.cast.tell(what)
    const call = worker.with({ timeoutMs: 30_000 }).call.told()
    await mesh.run(150)
    await mesh.stop(leaver)
    expect(await mesh.settle(call)).toEqual(all)
  })
})

test.each(MOMENTS)(
  'a worker that is moved on %s ms after its first node was asked to leave keeps its state',
  async moment => {
    await using mesh = await meshOf(3, `on ${moment}`)
    const ids = Array.from({ length: 8 }, (_, n) => `w${n}`)
    const node = mesh.node('n1')
    await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: keeper }))))
    for (const id of ids) node.getWorker(id, keeper).cast.tell(`to ${id}`)
    await mesh.run(100)
    const first = mesh.leave('n3')
    await mesh.run(moment)
    await mesh.settle(Promise.all([first, mesh.leave('n2')]))
    for (const id of ids)
      expect(await mesh.settle(node.getWorker(id, keeper).call.told())).toEqual([`to ${id}`])
  },
)

test('what takes longer to finish than a node waits for others is waited for, in peace (seed 64748)', async () => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const patient = defineServer('patient', {
    init: context => ({ told: Array.isArray(context.handoff) ? context.handoff.map(String) : [] }),
    call: { told: state => state.told },
    cast: { tell: (state, what: string) => gate.then(() => void state.told.push(what)) },
    handoff: state => state.told,
  })
  await using mesh = await simulate({ nodes: 2, behaviours: [patient] })
  await allSeeAll(mesh)
  const declared = { id: 'w', run: patient, stopTimeoutMs: 60_000 } as const
  const ref = await mesh.settle(mesh.node('n1').addWorker(declared))
  ref.cast.tell('a')
  await mesh.run(100)
  const leaving = mesh.leave(mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? '')
  await mesh.run(40_000)
  expect(mesh.leaving).toHaveLength(1)
  open()
  await mesh.settle(leaving)
  const [other = ''] = mesh.up
  expect(await mesh.settle(mesh.node(other).getWorker('w', patient).call.told())).toEqual(['a'])
})
