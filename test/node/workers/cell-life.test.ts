/** How workers in threads and processes start and stop, and that nothing is left of them. */

import { fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { PATIENCE } from '../../patience.ts'
import * as behaviours from './cell-behaviours.ts'
import { endless } from './endless-behaviours.ts'
import { unfit } from './unfit-behaviours.ts'

const url = (file: string): string => new URL(file, import.meta.url).href

let node: Node
const log = new LogBook()

const start = (): Promise<Node> =>
  localNode({
    behaviours: ['cell-behaviours.ts', 'endless-behaviours.ts', 'unfit-behaviours.ts'].map(url),
    logger: log,
  })

beforeAll(async () => {
  // Threads that Node starts when it first needs them are none of ours.
  await Promise.all(Array.from({ length: 16 }, () => stat('.')))
  node = await start()
})

beforeEach(() => {
  log.lines.length = 0
})

afterEach(async () => {
  const id = node.snapshot().specs.find(spec => spec.kind === 'worker')?.id
  if (id !== undefined) await node.removeWorker(id)
})

afterAll(() => node.stop())

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** As the kernel counts them. */
function threadCount(): number {
  return readdirSync('/proc/self/task').length
}

describe.each(['thread', 'process'] as const)('a worker in a %s', isolation => {
  test('runs its code there, with the identity of the worker', async () => {
    const worker = await node.addWorker({ id: 'w', run: behaviours.server, args: [40], isolation })
    expect(await worker.call.add(2)).toBe(42)
    expect(await worker.call.later(1)).toBe(43)
    worker.cast.set(7)
    worker.send({ note: 'x' })
    expect(await worker.call.heard()).toEqual([{ note: 'x' }])
    expect(await worker.call.add(0)).toBe(7)
    const place = await worker.call.where()
    expect(place.isMainThread).toBe(isolation === 'process')
    expect(place.pid === process.pid).toBe(isolation === 'thread')
    expect(await worker.call.facts()).toMatchObject({
      worker: 'w',
      spec: 'w',
      node: node.id,
      token: { generation: node.snapshot().specs.find(spec => spec.id === 'w')?.workers[0]?.generation },
    })
  })

  test('cannot start when its module cannot be imported there: the error says why', async () => {
    const adding = node.addWorker({ id: 'w', run: unfit, isolation })
    await expect(adding).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('not in a cell'),
      cause: { name: 'Error', message: 'not in a cell', slot: 'w' },
    })
  })

  test('that does not come up in time is ended, and late', async () => {
    const before = threadCount()
    const adding = node.addWorker({ id: 'w', run: endless, isolation, startTimeoutMs: 400 })
    await expect(adding).rejects.toMatchObject({ name: 'StartError', cause: { name: 'StartTimeout' } })
    await expect.poll(threadCount, PATIENCE).toBeLessThanOrEqual(before)
  })

  test('hears that it is to stop, and says good-bye', async () => {
    const worker = await node.addWorker({ id: 'w', run: behaviours.polite, isolation })
    const { pid } = await worker.call.where()
    const waiting = worker.call.untilStopped()
    await log.heard('waiting')
    await node.removeWorker('w')
    await expect(waiting).resolves.toBe('stopped')
    expect(log.lines).toContainEqual({ facts: { pid, isAborted: true }, message: 'good-bye' })
    if (isolation === 'process') expect(isAlive(pid)).toBe(false)
  })

  test.each(['hold', 'loop'] as const)('that will not stop (%s) is ended for good', async how => {
    const before = threadCount()
    const worker = await node.addWorker({
      id: 'w',
      run: behaviours.server,
      args: [0],
      isolation,
      stopTimeoutMs: 100,
    })
    const { pid } = await worker.call.where()
    const failed = expect(worker.call.ignore(how)).rejects.toMatchObject({
      name: 'WorkerExitedError',
      maybeExecuted: true,
    })
    await log.heard('ignoring')
    await node.removeWorker('w')
    await failed
    await expect.poll(threadCount, PATIENCE).toBeLessThanOrEqual(before)
    if (isolation === 'process') await expect.poll(() => isAlive(pid), PATIENCE).toBe(false)
  })

  test('is gone when its node has stopped', async () => {
    const other = await start()
    const worker = await other.addWorker({
      id: 'w',
      run: behaviours.server,
      args: [0],
      isolation,
      stopTimeoutMs: 100,
    })
    const { pid } = await worker.call.where()
    const failed = expect(worker.call.ignore('hold')).rejects.toMatchObject({ name: 'WorkerExitedError' })
    await log.heard('ignoring')
    await other.stop()
    await failed
    if (isolation === 'process') expect(isAlive(pid)).toBe(false)
  })

  test('streams the outputs of a generator', async () => {
    const chain = await node.addChain({ id: 'c', stages: [{ run: behaviours.many, isolation }] })
    expect(await chain.call(100)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    await node.removeChain('c')
  })

  test('lives on when what goes in, or comes out, cannot be copied: the caller is told', async () => {
    const worker = await node.addWorker({ id: 'w', run: behaviours.server, args: [1], isolation })
    await expect(worker.call.take(() => 'a function')).rejects.toMatchObject({
      name: 'PayloadError',
      message: expect.stringContaining('cannot be copied'),
      cause: { slot: 'w' },
    })
    await expect(worker.call.giveFunction()).rejects.toMatchObject({
      name: 'RemoteError',
      message: expect.stringContaining('cannot be copied'),
      maybeExecuted: true,
    })
    expect(await worker.call.add(1)).toBe(2)
    await node.removeWorker('w')
    const task = await node.addWorker({ id: 'w', run: behaviours.ears, isolation })
    task.send(() => 'a function')
    task.send('a text')
    await log.heard('a text')
  })

  test('runs on a node that has its module, and on no other', async () => {
    const cluster = randomUUID()
    await using able = await localNode({ cluster, behaviours: [url('cell-behaviours.ts')] })
    const discovery = { mdns: false, seeds: able.addresses }
    await using other = await localNode({ cluster, behaviours: [behaviours], discovery })
    await Promise.all([able.formed(2), other.formed(2)])
    const ids = Array.from({ length: 4 }, (_, n) => `w${n}`)
    const workers = await Promise.all(
      ids.map(id => other.addWorker({ id, run: behaviours.server, args: [0], isolation })),
    )
    for (const { node: where } of await Promise.all(workers.map(worker => worker.call.facts()))) {
      expect(where).toBe(able.id)
    }
  })

  test('must have its behaviour from a module', async () => {
    await using other = await localNode({ behaviours: [behaviours] })
    const adding = other.addWorker({ id: 'w', run: behaviours.server, args: [0], isolation })
    await expect(adding).rejects.toMatchObject({ name: 'IsolationError', behaviour: 'cell-server@1' })
  })
})

describe.concurrent('a process', () => {
  test.for(['idle', 'loop'])(
    'ends with the node that has started it, when that is killed (%s)',
    async (how, { expect }) => {
      const child = fork(new URL('orphan-child.ts', import.meta.url), [how])
      const [message]: unknown[] = await once(child, 'message')
      const pid =
        typeof message === 'object' && message !== null && 'pid' in message ? Number(message.pid) : 0
      expect(isAlive(pid)).toBe(true)
      child.kill('SIGKILL')
      await once(child, 'exit')
      await expect.poll(() => isAlive(pid), PATIENCE).toBe(false)
    },
  )
})
