/**
 * The life of a supervisor, which here is a node: it is started, by a name of its own if one likes, it stops, and
 * everything on it with it.
 */

import { randomUUID } from 'node:crypto'
import { getEventListeners } from 'node:events'

import { afterEach, expect, test } from 'vitest'

import {
  type Node,
  type NodeInit,
  defineServer,
  defineStage,
  getNode,
  runningNodes,
} from '../../src/index.ts'
import { localNode } from '../local-node.ts'
import { PATIENCE } from '../patience.ts'
import { clinging } from './containment-workers.ts'

const alive = new Set<string>()
const held = defineServer('held', {
  init: context => {
    alive.add(context.worker)
    return { worker: context.worker }
  },
  call: { ping: () => 'pong' },
  cast: { note: () => {} },
  info: () => {},
  terminate: state => void alive.delete(state.worker),
})
const stage = defineStage('stage', (n: number) => n)
/** The `careful` workers that are to stop, and what they wait for. */
const ending = new Set<string>()
const mayEnd = Promise.withResolvers<void>()
/** Ends when the test says that it may. */
const careful = defineServer('careful', {
  init: context => {
    alive.add(context.worker)
    return { worker: context.worker }
  },
  terminate: async state => {
    ending.add(state.worker)
    await mayEnd.promise
    alive.delete(state.worker)
  },
})
const CONTAINMENT = new URL('containment-workers.ts', import.meta.url).href

const cluster = randomUUID()
const start = (init: NodeInit = {}): Promise<Node> =>
  localNode({ cluster, behaviours: [held, careful, stage], ...init })

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

// The owner is whatever an abort signal stands for: it crashes when it aborts. Its end as such is nothing.
test('5: an owner that ends normally leaves its node up', async () => {
  const own = async (): Promise<Node> => {
    const owner = new AbortController()
    const node = await start({ signal: owner.signal })
    await node.addWorker({ id: 'w', run: held })
    return node
  }
  const node = await own()
  expect(runningNodes()).toEqual([node])
  expect(await node.getWorker('w', held).call.ping()).toBe('pong')
  expect(alive).toEqual(new Set(['w']))
})

test('8: owned by a third party, a node starts and stops as usual, and is none of its business afterwards', async () => {
  const owner = new AbortController()
  const node = await start({ name: 'a', signal: owner.signal })
  const worker = await node.addWorker({ id: 'w', run: held })
  expect(await worker.call.ping()).toBe('pong')
  expect(getNode('a', cluster)).toBe(node)
  await node.stop()
  await node.stopped
  expect([runningNodes(), alive]).toEqual([[], new Set()])
  // The next of that name has no owner: it stays when the owner of the first goes.
  const next = await start({ name: 'a' })
  await next.addWorker({ id: 'w', run: held })
  owner.abort()
  expect(await next.getWorker('w', held).call.ping()).toBe('pong')
  expect(runningNodes()).toEqual([next])
})

test('an owner that outlives its nodes keeps nothing of those that have stopped', async () => {
  const owner = new AbortController()
  const [first, second] = [await start({ signal: owner.signal }), await start({ signal: owner.signal })]
  await first.stop()
  expect(getEventListeners(owner.signal, 'abort')).toHaveLength(1)
  owner.abort()
  await second.stopped
  expect(getEventListeners(owner.signal, 'abort')).toHaveLength(0)
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

// A node that does not run has no handle; one that has stopped leaves its handles, and those of its workers.
test('9: a node that does not run is an error, to find it, to look at it and to use it; to stop it again is none', async () => {
  expect(() => getNode('a', cluster)).toThrow(expect.objectContaining({ name: 'NotRunningError' }))
  const node = await start({ name: 'a' })
  const worker = await node.addWorker({ id: 'w', run: held })
  const group = await node.addGroup({ id: 'g', members: [{ id: 'm', run: held }] })
  const chain = await node.addChain({ id: 'c', stages: [{ run: stage }] })
  await node.stop()
  await node.stop()
  expect(() => getNode('a', cluster)).toThrow(expect.objectContaining({ name: 'NotRunningError' }))
  const refusal = { name: 'NodeStoppedError' }
  for (const look of [
    () => node.getWorker('w'),
    () => node.findGroup('g'),
    () => node.listWorkers(),
    () => node.listGroups(),
    () => node.listChains(),
    () => group.status,
    () => group.members(),
    () => chain.status,
    () => chain.stages(),
    () => worker.send('x'),
    () => worker.cast.note(),
    () => group.broadcast('x'),
    () => group.sendRandom('x'),
  ])
    expect(look, String(look)).toThrow(expect.objectContaining(refusal))
  // What programs look at by a clock throws nothing: there is nobody, and nothing.
  expect([node.members(), node.snapshot().specs]).toEqual([[], []])
  for (const act of [
    () => node.addWorker({ id: 'x', run: held }),
    () => node.removeWorker('w'),
    () => group.addMember({ id: 'n', run: held }),
    () => group.restart(),
    () => chain.removeStage('stage'),
    () => chain.send(1),
    () => chain.call(1),
    () => worker.call.ping(),
    () => node.drain(),
  ])
    await expect(act(), String(act)).rejects.toMatchObject(refusal)
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

// There are no types of shutdown: a worker gets its time to finish, and then it is killed, or left behind where its
// code is in the thread of the node.
test('12: a node that stops lets its workers finish, within their time', async () => {
  const node = await start()
  const stopTimeoutMs = 30_000
  await node.addWorker({ id: 'w', run: careful, stopTimeoutMs })
  await node.addGroup({ id: 'g', members: [{ id: 'm', run: careful, stopTimeoutMs }] })
  expect(alive).toEqual(new Set(['w', 'g/m']))
  const ends: string[] = []
  node.on('worker:exit', ({ slot, exit }) => ends.push(`${slot} ${exit.kind}`))
  const stopping = node.stop()
  await expect.poll(() => ending.size, PATIENCE).toBe(2)
  expect([...ends, ...runningNodes()]).toEqual([node])
  mayEnd.resolve()
  await stopping
  expect(alive).toEqual(new Set())
  expect(ends.toSorted()).toEqual(['g/m stopped', 'w stopped'])
})

test.each(['inline', 'thread', 'process'] as const)(
  '12: a worker that does not stop (%s) does not keep its node from stopping',
  async isolation => {
    const node = await start({ behaviours: [held, CONTAINMENT] })
    const worker = await node.addWorker({ id: 'w', run: clinging, isolation, stopTimeoutMs: 50 })
    const pid = await worker.call.pid()
    await node.addWorker({ id: 'x', run: held })
    await node.stop()
    expect(runningNodes()).toEqual([])
    expect(alive).toEqual(new Set())
    // Its process is gone for real.
    if (isolation === 'process') expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    else expect(pid).toBe(process.pid)
  },
)

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
