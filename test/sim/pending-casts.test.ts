/** What is sent to a worker that no live node can run yet. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { counter, listener } from './behaviours.ts'
import { comeTo, early } from './early.ts'

const declared = { until: 'declared' } as const
/** It takes half a second to start. */
const sleepy = defineServer('sleepy', {
  init: async context => {
    await context.sleep(500)
    return new Array<unknown>()
  },
  call: { heard: state => state },
  info: (state, message) => void state.push(message),
})

test('casts and messages wait with it as for one that starts, in their order, and are counted when it will not come', async () => {
  await using mesh = await early([listener])
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ id: 'ear', run: listener }, declared))
  const other = await mesh.settle(node.addWorker({ id: 'other', run: listener }, declared))
  for (const n of [1, 2, 3]) ref.send(n)
  for (const n of [1, 2]) other.send(n)
  await mesh.run(120_000)
  expect(node.snapshot().lostMessages).toBe(0)
  await mesh.settle(node.removeWorker('other'))
  expect(node.snapshot().lostMessages).toBe(2)
  await mesh.start('n2')
  await comeTo(mesh, 'ear', 'running')
  expect(await mesh.settle(ref.call.heard())).toEqual([1, 2, 3])
  expect(node.snapshot().lostMessages).toBe(2)
})

// They were dropped: the group is pending, as one of its members is.
test('what comes for a member that starts anew beside one that nobody can run, waits for it', async () => {
  await using mesh = await early([counter], { of: { n1: [sleepy] } })
  const node = mesh.node('n1')
  const group = await mesh.settle(node.addGroup({ id: 'line', members: [{ id: 'x', run: sleepy }] }))
  await mesh.settle(group.addMember({ id: 'late', run: counter, args: [1] }, declared))
  const restarted = group.restartMember('x')
  await mesh.run(200)
  expect(group.status.kind).toBe('pending')
  group.member('x').send(1)
  await mesh.settle(restarted)
  expect(await mesh.settle(group.member('x').call.heard())).toEqual([1])
  expect(node.snapshot().lostMessages).toBe(0)
})

test('what waits for a worker that nobody can run does not hold up a node that leaves', async () => {
  await using mesh = await early([listener])
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ id: 'ear', run: listener }, declared))
  ref.send(1)
  const startMs = mesh.nowMs
  await mesh.stop('n1')
  expect(mesh.nowMs - startMs).toBeLessThan(500)
})
