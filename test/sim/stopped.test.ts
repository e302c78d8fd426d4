/** What happens to those who use a node that has stopped: everything ends, and says why. */

import { expect, test } from 'vitest'

import { simulate } from '../../src/testing.ts'
import { all, counter, double, slowly } from './behaviours.ts'

test('a node that has stopped takes nothing any more: calls, messages, items', async () => {
  await using mesh = await simulate({ behaviours: all })
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'hits', run: counter, args: [0] }))
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'a', run: counter, args: [0] }] }))
  const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ run: double }] }))
  await mesh.stop('n1')
  const stopped = { name: 'NodeStoppedError' }
  await expect(mesh.settle(worker.call.get())).rejects.toMatchObject(stopped)
  expect(() => worker.cast.reset()).toThrow(expect.objectContaining(stopped))
  expect(() => worker.send('x')).toThrow(expect.objectContaining(stopped))
  expect(() => group.broadcast('x')).toThrow(expect.objectContaining(stopped))
  await expect(mesh.settle(chain.send(1))).rejects.toMatchObject(stopped)
  expect(() => chain.trySend(1)).toThrow(expect.objectContaining(stopped))
  await expect(mesh.settle(chain.call(1))).rejects.toMatchObject(stopped)
  await expect(mesh.settle(chain.run([1, 2]).next())).rejects.toMatchObject(stopped)
})

test('what is on its way when its node stops, ends', async () => {
  await using mesh = await simulate({ behaviours: all })
  const node = mesh.node('n1')
  const chain = await mesh.settle(
    node.addChain({
      id: 'c',
      stages: [
        { id: 'one', run: slowly },
        { id: 'two', run: slowly },
      ],
    }),
  )
  const items = Array.from({ length: 2_000 }, (_, n) => n)
  const outcomes: unknown[] = []
  const run = (async () => {
    for await (const outcome of chain.run(items)) outcomes.push(outcome)
  })().then(
    () => 'finished',
    (error: unknown) => (error instanceof Error ? error.name : error),
  )
  const call = chain.call(7).then(
    value => value,
    (error: unknown) => (error instanceof Error ? error.name : error),
  )
  await mesh.run(500)
  await mesh.stop('n1')
  expect(await mesh.settle(run)).toBe('NodeStoppedError')
  expect(['NodeStoppedError', 9]).toContain(await mesh.settle(call))
  expect(outcomes.length).toBeLessThan(items.length)
})

test('a node that stops is no death of items: whoever asked to be told of those gets the error all the same', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: all })
  const stages = [{ id: 'one', run: slowly }] as const
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages, windowItems: 50 }))
  const items = Array.from({ length: 1_000 }, (_, n) => n)
  const dead: number[] = []
  const run = (async () => {
    for await (const outcome of chain.run(items, { onDead: item => void dead.push(item) }))
      if (typeof outcome !== 'number') return 'strange'
    return 'finished'
  })().catch((error: unknown) => (error instanceof Error ? error.name : error))
  await mesh.run(200)
  await mesh.stop('n1')
  expect(await mesh.settle(run)).toBe('NodeStoppedError')
  expect(dead).toEqual([])
})

test('the only stage of a chain is not removed', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: all })
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ id: 'one', run: double }] }))
  await expect(mesh.settle(chain.removeStage('one'))).rejects.toMatchObject({ name: 'OptionsError' })
  expect(await mesh.settle(chain.call(2))).toBe(4)
})
