/** Threads that cannot be ended, as they are in a native call: nobody waits for them. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { ABANDONED_MAX } from '../../../src/node/workers/endings.ts'
import { localNode } from '../../local-node.ts'
import { LogBook } from '../../log-book.ts'
import { nextExit, nextStart } from '../../node-events.ts'
import { PATIENCE, PATIENCE_MS } from '../../patience.ts'
import { stuck } from './stuck-behaviours.ts'

const MODULE = new URL('stuck-behaviours.ts', import.meta.url).href

let node: Node
let folder: string
const log = new LogBook()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshvisor-stuck-'))
  node = await localNode({ behaviours: [MODULE], logger: log })
})

afterAll(async () => {
  await Promise.all(['w', 'again', 'child'].map(free))
  await node.stop()
  await rm(folder, { recursive: true })
})

const fileOf = (id: string): string => join(folder, id)

/** Ends the native calls of a worker. */
const free = (id: string): Promise<void> => writeFile(fileOf(id), '')

const cellsOf = (id: string) => node.snapshot().cells.filter(({ slot }) => slot === id)

const warningsOf = (id: string) =>
  log.lines.filter(
    ({ facts, message }) =>
      message.includes('could not be ended') && 'worker' in facts && facts.worker === id,
  )

describe.concurrent('a thread that cannot be ended', () => {
  test('is abandoned: its worker starts anew, and it leaves the list when it is gone', async ({ expect }) => {
    const limits = { heartbeatMs: 500 }
    const ref = await node.addWorker({ id: 'w', run: stuck, isolation: 'thread', limits })
    const worker = ref.with({ timeoutMs: PATIENCE_MS })
    const thread = await worker.call.thread()
    const exit = nextExit(node, 'w')
    await expect(worker.call.hang(fileOf('w'))).rejects.toMatchObject({
      name: 'WorkerExitedError',
      cause: { name: 'HeartbeatMissed' },
    })
    expect(await worker.call.thread()).not.toBe(thread)
    expect(await exit).toMatchObject({ exit: { kind: 'killed', failure: { name: 'HeartbeatMissed' } } })
    const heir = {
      slot: 'w',
      generation: 1,
      isolation: 'thread',
      isAlive: true,
      isAbandoned: false,
      waiting: 0,
    }
    expect(cellsOf('w')).toEqual([heir, { ...heir, isAlive: false, isAbandoned: true }])
    expect(warningsOf('w')).toHaveLength(1)
    expect(node.snapshot().workers.abandoned).toBeGreaterThan(0)
    await free('w')
    await expect.poll(() => cellsOf('w'), PATIENCE).toEqual([heir])
  })

  test('is not followed by ever more: the worker gives up, and says what to do', async ({ expect }) => {
    const id = 'again'
    // More than it is let hang: what makes it give up is that it cannot start.
    const intensity = { restarts: ABANDONED_MAX + 2, withinMs: 3_600_000 }
    const spec = { id, run: stuck, limits: { heartbeatMs: 500 }, intensity }
    const worker = await node.addWorker({ ...spec, isolation: 'thread' })
    const statusOf = () => node.listWorkers().find(each => each.id === id)?.status
    for (let n = 1; n <= ABANDONED_MAX; n++) {
      const isLast = n === ABANDONED_MAX
      const next = isLast ? nextExit(node, id) : nextStart(node, id)
      await expect(worker.with({ timeoutMs: PATIENCE_MS }).call.hang(fileOf(id))).rejects.toMatchObject({
        name: 'WorkerExitedError',
      })
      await next
    }
    await expect.poll(statusOf, PATIENCE).toMatchObject({
      kind: 'gave-up',
      failure: { name: 'ThreadsLeft', message: expect.stringContaining("isolation 'process'") },
    })
    expect(cellsOf(id).map(({ isAbandoned }) => isAbandoned)).toEqual([true, true, true])
    await free(id)
    await expect.poll(() => cellsOf(id), PATIENCE).toEqual([])
    await node.restartWorker(id)
    expect(await worker.call.thread()).toBeGreaterThan(0)
  })

  test('does not hold up the stop of its node; its process ends when it does', async ({ expect }) => {
    const child = fork(new URL('stuck-child.ts', import.meta.url), [fileOf('child')])
    const ended = once(child, 'exit')
    expect(await Promise.race([once(child, 'message'), ended])).toEqual(['stopped', undefined])
    await free('child')
    expect(await ended).toEqual([0, null])
  })
})
