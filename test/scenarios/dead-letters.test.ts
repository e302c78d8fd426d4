/** What is told of items that fail, by policy: line 60 of the behavioural scenarios. */

import { expect, test } from 'vitest'

import type { ChainRef } from '../../src/node/chain/chain-ref.ts'
import { eventsOf, quiet, scene } from './chain-workers.ts'

test('60: with `crash` the chain restarts and the item is dead after the third time', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const [exits, dead] = [eventsOf(mesh, 'worker:exit'), eventsOf(mesh, 'item:dead')]
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', stages: [{ run: notes.picky }], onFinish: notes.store }),
  )
  for (const n of [12, 13, 14]) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  expect(exits.filter(({ exit }) => exit.kind === 'crashed')).toHaveLength(3)
  expect(dead).toMatchObject([{ stage: 'picky', item: 13, attempts: 3, reason: { message: 'not thirteen' } }])
  expect(new Set(notes.finished)).toEqual(new Set([12, 14]))
  expect(chain.deadLetters()).toHaveLength(1)
})

test('60: with `retry` the same worker tries again, in order, and gives up after the third time', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const [exits, dead] = [eventsOf(mesh, 'worker:exit'), eventsOf(mesh, 'item:dead')]
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [
        { run: notes.flaky, onItemError: 'retry' },
        { run: notes.picky, onItemError: 'retry' },
      ],
      onFinish: notes.store,
    }),
  )
  for (const n of [6, 7, 8, 13, 14]) await mesh.settle(chain.send(n))
  await quiet(mesh, chain)
  expect(notes.handled.map(({ item }) => item)).toEqual([6, 7, 7, 7, 8, 13, 14])
  expect(notes.finished).toEqual([6, 7, 8, 14])
  expect(dead).toMatchObject([{ stage: 'picky', item: 13, attempts: 3 }])
  expect(exits).toEqual([])
})

test('60: the last thousand dead letters are kept, oldest first', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const never = mesh
    .node('n1')
    .addChain({ id: 'c', stages: [{ run: notes.picky, onItemError: 'deadLetter' }] })
  const chain: ChainRef<number, number> = await mesh.settle(never)
  const dead = eventsOf(mesh, 'item:dead')
  for (let count = 0; count < 1_010; count++) await mesh.settle(chain.send(13))
  await quiet(mesh, chain)
  expect(dead).toHaveLength(1_010)
  expect(chain.deadLetters().map(({ itemId }) => itemId)).toEqual(dead.slice(10).map(({ itemId }) => itemId))
})

test('60: a part of an item that is dead is told of once, and the item has an error for an outcome', async () => {
  await using it = await scene()
  const { mesh, notes } = it
  const dead = eventsOf(mesh, 'item:dead')
  const chain = await mesh.settle(
    mesh.node('n1').addChain({
      id: 'c',
      stages: [{ run: notes.twice }, { run: notes.picky, onItemError: 'deadLetter' }],
      onFinish: notes.store,
    }),
  )
  await expect(mesh.settle(chain.call(13))).rejects.toMatchObject({ name: 'ItemDeadError' })
  expect(notes.finished).toEqual([1_013])
  expect(dead).toMatchObject([{ stage: 'picky', item: 13 }])
  expect(await mesh.settle(chain.call(14))).toEqual([14, 1_014])
})
