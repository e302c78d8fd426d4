/** Workers of a node that leaves: until one is itself told to stop, what it sends goes on, and nothing of it is lost (I46, I57). */

import { describe, expect, test } from 'vitest'

import {
  type ChainHandle,
  type Node,
  type WorkerContext,
  defineServer,
  defineStage,
  defineTask,
} from '../../src/index.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** What a worker does each time, by the node that it runs on. */
const WAYS = ['send', 'trySend', 'call', 'run', 'cast', 'ask', 'broadcast', 'add'] as const
/** And these only some tests ask for. */
const OTHERS = ['sendFar', 'sendToAsking'] as const
type Way = (typeof WAYS)[number] | (typeof OTHERS)[number]
/** These put items into a chain. */
const INTO_CHAINS: readonly Way[] = ['send', 'trySend', 'call', 'run']

const EVERY_MS = 10
/** An item that was put in before its node leaves keeps that waiting for so long. */
const SLOW_MS = 8_000

/** What all workers of a test share: they run in one process. */
class Records {
  mesh: SimulatedMesh | undefined
  /** Accepted by an entrance, and come to the last stage: numbers of items. */
  readonly accepted: number[] = []
  readonly done = new Set<number>()
  readonly starts: string[] = []
  told = 0
  #next = 0

  nodeOf({ node }: WorkerContext): Node {
    if (this.mesh === undefined) throw new Error('there is no mesh')
    return this.mesh.node(node)
  }

  async act(way: Way, context: WorkerContext): Promise<void> {
    const node = this.nodeOf(context)
    const n = (this.#next += 1)
    const chain = (): ChainHandle<number, number> => node.getChain<number, number>('fast')
    switch (way) {
      case 'send':
        await chain().send(n)
        break
      case 'sendFar':
        await node.getChain('far').send(n)
        return
      case 'sendToAsking':
        await node.getChain('asking').send(n)
        break
      case 'trySend':
        if (!chain().trySend(n)) return
        break
      case 'call':
        await chain().call(n)
        break
      case 'run':
        for await (const _ of chain().run([n])) break
        break
      case 'cast':
        context.getWorker('echo', echo).cast.tell()
        return
      case 'ask':
        await node.getWorker('echo', echo).call.ask()
        return
      case 'broadcast':
        context.getGroup('heard').broadcast('hello')
        return
      case 'add':
        await node.addWorker({ id: `added-${n}`, run: echo })
        await node.removeWorker(`added-${n}`)
        return
      default:
        return way
    }
    this.accepted.push(n)
  }
}

let records = new Records()

const echo = defineServer('echo', {
  init: () => ({}),
  call: { ask: () => 'here' },
  cast: { tell: () => void (records.told += 1) },
  info: () => void (records.told += 1),
})

const slow = defineStage('slow', async (n: number, context) => {
  await context.sleep(SLOW_MS)
  return n
})

const fast = defineStage('fast', async (n: number, context) => {
  await context.sleep(30)
  records.done.add(n)
  return n
})

/** Puts each item into the next chain. */
const pass = defineStage('pass', async (_n: number, context) => {
  await context.sleep(100)
  await records.act('sendToAsking', context)
})

/** Needs a worker for each item. */
const asking = defineStage('asking', async (n: number, context) => {
  await context.sleep(300)
  await context.getWorker('echo', echo).call.ask()
  records.done.add(n)
})

async function pumpUntilAborted(context: WorkerContext, way: Way): Promise<void> {
  records.starts.push(`${context.worker} on ${context.node}`)
  while (!context.signal.aborted) {
    await context.sleep(EVERY_MS)
    await records.act(way, context)
  }
}

const pump = defineTask('pump', (context, way: Way) => pumpUntilAborted(context, way))

/** Waits for more nodes than there are, until it is to stop. */
const former = defineTask('former', async context => {
  records.starts.push(context.worker)
  const { signal } = context
  await records
    .nodeOf(context)
    .formed(7, { signal, timeoutMs: 600_000 })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
})

const behaviours = [former, echo, slow, fast, pass, asking, pump]
const intensity = { restarts: 2, withinMs: 60_000 }
const onFirst = { labels: { at: 'n1' } }
const onSecond = { labels: { at: 'n2' } }

async function meshOf(nodes: number, seed: string): Promise<SimulatedMesh> {
  records = new Records()
  const labelsOf = nodes > 1 ? { n1: { at: 'n1' }, n2: { at: 'n2' } } : {}
  const mesh = new SimulatedMesh({ nodes, behaviours, seed, labelsOf })
  records.mesh = mesh
  await mesh.startAll()
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.addChain({ id: 'slow', stages: [{ run: slow }] }))
  await mesh.settle(node.addChain({ id: 'fast', stages: [{ run: fast, workers: 24 }] }))
  await mesh.settle(node.addWorker({ id: 'echo', run: echo }))
  await mesh.settle(node.addGroup({ id: 'heard', members: [{ id: 'a', run: echo }] }))
  return mesh
}

