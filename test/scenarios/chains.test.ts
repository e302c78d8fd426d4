/** Chains on one node: lines 51 to 62 and 73 to 75 of the behavioural scenarios, each test named by its lines. */

import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { expect, test } from 'vitest'

import { OptionsError } from '../../src/errors.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { defineStage } from '../../src/node/workers/behaviours.ts'
import { type Scene, eventsOf, numbers, quiet, scene, workersOf } from './chain-workers.ts'

/** A chain of `count` stages that add one each. */
const adders = ({ notes, mesh }: Scene, id: string, count: number) =>
  mesh.node('n1').addChain({
    id,
    stages: numbers(count).map(index => ({ id: `s${index}`, run: notes.add })),
    onFinish: notes.store,
  })

function thrownBy(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

// A chain without stages is refused (line 73), so it never counts 0.
test('51: chains of 3, 5 × 5 and 200 stages have as many workers, and one more with each that is added', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const short = await mesh.settle(adders(it, 'short', 3))
  expect(workersOf(mesh, 'short')).toHaveLength(3)
  await mesh.settle(short.addStage({ id: 's3', run: notes.add }))
  expect(short.stages().map(({ id, workers }) => [id, workers.length])).toEqual(
    numbers(4).map(index => [`s${index}`, 1]),
  )
  expect(await mesh.settle(short.call(0))).toBe(4)
  const wide = numbers(5).map(index => ({ id: `s${index}`, run: notes.add, workers: 5 }))
  await mesh.settle(mesh.node('n1').addChain({ id: 'wide', stages: wide }))
  const slots = numbers(25).map(n => `wide/s${Math.floor(n / 5)}/${n % 5}`)
  expect(
    workersOf(mesh, 'wide')
      .map(({ slot }) => slot)
      .toSorted(),
  ).toEqual(slots)
  await mesh.settle(adders(it, 'long', 200))
  expect(workersOf(mesh, 'long')).toHaveLength(200)
})

test('51: three chains of twenty stages, built at once', async () => {
  await using it = await scene()
  const ids = ['a', 'b', 'c']
  const chains = await it.mesh.settle(Promise.all(ids.map(id => adders(it, id, 20))))
  expect(ids.map(id => workersOf(it.mesh, id).length)).toEqual([20, 20, 20])
  expect(await it.mesh.settle(Promise.all(chains.map(chain => chain.call(1))))).toEqual([21, 21, 21])
})

test('52: a duplicate chain is refused, and the first is untouched', async () => {
  await using it = await scene()
  const { mesh } = it
  const first = await mesh.settle(adders(it, 'c', 1))
  const exits = eventsOf(mesh, 'worker:exit')
  await expect(mesh.settle(adders(it, 'c', 2))).rejects.toMatchObject({ name: 'AlreadyExistsError', id: 'c' })
  expect(workersOf(mesh, 'c')).toMatchObject([{ slot: 'c/s0/0', generation: 1 }])
  expect(await mesh.settle(first.call(1))).toBe(2)
  const both = Promise.allSettled([adders(it, 'x', 1), adders(it, 'x', 2)])
  expect(await mesh.settle(both)).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { name: 'AlreadyExistsError', id: 'x' } },
  ])
  expect(exits).toEqual([])
})

test('52: a duplicate stage is refused, at once and later; a stage of a chain that is not there is not found', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const node = mesh.node('n1')
  const twins = node.addChain({ id: 'd', stages: [{ run: notes.add }, { run: notes.add }] })
  await expect(twins).rejects.toMatchObject({
    name: 'OptionsError',
    problems: [{ path: 'stages[1].id', found: '"add"' }],
  })
  expect(node.findChain('d')).toBeUndefined()
  const chain = await mesh.settle(adders(it, 'c', 2))
  await expect(mesh.settle(chain.addStage({ id: 's1', run: notes.slow }))).rejects.toMatchObject({
    name: 'AlreadyExistsError',
    id: 's1',
  })
  expect(chain.stages().map(({ id, behaviour }) => [id, behaviour])).toEqual([
    ['s0', 'add@1'],
    ['s1', 'add@1'],
  ])
  expect(workersOf(mesh, 'c').map(({ generation }) => generation)).toEqual([1, 1])
  expect(await mesh.settle(chain.call(1))).toBe(3)
  await expect(mesh.settle(chain.send(1, { to: 'nowhere' }))).rejects.toMatchObject({
    name: 'NotFoundError',
    id: 'nowhere',
  })
  expect(() => node.getChain('e')).toThrow(expect.objectContaining({ name: 'NotFoundError', id: 'e' }))
  await mesh.settle(node.removeChain('c'))
  await expect(mesh.settle(chain.addStage({ id: 's2', run: notes.add }))).rejects.toMatchObject({
    name: 'NotFoundError',
    id: 'c',
  })
  expect(node.listChains()).toEqual([])
})

