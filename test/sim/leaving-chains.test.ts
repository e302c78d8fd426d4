/** A node that leaves waits for what its workers have put into chains, and not where nothing comes of that any more (I46). */

import { expect, test } from 'vitest'

import { GivenUpError, type Node, type WorkerContext, defineStage, defineTask } from '../../src/index.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const AFTER_MS = 2_000

let mesh: SimulatedMesh
let outcome: Promise<unknown> | undefined
const done = new Set<number>()

const failing = defineStage('failing', async (_n: number, context) => {
  await context.sleep(AFTER_MS)
  throw new Error('in vain')
})

/** Puts each item into a chain that others run. */
const bound = defineStage('bound', async (n: number, context) => {
  await nodeOf(context).getChain('others').send(n)
  return n
})

const slow = defineStage('slow', async (n: number, context) => {
  await context.sleep(300)
  done.add(n)
})

const through = defineStage('through', (n: number) => n)

function nodeOf({ node }: WorkerContext): Node {
  return mesh.node(node)
}

/** Puts an item in as it is told to stop. */
const last = defineTask('last', async (context, way: 'failing' | 'late') => {
  await new Promise(resolve => context.signal.addEventListener('abort', resolve))
  const stages = [{ run: through }] as const
  if (way === 'late') await nodeOf(context).addChain({ id: 'late', stages }, { until: 'declared' })
  outcome = nodeOf(context)
    .getChain(way)
    .call(1)
    .catch((error: unknown) => error)
})

async function leaveAfter(way: 'failing' | 'late', nodes: number): Promise<number> {
  outcome = undefined
  const labelsOf = Object.fromEntries(['n1', 'n2'].slice(0, nodes).map(at => [at, { at }]))
  mesh = new SimulatedMesh({ nodes, behaviours: [failing, through, last], seed: way, labelsOf })
  await mesh.startAll()
  await allSeeAll(mesh)
  const stages = [{ run: failing, placement: { labels: { at: 'n1' } } }] as const
  const intensity = { restarts: 0, withinMs: 60_000 }
  await mesh.settle(mesh.node('n1').addChain({ id: 'failing', stages, intensity }))
  const placement = { labels: { at: `n${nodes}` } }
  await mesh.settle(mesh.node('n1').addWorker({ id: 'last', run: last, args: [way], placement }))
  await mesh.run(1_000)
  const atMs = mesh.nowMs
  await mesh.stop(`n${nodes}`)
  return mesh.nowMs - atMs
}

test('what was put into a chain that is given up meanwhile is not waited for, and that is told', async () => {
  const tookMs = await leaveAfter('failing', 2)
  expect(await outcome).toBeInstanceOf(GivenUpError)
  expect(tookMs).toBeLessThan(AFTER_MS + 1_000)
  await mesh[Symbol.asyncDispose]()
})

test('what was put into a chain that nobody is left to run is not waited for', async () => {
  const tookMs = await leaveAfter('late', 1)
  expect(await outcome).toMatchObject({ name: 'NodeStoppedError' })
  expect(tookMs).toBeLessThan(1_000)
  await mesh[Symbol.asyncDispose]()
})

test('what waits for a node that can run it is not waited for, also where the chain was declared so', async () => {
  mesh = new SimulatedMesh({ nodes: 1, behaviours: [through], seed: 'nowhere' })
  await mesh.startAll()
  const stages = [{ run: through, placement: { labels: { at: 'nowhere' } } }] as const
  await mesh.settle(mesh.node('n1').addChain({ id: 'nowhere', stages }, { until: 'declared' }))
  await mesh.settle(mesh.node('n1').getChain('nowhere').send(1))
  const atMs = mesh.nowMs
  await mesh.stop('n1')
  expect(mesh.nowMs - atMs).toBeLessThan(1_000)
  await mesh[Symbol.asyncDispose]()
})

test('what its last stages have put into a chain that others run comes out before it goes', async () => {
  done.clear()
  const labelsOf = { n1: { at: 'n1' }, n2: { at: 'n2' } }
  mesh = new SimulatedMesh({ nodes: 2, behaviours: [bound, slow], seed: 'fed', labelsOf })
  await mesh.startAll()
  await allSeeAll(mesh)
  const others = [{ run: slow, workers: 24, placement: { labels: { at: 'n1' } } }] as const
  await mesh.settle(mesh.node('n1').addChain({ id: 'others', stages: others }))
  const stages = [{ run: bound, placement: { labels: { at: 'n2' } } }] as const
  await mesh.settle(mesh.node('n1').addChain({ id: 'bound', stages }))
  await mesh.run(1_000)
  const dead: unknown[] = []
  mesh.node('n2').on('item:dead', ({ item }) => void dead.push(item))
  const passed = new Set<number>()
  let tookMs: number | undefined
  // As others have something for it all the time, what is on its way is never out.
  for (let n = 0; n < 200; n++) {
    const chain = mesh.node('n1').getChain<number, number>('bound')
    void chain.call(n).then(
      () => passed.add(n),
      () => undefined,
    )
    await mesh.run(20)
    if (n !== 50) continue
    const atMs = mesh.nowMs
    void mesh.leave('n2').then(() => (tookMs = mesh.nowMs - atMs))
  }
  expect(tookMs).toBeLessThan(3_000)
  expect(passed.size).toBeGreaterThan(50)
  expect(dead).toEqual([])
  expect([...passed].filter(n => !done.has(n))).toEqual([])
  await mesh[Symbol.asyncDispose]()
})
