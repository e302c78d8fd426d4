/**
 * The life of a supervisor, which here is a node: it is started, by a name of its own if one likes, it stops, and
 * everything on it with it.
 */

import { randomUUID } from 'node:crypto'

import { afterEach, expect, test } from 'vitest'

import {
  type Node,
  type NodeInit,
  createNode,
  defineServer,
  defineStage,
  defineTask,
  getNode,
  runningNodes,
} from '../../src/index.ts'

const alive = new Set<string>()
const held = defineServer('held', {
  init: context => {
    alive.add(context.worker)
    return { worker: context.worker }
  },
  call: { ping: () => 'pong' },
  terminate: state => void alive.delete(state.worker),
})
const stage = defineStage('stage', (n: number) => n)
const stubborn = defineTask('stubborn', () => new Promise(() => {}))

const cluster = randomUUID()
const start = (init: NodeInit = {}): Promise<Node> =>
  createNode({
    cluster,
    behaviours: [held, stage, stubborn],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
    ...init,
  })

afterEach(async () => {
  await Promise.all(runningNodes().map(node => node.stop()))
  alive.clear()
})

// The partitions of a supervisor are threads and processes here, which its workers choose: see the containment tests.
test('1: a node that has been started runs, and one that has been stopped does not', async () => {
  const node = await start({ name: 'a' })
  expect(getNode('a', cluster)).toBe(node)
  expect(runningNodes()).toEqual([node])
  await node.stop()
  expect(runningNodes()).toEqual([])
})

test('2: the same name can be started and stopped ten times in a row', async () => {
  for (let round = 0; round < 10; round++) {
    const node = await start({ name: 'a' })
    expect(getNode('a', cluster)).toBe(node)
    await node.stop()
  }
})

test('3, 4: a second node of a name is refused until the first has stopped, and the first lives on', async () => {
  const first = await start({ name: 'a' })
  await expect(start({ name: 'a' })).rejects.toMatchObject({ name: 'AlreadyRunningError' })
  const worker = await first.addWorker({ id: 'w', run: held })
  expect(await worker.call.ping()).toBe('pong')
  await first.stop()
  const second = await start({ name: 'a' })
  await expect(start({ name: 'a' })).rejects.toMatchObject({ name: 'AlreadyRunningError' })
  expect(getNode('a', cluster)).toBe(second)
})

test('3: two that are started at once: one is refused; one that cannot start leaves the name free', async () => {
  const outcomes = await Promise.allSettled([start({ name: 'a' }), start({ name: 'a' })])
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  await expect(start({ name: 'b', listen: ['/ip4/203.0.113.1/tcp/1'] })).rejects.toMatchObject({
    name: 'ListenError',
  })
  await start({ name: 'b' })
})

// The owner is whatever an abort signal stands for.
test('5, 8: an owner that ends normally leaves its node up', async () => {
  const owner = new AbortController()
  const node = await start({ signal: owner.signal })
  expect(runningNodes()).toEqual([node])
  await node.stop()
})

test('6, 7: an owner that crashes takes its node down, and every worker of it', async () => {
  const owner = new AbortController()
  const node = await start({ signal: owner.signal })
  await node.addWorker({ id: 'w', run: held })
  await node.addGroup({ id: 'g', members: [{ id: 'm', run: held }] })
  expect([...alive].toSorted()).toEqual(['g/m', 'w'])
  owner.abort()
  await node.stopped
  expect(alive).toEqual(new Set())
  expect(runningNodes()).toEqual([])
  await expect(start({ signal: owner.signal })).rejects.toMatchObject({ name: 'AbortError' })
})

test('9: a node that does not run is an error, to find it and to use it; to stop it again is none', async () => {
  expect(() => getNode('a', cluster)).toThrow(expect.objectContaining({ name: 'NotRunningError' }))
  const node = await start()
  const worker = await node.addWorker({ id: 'w', run: held })
  await node.stop()
  await node.stop()
  expect(() => node.getWorker('w')).toThrow(expect.objectContaining({ name: 'NodeStoppedError' }))
  await expect(node.addWorker({ id: 'x', run: held })).rejects.toMatchObject({ name: 'NodeStoppedError' })
  const late = worker.with({ timeoutMs: 50 }).call.ping()
  await expect(late).rejects.toThrow(expect.objectContaining({ name: expect.stringMatching(/Error$/) }))
})

test('10: without a name it has one all the same: the end of its id', async () => {
  const node = await start()
  const [self] = node.members()
  expect(self?.name).toHaveLength(6)
  expect(node.id.endsWith(self?.name ?? '?')).toBe(true)
})

test('11: bad and unknown options are one error that names all of them, in their order', async () => {
  const bad: object = { name: 7, weight: 0, signal: 'owner', colour: 'red', size: 3 }
  const error: unknown = await start(bad).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'OptionsError' })
  const problems: unknown = error instanceof Error ? Reflect.get(error, 'problems') : []
  expect(problems).toMatchObject([
    { path: 'name' },
    { path: 'weight' },
    { path: 'signal' },
    { path: 'colour', wanted: 'no such field' },
    { path: 'size', wanted: 'no such field' },
  ])
  expect(runningNodes()).toEqual([])
})

// There are no types of shutdown: a worker gets its time, and then it is left behind.
test('12: a worker that does not stop does not keep its node from stopping', async () => {
  const node = await start()
  await node.addWorker({ id: 'w', run: stubborn, stopTimeoutMs: 50 })
  await node.addWorker({ id: 'x', run: held })
  await node.stop()
  expect(runningNodes()).toEqual([])
  expect(alive).toEqual(new Set())
})

test('13: with a node, all of its workers, groups and chains stop', async () => {
  const node = await start()
  await node.addWorker({ id: 'w', run: held })
  await node.addGroup({
    id: 'g',
    members: [
      { id: 'm', run: held },
      { id: 'n', run: held },
    ],
  })
  const chain = await node.addChain({ id: 'c', stages: [{ run: stage }] })
  expect(await chain.call(1)).toBe(1)
  const ended: string[] = []
  node.on('worker:exit', ({ slot }) => ended.push(slot))
  await node.stop()
  expect(alive).toEqual(new Set())
  expect(ended.toSorted()).toEqual(['c/stage/0', 'g/m', 'g/n', 'w'])
})
