/** What is seen of a worker that a user removes: the same of a standalone worker and of a member of a group. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

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
