/**
 * Every way for code to end, in every isolation: an exit with a reason, of that worker only. What ends inline code, and
 * nobody catches, is in `strays.test.ts`; whoever does not hear that it is to stop in `deaf.test.ts`.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Node } from '../../../src/index.ts'
import { localNode } from '../../local-node.ts'
import { nextExit } from '../../node-events.ts'
import { PATIENCE_MS } from '../../patience.ts'
import * as behaviours from './cell-behaviours.ts'
import { DEATHS, type Death } from './cell-behaviours.ts'

const MODULE = new URL('cell-behaviours.ts', import.meta.url).href
const CELLS = ['thread', 'process'] as const
/** What can only end the whole node, or which a test runner would take for an error of the test. */
const NOT_INLINE: ReadonlySet<Death> = new Set([
  'stray',
  'stray-rejection',
  'stray-object',
  'exit',
  'exit-caught',
  'memory',
  'loop',
])
/** On a busy machine a healthy cell may be held up for some time: only one that loops gets so little. */
const limitsFor = (death: Death) => ({ heapMb: 48, ...(death === 'loop' ? { heartbeatMs: 1_500 } : {}) })
const INTENSITY = { restarts: 100, withinMs: 1_000 }

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [MODULE] })
})

afterAll(() => node.stop())

const FAILURES: Readonly<Record<Death, { readonly kind: string; readonly failure: object }>> = {
  throw: { kind: 'crashed', failure: { name: 'Misfortune', message: 'thrown' } },
  'throw-text': { kind: 'crashed', failure: { name: 'Error', message: 'a text' } },
  'throw-object': { kind: 'crashed', failure: { name: 'Error', message: "gone { code: 'E_GONE' }" } },
  'throw-proxy': { kind: 'crashed', failure: { name: 'Error', message: '[an object]' } },
  'throw-revoked': { kind: 'crashed', failure: { name: 'Error', message: '[an object]' } },
  'answer-revoked': {
    kind: 'crashed',
    failure: { name: 'TypeError', message: expect.stringContaining('revoked') },
  },
  reject: { kind: 'crashed', failure: { name: 'Misfortune', message: 'rejected' } },
  stray: { kind: 'crashed', failure: { name: 'Misfortune', message: 'stray' } },
  'stray-rejection': { kind: 'crashed', failure: { name: 'Misfortune', message: 'stray rejection' } },
  'stray-object': { kind: 'crashed', failure: { name: 'Error', message: '{ code: 42 }' } },
  exit: { kind: 'killed', failure: { name: 'CellExit', message: expect.stringContaining('code 7') } },
  'exit-caught': {
    kind: 'killed',
    failure: { name: 'CellExit', message: expect.stringContaining('code 7') },
  },
  memory: { kind: 'killed', failure: { name: 'OutOfMemory', message: 'its heap of 48 MB was full' } },
  loop: { kind: 'killed', failure: { name: 'HeartbeatMissed' } },
}

const rows = [
  ...DEATHS.filter(death => !NOT_INLINE.has(death)).map(death => ['inline', death] as const),
  ...CELLS.flatMap(isolation => DEATHS.map(death => [isolation, death] as const)),
]

describe.concurrent('a death is an exit with a reason, of that worker only', () => {
  test.for(rows)('a server, %s, dies by %s', async ([isolation, death], { expect }) => {
    const id = `server-${isolation}-${death}`
    const added = await node.addWorker({
      id,
      run: behaviours.server,
      args: [1],
      isolation,
      limits: limitsFor(death),
      intensity: INTENSITY,
    })
    // Until memory is full, or a new process runs, a busy machine may need longer than a call waits.
    const worker = added.with({ timeoutMs: PATIENCE_MS })
    const before = await worker.call.where()
    const exit = nextExit(node, id)
    const call = worker.call.die(death)
    const behind = worker.call.add(1)
    await expect(call).rejects.toMatchObject({ maybeExecuted: true })
    await expect(behind).rejects.toMatchObject({ name: 'WorkerExitedError', maybeExecuted: false })
    const { failure, kind } = FAILURES[death]
    const told = (await exit).exit
    expect(told).toMatchObject({ kind, failure: { ...failure, node: node.id, slot: id, generation: 1 } })
    if (!death.startsWith('throw-')) expect(told).toHaveProperty('failure.stack', expect.any(String))
    expect(await worker.call.add(1)).toBe(2)
    const after = await worker.call.where()
    const isElsewhere = after.pid !== before.pid || after.threadId !== before.threadId
    expect(isElsewhere).toBe(isolation !== 'inline')
    await node.removeWorker(id)
  })

  test.for(rows)('a task, %s, dies by %s', async ([isolation, death], { expect }) => {
    const id = `task-${isolation}-${death}`
    const worker = await node.addWorker({
      id,
      run: behaviours.task,
      isolation,
      limits: limitsFor(death),
      intensity: INTENSITY,
    })
    const exit = nextExit(node, id)
    worker.send(death)
    const { failure, kind } = FAILURES[death]
    // The message that it was at.
    expect(await exit).toMatchObject({
      exit: { kind, failure: { ...failure, slot: id, generation: 1 } },
      lost: 1,
    })
    await node.removeWorker(id)
  })

  test.for(CELLS)('a server in a %s is told that it is idle, and may end', async (isolation, { expect }) => {
    const id = `drowsy-${isolation}`
    const exit = nextExit(node, id)
    await node.addWorker({ id, run: behaviours.drowsy, isolation, restart: 'temporary' })
    expect((await exit).exit).toMatchObject({
      kind: 'crashed',
      failure: {
        name: 'Drowsy',
        message: 'idle after 0',
        code: 5,
        errors: [{ name: 'RangeError', message: 'inner' }],
      },
    })
    await node.removeWorker(id)
  })

  test.for(rows)('a stage, %s, dies by %s', async ([isolation, death], { expect }) => {
    const id = `stage-${isolation}-${death}`
    const chain = await node.addChain({
      id,
      attemptsMax: 1,
      intensity: INTENSITY,
      stages: [{ run: behaviours.stage, isolation, limits: limitsFor(death) }],
    })
    const exit = nextExit(node, id)
    await expect(chain.call(death)).rejects.toMatchObject({ name: 'ItemDeadError' })
    const { failure, kind } = FAILURES[death]
    expect((await exit).exit).toMatchObject({ kind, failure: { ...failure, item: { n: 1 } } })
    expect(await chain.call(1)).toMatchObject({ item: 1 })
    await node.removeChain(id)
  })
})
