/**
 * A generation of a chain that comes before the change of the spec that it was made for. Where two changes of stages have
 * crossed, the version of the spec does not tell: it is the later one of both, with and without the other one.
 */

import { expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import type { StageSpec } from '../../src/node/specs/chain-spec.ts'
import { specId } from '../../src/ids.ts'
import { countOf } from '../../src/protocol/fencing-token.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const add = defineStage('add', (n: number) => n + 1)
const wait = defineStage('wait', async (n: number, context) => {
  await context.sleep(1)
  return n * 10
})
const text = defineStage('text', (n: number) => `<${n}>`)
const twice = defineStage('twice', async function* twice(given: string) {
  for (const letter of 'ab') yield given + letter
})
const thrice = defineStage('thrice', async function* thrice(given: string) {
  for (const digit of '123') yield given + digit
})
const finished: unknown[] = []
const finish = defineStage('finish', (value: unknown) => void finished.push(value))
const behaviours = [add, wait, text, twice, thrice, finish]
const here = (node: string) => ({ labels: { at: node } })
const stages = [
  { id: 'add', run: add, placement: here('n1') },
  { id: 'wait', run: wait, placement: here('n3') },
  { id: 'text', run: text, placement: here('n2') },
] as const
const CHAIN = specId('c')

interface Begin {
  readonly stages?: readonly StageSpec[]
  readonly onFinish?: typeof finish
}

async function begin(init: Begin = {}): Promise<SimulatedMesh> {
  finished.length = 0
  const labelsOf = { n1: { at: 'n1' }, n2: { at: 'n2' }, n3: { at: 'n3' } }
  const mesh = await simulate({ nodes: ['n1', 'n2', 'n3'], behaviours, labelsOf })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addChain({ id: 'c', strategy: 'one_for_one', stages, ...init }))
  await mesh.until('n3 knows that it runs', () => mesh.node('n3').findChain('c')?.status.kind === 'running')
  return mesh
}

/** What carries items on n3 hears of no change from now on. @returns how it hears of all of them */
function holdBack(mesh: SimulatedMesh): () => void {
  const { plane } = mesh.node('n3').inspect()
  const followSpec = plane.followSpec.bind(plane)
  const held: Parameters<typeof followSpec>[] = []
  plane.followSpec = (...change) => void held.push(change)
  return () => {
    plane.followSpec = followSpec
    for (const change of held) followSpec(...change)
  }
}

async function untilGeneration(mesh: SimulatedMesh, number: number): Promise<void> {
  const { phases } = mesh.node('n3').inspect().core.ledger.tables
  const isNext = (): boolean => {
    const phase = phases.get(CHAIN)
    return phase?.rank === 'running' && countOf(phase.generation.number) === number
  }
  await mesh.until('n3 knows that the next generation runs', isNext)
}

test('what goes into a stage that was started anew waits until the change has come, and no longer', async () => {
  await using mesh = await begin()
  const release = holdBack(mesh)
  await mesh.settle(mesh.node('n1').getChain('c').restartStage('add'))
  await untilGeneration(mesh, 2)
  const call = mesh.node('n3').getChain<number, string>('c').call(1)
  await mesh.run(1_000)
  release()
  expect(await mesh.settle(call)).toBe('<20>')
})

test('what comes out of a stage above it does as well', async () => {
  await using mesh = await begin()
  const release = holdBack(mesh)
  await mesh.settle(mesh.node('n1').getChain('c').restartStage('text'))
  await untilGeneration(mesh, 2)
  const calls = [1, 2, 3].map(n => mesh.node('n2').getChain<number, string>('c').call(n))
  await mesh.run(1_000)
  release()
  expect(await mesh.settle(Promise.all(calls))).toEqual(['<20>', '<30>', '<40>'])
})

test.each(['add', 'text'])('it goes on without the stage "%s", where that was removed', async id => {
  await using mesh = await begin()
  const release = holdBack(mesh)
  await mesh.settle(mesh.node('n1').getChain('c').removeStage(id))
  await untilGeneration(mesh, 2)
  const calls = [1, 2, 3].map(n => mesh.node('n3').getChain<number>('c').call(n))
  await mesh.run(1_000)
  release()
  const outcomes = id === 'add' ? ['<10>', '<20>', '<30>'] : [20, 30, 40]
  expect(await mesh.settle(Promise.all(calls))).toEqual(outcomes)
})

