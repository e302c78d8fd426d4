/** Chains under pressure, and how items are shared out: lines 65 to 72 and 74 of the behavioural scenarios. */

import { expect, test } from 'vitest'

import type { Route } from '../../src/protocol/spec-row.ts'
import { eventsOf, numbers, quiet, scene, workersOf } from './chain-workers.ts'

test('65: a queue of one and a slow last stage: five items all finish', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [
        { run: notes.add, queueItems: 1 },
        { run: notes.slow, queueItems: 1 },
      ],
      onFinish: notes.store,
    }),
  )
  await mesh.settle(Promise.all(numbers(5).map(n => chain.send(n))))
  await quiet(mesh, chain)
  expect(notes.finished).toEqual(numbers(5).map(n => n + 2))
})

test('65: no more wait for a worker than its queue holds', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.who }, { id: 'slow', run: notes.pause, queueItems: 3 }],
      onFinish: notes.store,
    }),
  )
  const most = { ahead: 0 }
  await mesh.settle(Promise.all(numbers(40).map(n => chain.send(n))))
  await mesh.until('all are through', () => {
    most.ahead = Math.max(most.ahead, notes.handled.length - notes.finished.length)
    return notes.finished.length === 40
  })
  // Three in the queue, one in the hands of the slow worker.
  expect(most.ahead).toBe(4)
})

test('67: a stage that takes an hour for an item loses nothing, and does it once', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.add }, { run: notes.hour, queueItems: 1 }],
      onFinish: notes.store,
    }),
  )
  await mesh.settle(Promise.all(numbers(3).map(n => chain.send(n))))
  await mesh.until('all are through', () => chain.stats.finished === 3, 4 * 60 * 60 * 1_000)
  expect(notes.finished).toEqual([1, 2, 3])
  expect(chain.stats.redelivered).toBe(0)
})

test('68: two hundred items on their way, a stage killed once: all finish, and repetitions show by their names', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  notes.victims.add(50)
  const exits = eventsOf(mesh, 'worker:exit')
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.witness }, { run: notes.mortal }, { id: 'third', run: notes.echoNumber }],
      onFinish: notes.store,
    }),
  )
  await mesh.settle(Promise.all(numbers(200).map(n => chain.send(n))))
  // All are on their way when the stage is killed.
  expect(chain.stats).toMatchObject({ accepted: 200, finished: 0 })
  await quiet(mesh, chain)
  expect(exits.map(({ slot, exit }) => `${slot} ${exit.kind}`).toSorted()).toEqual([
    'c/mortal/0 crashed',
    'c/third/0 stopped',
    'c/witness/0 stopped',
  ])
  expect(chain.stats).toMatchObject({ finished: 200, dead: 0 })
  expect(chain.stats.redelivered).toBeGreaterThan(0)
  // What the first stage is given again has its name again, and a larger attempt; nothing else has that name.
  const visits = Map.groupBy(notes.visits, ({ id }) => id)
  expect(visits.size).toBe(200)
  const repeated = [...visits.values()].filter(({ length }) => length > 1)
  expect(repeated.length).toBeGreaterThan(0)
  for (const visit of visits.values()) {
    expect(new Set(visit.map(({ item }) => item)).size).toBe(1)
    expect(visit.map(({ attempt }) => attempt)).toEqual(
      visit.length > 1 ? [1, 2] : [expect.toBeOneOf([1, 2])],
    )
  }
  // As many names as items: what the callback saw twice, it can tell.
  const byName = new Map(notes.finishedIds.map((id, index) => [id, notes.finished[index]]))
  expect(byName.size).toBe(200)
  expect([...byName.values()].toSorted((x, y) => Number(x) - Number(y))).toEqual(numbers(200))
})

test('68: with one_for_one the other stages go on as the same workers, and nothing is lost', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  notes.victims.add(50)
  const exits = eventsOf(mesh, 'worker:exit')
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      strategy: 'one_for_one',
      stages: [{ run: notes.echoNumber }, { run: notes.mortal, workers: 2 }, { run: notes.who }],
      onFinish: notes.store,
    }),
  )
  await mesh.settle(Promise.all(numbers(200).map(n => chain.send(n))))
  await quiet(mesh, chain)
  expect(exits.map(({ exit }) => exit.kind)).toEqual(['crashed'])
  expect(new Set(notes.handled.map(({ item }) => item))).toEqual(new Set(numbers(200)))
  expect(new Set(notes.handled.map(({ generation }) => generation))).toEqual(new Set([1]))
  expect(chain.stats).toMatchObject({ finished: 200, dead: 0 })
})

