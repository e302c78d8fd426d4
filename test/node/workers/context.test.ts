/** Who the code belongs to that runs now, and on whose account: wherever it runs, and wherever it goes on. */

import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { type Node, currentWorker, defineServer, withTrace } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { PATIENCE, PATIENCE_MS } from '../../patience.ts'
import { type Known, PLACES, knower, knowing, knowingTask } from './context-behaviours.ts'

const MODULE = new URL('context-behaviours.ts', import.meta.url).href

let node: Node

const start = (cluster: string, more: object): Promise<Node> =>
  localNode({ cluster, behaviours: [MODULE], ...more })

beforeAll(async () => {
  node = await start(randomUUID(), {})
})
afterAll(() => node.stop())
afterEach(async () => {
  for (const { id } of node.listWorkers()) await node.removeWorker(id)
  for (const { id } of node.listGroups()) await node.removeGroup(id)
})

/** Where the second of two workers runs, so that each way between threads and processes is gone. */
const OTHER = { inline: 'thread', thread: 'process', process: 'inline' } as const

describe.each(['inline', 'thread', 'process'] as const)('code that runs %s', isolation => {
  test('of a server knows its worker, its deadline and its trace, wherever it goes on', async () => {
    const worker = await node.addWorker({ id: 'w', run: knower, isolation })
    // Another generation of it than the first one.
    await expect(worker.call.crash()).rejects.toMatchObject({ name: 'RemoteError' })
    const asked = worker.with({ timeoutMs: PATIENCE_MS })
    const traced = withTrace('t-1', () => PLACES.map(place => asked.call.know(place)))
    for (const found of await Promise.all(traced)) {
      const { generation } = found
      expect(found).toMatchObject({
        who: { worker: 'w', spec: 'w', node: node.id, generation },
        traceId: 't-1',
        remainingMs: expect.any(Number),
      })
      expect(generation).toBeGreaterThan(0)
      expect(found.remainingMs).toBeLessThan(PATIENCE_MS + 1_000)
      // Not what a call has where nobody says how long.
      expect(found.remainingMs).toBeGreaterThan(5_000)
    }
    expect(currentWorker()).toBeUndefined()
  })

  test('of a server knows its worker and its deadline in a trace of its own, and takes that along', async () => {
    const worker = await node.addWorker({ id: 'w', run: knower, isolation })
    await node.addWorker({ id: 'o', run: knower, isolation: OTHER[isolation] })
    const asked = worker.with({ timeoutMs: PATIENCE_MS })
    const within = await Promise.all(PLACES.map(place => asked.call.knowInTrace(place)))
    for (const found of within) {
      expect(found).toMatchObject({ who: { worker: 'w' }, traceId: 'own' })
      expect(found.remainingMs).toBeGreaterThan(5_000)
    }
    const through = await asked.call.throughInTrace('o', 'await')
    expect(through).toMatchObject({ who: { worker: 'o' }, traceId: 'own' })
    expect(through).toHaveProperty(
      'remainingMs',
      expect.toSatisfy((ms: number) => ms > 5_000),
    )
    await expect(asked.call.throughInTrace('w', 'await')).rejects.toMatchObject({
      message: expect.stringContaining('DeadlockError'),
    })
  })

  test('of a task and a stage knows its worker', async () => {
    const ear = await node.addWorker({ id: 'ear', run: knower })
    const worker = await node.addWorker({ id: 'w', run: knowingTask, isolation })
    const chain = await node.addChain({ id: 'c', stages: [{ id: 's', run: knowing, isolation }] })
    for (const place of PLACES) {
      worker.send(place)
      const found = await chain.call(place)
      expect(found).toMatchObject({ who: { worker: 'c/s/0', spec: 'c', generation: found?.generation } })
    }
    await expect.poll(() => ear.call.heard(), PATIENCE).toHaveLength(PLACES.length)
    expect(await ear.call.heard()).toMatchObject(
      PLACES.map(place => ({ place, who: { worker: 'w', spec: 'w', node: node.id } })),
    )
    await node.removeChain('c')
  })

  test('takes deadline and trace along to workers in other threads and processes', async () => {
    const members = [
      { id: 'a', run: knower, isolation },
      { id: 'b', run: knower, isolation: OTHER[isolation] },
    ]
    const group = await node.addGroup({ id: 'g', members })
    const a = group.getMember('a').with({ timeoutMs: PATIENCE_MS })
    const asked = withTrace('t-2', () => a.call.through(['g/b'], 'timer'))
    const found = await asked
    expect(found).toMatchObject({ who: { worker: 'g/b', spec: 'g' }, traceId: 't-2' })
    expect(found).toHaveProperty(
      'remainingMs',
      expect.toSatisfy((ms: number) => ms > 5_000 && ms < PATIENCE_MS + 1_000),
    )
  })

  test('is told of a circle at once, in its group and out of it', async () => {
    const members = [
      { id: 'a', run: knower, isolation },
      { id: 'b', run: knower, isolation: OTHER[isolation] },
    ]
    const group = await node.addGroup({ id: 'g', strategy: 'one_for_one', members })
    await node.addWorker({ id: 'w', run: knower, isolation: OTHER[isolation] })
    const a = group.getMember('a').with({ timeoutMs: PATIENCE_MS })
    for (const path of [['g/a'], ['g/b', 'g/a'], ['w', 'g/b', 'g/a']]) {
      await expect(a.call.through(path, 'at once')).rejects.toMatchObject({
        name: 'RemoteError',
        message: expect.stringContaining('DeadlockError'),
      })
      expect(await a.call.through(['g/b', 'w'], 'at once')).toMatchObject({ who: { worker: 'w' } })
    }
  })

  test('is not begun for a call that nobody waits for any more, and its late answers go nowhere', async () => {
    const worker = await node.addWorker({ id: 'w', run: knower, isolation })
    // Longer than it is waited for: its answer comes too late.
    const begun = worker.with({ timeoutMs: 100 }).call.sleep(300)
    const behind = worker.with({ timeoutMs: 100 }).call.count()
    const last = worker.with({ timeoutMs: PATIENCE_MS }).call.count()
    await expect(begun).rejects.toMatchObject({ name: 'CallTimeoutError', maybeExecuted: true })
    await expect(behind).rejects.toMatchObject({ name: 'CallTimeoutError', maybeExecuted: false })
    expect(await last).toBe(1)
  })

  test('hears of deadline and trace from other nodes', async () => {
    const cluster = randomUUID()
    await using member = await start(cluster, {})
    const discovery = { mdns: false, seeds: member.addresses }
    await using client = await start(cluster, { role: 'client', discovery })
    await client.formed(2)
    const worker = await client.addWorker({ id: 'w', run: knower, isolation })
    const asked = worker.with({ timeoutMs: PATIENCE_MS })
    const found: Known = await withTrace('t-3', () => asked.call.know('await'))
    expect(found).toMatchObject({ who: { worker: 'w', node: member.id }, traceId: 't-3' })
    // Two processes do not agree on the time to the millisecond.
    expect(found.remainingMs).toBeLessThan(PATIENCE_MS + 1_000)
    expect(found.remainingMs).toBeGreaterThan(5_000)
    // A circle over nodes ends in the first worker that it comes back to.
    await expect(asked.call.through(['w'], 'at once')).rejects.toMatchObject({
      message: expect.stringContaining('DeadlockError'),
    })
  })
})

test('a node that code of a worker starts is not on its account, nor is the module that the node imports', async () => {
  const starter = defineServer('starter', {
    init: () => ({}),
    call: {
      start: async () => {
        const url = new URL('imported-behaviours.ts', import.meta.url).href
        const other = await localNode({ behaviours: [url] })
        const { imported } = await import('./imported-behaviours.ts')
        const found = await (await other.addWorker({ run: imported })).call.importedBy()
        await other.stop()
        return found
      },
    },
  })
  await using own = await localNode({ behaviours: [starter] })
  const worker = await own.addWorker({ run: starter })
  expect(await worker.with({ timeoutMs: PATIENCE_MS }).call.start()).toBe('nobody')
})