function homeOf(mesh: SimulatedMesh, slot: string): string {
  const [node = ''] = mesh.up
  const workers = mesh
    .node(node)
    .snapshot()
    .specs.flatMap(each => each.workers)
  return workers.find(worker => worker.slot === slot)?.node ?? ''
}

interface Told {
  readonly exits: string[]
  readonly dead: unknown[]
}

function listenOn(mesh: SimulatedMesh): Told {
  const told: Told = { exits: [], dead: [] }
  for (const id of mesh.up) {
    mesh.node(id).on('worker:exit', ({ slot, exit }) => {
      if (exit.kind === 'crashed' || exit.kind === 'killed')
        told.exits.push(`${slot}: ${exit.failure.message}`)
    })
    mesh.node(id).on('item:dead', ({ item }) => void told.dead.push(item))
  }
  return told
}

/** The node has something that is long in coming out, and stops. @returns how long that has taken */
async function stop(mesh: SimulatedMesh, leaver: string): Promise<number> {
  await mesh.until('all know the chain', () => mesh.node(leaver).findChain('slow') !== undefined)
  const out = mesh.node(leaver).getChain<number, number>('slow').call(-1)
  await mesh.run(200)
  const atMs = mesh.nowMs
  const stopping = mesh.stop(leaver)
  expect(await mesh.settle(out, 45_000)).toBe(-1)
  await mesh.settle(stopping, 45_000)
  return mesh.nowMs - atMs
}

function lost(): number[] {
  return records.accepted.filter(n => !records.done.has(n))
}

describe.each(WAYS)('a worker of a node that leaves, and that goes on with %s,', way => {
  test('standalone, is not disturbed until it moves', async () => {
    await using mesh = await meshOf(3, `pump ${way}`)
    await mesh.settle(mesh.node('n1').addWorker({ id: 'pump', run: pump, args: [way], intensity }))
    const told = listenOn(mesh)
    const leaver = homeOf(mesh, 'pump')
    const tookMs = await stop(mesh, leaver)
    const [other = ''] = mesh.up
    await mesh.until('it has moved', () => records.starts.length === 2)
    await mesh.run(2_000)
    expect(told).toEqual({ exits: [], dead: [] })
    expect(records.starts.length).toBe(2)
    expect(mesh.node(other).findWorker('pump')).toBeDefined()
    expect(tookMs).toBeLessThan(SLOW_MS + 1_000)
    if (INTO_CHAINS.includes(way)) expect(records.accepted.length).toBeGreaterThan(100)
    await mesh.settle(mesh.node(other).stopWorker('pump'))
    await mesh.run(1_000)
    expect(lost()).toEqual([])
  })

  test('in a group, is not disturbed until it moves', async () => {
    await using mesh = await meshOf(3, `pumps ${way}`)
    const ids = ['a', 'b', 'c', 'd'] as const
    const members = ids.map(id => ({ id, run: pump, args: [way] as const }))
    await mesh.settle(mesh.node('n1').addGroup({ id: 'pumps', strategy: 'one_for_all', members, intensity }))
    const told = listenOn(mesh)
    const leaver = homeOf(mesh, 'pumps/d')
    const tookMs = await stop(mesh, leaver)
    const [other = ''] = mesh.up
    await mesh.until('it has moved', () => records.starts.length === 8)
    await mesh.run(2_000)
    expect(told).toEqual({ exits: [], dead: [] })
    expect(records.starts.length).toBe(8)
    expect(tookMs).toBeLessThan(SLOW_MS + 1_000)
    await mesh.settle(mesh.node(other).stopGroup('pumps'))
    await mesh.run(1_000)
    expect(lost()).toEqual([])
  })

  test('is not disturbed where the node is emptied', async () => {
    await using mesh = await meshOf(3, `emptied ${way}`)
    await mesh.settle(mesh.node('n1').addWorker({ id: 'pump', run: pump, args: [way], intensity }))
    const told = listenOn(mesh)
    const leaver = homeOf(mesh, 'pump')
    await mesh.run(200)
    expect(await mesh.settle(mesh.node(leaver).drain())).toEqual([])
    await mesh.until('it has moved', () => records.starts.length === 2)
    await mesh.run(1_000)
    await mesh.settle(mesh.node(leaver).stopWorker('pump'))
    await mesh.run(1_000)
    expect(told).toEqual({ exits: [], dead: [] })
    expect(records.starts.length).toBe(2)
    expect(lost()).toEqual([])
  })
})