test('69: a full chain pushes back: it refuses, it waits, and it says so when there is no room in time', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', windowItems: 3, stages: [{ run: notes.slow }] }),
  )
  expect(numbers(5).map(n => chain.trySend(n))).toEqual([true, true, true, false, false])
  await expect(mesh.settle(chain.send(5, { timeoutMs: 10 }))).rejects.toMatchObject({
    name: 'OverloadedError',
    maybeExecuted: false,
  })
  await expect(mesh.settle(chain.call(5, { timeoutMs: 10 }))).rejects.toMatchObject({
    name: 'OverloadedError',
  })
  // There is room after 50 ms, and an outcome after another 150.
  await expect(mesh.settle(chain.call(6, { timeoutMs: 100 }))).rejects.toMatchObject({
    name: 'CallTimeoutError',
    maybeExecuted: true,
  })
  while (chain.trySend(7));
  const abort = new AbortController()
  const waiting = chain.send(7, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await expect(mesh.settle(waiting)).rejects.toThrow('enough')
  await mesh.settle(chain.send(8))
  await quiet(mesh, chain)
  expect(chain.stats.finished).toBe(chain.stats.accepted)
})

test('70: an idle stage stays the same worker for a quarter of an hour', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const exits = eventsOf(mesh, 'worker:exit')
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.who }] }))
  await mesh.settle(chain.call(1))
  await mesh.run(15 * 60 * 1_000)
  await mesh.settle(chain.call(2))
  expect(exits).toEqual([])
  expect(notes.handled.map(({ generation }) => generation)).toEqual([1, 1])
})

test('71: a removed stage is unreachable; a removed chain refuses, and can be created again', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const node = mesh.node('n1')
  const stages = [
    { id: 'a', run: notes.add },
    { id: 'b', run: notes.add },
  ] as const
  const chain = await mesh.settle(node.addChain({ id: 'c', stages }))
  await mesh.settle(chain.removeStage('a'))
  expect(workersOf(mesh, 'c').map(({ slot }) => slot)).toEqual(['c/b/0'])
  await expect(mesh.settle(chain.send(1, { to: 'a' }))).rejects.toMatchObject({ name: 'NotFoundError' })
  expect(await mesh.settle(chain.call(1))).toBe(2)
  await mesh.settle(node.removeChain('c'))
  expect(workersOf(mesh, 'c')).toEqual([])
  await expect(mesh.settle(chain.send(1))).rejects.toMatchObject({ name: 'NotFoundError', id: 'c' })
  const again = await mesh.settle(node.addChain({ id: 'c', stages, onFinish: notes.store }))
  // What this node has counted of that id goes on.
  expect(again.stats).toMatchObject({ accepted: 1, finished: 1 })
  expect(await mesh.settle(again.call(1))).toBe(3)
  expect(notes.finished).toEqual([3])
  expect(again.stats).toMatchObject({ accepted: 2, finished: 2 })
})

test.each(['first', 'middle', 'last'])(
  '72: without its %s stage items flow through the others, which go on as they were',
  async id => {
    await using it = await scene()
    const { mesh, notes } = it
    const node = mesh.node('n1')
    const exits = eventsOf(mesh, 'worker:exit')
    const ids = ['first', 'middle', 'last']
    const trail = (stages: readonly string[]) => stages.map(each => `c/${each}/0`)
    const chain = await mesh.settle(
      node.addChain({
        id: 'c',
        stages: ids.map(each => ({ id: each, run: notes.trail })),
        onFinish: notes.store,
      }),
    )
    expect(await mesh.settle(chain.call([]))).toEqual(trail(ids))
    await mesh.settle(chain.removeStage(id))
    const left = ids.filter(each => each !== id)
    expect(exits.splice(0).map(({ slot, exit }) => `${slot} ${exit.kind}`)).toEqual([`c/${id}/0 stopped`])
    expect(chain.stages().map(each => [each.id, each.workers[0]?.generation])).toEqual(
      left.map(each => [each, 1]),
    )
    for (let n = 0; n < 10; n++) expect(await mesh.settle(chain.call([]))).toEqual(trail(left))
    expect(notes.finished).toEqual([trail(ids), ...numbers(10).map(() => trail(left))])
    await mesh.settle(node.removeChain('c'))
    const shorter = await mesh.settle(
      node.addChain({ id: 'c', stages: [{ run: notes.trail }], onFinish: notes.store }),
    )
    expect(await mesh.settle(shorter.call([]))).toEqual(['c/trail/0'])
    expect(notes.finished.slice(11)).toEqual([['c/trail/0']])
  },
)

