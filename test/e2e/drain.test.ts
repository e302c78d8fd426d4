/** Real processes of which one is emptied under load, and takes work again. */

import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { type Node, createNode } from '../../src/index.ts'
import * as behaviours from './behaviours.ts'
import { Load } from './load.ts'
import { NodeProcess } from './processes.ts'

const PATIENCE_MS = 60_000

let node: Node
let others: readonly NodeProcess[]

beforeEach(async () => {
  const cluster = randomUUID()
  node = await createNode({
    cluster,
    secret: 'end-to-end',
    behaviours: [new URL('behaviours.ts', import.meta.url).href],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
  })
  const seed = node.addresses[0] ?? ''
  others = await Promise.all(['b', 'c'].map(name => NodeProcess.start({ cluster, name, seed })))
  await node.formed(3)
}, PATIENCE_MS)

afterEach(async () => {
  await Promise.all(others.map(other => other.stop()))
  await node.stop()
}, PATIENCE_MS)

function homes(id: string): (string | undefined)[] {
  const spec = node.snapshot().specs.find(each => each.id === id)
  return spec?.workers.map(worker => worker.node) ?? []
}

/** Resolves when this node runs a worker of one of these specs. */
async function backHome(ids: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = node.on('worker:start', ({ slot }) => {
    if (ids.includes(slot)) resolve()
  })
  await promise
  off()
}

test('one of three is emptied: no call fails, nothing is lost, and it takes work again', async () => {
  const ids = Array.from({ length: 12 }, (_, n) => `k${n}`)
  const workers = await Promise.all(ids.map(id => node.addWorker({ id, run: behaviours.keeper })))
  const members = ['x', 'y', 'z'].map(id => ({ id, run: behaviours.keeper }))
  const groups = await Promise.all(
    (['one_for_one', 'one_for_all'] as const).map(strategy =>
      node.addGroup({ id: strategy, strategy, members, intensity: { restarts: 0, withinMs: 60_000 } }),
    ),
  )
  const chain = await node.addChain({
    id: 'pipe',
    windowItems: 100,
    intensity: { restarts: 0, withinMs: 60_000 },
    stages: [
      { id: 'first', run: behaviours.work, workers: 6 },
      { id: 'last', run: behaviours.label, workers: 3 },
    ],
  })
  const specs = ['one_for_one', 'one_for_all', 'pipe', ...ids]
  for (const id of specs.slice(0, 3)) expect(homes(id)).toContain(node.id)
  expect(ids.flatMap(homes)).toContain(node.id)
  const load = new Load([...workers, ...groups.flatMap(group => members.map(({ id }) => group.member(id)))])
  const items = Array.from({ length: 3_000 }, (_, n) => n)
  const outcomes: (string | undefined)[] = []
  let draining: Promise<readonly string[]> | undefined
  for await (const outcome of chain.run(items)) {
    outcomes.push(outcome)
    if (outcomes.length === 1_000) draining = node.drain({ timeoutMs: PATIENCE_MS })
  }
  expect(await draining).toEqual([])
  expect(new Set(specs.flatMap(homes))).toEqual(new Set(others.map(({ id }) => id)))
  expect(node.snapshot().workers).toMatchObject({ inline: 0, threads: 0, processes: 0 })
  expect(node.members().map(({ status }) => status)).toEqual(['alive', 'alive', 'alive'])
  // It declares and is served as before: others run what it has declared.
  const late = await node.addWorker({ id: 'late', run: behaviours.keeper })
  expect(await late.call.add()).toBe(1)
  expect(homes('late')).not.toContain(node.id)

  const isBack = backHome(ids)
  node.resume()
  await isBack
  const counts = await load.end()
  expect(Math.min(...load.made)).toBeGreaterThan(10)
  expect(counts.map(({ calls }) => calls)).toEqual(load.made)
  expect(counts.map(({ casts }) => casts)).toEqual(load.made)
  expect(outcomes).toEqual(items.map(n => `<${n * 2}>`))
  expect(chain.stats).toMatchObject({ accepted: 3_000, finished: 3_000, dead: 0, dropped: 0 })
}, 180_000)
