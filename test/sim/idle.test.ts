/** Servers to which nothing comes for a while: they are told, and may end. */

import { expect, test } from 'vitest'

import { type Node, type WorkerRef, deferred, defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const IDLE_MS = 1_000

/** What has happened, by worker. */
const log = new Map<string, string[]>()

const session = defineServer('session', {
  init: context => {
    const seen = new Array<string>()
    log.set(context.worker, seen)
    return { context, seen, reply: (_answer: string): void => {} }
  },
  call: {
    seen: state => [...state.seen],
    sleep: async (state, ms: number) => {
      await state.context.sleep(ms)
      state.seen.push('slept')
    },
    later: state => deferred<string>(reply => (state.reply = reply.resolve)),
  },
  cast: { note: (state, text: string) => void state.seen.push(text) },
  info: (state, message) => void state.seen.push(String(message)),
  idle: {
    timeoutMs: IDLE_MS,
    handle: async (state, context) => {
      state.seen.push('idle')
      state.reply('by the way')
      if (state.context.worker.startsWith('ends')) context.stop('normal')
      if (state.context.worker.startsWith('fails')) throw new RangeError('idle for too long')
      if (state.context.worker.startsWith('slow')) await context.sleep(500)
    },
  },
  terminate: (state, reason) => void state.seen.push(`terminate ${String(reason)}`),
})

async function start(
  id: string,
  restart: 'permanent' | 'transient' = 'permanent',
): Promise<{
  mesh: SimulatedMesh
  node: Node
  ref: WorkerRef<typeof session>
  seen: () => readonly string[]
}> {
  const mesh = await simulate({ nodes: 1, behaviours: [session] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(1))
  const ref = await mesh.settle(node.addWorker({ id, run: session, restart }))
  return { mesh, node, ref, seen: () => log.get(id) ?? [] }
}

test('a server is told when nothing has come for so long, and again after as long', async () => {
  const { mesh, seen } = await start('keeps')
  await mesh.run(IDLE_MS - 50)
  expect(seen()).toEqual([])
  await mesh.run(100)
  expect(seen()).toEqual(['idle'])
  await mesh.run(2 * IDLE_MS)
  expect(seen()).toEqual(['idle', 'idle', 'idle'])
})

test.each([
  ['a call', (ref: WorkerRef<typeof session>) => void ref.call.seen()],
  ['a cast', (ref: WorkerRef<typeof session>) => ref.cast.note('cast')],
  ['a message', (ref: WorkerRef<typeof session>) => ref.send('message')],
])('%s starts the time anew', async (_what, tell) => {
  const { mesh, ref, seen } = await start('keeps')
  for (let time = 0; time < 5; time++) {
    await mesh.run(IDLE_MS - 100)
    tell(ref)
  }
  expect(seen()).not.toContain('idle')
  await mesh.run(IDLE_MS - 100)
  expect(seen()).not.toContain('idle')
  await mesh.run(150)
  expect(seen().filter(what => what === 'idle')).toEqual(['idle'])
})

test('a server that is at something is not idle, however long that takes', async () => {
  const { mesh, ref, seen } = await start('keeps')
  const slept = ref.call.sleep(3 * IDLE_MS)
  await mesh.settle(slept)
  await mesh.run(IDLE_MS - 100)
  expect(seen()).toEqual(['slept'])
  await mesh.run(200)
  expect(seen()).toEqual(['slept', 'idle'])
})

test('what comes while the server is told waits, and a call may be answered by then', async () => {
  const { mesh, ref, seen } = await start('slow')
  const answer = ref.call.later()
  await mesh.run(IDLE_MS + 100)
  ref.cast.note('meanwhile')
  await mesh.run(300)
  expect(seen()).toEqual(['idle'])
  expect(await mesh.settle(answer)).toBe('by the way')
  await mesh.run(300)
  expect(seen()).toEqual(['idle', 'meanwhile'])
})

test('a transient server ends when it has been idle, and is done', async () => {
  const { mesh, node, ref, seen } = await start('ends', 'transient')
  await mesh.run(IDLE_MS + 100)
  expect(seen()).toEqual(['idle', 'terminate normal'])
  expect(node.snapshot().specs).toMatchObject([{ id: 'ends', status: { kind: 'done' } }])
  await expect(mesh.settle(ref.call.seen())).rejects.toMatchObject({ name: 'WorkerExitedError' })
  // No timer of it is left to tell anybody.
  await mesh.run(5 * IDLE_MS)
  expect(seen()).toEqual(['idle', 'terminate normal'])
})

test('a throw there is a crash like any other', async () => {
  const { mesh, node } = await start('fails')
  const exits = new Array<unknown>()
  node.on('worker:exit', ({ exit }) => exits.push(exit))
  await mesh.run(IDLE_MS + 100)
  expect(exits).toMatchObject([
    { kind: 'crashed', failure: { name: 'RangeError', message: 'idle for too long' } },
  ])
})

test('what it does when it is stopped has no idle time', async () => {
  const { mesh, node, seen } = await start('keeps')
  await mesh.settle(node.removeWorker('keeps'))
  await mesh.run(3 * IDLE_MS)
  expect(seen()).toEqual(['terminate stopped'])
})

test('a bad idle is refused where the server is defined, and every bad field of it is named', () => {
  const define = (idle: unknown) => () =>
    // @ts-expect-error not what it says
    defineServer('bad', { init: () => ({}), idle })
  for (const timeoutMs of [0, -1, 1.5, Number.NaN, Infinity, '5', undefined]) {
    expect(define({ timeoutMs, handle: 5 })).toThrow(
      expect.objectContaining({
        name: 'OptionsError',
        problems: [
          expect.objectContaining({ path: 'idle.timeoutMs' }),
          expect.objectContaining({ path: 'idle.handle', wanted: 'a function' }),
        ],
      }),
    )
  }
  expect(define({ timeoutMs: 5, handle: () => {}, every: 5 })).toThrow(/every/)
  expect(define(5)).toThrow(/an object/)
})
