/** One kind of thing is declared under the id of another one that still stops. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

test('a group under the id of a worker that still stops is broadcast to, also when that has stopped', async () => {
  const gate = Promise.withResolvers<void>()
  const tardy = defineServer('tardy', { init: () => ({}), terminate: () => gate.promise })
  const heard: string[] = []
  const listener = defineServer('listener', {
    init: () => ({}),
    info: (_state, message, context) => void heard.push(`${context.worker} ${String(message)}`),
  })
  const labelsOf = { n1: { for: 'group' }, n2: { for: 'worker' }, n3: { for: 'group' } }
  await using mesh = await simulate({ nodes: 3, behaviours: [tardy, listener], labelsOf })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const placement = { labels: { for: 'worker' } }
  await mesh.settle(node.addWorker({ id: 'x', run: tardy, stopTimeoutMs: 60_000, placement }))
  const removed = mesh.settle(node.removeWorker('x', { timeoutMs: 1_000 }))
  await expect(removed).rejects.toMatchObject({ name: 'StopError' })
  const members = ['a', 'b', 'c'].map(id => ({ id, run: listener }))
  const group = await mesh.settle(
    node.addGroup({ id: 'x', members, placement: { labels: { for: 'group' } } }),
  )
  const all = (what: string) => ['a', 'b', 'c'].map(id => `x/${id} ${what}`)
  expect(group.broadcast('meanwhile')).toBe(3)
  await mesh.run(1_000)
  expect(heard.toSorted()).toEqual(all('meanwhile'))
  gate.resolve()
  await mesh.run(1_000)
  heard.length = 0
  for (const name of mesh.ids) expect(mesh.node(name).getGroup('x').broadcast(name)).toBe(3)
  await mesh.run(1_000)
  expect(heard.toSorted()).toEqual(mesh.ids.flatMap(all).toSorted())
})