test('53: every bad field of a chain is named; queues hold from 1 to 10 000', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const node = mesh.node('n1')
  const bad: unknown = {
    id: 'c',
    strategy: 'one_for_some',
    stages: [
      { run: notes.add, route: 'everywhere' },
      { id: 'b', run: notes.add, queueItems: 0 },
      { id: 'c', run: notes.add, queueItems: 10_001 },
      { id: 'd', run: notes.add, onItemError: 'ignore' },
      { id: 'e', run: notes.add, route: 'key' },
    ],
    onFinish: () => {},
  }
  const declare = (): unknown => declareChain(bad)
  expect(declare).toThrow(OptionsError)
  const refused = thrownBy(declare)
  const paths = refused instanceof OptionsError ? refused.problems.map(({ path }) => path) : []
  expect(paths).toEqual([
    'strategy',
    'stages[0].route',
    'stages[1].queueItems',
    'stages[2].queueItems',
    'stages[3].onItemError',
    'stages[4].route',
    'onFinish',
  ])
  const keyless = node.addChain({ id: 'k', stages: [{ run: notes.add, route: 'key' }] })
  await expect(keyless).rejects.toThrow(/stages\[0\]\.route: found .*wanted another route/)
  for (const queueItems of [1, 10_000]) {
    const chain = await mesh.settle(
      node.addChain({ id: `q${queueItems}`, stages: [{ run: notes.add, queueItems }] }),
    )
    expect(await mesh.settle(chain.call(1))).toBe(2)
  }
})

// The extra arguments of a callback are what the function that makes its behaviour closes over: specs are data.
test.each([1, 5, 10])('54: one item through %i stages: the callback gets the final value', async count => {
  await using it = await scene()
  const chain = await it.mesh.settle(adders(it, 'c', count))
  await it.mesh.settle(chain.send(0))
  await quiet(it.mesh, chain)
  expect(it.notes.finished).toEqual([count])
})

test('54: without a callback nothing fails', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.add }] }))
  await mesh.settle(chain.send(0))
  await quiet(mesh, chain)
  expect(chain.stats).toMatchObject({ finished: 1, dead: 0 })
})

test('54: the callback at the end of a chain that emits many gets each, with a name of its own', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.twice }, { id: 'again', run: notes.twice }],
      onFinish: notes.store,
    }),
  )
  expect(await mesh.settle(chain.call(1))).toEqual([1, 1_001, 1_001, 2_001])
  expect(notes.finished).toEqual([1, 1_001, 1_001, 2_001])
  expect(new Set(notes.finishedIds).size).toBe(4)
})

test('55: fifty items one after another, thirty senders at once: each reaches the callback exactly once', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(adders(it, 'c', 3))
  for (const n of numbers(50)) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  expect(notes.finished).toEqual(numbers(50).map(n => n + 3))
  await mesh.settle(Promise.all(numbers(30).map(n => chain.send(100 + n))))
  await quiet(mesh, chain)
  expect(notes.finished.slice(50).toSorted()).toEqual(numbers(30).map(n => n + 103))
  expect(new Set(notes.finishedIds).size).toBe(80)
})

test('55: twenty chains, two items each', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chains = await mesh.settle(Promise.all(numbers(20).map(index => adders(it, `c${index}`, 2))))
  await mesh.settle(
    Promise.all(chains.flatMap((chain, index) => [chain.send(index), chain.send(index + 50)])),
  )
  for (const chain of chains) await quiet(mesh, chain)
  const wanted = numbers(20).flatMap(index => [index + 2, index + 52])
  expect(notes.finished.toSorted((a, b) => Number(a) - Number(b))).toEqual(wanted.toSorted((a, b) => a - b))
})

test('56: two thousand items of one sender finish in the order sent', async () => {
  await using it = await scene()
  const chain = await it.mesh.settle(adders(it, 'c', 3))
  for (const n of numbers(2_000)) void chain.send(n)
  await it.mesh.until('all are through', () => it.notes.finished.length === 2_000)
  expect(it.notes.finished).toEqual(numbers(2_000).map(n => n + 3))
})

// `next(x)` is a returned value here, so both halves of the line are one.
test('57: a returned value goes on, falsy ones too', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.echo }], onFinish: notes.store }),
  )
  const values = [0, '', false, null, [], { a: 1 }]
  for (const value of values) expect(await mesh.settle(chain.call(value))).toEqual(value)
  expect(notes.finished).toEqual(values)
})

test('58: what is dropped does not reach the callback, and the stage is the same as before', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const exits = eventsOf(mesh, 'worker:exit')
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.moody }], onFinish: notes.store }),
  )
  const before = workersOf(mesh, 'c')
  for (const n of numbers(7)) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  expect(notes.visits.map(({ item }) => item)).toEqual(numbers(7))
  expect(notes.finished).toEqual([1, 3, 5])
  // To drop is to be through with it.
  expect(chain.stats).toMatchObject({ accepted: 7, finished: 7, dead: 0, redelivered: 0 })
  expect(new Set(notes.visits.map(({ context }) => context)).size).toBe(1)
  expect(workersOf(mesh, 'c')).toEqual(before)
  expect(exits).toEqual([])
})