test.each([
  ['first', ['c/middle/0', 'c/last/0']],
  ['middle', ['c/first/0', 'c/last/0']],
  ['last', ['c/first/0', 'c/middle/0']],
])('72: items that are on their way when its %s stage is removed are not lost', async (id, left) => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: ['first', 'middle', 'last'].map(each => ({ id: each, run: notes.slowTrail })),
      onFinish: notes.store,
    }),
  )
  await mesh.settle(Promise.all(numbers(20).map(n => chain.send([`${n}`]))))
  await mesh.until('some are through', () => notes.finished.length > 5)
  await mesh.settle(chain.removeStage(id))
  expect(chain.stats.finished).toBeLessThan(20)
  await quiet(mesh, chain)
  expect(chain.stats).toMatchObject({ accepted: 20, finished: 20, dead: 0, dropped: 0 })
  const paths = notes.finished.map(each => String(each).split(','))
  expect(new Set(paths.map(([n]) => n))).toEqual(new Set(numbers(20).map(String)))
  // Whatever way they went, they went through the stages that are left, in order.
  for (const path of paths) expect(path.slice(1).filter(slot => slot !== `c/${id}/0`)).toEqual(left)
})

/** Which worker of four got which of `count` items. */
async function shares(route: Route, count: number): Promise<ReadonlyMap<string, number[]>> {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.who, workers: 4, route }] }),
  )
  for (const n of numbers(count)) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  const byWorker = new Map<string, number[]>()
  for (const { worker, item } of notes.handled)
    byWorker.set(worker, [...(byWorker.get(worker) ?? []), Number(item)])
  return byWorker
}

test('74: workers of one stage share one position', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.slow, workers: 5 }],
      onFinish: notes.store,
    }),
  )
  const startMs = mesh.nowMs
  await mesh.settle(Promise.all(numbers(20).map(n => chain.send(n))))
  await quiet(mesh, chain)
  expect(notes.finished.toSorted()).toEqual(
    numbers(20)
      .map(n => n + 1)
      .map(String)
      .toSorted()
      .map(Number),
  )
  // 20 items of 50 ms by five workers.
  expect(mesh.nowMs - startMs).toBeLessThan(300)
})

test.each(['round_robin', 'least-debt'] as const)('74: %s spreads evenly', async route => {
  const byWorker = await shares(route, 40)
  expect([...byWorker.values()].map(items => items.length)).toEqual([10, 10, 10, 10])
})

test('74: random covers all', async () => {
  const byWorker = await shares('random', 100)
  expect(byWorker.size).toBe(4)
  for (const items of byWorker.values()) expect(items.length).toBeGreaterThan(10)
})

test('74: by key, equal keys go to the same worker, in order', async () => {
  const byWorker = await shares('key', 100)
  const workersOfKey = new Map<number, Set<string>>()
  for (const [worker, items] of byWorker) {
    expect(items).toEqual(items.toSorted((a, b) => a - b))
    for (const item of items) {
      const known = workersOfKey.get(item % 10) ?? new Set()
      workersOfKey.set(item % 10, known.add(worker))
    }
  }
  expect([...workersOfKey.values()].map(workers => workers.size)).toEqual(numbers(10).map(() => 1))
  expect(byWorker.size).toBeGreaterThan(1)
})

test('74: broadcast gives every worker each item, and the outcome has what each made of it', async () => {
  const byWorker = await shares('broadcast', 10)
  expect([...byWorker.values()]).toEqual(numbers(4).map(() => numbers(10)))
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.add }, { run: notes.who, workers: 3, route: 'broadcast' }],
      onFinish: notes.store,
    }),
  )
  expect(await mesh.settle(chain.call(1))).toEqual(['c/who/0', 'c/who/1', 'c/who/2'])
  expect(notes.finished).toHaveLength(3)
  expect(new Set(notes.finishedIds).size).toBe(3)
})

test('74: an item without a key is an error of its sender, or of the stage before', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const node = mesh.node('n1')
  const first = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run: notes.whoText, workers: 2, route: 'key' }] }),
  )
  await expect(mesh.settle(first.send({}))).rejects.toMatchObject({ name: 'RouteError' })
  const second = await mesh.settle(
    node.addChain({
      id: 'd',
      stages: [
        { run: notes.echo, onItemError: 'deadLetter' },
        { run: notes.whoText, workers: 2, route: 'key' },
      ],
    }),
  )
  await expect(mesh.settle(second.call({}))).rejects.toMatchObject({
    name: 'ItemDeadError',
    cause: { name: 'RouteError', slot: 'd/echo/0' },
  })
  expect(await mesh.settle(second.call({ name: 'x' }))).toMatch(/^d\/who-text\/[01]$/)
})

test('items can be put straight into a stage, past those before it', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [
        { id: 'a', run: notes.add },
        { id: 'b', run: notes.add },
        { id: 'c', run: notes.add },
      ],
    }),
  )
  expect(await mesh.settle(chain.call(0))).toBe(3)
  expect(await mesh.settle(chain.call(0, { to: 'b' }))).toBe(2)
  expect(await mesh.settle(chain.call(0, { to: 'c' }))).toBe(1)
  const outcomes: number[] = []
  const drain = async (): Promise<void> => {
    for await (const outcome of chain.run([1, 2, 3], { to: 'c' })) outcomes.push(outcome)
  }
  await mesh.settle(drain())
  expect(outcomes).toEqual([2, 3, 4])
})
