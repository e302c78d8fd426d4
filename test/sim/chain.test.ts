import { expect, test } from 'vitest'

import type { ChainRef } from '../../src/node/chain/chain-ref.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, double, letters, odd, picky, slowly, upper } from './behaviours.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

async function collect<In, Outcome>(chain: ChainRef<In, Outcome>, items: Iterable<In>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for await (const outcome of chain.run(items)) outcomes.push(outcome)
  return outcomes
}

function nodesOf(mesh: SimulatedMesh, from: string, chain: string): Set<string> {
  const workers = mesh
    .node(from)
    .snapshot()
    .specs.find(spec => spec.id === chain)?.workers
  return new Set(workers?.map(worker => worker.node))
}

test('items go through stages on different nodes, one outcome each, in order', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: double }, { run: slowly, workers: 4 }, { id: 'again', run: double }],
    }),
  )
  expect(nodesOf(mesh, 'n1', 'c').size).toBe(3)
  expect(await mesh.settle(collect(chain, numbers(300)))).toEqual(numbers(300).map(n => (n * 2 + 1) * 2))
  expect(await mesh.settle(chain.call(5))).toBe(22)
})

test('a stage that drops gives undefined, one that emits many gives a list', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const odds = await mesh.settle(
    node.addChain({ id: 'odds', stages: [{ run: odd, workers: 2 }, { run: double }] }),
  )
  expect(await mesh.settle(collect(odds, [1, 2, 3, 4]))).toEqual([2, undefined, 6, undefined])
  const spelled = await mesh.settle(
    node.addChain({ id: 'spelled', stages: [{ run: letters }, { run: upper, workers: 3 }] }),
  )
  expect(await mesh.settle(collect(spelled, ['one', '', 'two']))).toEqual([
    ['O', 'N', 'E'],
    [],
    ['T', 'W', 'O'],
  ])
})

test('the same program gives the same results with one node as with three', async () => {
  const results: unknown[] = []
  for (const nodes of [1, 3]) {
    await using mesh = await simulate({ nodes, behaviours: all })
    await allSeeAll(mesh)
    const chain = await mesh.settle(
      mesh.node('n1').addChain({ id: 'c', stages: [{ run: letters }, { run: upper, workers: 2 }] }),
    )
    results.push(await mesh.settle(collect(chain, ['peer', 'to', 'peer'])))
  }
  expect(results[0]).toEqual(results[1])
})

test('a node that dies in the middle loses nothing: one outcome each, in order', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const stages = [{ run: double }, { run: slowly, workers: 6 }, { id: 'again', run: double }] as const
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages }))
  const all600 = collect(chain, numbers(600))
  await mesh.until('a third is through', () => chain.stats.finished > 200)
  const crashedMs = mesh.nowMs
  let restartedMs = Infinity
  mesh.node('n1').on('generation:run', () => (restartedMs = mesh.nowMs))
  mesh.crash('n2')
  expect(await mesh.settle(all600)).toEqual(numbers(600).map(n => (n * 2 + 1) * 2))
  expect(chain.stats).toMatchObject({ accepted: 600, finished: 600, dead: 0 })
  expect(chain.stats.redelivered).toBeGreaterThan(0)
  // Found dead by its refused port, not by silence.
  expect(restartedMs - crashedMs).toBeLessThan(500)
  // Shared out evenly again, although the workers on the same node could have been given all of them first.
  expect(mesh.nowMs - restartedMs).toBeLessThan(((400 * 20) / 6) * 1.5)
})

test('a session that breaks in the middle loses nothing and restarts nothing', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: double }, { run: slowly, workers: 6 }, { id: 'again', run: double }],
    }),
  )
  const outcomes = collect(chain, numbers(400))
  for (const [a, b] of [
    ['n1', 'n2'],
    ['n2', 'n3'],
    ['n1', 'n3'],
  ] as const) {
    const before = chain.stats.finished
    await mesh.until('more is through', () => chain.stats.finished > before + 50)
    mesh.breakSession(a, b)
  }
  expect(await mesh.settle(outcomes)).toEqual(numbers(400).map(n => (n * 2 + 1) * 2))
  expect(chain.stats.redelivered).toBe(0)
})

test('an item on which a worker crashes is tried again, and put aside after the third time; the others go through', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: picky, workers: 2 }, { run: double }] }),
  )
  const dead: [number, string][] = []
  const drain = async (): Promise<unknown[]> => {
    const outcomes: unknown[] = []
    const onDead = (item: number, error: Error): void => void dead.push([item, error.message])
    for await (const outcome of chain.run(numbers(30), { onDead })) outcomes.push(outcome)
    return outcomes
  }
  expect(await mesh.settle(drain())).toEqual(
    numbers(30)
      .filter(n => n !== 13)
      .map(n => n * 2),
  )
  expect(dead).toHaveLength(1)
  expect(dead[0]?.[0]).toBe(13)
  expect(dead[0]?.[1]).toMatch(/failed at it 3 times.*not thirteen/)
  await expect(mesh.settle(chain.call(13))).rejects.toMatchObject({ name: 'ItemDeadError' })
})