test('a stage that waits for a node holds up nothing any more when it is removed', async () => {
  await using mesh = await begin()
  const chain = mesh.node('n1').getChain<number>('c')
  for (const [id, position] of [
    ['middle', 1],
    ['front', 0],
  ] as const) {
    const stage = { id, run: add, placement: here('n4') }
    chain.addStage(stage, { position }).catch(() => {})
  }
  await mesh.settle(chain.restartStage('text'))
  await untilGeneration(mesh, 2)
  const calls = mesh.ids.map(id => mesh.node(id).getChain<number>('c').call(1))
  await mesh.run(1_000)
  for (const id of ['middle', 'front']) await mesh.settle(chain.removeStage(id, { ack: 'local' }))
  expect(await mesh.settle(Promise.all(calls))).toEqual(['<20>', '<20>', '<20>'])
})

test('nor does one that came behind the last one, where there is something to be done at the end', async () => {
  await using mesh = await begin({ onFinish: finish })
  const chain = mesh.node('n1').getChain<number>('c')
  chain.addStage({ id: 'last', run: add, placement: here('n4') }).catch(() => {})
  await mesh.settle(chain.restartStage('text'))
  await untilGeneration(mesh, 2)
  const calls = mesh.ids.map(id => mesh.node(id).getChain<number>('c').call(1))
  await mesh.run(1_000)
  await mesh.settle(chain.removeStage('last', { ack: 'local' }))
  expect(await mesh.settle(Promise.all(calls))).toEqual(['<20>', '<20>', '<20>'])
  expect(finished).toEqual(['<20>', '<20>', '<20>'])
})

test('a last stage that was removed is none when the change has come, and what is to be done at the end is done', async () => {
  await using mesh = await begin({ onFinish: finish })
  const release = holdBack(mesh)
  await mesh.settle(mesh.node('n1').getChain('c').removeStage('text'))
  await untilGeneration(mesh, 2)
  const call = mesh.node('n1').getChain<number>('c').call(1)
  await mesh.run(1_000)
  release()
  expect(await mesh.settle(call)).toBe(20)
  expect(finished).toEqual([20])
})

test('a stage that was moved in between is gone through when the change has come', async () => {
  await using mesh = await begin()
  const release = holdBack(mesh)
  const chain = mesh.node('n1').getChain<number>('c')
  await mesh.settle(chain.removeStage('add'))
  await mesh.settle(chain.addStage(stages[0], { position: 1 }))
  await untilGeneration(mesh, 3)
  await mesh.run(1_000)
  release()
  const calls = mesh.ids.map(id => mesh.node(id).getChain<number>('c').call(1))
  expect(await mesh.settle(Promise.all(calls))).toEqual(['<11>', '<11>', '<11>'])
})

test('so is one that was moved behind the last one, and only then the end has come', async () => {
  await using mesh = await begin({ stages: [stages[0], stages[1]], onFinish: finish })
  const release = holdBack(mesh)
  const chain = mesh.node('n1').getChain<number>('c')
  await mesh.settle(chain.removeStage('add'))
  await mesh.settle(chain.addStage(stages[0]))
  await untilGeneration(mesh, 3)
  await mesh.run(1_000)
  release()
  const calls = mesh.ids.map(id => mesh.node(id).getChain<number>('c').call(1))
  expect(await mesh.settle(Promise.all(calls))).toEqual([11, 11, 11])
  expect(finished).toEqual([11, 11, 11])
})

test('what comes of an item is in order before and after the change has come', async () => {
  const many = [
    { id: 'text', run: text, placement: here('n2') },
    { id: 'twice', run: twice, placement: here('n3') },
    { id: 'thrice', run: thrice, placement: here('n2') },
  ]
  await using mesh = await begin({ stages: many })
  const release = holdBack(mesh)
  await mesh.settle(mesh.node('n1').getChain('c').removeStage('text'))
  await untilGeneration(mesh, 2)
  await mesh.run(1_000)
  const call = (): Promise<unknown> => mesh.settle(mesh.node('n1').getChain<string>('c').call(''))
  const before = await call()
  release()
  const outcomes = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3']
  expect([before, await call()]).toEqual([outcomes, outcomes])
})
