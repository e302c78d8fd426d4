/** What comes in is checked by schemas of the user's, before the worker sees it. */

import * as v from 'valibot'
import { expect, test } from 'vitest'

import {
  type StandardSchema,
  type TaskContext,
  defineServer,
  defineStage,
  defineTask,
} from '../../src/index.ts'
import type { Node } from '../../src/node/node.ts'
import { promised } from '../../src/promised.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** A schema by hand, that needs its time. */
const evenLater: StandardSchema<[number]> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async value => {
      const [n]: unknown[] = Array.isArray(value) ? value : []
      return typeof n === 'number' && n % 2 === 0
        ? { value: [n] }
        : { issues: [{ message: 'not even', path: [{ key: 0 }] }] }
    },
  },
}

const account = defineServer('account', {
  init: (_context, start: number) => ({ total: start, notes: new Array<unknown>() }),
  call: {
    add: (state, by: number, note?: string) => (state.total += by + (note?.length ?? 0)),
    addEven: (state, by: number) => (state.total += by),
    total: state => state.total,
    notes: state => state.notes,
  },
  cast: {
    set: (state, to: number) => {
      state.total = to
    },
  },
  info: (state, message) => state.notes.push(message),
  input: {
    init: v.tuple([v.pipe(v.number(), v.minValue(0, 'no debts'))]),
    call: {
      add: v.strictTuple([v.pipe(v.number(), v.integer('whole sums only')), v.optional(v.string())]),
      addEven: evenLater,
    },
    cast: { set: v.tuple([v.number()]) },
    info: v.object({ text: v.pipe(v.string(), v.toUpperCase()) }),
  },
})

const heard: unknown[] = []
const listener = defineTask(
  'listener',
  async (context: TaskContext<{ text: string }>, _prefix: string) => {
    for await (const message of context.messages) heard.push(message)
  },
  { input: { args: v.tuple([v.pipe(v.string(), v.nonEmpty())]), message: v.object({ text: v.string() }) } },
)

const half = defineStage('half', (n: number) => n / 2, {
  input: v.pipe(v.number(), v.multipleOf(2, 'not even')),
})

async function launch(nodes: number): Promise<{ mesh: SimulatedMesh; node: Node; exits: string[] }> {
  const mesh = await simulate({ nodes, behaviours: [account, listener, half] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const exits: string[] = []
  for (const id of mesh.ids) mesh.node(id).on('worker:exit', ({ slot }) => exits.push(slot))
  return { mesh, node, exits }
}

test.each([1, 3])(
  'a call with bad arguments is an error of the caller, with every issue, on %i nodes',
  async nodes => {
    const { mesh, node, exits } = await launch(nodes)
    // By the ids, some are here and some elsewhere.
    for (const id of ['a', 'b', 'c', 'd']) {
      const worker = await mesh.settle(node.addWorker({ id, run: account, args: [1] }))
      await expect(mesh.settle(worker.call.add(0.5))).rejects.toMatchObject({
        name: 'ValidationError',
        maybeExecuted: false,
        issues: [{ path: '[0]', message: 'whole sums only' }],
      })
      await expect(mesh.settle(worker.call.add(promised('x'), promised(7)))).rejects.toMatchObject({
        issues: [{ path: '[0]' }, { path: '[1]' }],
      })
      expect(await mesh.settle(worker.call.add(2, 'abc'))).toBe(6)
    }
    expect(exits).toEqual([])
  },
)

test('a schema may take its time; calls keep their order', async () => {
  const { mesh, node } = await launch(1)
  const worker = await mesh.settle(node.addWorker({ id: 'a', run: account, args: [0] }))
  const outcomes = await mesh.settle(
    Promise.allSettled([worker.call.addEven(2), worker.call.addEven(3), worker.call.total()]),
  )
  expect(outcomes).toMatchObject([
    { value: 2 },
    { reason: { name: 'ValidationError', issues: [{ path: '[0]', message: 'not even' }] } },
    { value: 2 },
  ])
})

test('a bad cast or message is dropped; a good one arrives as the schema gives it back', async () => {
  const { mesh, node, exits } = await launch(1)
  const worker = await mesh.settle(node.addWorker({ id: 'a', run: account, args: [1] }))
  worker.cast.set(promised('x'))
  worker.send(5)
  worker.send({ text: 'hello', more: 1 })
  expect(await mesh.settle(worker.call.total())).toBe(1)
  expect(await mesh.settle(worker.call.notes())).toEqual([{ text: 'HELLO' }])
  expect(exits).toEqual([])
})

test('bad arguments of a worker are an error where it is declared, and nothing is left of it', async () => {
  const { mesh, node } = await launch(1)
  await expect(mesh.settle(node.addWorker({ id: 'a', run: account, args: [-1] }))).rejects.toMatchObject({
    name: 'OptionsError',
    problems: [{ path: 'args[0]', found: '-1', wanted: expect.stringContaining('no debts') }],
  })
  await expect(mesh.settle(node.addWorker({ id: 't', run: listener, args: [''] }))).rejects.toMatchObject({
    name: 'OptionsError',
    problems: [{ path: 'args[0]' }],
  })
  const members = [
    { id: 'rich', run: account, args: [1] },
    { id: 'poor', run: account, args: [-1] },
  ] as const
  await expect(mesh.settle(node.addGroup({ id: 'g', members }))).rejects.toMatchObject({
    problems: [{ path: 'members[1].args[0]' }],
  })
  expect(node.snapshot().specs).toEqual([])
})

test('a task gets no bad messages', async () => {
  const { mesh, node, exits } = await launch(1)
  const task = await mesh.settle(node.addWorker({ id: 't', run: listener, args: ['x'] }))
  task.send(promised({ text: 5 }))
  task.send({ text: 'good' })
  await mesh.until('the good one has arrived', () => heard.length > 0)
  expect(heard).toEqual([{ text: 'good' }])
  expect(exits).toEqual([])
})

test('an item that the schema of a stage refuses is dead at once, and the stage goes on', async () => {
  const { mesh, node, exits } = await launch(1)
  const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ run: half }] }))
  await expect(mesh.settle(chain.call(3))).rejects.toMatchObject({
    name: 'ItemDeadError',
    cause: { name: 'ValidationError', message: 'not even' },
  })
  expect(await mesh.settle(chain.call(4))).toBe(2)
  expect(exits).toEqual([])
})
