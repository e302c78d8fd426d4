/** Code that ignores its signal: it cannot be stopped inline, but nothing that it does reaches anybody. */

import { expect, test } from 'vitest'

import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { Gate } from './gate.ts'

test('a server that ignores its signal is abandoned: its late answer goes nowhere, and its successor is another one', async () => {
  const gate = new Gate()
  const stubborn = defineServer('stubborn', {
    init: () => ({ calls: 0 }),
    call: {
      count: state => (state.calls += 1),
      hang: async state => {
        await gate.pass()
        return (state.calls += 100)
      },
    },
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [stubborn] })
  const node = mesh.node('n1')
  const spec = { id: 'w', run: stubborn, stopTimeoutMs: 200 }
  const worker = await mesh.settle(node.addWorker(spec))
  const call = worker.call.hang()
  const failed = expect(call).rejects.toMatchObject({ name: 'WorkerExitedError', maybeExecuted: true })
  await mesh.run(1)
  expect(node.snapshot().workers).toMatchObject({ inline: 1, abandoned: 0 })
  await mesh.settle(node.removeWorker('w'))
  await failed
  expect(node.snapshot().workers).toMatchObject({ inline: 0, abandoned: 1 })
  const again = await mesh.settle(node.addWorker(spec))
  gate.open()
  await mesh.run(1_000)
  expect(gate.isPassed).toBe(true)
  expect(await mesh.settle(again.call.count())).toBe(1)
})

/** Waits at a gate of its own between its two outputs, whatever its signal says. */
const slowStage = (gates: Gate[]) =>
  defineStage('slow', async function* (n: number) {
    const gate = new Gate()
    gates.push(gate)
    yield n
    await gate.pass()
    yield n + 1
  })

test('a stage that ignores its signal is abandoned: what it still emits is dropped, and the item is done again', async () => {
  const gates: Gate[] = []
  const seen: number[] = []
  const slow = slowStage(gates)
  const sink = defineStage('sink', async (n: number, context) => {
    seen.push(n)
    await context.sleep(10)
    if (n === 10 && seen.length === 1) throw new Error('the chain starts again')
    return n
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [slow, sink] })
  const node = mesh.node('n1')
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run: slow, stopTimeoutMs: 200 }, { run: sink }] }),
  )
  const outcome = chain.call(10)
  await mesh.until('the second attempt is at it', () => gates.length === 2)
  expect(node.snapshot().workers.abandoned).toBe(1)
  gates[0]?.open()
  await mesh.run(1_000)
  expect(gates[0]?.isPassed).toBe(true)
  expect(seen).toEqual([10, 10])
  gates[1]?.open()
  expect(await mesh.settle(outcome)).toEqual([10, 11])
  expect(seen).toEqual([10, 10, 11])
})

test('what a stage of a dead generation emits does not pass, where the next stage goes on in the generation after it', async () => {
  const gates: Gate[] = []
  const seen: number[] = []
  const slow = slowStage(gates)
  let sinkStarts = 0
  const sink = defineStage('sink', (n: number) => {
    seen.push(n)
    return n
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [slow, sink] })
  const node = mesh.node('n1')
  node.on('worker:start', ({ slot }) => {
    if (slot === 'c/sink/0') sinkStarts += 1
  })
  const chain = await mesh.settle(
    node.addChain({
      id: 'c',
      strategy: 'one_for_one',
      stages: [{ run: slow, stopTimeoutMs: 200 }, { run: sink }],
    }),
  )
  const outcome = chain.call(10)
  await mesh.until('the first part is through', () => seen.length === 1)
  await mesh.settle(chain.restartStage('slow'))
  await mesh.until('the second attempt is at it', () => gates.length === 2)
  await mesh.until('its first part is through', () => seen.length === 2)
  expect(node.snapshot().workers.abandoned).toBe(1)
  gates[0]?.open()
  await mesh.run(1_000)
  expect(gates[0]?.isPassed).toBe(true)
  expect(seen).toEqual([10, 10])
  gates[1]?.open()
  expect(await mesh.settle(outcome)).toEqual([10, 11])
  expect(seen).toEqual([10, 10, 11])
  // It is the very worker to which the dead stage was connected.
  expect(sinkStarts).toBe(1)
})

