/** Who waits for an outcome of a chain that will never be is told whether the item may have been executed. */

import { expect, test } from 'vitest'

import { type ChainHandle, type Node, defineStage } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const NODES = [1, 3]

interface Scene {
  readonly mesh: SimulatedMesh
  readonly node: Node
  readonly chain: ChainHandle<number, number>
  /** The items that the stage has been given. */
  readonly seen: ReadonlySet<number>
  /** Many more than there is room for in front of the stage. */
  readonly calls: readonly Promise<Told>[]
}

interface Told {
  readonly n: number
  readonly name: string
  readonly maybeExecuted: unknown
}

async function told(n: number, call: Promise<unknown>): Promise<Told> {
  const error = await call.catch((thrown: unknown) => thrown)
  if (!(error instanceof Error)) throw new Error(`item ${n} has an outcome`)
  return { n, name: error.name, maybeExecuted: Reflect.get(error, 'maybeExecuted') }
}

/** A stage that is at its first item for ever; items wait in front of it, and at the entrance. */
async function scene(nodes: number): Promise<Scene> {
  const seen = new Set<number>()
  const stuck = defineStage('stuck', async (n: number, context) => {
    seen.add(n)
    await context.sleep(3_600_000)
    return n
  })
  const mesh = await simulate({ nodes, behaviours: [stuck] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ id: 'first', run: stuck, queueItems: 1 }] }),
  )
  const calls = Array.from({ length: 20 }, (_, n) => told(n, chain.call(n)))
  await mesh.until('the stage is at the first', () => seen.size === 1)
  return { mesh, node, chain, seen, calls }
}

/** Both kinds are there, and who is told that it was not executed is right. */
async function check({ mesh, seen, calls }: Scene, name: string): Promise<void> {
  const all = await mesh.settle(Promise.all(calls))
  expect(new Set(all.map(each => each.name))).toEqual(new Set([name]))
  expect(all[0]?.maybeExecuted).toBe(true)
  const spared = all.filter(each => each.maybeExecuted === false)
  expect(spared.length).toBeGreaterThan(0)
  expect(all.filter(each => each.maybeExecuted === true).length).toBe(all.length - spared.length)
  expect(spared.filter(each => seen.has(each.n))).toEqual([])
}

test.each(NODES)('when the chain is removed, on %i nodes', async nodes => {
  const it = await scene(nodes)
  await it.mesh.settle(it.node.removeChain('c'))
  await check(it, 'NotFoundError')
  const late = await it.mesh.settle(told(99, it.chain.call(99)))
  expect(late).toMatchObject({ name: 'NotFoundError', maybeExecuted: false })
})

test.each(NODES)('when the chain is stopped, on %i nodes', async nodes => {
  const it = await scene(nodes)
  await it.mesh.settle(it.chain.stop())
  await check(it, 'GivenUpError')
  const late = await it.mesh.settle(told(99, it.chain.call(99)))
  expect(late).toMatchObject({ name: 'GivenUpError', maybeExecuted: false })
})

test.each(NODES)('when the node stops, on %i nodes', async nodes => {
  const it = await scene(nodes)
  await it.mesh.settle(it.node.stop())
  await check(it, 'NodeStoppedError')
  const late = await it.mesh.settle(told(99, it.chain.call(99)))
  expect(late).toMatchObject({ name: 'NodeStoppedError', maybeExecuted: false })
})

test.each(NODES)(
  'what a generation before has been given may have been executed, on %i nodes',
  async nodes => {
    const it = await scene(nodes)
    await it.mesh.settle(it.chain.restart())
    // Nothing is given to the stage again: the chain stops before it runs.
    await it.mesh.settle(it.chain.stop())
    const all = await it.mesh.settle(Promise.all(it.calls))
    expect(all.filter(({ n, maybeExecuted }) => it.seen.has(n) && maybeExecuted !== true)).toEqual([])
  },
)

test('an item that was tried in vain, and one for a stage that is removed, may have been executed', async () => {
  const bad = defineStage('bad', (n: number): number => {
    throw new RangeError(`not ${n}`)
  })
  const good = defineStage('good', (n: number) => n)
  const mesh = await simulate({ nodes: 1, behaviours: [bad, good] })
  const node = mesh.node('n1')
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run: bad, onItemError: 'deadLetter' }, { run: good }] }),
  )
  const dead = await mesh.settle(told(1, chain.call(1)))
  expect(dead).toEqual({ n: 1, name: 'ItemDeadError', maybeExecuted: true })
  const nowhere = await mesh.settle(told(1, node.getChain('c').call(1, { to: 'no such stage' })))
  expect(nowhere).toEqual({ n: 1, name: 'NotFoundError', maybeExecuted: false })
})
