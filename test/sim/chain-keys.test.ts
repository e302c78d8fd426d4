/** Chains over three nodes: keys, ways of dealing with a throw, and the callback, while nodes come and go. */

import { expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import type { ItemErrorPolicy } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

interface Reading {
  readonly sensor: number
  readonly n: number
}

/** What the stages have seen, wherever they ran. */
class Log {
  readonly handled: { readonly worker: string; readonly node: string; readonly item: Reading }[] = []
  readonly filed: { readonly id: string; readonly attempt: number; readonly n: number }[] = []
  readonly read = defineStage('read', (item: Reading) => item)
  readonly sum = defineStage(
    'sum',
    async (item: Reading, context) => {
      await context.sleep(context.random.below(8))
      this.handled.push({ worker: context.worker, node: context.node, item })
      return item
    },
    { key: item => item.sensor },
  )
  readonly check = defineStage('check', async (item: Reading, context) => {
    await context.sleep(2)
    if (item.n % 40 === 7) throw new Error('out of range')
    return item
  })
  readonly file = defineStage('file', (item: Reading, context) => {
    this.filed.push({ id: context.id, attempt: context.attempt, n: item.n })
  })

  get behaviours() {
    return [this.read, this.sum, this.check, this.file]
  }
}

const readings = (count: number): Reading[] => Array.from({ length: count }, (_, n) => ({ n, sensor: n % 9 }))

async function formed(log: Log): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: log.behaviours })
  await allSeeAll(mesh)
  return mesh
}

test('readings of one sensor go to the same worker on whichever node, in the order of sending', async () => {
  const log = new Log()
  await using mesh = await formed(log)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: log.read }, { run: log.sum, workers: 5, route: 'key' }],
    }),
  )
  for (const item of readings(400)) await mesh.settle(chain.send(item))
  await mesh.until('all are through', () => chain.stats.finished === 400)
  expect(new Set(log.handled.map(({ node }) => node)).size).toBeGreaterThan(1)
  for (let sensor = 0; sensor < 9; sensor++) {
    const own = log.handled.filter(({ item }) => item.sensor === sensor)
    expect(new Set(own.map(({ worker }) => worker)).size).toBe(1)
    expect(own.map(({ item }) => item.n)).toEqual(own.map(({ item }) => item.n).toSorted((a, b) => a - b))
  }
})

test('a node that lacks the behaviour of a keyed stage can host it nowhere, and cannot send into it', async () => {
  const log = new Log()
  await using mesh = await simulate({
    behaviours: log.behaviours,
    behavioursOf: { n3: [log.read] },
  })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [
        { run: log.sum, workers: 2, route: 'key' },
        { id: 'read', run: log.read, workers: 3 },
        { id: 'again', run: log.sum, workers: 2, route: 'key' },
      ],
    }),
  )
  expect(await mesh.settle(chain.call({ n: 1, sensor: 1 }))).toEqual({ n: 1, sensor: 1 })
  const nodes = new Set(
    mesh
      .node('n1')
      .snapshot()
      .specs[0]?.workers.map(({ node }) => node),
  )
  expect([...nodes].toSorted()).toEqual(['n1', 'n2'])
  const away = mesh.node('n3').getChain<Reading>('c')
  await expect(mesh.settle(away.send({ n: 2, sensor: 2 }))).rejects.toMatchObject({ name: 'RouteError' })
})

test.each(['crash', 'retry', 'deadLetter'] as const)(
  'with %s, a node that dies in the middle loses nothing, and what cannot be handled is dead at its sender',
  async (onItemError: ItemErrorPolicy) => {
    const log = new Log()
    await using mesh = await formed(log)
    const node = mesh.node('n1')
    const dead: unknown[] = []
    node.on('item:dead', ({ item, stage }) => dead.push([stage, item]))
    const chain = await mesh.settle(
      node.addChain({
        id: 'c',
        intensity: { restarts: 1_000, withinMs: 1_000 },
        stages: [{ run: log.read }, { run: log.check, workers: 3, onItemError }],
        onFinish: log.file,
      }),
    )
    const items = readings(200)
    for (const item of items) await mesh.settle(chain.send(item))
    await mesh.until('a third is through', () => chain.stats.finished > 66)
    mesh.crash('n2')
    await mesh.until('all are through', () => chain.stats.finished + chain.stats.dead === 200)
    const bad = items.filter(({ n }) => n % 40 === 7)
    expect(dead).toHaveLength(bad.length)
    expect(new Set(dead.map(entry => JSON.stringify(entry)))).toEqual(
      new Set(bad.map(item => JSON.stringify(['check', item]))),
    )
    expect(chain.deadLetters().map(({ attempts }) => attempts)).toEqual(
      bad.map(() => (onItemError === 'deadLetter' ? 1 : 3)),
    )
    // Whatever came out was filed, under one name each; a repetition is another attempt.
    const good = items.filter(({ n }) => n % 40 !== 7)
    expect(new Set(log.filed.map(({ n }) => n))).toEqual(new Set(good.map(({ n }) => n)))
    expect(new Set(log.filed.map(({ id }) => id)).size).toBe(good.length)
    expect(new Set(log.filed.map(({ id, attempt }) => `${id} ${attempt}`)).size).toBe(log.filed.length)
  },
)

test('without a crash the callback runs exactly once for each, though sessions break', async () => {
  const log = new Log()
  await using mesh = await formed(log)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [
        { run: log.sum, workers: 2, route: 'key' },
        { run: log.read, workers: 2, route: 'round_robin' },
      ],
      onFinish: log.file,
    }),
  )
  for (const item of readings(300)) void chain.send(item)
  for (const [a, b] of [
    ['n1', 'n2'],
    ['n2', 'n3'],
    ['n1', 'n3'],
  ] as const) {
    const before = chain.stats.finished
    await mesh.until('more is through', () => chain.stats.finished > before + 40)
    mesh.breakSession(a, b)
  }
  await mesh.until('all are through', () => chain.stats.finished === 300)
  expect(log.filed).toHaveLength(300)
  expect(new Set(log.filed.map(({ id }) => id)).size).toBe(300)
})

test('a broadcast over nodes survives the loss of one of them', async () => {
  const log = new Log()
  await using mesh = await formed(log)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: log.check }, { id: 'all', run: log.sum, workers: 3, route: 'broadcast' }],
    }),
  )
  const outcomes: Reading[][] = []
  const drain = async (): Promise<void> => {
    const good = readings(100).filter(({ n }) => n % 40 !== 7)
    for await (const outcome of chain.run(good)) outcomes.push(outcome)
  }
  const all = drain()
  await mesh.until('some are through', () => outcomes.length > 20)
  mesh.crash('n3')
  await mesh.settle(all)
  expect(outcomes).toHaveLength(97)
  for (const outcome of outcomes) expect(outcome.map(({ n }) => n)).toEqual(outcome.map(() => outcome[0]?.n))
  expect(new Set(outcomes.map(outcome => outcome.length))).toEqual(new Set([3]))
})