// An `error` is a throw here, and a throw is a crash where nothing else is said: line 58 and 59 are `deadLetter`.
test('58, 59, 60: a stage that throws stays the same, takes the next item, and the failed one is reported', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const [exits, dead] = [eventsOf(mesh, 'worker:exit'), eventsOf(mesh, 'item:dead')]
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.moody, onItemError: 'deadLetter' }, { run: notes.echoNumber }],
      onFinish: notes.store,
    }),
  )
  const before = workersOf(mesh, 'c')
  for (const n of [11, 13, 15]) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  // Once each, by one and the same worker: what it threw at is not tried again.
  expect(notes.visits.map(({ item, attempt }) => [item, attempt])).toEqual([
    [11, 1],
    [13, 1],
    [15, 1],
  ])
  expect(new Set(notes.visits.map(({ context }) => context)).size).toBe(1)
  expect(workersOf(mesh, 'c')).toEqual(before)
  expect(exits).toEqual([])
  expect(notes.finished).toEqual([11, 15])
  const letter = { chain: 'c', stage: 'moody', item: 13, attempts: 1 }
  expect(dead).toMatchObject([
    { kind: 'item:dead', ...letter, reason: { name: 'RangeError', message: 'not thirteen' } },
  ])
  expect(chain.deadLetters()).toMatchObject([letter])
  await expect(mesh.settle(chain.call(13))).rejects.toMatchObject({
    name: 'ItemDeadError',
    cause: { name: 'RangeError', slot: 'c/moody/0' },
  })
  expect(chain.stats).toMatchObject({ accepted: 4, finished: 2, dead: 2 })
})

test('61: a callback that throws harms nothing, and is reported', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const [exits, failed] = [eventsOf(mesh, 'worker:exit'), eventsOf(mesh, 'chain:callback-failed')]
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.add }], onFinish: notes.badStore }),
  )
  expect(await mesh.settle(chain.call(1))).toBe(2)
  expect(await mesh.settle(chain.call(2))).toBe(3)
  expect(notes.finished).toEqual([2, 3])
  expect(failed).toMatchObject([
    { chain: 'c', failure: { message: 'the disk is full' } },
    { chain: 'c', failure: { message: 'the disk is full' } },
  ])
  expect(exits).toEqual([])
})

// A stage is no process to write to: nothing but items ever gets to it.
test('62: a message to a stage is refused, and the stage does not notice', async () => {
  await using it = await scene()
  const { mesh } = it
  const node = mesh.node('n1')
  const exits = eventsOf(mesh, 'worker:exit')
  const chain = await mesh.settle(adders(it, 'c', 1))
  expect(() => node.getWorker('c')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  expect(() => node.getWorker('c/s0/0')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  const [worker] = workersOf(mesh, 'c')
  expect(worker).toMatchObject({ slot: 'c/s0/0', generation: 1 })
  if (worker !== undefined) node.inspect().plane.send(worker.slot, 'hello', NO_ORIGIN)
  await mesh.run(100)
  expect(workersOf(mesh, 'c')).toEqual([worker])
  expect(it.notes.finished).toEqual([])
  expect(await mesh.settle(chain.call(1))).toBe(2)
  expect(exits).toEqual([])
})

// A chain without stages would have no input type and nowhere to run its callback: it is refused. What goes through
// unchanged is a stage that returns what it is given.
test('73: a chain needs a stage; one that changes nothing gives the callback its input', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const node = mesh.node('n1')
  // @ts-expect-error the compiler says so as well
  await expect(node.addChain({ id: 'c', stages: [] })).rejects.toThrow(/stages: .*at least one stage/)
  await expect(node.removeChain('c')).rejects.toMatchObject({ name: 'NotFoundError' })
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run: notes.echo }], onFinish: notes.store }),
  )
  await mesh.settle(chain.send('as it is'))
  await quiet(mesh, chain)
  expect(notes.finished).toEqual(['as it is'])
})

test('75: what is no handler of (item, context) is refused', () => {
  const define = (handle: unknown): unknown => Reflect.apply(defineStage, undefined, ['stage', handle])
  expect(() => define('a text')).toThrow(/wanted a function/)
  expect(() => define(undefined)).toThrow(/wanted a function/)
  expect(() => define((_a: unknown, _b: unknown, _c: unknown) => 1)).toThrow(
    /function of 3 parameters, wanted \(item, context\)/,
  )
  const keyless = (): unknown => Reflect.apply(defineStage, undefined, ['stage', () => 1, { key: 'id' }])
  expect(keyless).toThrow(/wanted a function/)
})