test('what the last stage of a dead generation emits does not come to the sender, nor that it is through with the item', async () => {
  const gates: Gate[] = []
  const slow = defineStage('slow', async function* (_item: number) {
    const gate = new Gate()
    const attempt = gates.push(gate)
    await gate.pass()
    yield attempt
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [slow] })
  const node = mesh.node('n1')
  const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ run: slow, stopTimeoutMs: 200 }] }))
  let isDone = false
  const outcome = chain.call(10)
  void outcome.then(() => (isDone = true))
  await mesh.until('the first attempt is at it', () => gates.length === 1)
  await mesh.settle(chain.restartStage('slow'))
  await mesh.until('the second attempt is at it', () => gates.length === 2)
  gates[0]?.open()
  await mesh.run(1_000)
  expect([gates[0]?.isPassed, isDone]).toEqual([true, false])
  gates[1]?.open()
  expect(await mesh.settle(outcome)).toEqual([2])
})

test('code of a worker that is over reaches nobody by its context either, and a loop of pauses ends', async () => {
  const heard: unknown[] = []
  const fences: unknown[] = []
  const listener = defineServer('listener', {
    init: () => ({}),
    call: { note: (_state, what: string): void => void heard.push(what) },
    info: (_state, message) => void heard.push(message),
  })
  const attempt = async (what: () => unknown): Promise<void> => {
    try {
      await what()
      fences.push('nothing thrown')
    } catch (error) {
      fences.push(error instanceof Error ? error.name : error)
    }
  }
  let pauses = 0
  const zombie = defineTask('zombie', async context => {
    const other = context.getWorker('g/listener', listener)
    await other.call.note('while it runs')
    const { group } = context
    // It never looks at the signal.
    try {
      for (;;) {
        await context.sleep(1_000)
        pauses += 1
        await Promise.resolve()
      }
    } catch (error) {
      fences.push(error instanceof Error ? error.name : error)
    }
    await attempt(() => other.call.note('by a call'))
    await attempt(() => other.send('by a message'))
    await attempt(() => group?.broadcast('by a broadcast'))
    await attempt(() => group?.sendRandom('by lot'))
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, zombie] })
  const node = mesh.node('n1')
  const group = await mesh.settle(
    node.addGroup({
      id: 'g',
      strategy: 'one_for_one',
      members: [
        { id: 'listener', run: listener },
        { id: 'zombie', run: zombie, stopTimeoutMs: 200 },
      ],
    }),
  )
  await mesh.run(3_500)
  expect(pauses).toBe(3)
  await mesh.settle(group.removeMember('zombie'))
  await mesh.run(5_000)
  expect(node.snapshot().workers.abandoned).toBe(1)
  expect(fences).toEqual(['FencedError', 'FencedError', 'FencedError', 'FencedError', 'FencedError'])
  expect(heard).toEqual(['while it runs'])
})

test('in a simulation, what is to run in threads and processes runs inline, and takes the same course again', async () => {
  const counter = defineServer('counter', {
    init: () => ({ total: 0 }),
    call: {
      add: (state, by: number) => (state.total += by),
      fail: (): void => {
        throw new Error('told to')
      },
    },
  })
  const course = async (): Promise<string> => {
    await using mesh = await simulate({ nodes: 3, behaviours: [counter] })
    const node = mesh.node('n1')
    for (const isolation of ['thread', 'process'] as const) {
      const worker = await mesh.settle(node.addWorker({ id: isolation, run: counter, isolation }))
      expect(await mesh.settle(worker.call.add(2))).toBe(2)
      await expect(mesh.settle(worker.call.fail())).rejects.toMatchObject({ name: 'RemoteError' })
      expect(await mesh.settle(worker.call.add(1))).toBe(1)
    }
    return mesh.traceHash
  }
  expect(await course()).toBe(await course())
})

test('a worker that is late to start is abandoned: what its code does afterwards reaches nobody, and it never runs', async () => {
  const gate = new Gate()
  const heard: unknown[] = []
  const refused: unknown[] = []
  const listener = defineServer('late-listener', {
    init: () => ({}),
    info: (_state, message) => void heard.push(message),
  })
  const late = defineServer('late', {
    init: async context => {
      const { signal } = context
      await gate.pass()
      heard.push(signal.aborted)
      try {
        context.getWorker('listener').send('from the dead')
      } catch (error) {
        refused.push(error)
      }
      return {}
    },
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, late] })
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
  const adding = node.addWorker({ id: 'w', run: late, startTimeoutMs: 200 })
  await expect(mesh.settle(adding)).rejects.toMatchObject({ name: 'StartError' })
  gate.open()
  await mesh.run(1_000)
  expect(gate.isPassed).toBe(true)
  expect(refused).toEqual([expect.objectContaining({ name: 'FencedError' })])
  // It could have known.
  expect(heard).toEqual([true])
  expect(node.snapshot().workers).toMatchObject({ inline: 1, abandoned: 1 })
})
