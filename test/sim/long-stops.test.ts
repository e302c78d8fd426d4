/** Members that take long to stop, as they may, while others are declared in their place. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const STOP_MS = 60_000

/** A mesh, and a behaviour that stops when `open` is called. `most`: so many have lived at once. */
async function tardyMesh() {
  const lives = { now: 0, most: 0 }
  const gate = Promise.withResolvers<void>()
  const tardy = defineServer('tardy', {
    init: () => {
      lives.now += 1
      lives.most = Math.max(lives.most, lives.now)
      return {}
    },
    terminate: async () => {
      await gate.promise
      lives.now -= 1
    },
  })
  const labelsOf = { n2: { at: 'n2' }, n3: { at: 'n3' } }
  const mesh = new SimulatedMesh({ nodes: 3, behaviours: [tardy], seed: 'tardy', labelsOf })
  await mesh.startAll()
  await allSeeAll(mesh)
  const member = (node: string) => ({ id: 'a', run: tardy, placement: { labels: { at: node } } })
  return { mesh, node: mesh.node('n1'), member, lives, open: gate.resolve }
}

const stopError = { name: 'StopError' }

test('a member that still stops is not there twice when one of its name is added, for another node', async () => {
  const { mesh, node, member, lives, open } = await tardyMesh()
  const members = [{ ...member('n2'), stopTimeoutMs: STOP_MS }]
  const group = await mesh.settle(node.addGroup({ id: 'g', members }))
  await expect(mesh.settle(group.removeMember('a', { timeoutMs: 1_000 }))).rejects.toMatchObject(stopError)
  const added = group.addMember(member('n3'))
  await mesh.run(20_000)
  expect(lives).toEqual({ now: 1, most: 1 })
  open()
  await mesh.settle(added)
  expect(lives).toEqual({ now: 1, most: 1 })
})

test('a group that still stops is not there twice when one of its name is added, for another node', async () => {
  const { mesh, node, member, lives, open } = await tardyMesh()
  const members = [{ ...member('n2'), stopTimeoutMs: STOP_MS }]
  await mesh.settle(node.addGroup({ id: 'g', members }))
  await expect(mesh.settle(node.removeGroup('g', { timeoutMs: 1_000 }))).rejects.toMatchObject(stopError)
  const added = node.addGroup({ id: 'g', members: [member('n3')] })
  await mesh.run(20_000)
  expect(lives).toEqual({ now: 1, most: 1 })
  open()
  await mesh.settle(added)
  expect(lives).toEqual({ now: 1, most: 1 })
})

test('a member that is removed while another one stops is there until it has stopped, and so not there twice', async () => {
  const alive = new Set<string>()
  const twice: string[] = []
  const slow = defineServer('slow', {
    init: context => {
      if (alive.has(context.worker)) twice.push(context.worker)
      alive.add(context.worker)
      return {}
    },
    terminate: async (_state, _reason, context) => {
      // A pause that a signal that has aborted does not cut short.
      for (let restedMs = 0; restedMs < 4_000; restedMs += 10) await context.sleep(10)
      alive.delete(context.worker)
    },
  })
  const labelsOf = { n2: { at: 'n2' }, n3: { at: 'n3' } }
  const mesh = new SimulatedMesh({ nodes: 3, behaviours: [slow], seed: 'slow', labelsOf })
  await mesh.startAll()
  await allSeeAll(mesh)
  const member = (id: string, at: string) => ({ id, run: slow, placement: { labels: { at } } })
  const members = ['a', 'b', 'c'].map(id => member(id, 'n2'))
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', members }))
  const first = group.removeMember('c')
  await mesh.run(3_000)
  await mesh.settle(group.removeMember('b'))
  expect(alive).toEqual(new Set(['g/a']))
  await mesh.settle(first)
  await mesh.settle(group.addMember(member('b', 'n3')))
  expect(alive).toEqual(new Set(['g/a', 'g/b']))
  expect(twice).toEqual([])
})