test.each([1, 3])('a stage that puts its items into another chain loses none, of %s nodes', async nodes => {
  await using mesh = await meshOf(nodes, `pass ${nodes}`)
  await mesh.settle(
    mesh.node('n1').addChain({ id: 'asking', stages: [{ run: asking, workers: 3 }], intensity }),
  )
  await mesh.settle(mesh.node('n1').addChain({ id: 'pass', stages: [{ run: pass, workers: 2 }], intensity }))
  const told = listenOn(mesh)
  const leaver = homeOf(mesh, 'pass/pass/0')
  await mesh.until('it is known', () => mesh.node(leaver).findChain('pass')?.status.kind === 'running')
  const chain = mesh.node(leaver).getChain<number, number>('pass')
  for (let n = 0; n < 30; n++) await mesh.settle(chain.send(n))
  await mesh.stop(leaver)
  expect(told).toEqual({ exits: [], dead: [] })
  expect(records.accepted.length).toBeGreaterThanOrEqual(30)
  await mesh.run(1_000)
  expect(lost()).toEqual([])
})

test('what the last node takes from its workers comes out before it goes', async () => {
  await using mesh = await meshOf(1, 'alone')
  await mesh.settle(mesh.node('n1').addWorker({ id: 'pump', run: pump, args: ['send'], intensity }))
  const told = listenOn(mesh)
  expect(await stop(mesh, 'n1')).toBeLessThan(SLOW_MS + 1_000)
  expect(told).toEqual({ exits: [], dead: [] })
  expect(records.starts.length).toBe(1)
  expect(lost()).toEqual([])
})

test('a whole mesh that is stopped at once does not wait for what nobody is left to do', async () => {
  await using mesh = await meshOf(3, 'whole')
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
    await mesh.settle(mesh.node('n1').addWorker({ id, run: pump, args: ['send'], intensity }))
  const told = listenOn(mesh)
  await mesh.run(1_000)
  const atMs = mesh.nowMs
  await mesh.settle(Promise.all(['n1', 'n2', 'n3'].map(async id => mesh.leave(id))), 45_000)
  expect(mesh.nowMs - atMs).toBeLessThan(5_000)
  expect(told.exits).toEqual([])
  // Each has been told of.
  expect(lost().filter(n => !told.dead.includes(n))).toEqual([])
})

test('what a node waits for that another one takes with it, it waits for no more', async () => {
  await using mesh = await meshOf(2, 'far')
  const stages = [{ run: slow, placement: onSecond }] as const
  await mesh.settle(mesh.node('n1').addChain({ id: 'far', stages }))
  const far = { id: 'pump', run: pump, args: ['sendFar'] as const, placement: onFirst, intensity }
  await mesh.settle(mesh.node('n1').addWorker(far))
  const told = listenOn(mesh)
  await mesh.run(1_000)
  let isGone = false
  const leaving = mesh.leave('n1').then(() => (isGone = true))
  // It has given up what it had taken before, and waits for what came later.
  await mesh.run(28_000)
  expect(isGone).toBe(false)
  await mesh.stop('n2')
  await mesh.settle(leaving, 2_000)
  expect(told.exits).toEqual([])
})

test('a worker that no other node can run loses nothing that it has put in', async () => {
  await using mesh = await meshOf(3, 'bound')
  const bound = { id: 'pump', run: pump, args: ['send'] as const, placement: onSecond, intensity }
  await mesh.settle(mesh.node('n1').addWorker(bound))
  const told = listenOn(mesh)
  await stop(mesh, 'n2')
  await mesh.run(1_000)
  expect(told).toEqual({ exits: [], dead: [] })
  expect(records.accepted.length).toBeGreaterThan(100)
  expect(lost()).toEqual([])
})

test('a worker that waits for others to come goes on waiting until its node has gone', async () => {
  await using mesh = await meshOf(3, 'formed')
  const bound = { id: 'former', run: former, placement: onSecond, intensity }
  await mesh.settle(mesh.node('n1').addWorker(bound))
  const told = listenOn(mesh)
  const stopping = stop(mesh, 'n2')
  await mesh.run(1_000)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'news', run: echo }))
  await stopping
  expect(told.exits).toEqual([])
  expect(records.starts.length).toBe(1)
})

test('code of nobody is refused while the workers go on', async () => {
  await using mesh = await meshOf(3, 'outside')
  const stopping = stop(mesh, 'n3')
  await mesh.run(500)
  const node = mesh.node('n3')
  expect(() => node.getChain('fast')).toThrow('')
  await stopping
})
