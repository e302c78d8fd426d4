/** Real processes of which one is emptied under load, and takes work again. */

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Node } from '../../src/index.ts'
import * as behaviours from './behaviours.ts'
import { Load } from './load.ts'
import { Three } from './three.ts'

const DRAIN_MS_MAX = 60_000

let three: Three

beforeEach(async () => {
  three = await Three.start()
})

afterEach(() => three.stop())

/** Resolves when the node runs a worker of one of these specs. */
async function backHome(node: Node, ids: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = node.on('worker:start', ({ slot }) => {
    if (ids.includes(slot)) resolve()
  })
  await promise
  off()
}

test('one of three is emptied: no call fails, nothing is lost, and it takes work again', async () => {
  const { node, others } = three
  const ids = Array.from({ length: 12 }, (_, n) => `k${n}`)
  const workers = await Promise.all(ids.map(id => node.addWorker({ id, run: behaviours.keeper })))
  // As many that each node has some of them, wherever its random id puts it.
  const members = Array.from({ length: 9 }, (_, n) => ({ id: `m${n}`, run: behaviours.keeper }))
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
  for (const id of specs.slice(0, 3)) expect(three.homes(id)).toContain(node.id)
  expect(ids.flatMap(id => three.homes(id))).toContain(node.id)
  const load = new Load([...workers, ...groups.flatMap(group => members.map(({ id }) => group.member(id)))])
  const items = Array.from({ length: 3_000 }, (_, n) => n)
  const outcomes: (string | undefined)[] = []
  let draining: Promise<readonly string[]> | undefined
  for await (const outcome of chain.run(items)) {
    outcomes.push(outcome)
    if (outcomes.length === 1_000) draining = node.drain({ timeoutMs: DRAIN_MS_MAX })
  }
  expect(await draining).toEqual([])
  expect(new Set(specs.flatMap(id => three.homes(id)))).toEqual(new Set(others.map(({ id }) => id)))
  expect(node.snapshot().workers).toMatchObject({ inline: 0, threads: 0, processes: 0 })
  expect(node.members().map(({ status }) => status)).toEqual(['alive', 'alive', 'alive'])
  // It declares and is served as before: others run what it has declared.
  const late = await node.addWorker({ id: 'late', run: behaviours.keeper })
  expect(await late.call.add()).toBe(1)
  expect(three.homes('late')).not.toContain(node.id)

  const isBack = backHome(node, ids)
  node.resume()
  await isBack
  const counts = await load.end()
  expect(Math.min(...load.made)).toBeGreaterThan(10)
  expect(counts.map(({ calls }) => calls)).toEqual(load.made)
  expect(counts.map(({ casts }) => casts)).toEqual(load.made)
  expect(outcomes).toEqual(items.map(n => `<${n * 2}>`))
  expect(chain.stats).toMatchObject({ accepted: 3_000, finished: 3_000, dead: 0, dropped: 0 })
})
