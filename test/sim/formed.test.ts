/**
 * `formed` means that what those it counts know is known here as well: whoever was alone, and has met a mesh, adds nothing
 * in the place of what runs there.
 */

import { expect, test } from 'vitest'

import { SimulatedMesh, simulate } from '../../src/testing.ts'
import { counter } from './behaviours.ts'

const SEEDS = [1, 2, 3, 4, 5, 6]

/** `n1` has `count` workers; `n2` is alone, has taken itself for the first node, and meets `n1` from now on. */
async function meeting(seed: number, count: number, latencyMs: number): Promise<SimulatedMesh> {
  const conditions = { latencyMs, jitterMs: latencyMs }
  const mesh = await simulate({ seed, nodes: ['n1', 'n2'], behaviours: [counter], conditions })
  mesh.crash('n2')
  await mesh.until('n1 is alone', () => mesh.node('n1').members().length === 1)
  mesh.partition(['n1'], ['n2'])
  await mesh.start('n2')
  const n1 = mesh.node('n1')
  for (let index = 0; index < count; index++)
    await mesh.settle(n1.addWorker({ id: `keep${index}`, run: counter, args: [7] }))
  await mesh.settle(n1.getWorker('keep0', counter).call.add(1_000))
  expect(mesh.node('n2').members()).toHaveLength(1)
  mesh.heal()
  return mesh
}

test.each(SEEDS)('what runs in the mesh that a node has met is there: seed %i', async seed => {
  await using mesh = await meeting(seed, 1, seed % 2 === 0 ? 1 : 100)
  const n2 = mesh.node('n2')
  await mesh.settle(n2.formed(2))
  expect(n2.listWorkers().map(({ id }) => id)).toEqual(['keep0'])
  await expect(mesh.settle(n2.addWorker({ id: 'keep0', run: counter, args: [90] }))).rejects.toMatchObject({
    name: 'AlreadyExistsError',
  })
  expect(await mesh.settle(n2.getWorker('keep0', counter).call.get())).toBe(1_007)
})

test('so are those of whom it takes many messages to tell', async () => {
  const count = 1_500
  await using mesh = await meeting(1, count, 20)
  const n2 = mesh.node('n2')
  await mesh.settle(n2.formed(2))
  expect(n2.listWorkers()).toHaveLength(count)
})

test('of a member with which there is no session, what others have told counts', async () => {
  await using mesh = await simulate({ seed: 1, nodes: 3, behaviours: [counter] })
  mesh.crash('n2')
  mesh.partition(['n1', 'n3'], ['n2'])
  await mesh.start('n2')
  await mesh.settle(mesh.node('n3').formed(2))
  await mesh.settle(mesh.node('n3').addWorker({ id: 'keep', run: counter, args: [7] }))
  mesh.mend('n1', 'n2')
  const n2 = mesh.node('n2')
  await mesh.settle(n2.formed(3))
  expect(n2.members().map(({ isConnected }) => isConnected)).toEqual([true, false, false])
  expect(n2.listWorkers().map(({ id }) => id)).toEqual(['keep'])
})

/** A member is seen when it has said hello: what else it knows comes right behind that, and is asked for once at most. */
const TOLD_MS = 30

test.each([3, 10])('a mesh of %i that forms from nothing does so as soon as all see all', async nodes => {
  const mesh = new SimulatedMesh({ seed: 1, nodes, behaviours: [counter] })
  await using _ = mesh
  await mesh.startAll()
  const latest = { seenMs: 0, formedMs: 0 }
  const wait = async (name: string): Promise<void> => {
    const node = mesh.node(name)
    node.on('member:join', () => (latest.seenMs = mesh.nowMs))
    await node.formed(nodes)
    latest.formedMs = mesh.nowMs
  }
  await mesh.settle(Promise.all(mesh.ids.map(wait)))
  expect(latest.formedMs - latest.seenMs).toBeLessThanOrEqual(TOLD_MS)
})
