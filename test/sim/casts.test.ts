/** Messages in a row: what goes along with each, though most of them share what they run in. */

import { expect, test } from 'vitest'

import {
  type ServerContext,
  type WorkerRef,
  currentTraceId,
  deferred,
  defineServer,
  withTrace,
} from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** The type of a behaviour cannot be had within itself. */
const contract = defineServer('contract', {
  init: () => ({}),
  call: { ask: async (_state, _id: string): Promise<unknown> => undefined, ping: () => 'pong' },
})

const caster = defineServer('caster', {
  init: context => ({ context, seen: new Array<unknown>() }),
  call: {
    ping: () => 'pong',
    /** Asks another one whether it is there. */
    ask: (state, id: string): Promise<unknown> => refOf(state.context, id).call.ping(),
    seen: state => state.seen.splice(0),
    /** How long the caller waits, now; and what that is when it has its answer. */
    remaining: state => {
      void state.context.sleep(5).then(() => state.seen.push(state.context.remainingMs))
      return state.context.remainingMs
    },
    /** The same, at once or later. */
    remainingLater: (state, ms: number) => {
      if (ms === 0) return state.context.remainingMs
      return deferred(state.context.sleep(ms).then(() => state.context.remainingMs))
    },
  },
  cast: {
    trace: state => {
      state.seen.push(currentTraceId())
      void state.context.sleep(5).then(() => state.seen.push(`later ${currentTraceId()}`))
    },
    /** Has another one ask this one, and does not wait for it. */
    askAside: (state, id: string) => void roundBy(state.context, id).then(answer => state.seen.push(answer)),
    /** The same, and waits for it: a circle, where this one is to be asked. */
    askRound: async (state, id: string) => void state.seen.push(await roundBy(state.context, id)),
    /** Waits only where there is something to wait for. */
    askRoundOrNot: (state, id: string | undefined) =>
      id === undefined ? undefined : roundBy(state.context, id).then(answer => void state.seen.push(answer)),
    sleep: async (state, ms: number) => state.context.sleep(ms),
  },
})

function refOf(context: ServerContext, id: string): WorkerRef<typeof contract> {
  return context.getWorker(id, contract)
}

/** What comes of it when `id` asks the worker `a`. */
async function roundBy(context: ServerContext, id: string): Promise<unknown> {
  try {
    return await refOf(context, id).call.ask('a')
  } catch (error) {
    return String(error)
  }
}

const MANY = 20

async function meshOf(): Promise<{ mesh: SimulatedMesh; a: WorkerRef<typeof caster> }> {
  const mesh = await simulate({ nodes: 1, behaviours: [caster] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(1))
  const a = await mesh.settle(node.addWorker({ id: 'a', run: caster }))
  for (const id of ['b', 'c']) await mesh.settle(node.addWorker({ id, run: caster }))
  return { mesh, a }
}

test('each cast has its own trace, also in what it leaves running', async () => {
  const { mesh, a } = await meshOf()
  const traces = ['t-1', 't-1', 't-2', 't-2', 't-1', undefined, undefined, 't-2']
  for (const trace of traces) {
    if (trace === undefined) a.cast.trace()
    else withTrace(trace, () => a.cast.trace())
  }
  expect(await mesh.settle(a.call.seen())).toEqual(traces)
  await mesh.run(10)
  expect(await mesh.settle(a.call.seen())).toEqual(traces.map(trace => `later ${trace}`))
})

test('what casts have left running is in no circle with a later one that takes its time', async () => {
  const { mesh, a } = await meshOf()
  for (let index = 0; index < MANY; index++) a.cast.askAside('b')
  a.cast.sleep(100)
  await mesh.settle(a.call.ping())
  await mesh.run(10)
  expect(await mesh.settle(a.call.seen())).toEqual(Array.from({ length: MANY }, () => 'pong'))
})

test('a cast that waits in a circle is told so, whatever came before it', async () => {
  const { mesh, a } = await meshOf()
  for (let index = 0; index < MANY; index++) a.cast.askAside('b')
  await mesh.run(10)
  await mesh.settle(a.call.seen())
  a.cast.askAside('b')
  a.cast.askRound('c')
  expect(await mesh.settle(a.call.seen())).toEqual([expect.stringContaining('DeadlockError')])
  await mesh.run(10)
  expect(await mesh.settle(a.call.seen())).toEqual(['pong'])
})

test('what casts have left running is in no circle with one that takes its time for once', async () => {
  const { mesh, a } = await meshOf()
  for (let index = 0; index < MANY; index++) a.cast.askRoundOrNot(undefined)
  for (let index = 0; index < MANY; index++) a.cast.askAside('b')
  a.cast.askRoundOrNot('c')
  const answers = await mesh.settle(a.with({ timeoutMs: 20_000 }).call.seen())
  expect(answers).toContainEqual(expect.stringContaining('CallTimeoutError'))
  expect(answers).not.toContainEqual(expect.stringContaining('DeadlockError'))
  // From now on it is known to take its time, and shares nothing.
  a.cast.askRoundOrNot('c')
  expect(await mesh.settle(a.call.seen())).toContainEqual(expect.stringContaining('DeadlockError'))
})

test('each call has its own deadline, and what it leaves running has none', async () => {
  const { mesh, a } = await meshOf()
  const limitsMs = Array.from({ length: MANY }, (_, index) => 500 + index)
  const remaining = limitsMs.map(timeoutMs => a.with({ timeoutMs }).call.remaining())
  expect(await mesh.settle(Promise.all(remaining))).toEqual(limitsMs)
  await mesh.run(10)
  expect(await mesh.settle(a.call.seen())).toEqual(limitsMs.map(() => undefined))
})

test('a call that is answered later keeps its deadline, whatever comes after it', async () => {
  const { mesh, a } = await meshOf()
  const laterMs = [0, 0, 0, 10, 0, 10, 0, 0]
  const remaining = laterMs.map((ms, index) => a.with({ timeoutMs: 500 + index }).call.remainingLater(ms))
  const expected = laterMs.map((ms, index) => 500 + index - ms)
  expect(await mesh.settle(Promise.all(remaining))).toEqual(expected)
})