test('against the intensity counts each item at which workers crash, once; what retry and deadLetter do counts nothing', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const intensity = { restarts: 1, withinMs: 60_000 }
  const add = (id: string, onItemError: 'crash' | 'retry' | 'deadLetter') =>
    mesh.settle(mesh.node('n1').addChain({ id, intensity, stages: [{ run: picky, onItemError }] }))
  for (const policy of ['retry', 'deadLetter'] as const) {
    const calm = await add(policy, policy)
    for (let times = 0; times < 3; times++)
      await expect(mesh.settle(calm.call(13))).rejects.toMatchObject({ name: 'ItemDeadError' })
    expect(calm.status.kind).toBe('running')
  }
  const chain = await add('crash', 'crash')
  const crashes: string[] = []
  for (const id of mesh.ids)
    mesh.node(id).on('worker:exit', ({ exit }) => void (exit.kind === 'crashed' && crashes.push(exit.kind)))
  await expect(mesh.settle(chain.call(13))).rejects.toMatchObject({ name: 'ItemDeadError' })
  // Three crashes, one restart that counts.
  expect(crashes).toHaveLength(3)
  await mesh.until('it runs again', () => chain.status.kind === 'running')
  expect(await mesh.settle(chain.call(1))).toBe(1)
  // Another item is another reason.
  await mesh.settle(chain.send(13))
  await mesh.until('it is given up', () => chain.status.kind === 'gave-up')
  expect(crashes).toHaveLength(4)
})

test('a slow chain holds its source back', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', windowItems: 10, stages: [{ run: slowly }] }),
  )
  let read = 0
  const source = function* (): Generator<number> {
    for (let n = 0; n < 60; n++) {
      read = n
      yield n
    }
  }
  let finished = 0
  const drain = async (): Promise<void> => {
    for await (const outcome of chain.run(source())) {
      expect(outcome).toBe(finished + 1)
      finished += 1
      expect(read - finished).toBeLessThanOrEqual(11)
    }
  }
  await mesh.settle(drain())
  expect(finished).toBe(60)
})

test('a source whose next() gives no result is over there, and says so', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: double }] }))
  let count = 0
  const next = async (): Promise<unknown> => (count < 2 ? { done: false, value: count++ } : 5)
  const seen: unknown[] = []
  const read = async (): Promise<void> => {
    // @ts-expect-error it is whatever comes
    const source: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next }) }
    for await (const outcome of chain.run(source)) {
      seen.push(outcome)
      if (seen.length > 9) break
    }
  }
  await expect(mesh.settle(read())).rejects.toThrow('found 5 as what next() of an iterator gives')
  expect(seen).toEqual([0, 2])
})

test('a reader that leaves early stops the source; one whose source throws gets what came before, then the error', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', windowItems: 4, stages: [{ run: double }] }),
  )
  let isClosed = false
  const endless = async function* (): AsyncGenerator<number> {
    try {
      for (let n = 0; ; n++) yield n
    } finally {
      isClosed = true
    }
  }
  const early = async (): Promise<number[]> => {
    const seen: number[] = []
    for await (const outcome of chain.run(endless())) {
      seen.push(outcome)
      if (seen.length === 3) break
    }
    return seen
  }
  expect(await mesh.settle(early())).toEqual([0, 2, 4])
  await mesh.run(10)
  expect(isClosed).toBe(true)
  const failing = async (): Promise<number[]> => {
    const seen: number[] = []
    const source = function* (): Generator<number> {
      yield 1
      yield 2
      throw new Error('the source is dry')
    }
    try {
      for await (const outcome of chain.run(source())) seen.push(outcome)
    } catch (error) {
      expect(String(error)).toBe('Error: the source is dry')
    }
    return seen
  }
  expect(await mesh.settle(failing())).toEqual([2, 4])
})

test('an aborted run ends with the reason', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: slowly }] }))
  const abort = new AbortController()
  const drain = async (): Promise<void> => {
    for await (const _ of chain.run(numbers(1_000), { signal: abort.signal }))
      abort.abort(new Error('enough'))
  }
  await expect(mesh.settle(drain())).rejects.toThrow('enough')
})

test('what cannot be sent is an error of the sender and harms nobody', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(
    mesh
      .node('n1')
      .addChain({ id: 'c', stages: [{ run: double }, { id: 'b', run: double }, { id: 'd', run: double }] }),
  )
  const bad: ChainRef = mesh.node('n1').getChain('c')
  await expect(mesh.settle(bad.call(() => 1))).rejects.toMatchObject({ name: 'PayloadError' })
  await expect(mesh.settle(collect(bad, [1, () => 1]))).rejects.toMatchObject({ name: 'PayloadError' })
  expect(await mesh.settle(chain.call(1))).toBe(8)
})

test('a removed chain tells whoever waits', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: slowly }] }))
  const call = mesh.settle(chain.call(1)).catch((error: unknown) => error)
  await mesh.settle(mesh.node('n1').removeChain('c'))
  expect(await call).toMatchObject({ name: 'NotFoundError' })
  await expect(mesh.settle(chain.send(1))).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('items of several nodes share a chain, and each gets its own outcomes', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: double }, { run: slowly, workers: 3 }] }),
  )
  await mesh.until('all have heard of it', () => mesh.ids.every(id => nodesOf(mesh, id, 'c').size > 0))
  const runs = mesh.ids.map((id, index) =>
    collect(
      mesh.node(id).getChain<number, number>('c'),
      numbers(100).map(n => n + index * 1_000),
    ),
  )
  const outcomes = await mesh.settle(Promise.all(runs))
  for (const [index, seen] of outcomes.entries()) {
    expect(seen).toEqual(numbers(100).map(n => (n + index * 1_000) * 2 + 1))
  }
})
