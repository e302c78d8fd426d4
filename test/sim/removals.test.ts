/** What is seen of a worker that a user removes: the same of a standalone worker and of a member of a group. */

import { expect, test } from 'vitest'

import { specId } from '../../src/ids.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { Gate } from './gate.ts'

const told = new Array<string>()
const teller = defineServer('teller', {
  init: context => {
    context.signal.addEventListener('abort', () => told.push(`signal: ${context.signal.reason}`))
    return {}
  },
  call: { hang: () => new Promise<void>(() => {}) },
  terminate: (_state, reason) => void told.push(`terminate: ${String(reason)}`),
})

const SIGNAL = 'signal: AbortError: the worker is to stop'
const lostCall = (slot: string) => ({
  name: 'WorkerExitedError',
  maybeExecuted: true,
  message: expect.stringContaining(slot),
})

/** Each end of a worker, whichever node tells of it. */
function exitsOf(mesh: SimulatedMesh): unknown[] {
  const exits: unknown[] = []
  for (const id of mesh.up) mesh.node(id).on('worker:exit', ({ slot, exit }) => exits.push({ slot, exit }))
  return exits
}

test.each([1, 3])('removing a member is told as removing a worker is, on %i nodes', async nodes => {
  await using mesh = await simulate({ behaviours: [teller], nodes })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const members = ['a', 'b', 'c'].map(id => ({ id, run: teller }))
  for (const id of ['w', 'v']) await mesh.settle(node.addWorker({ id, run: teller }))
  const group = await mesh.settle(node.addGroup({ id: 'g', members }))
  const exits = exitsOf(mesh)
  const asked = mesh.node(mesh.up.at(-1) ?? '')
  const ofOther = asked.getGroup<typeof members>('g')
  const ways = [
    { slot: 'w', ref: node.getWorker('w', teller), remove: () => asked.removeWorker('w') },
    { slot: 'g/a', ref: group.member('a'), remove: () => ofOther.removeMember('a') },
    { slot: 'g/b', ref: group.member('b'), remove: () => ofOther.removeMember('b') },
    { slot: 'v', ref: node.getWorker('v', teller), remove: () => asked.removeWorker('v') },
  ]
  for (const [index, { slot, ref, remove }] of ways.entries()) {
    told.length = 0
    exits.length = 0
    const isIdle = index % 2 === 1
    const call = isIdle ? undefined : ref.with({ timeoutMs: 60_000 }).call.hang()
    const lost = call === undefined ? undefined : expect(call).rejects.toMatchObject(lostCall(slot))
    await mesh.run(100)
    await mesh.settle(remove())
    // Whoever asks may be told before whoever waits for an answer.
    if (lost !== undefined) await mesh.settle(lost)
    await mesh.run(1_000)
    // What does not stop in time is not asked for its last words.
    expect(told).toEqual(isIdle ? [SIGNAL, 'terminate: stopped'] : [SIGNAL])
    expect(exits).toEqual([{ slot, exit: { kind: isIdle ? 'stopped' : 'abandoned' } }])
    await expect(mesh.settle(ref.call.hang())).rejects.toMatchObject({ name: 'NotFoundError' })
  }
  // It has no part in what is left: nothing has failed, and nobody else has stopped.
  expect(mesh.up.map(id => mesh.node(id).getGroup('g').status)).toEqual(
    mesh.up.map(() => ({ kind: 'running' })),
  )
  expect(
    asked
      .getGroup('g')
      .members()
      .map(({ id }) => id),
  ).toEqual(['c'])
})

test('what others have forgotten is not forgotten where it still stops: whoever has removed it waits on', async () => {
  const gate = new Gate()
  const slow = defineServer('slow', { init: () => ({}), terminate: () => gate.pass() })
  await using mesh = await simulate({ nodes: 1, behaviours: [slow] })
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'w', run: slow }))
  let isDone = false
  const removing = node.removeWorker('w').then(() => (isDone = true))
  await mesh.run(10)
  const { tables, tombstones } = node.inspect().core.ledger
  tombstones.hasten(specId('w'), mesh.timeOf('n1'))
  await mesh.run(2_000)
  expect([tables.specs.size, isDone]).toEqual([1, false])
  gate.open()
  await mesh.settle(removing)
  await mesh.run(2_000)
  expect(tables.specs.size).toBe(0)
})
