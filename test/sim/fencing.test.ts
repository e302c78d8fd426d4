/** Code that ignores its signal: it cannot be stopped inline, but nothing that it does reaches anybody. */

import { expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

/** What holds up the code of a test, and whether it has gone on. */
class Gate {
  readonly #gate = Promise.withResolvers<void>()
  isPassed = false

  async pass(): Promise<void> {
    await this.#gate.promise
    this.isPassed = true
  }

  open(): void {
    this.#gate.resolve()
  }
}

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

test('a stage that ignores its signal is abandoned: what it still emits is dropped, and the item is done again', async () => {
  const gates: Gate[] = []
  const seen: number[] = []
  const slow = defineStage('slow', async function* (n: number) {
    const gate = new Gate()
    gates.push(gate)
    yield n
    await gate.pass()
    yield n + 1
  })
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
