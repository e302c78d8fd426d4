/** What the checker of last words takes for forgotten (I14), and for known to nobody else (I13), and what not. */

import { expect, test } from 'vitest'

import { specId } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { broken, counter } from './behaviours.ts'
import { type Said, type Wish, Wishes } from './wishes.ts'

const ID = 'w'

const WAYS: Readonly<Record<Wish, (node: Node) => Promise<unknown>>> = {
  running: node => node.restartWorker(ID),
  stopped: node => node.stopWorker(ID),
  removed: node => node.removeWorker(ID),
}

interface Begun {
  readonly mesh: SimulatedMesh
  readonly wishes: Wishes
}

interface Word {
  readonly said: Said
  readonly done: Promise<unknown>
}

/** @param told what the checker is told of it, if not the truth */
function say({ mesh, wishes }: Begun, node: string, wish: Wish, told = wish): Word {
  const done = WAYS[wish](mesh.node(node))
  return { said: wishes.say(mesh, { id: ID, wish: told, node }), done }
}

async function start() {
  const mesh = await simulate({ nodes: 2, behaviours: [broken, counter] })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: ID, run: counter, args: [0] }))
  const wishes = new Wishes()
  return { mesh, wishes, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

/** The last word is that of n1. By the clock of n2, those count that were said there before. */
async function crossing(others: readonly Wish[], told?: Wish) {
  const begun = await start()
  const { mesh, wishes } = begun
  mesh.partition(['n1'], ['n2'])
  await mesh.run(5_000)
  mesh.setClock('n2', 10_000)
  for (const wish of others) await mesh.settle(say(begun, 'n2', wish, told).done)
  await mesh.settle(say(begun, 'n1', 'running').done)
  expect(wishes.watch(mesh)).toBeUndefined()
  mesh.heal()
  await mesh.run(10_000)
  return begun
}

const CROSSED: readonly { readonly others: readonly Wish[] }[] = [
  { others: ['stopped'] },
  { others: ['removed'] },
  { others: ['running', 'stopped'] },
  { others: ['running', 'removed'] },
]

test.each(CROSSED)(
  'by clocks that differ, the last word may have lost to others that were said before, which is not to forget it: $others',
  async ({ others }) => {
    await using begun = await crossing(others)
    const { mesh, wishes } = begun
    const kinds = mesh.up.flatMap(node => mesh.node(node).listWorkers()).map(({ status }) => status.kind)
    expect(kinds).toEqual(others.at(-1) === 'removed' ? [] : ['stopped', 'stopped'])
    expect(wishes.watch(mesh)).toBeUndefined()
    for (const node of mesh.up) wishes.check(mesh, node)
  },
)

test.each(CROSSED)('whatever it has lost to, must be so in the end: $others', async ({ others }) => {
  await using begun = await crossing(others, 'running')
  expect(() => begun.wishes.check(begun.mesh, 'n1')).toThrow('the word that counts is running')
})

test('it may have lost to what was taken back, where that could not start', async () => {
  await using begun = await start()
  const { mesh, wishes } = begun
  mesh.partition(['n1'], ['n2'])
  await mesh.run(5_000)
  mesh.setClock('n2', 10_000)
  await mesh.settle(say(begun, 'n2', 'removed').done)
  const adding = mesh.node('n2').addWorker({ id: ID, run: broken })
  wishes.say(mesh, { id: ID, wish: 'running', node: 'n2' })
  await expect(mesh.settle(adding)).rejects.toThrow('cannot start')
  wishes.doubt(mesh, { id: ID, node: 'n2' })
  await mesh.settle(say(begun, 'n1', 'running').done)
  expect(wishes.watch(mesh)).toBeUndefined()
  mesh.heal()
  await mesh.run(10_000)
  expect(mesh.up.flatMap(node => mesh.node(node).listWorkers())).toEqual([])
  expect(wishes.watch(mesh)).toBeUndefined()
  wishes.check(mesh, 'n1')
})

test('whoever has been told of it may not show it, where two by a clock that is ahead were under way', async () => {
  await using begun = await start()
  const { mesh, wishes } = begun
  mesh.setClock('n2', 10_000)
  const others = [say(begun, 'n2', 'running')]
  await Promise.resolve()
  others.push(say(begun, 'n2', 'running'))
  await Promise.resolve()
  const { said, done } = say(begun, 'n1', 'stopped')
  await mesh.settle(done)
  expect(wishes.done(mesh, said)).toBeUndefined()
  for (const each of others) await mesh.settle(each.done)
})

test.each([1, 2])('what nobody has asked for, written %i times over the last word, is seen', async times => {
  await using begun = await start()
  const { mesh, wishes } = begun
  await mesh.settle(say(begun, 'n1', 'stopped').done)
  expect(wishes.watch(mesh)).toBeUndefined()
  const { ledger } = mesh.node('n2').inspect().core
  const body = ledger.tables.specs.get(specId(ID))?.body
  const now = { ms: mesh.nowMs, wallMs: mesh.nowMs }
  for (let time = 0; time < times; time++) ledger.writeSpec({ id: specId(ID), body, desired: 'running' }, now)
  expect(wishes.watch(mesh)).toBe('I14: n2 has forgotten that w is stopped')
})

test('a word that nobody else was told of is seen, also where others have said something later', async () => {
  await using begun = await start()
  const { mesh, wishes } = begun
  const { said, done } = say(begun, 'n1', 'stopped')
  await Promise.resolve()
  const found = 'I13: n1 was told that w is stopped, and none of n2 knows it'
  expect(wishes.done(mesh, said)).toBe(found)
  mesh.setClock('n2', 10_000)
  const others = [say(begun, 'n2', 'running')]
  await Promise.resolve()
  others.push(say(begun, 'n2', 'running'))
  await Promise.resolve()
  expect(wishes.done(mesh, said)).toBe(found)
  for (const each of [done, ...others.map(other => other.done)]) await mesh.settle(each)
})
