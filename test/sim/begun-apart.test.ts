/** Standalone workers that two sides have begun, or started anew, while they did not know of each other; and then they meet. */

import { describe, expect, test } from 'vitest'

import { type Logger, type Node, defineServer } from '../../src/index.ts'
import { ELSEWHERE } from '../../src/node/different.ts'
import { type FencingToken, compareTokens } from '../../src/protocol/fencing-token.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** What moves takes its total along. */
const purse = defineServer('purse', {
  init: (context, start: number) => {
    const { handoff } = context
    return { context, total: typeof handoff === 'number' ? handoff : start }
  },
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    token: state => state.context.token,
  },
  handoff: state => state.total,
})

const IDS = Array.from({ length: 8 }, (_, index) => `w${index}`)
const SIDES = [
  ['n1', 'n2'],
  ['n3', 'n4'],
] as const
const MET_MS = 15_000

async function addTo(mesh: SimulatedMesh, name: string, by: number): Promise<void> {
  for (const id of IDS) await mesh.settle(mesh.node(name).getWorker(id, purse).call.add(by))
}

/** What each node is answered: by worker. */
async function totals(mesh: SimulatedMesh): Promise<Record<string, readonly number[]>> {
  const answers: Record<string, readonly number[]> = {}
  for (const id of IDS)
    answers[id] = await Promise.all(
      mesh.ids.map(name => mesh.settle(mesh.node(name).getWorker(id, purse).call.get())),
    )
  return answers
}

/** What a resource would have seen of each, by node. */
async function tokens(mesh: SimulatedMesh): Promise<readonly (readonly FencingToken[])[]> {
  return await Promise.all(
    IDS.map(id =>
      Promise.all(mesh.ids.map(name => mesh.settle(mesh.node(name).getWorker(id, purse).call.token()))),
    ),
  )
}

/** I16: none that was there before outbids the one that is left. */
async function expectLargest(
  mesh: SimulatedMesh,
  before: readonly (readonly FencingToken[])[],
): Promise<void> {
  for (const [index, [left]] of (await tokens(mesh)).entries())
    for (const earlier of before[index] ?? [])
      expect(left && compareTokens(left, earlier)).toBeGreaterThanOrEqual(0)
}

const allAre = (mesh: SimulatedMesh, total: number): Record<string, readonly number[]> =>
  Object.fromEntries(IDS.map(id => [id, mesh.ids.map(() => total)]))

const declare = async (mesh: SimulatedMesh, name: string): Promise<void> => {
  for (const id of IDS) await mesh.settle(mesh.node(name).addWorker({ id, run: purse, args: [1] }))
}

const SEEDS = [1, 2, 3, 4, 5, 6]

test.each(SEEDS)(
  'what is added by hand on nodes that have not met goes on as it was added later: seed %i',
  async seed => {
    await using mesh = await simulate({ seed, nodes: ['n1', 'n2'], behaviours: [purse] })
    for (const name of mesh.ids) mesh.crash(name)
    mesh.partition(['n1'], ['n2'])
    await mesh.startAll()
    await declare(mesh, 'n1')
    await addTo(mesh, 'n1', 10)
    await mesh.run(5_000)
    await declare(mesh, 'n2')
    await addTo(mesh, 'n2', 20)
    const before = await tokens(mesh)
    mesh.heal()
    await mesh.run(MET_MS)
    expect(await totals(mesh)).toEqual(allAre(mesh, 21))
    await expectLargest(mesh, before)
  },
)

test('the node that has lost with what it has added by hand says so, once for each', async () => {
  const warnings: string[] = []
  const quiet = (): void => {}
  const warn: Logger['warn'] = (facts, message) => warnings.push(`${message} ${JSON.stringify(facts)}`)
  const logger: Logger = { debug: quiet, info: quiet, error: quiet, warn }
  await using mesh = await simulate({ nodes: ['n1', 'n2'], behaviours: [purse], logger })
  mesh.partition(['n1'], ['n2'])
  await mesh.run(20_000)
  for (const name of mesh.ids) await declare(mesh, name)
  warnings.splice(0)
  mesh.heal()
  await mesh.run(MET_MS)
  const said = IDS.map(id => `${ELSEWHERE} ${JSON.stringify({ node: 'n1', id, fields: [], by: 'n2' })}`)
  expect(warnings.filter(warning => warning.startsWith(ELSEWHERE)).toSorted()).toEqual(said)
})

const AGAIN = {
  restarted: (node: Node, id: string) => node.restartWorker(id),
  'removed and added again': async (node: Node, id: string) => {
    await node.removeWorker(id)
    await node.addWorker({ id, run: purse, args: [1] })
  },
} as const

describe.each(Object.entries(AGAIN))(
  'what is %s on both sides of a partition goes on as it was later',
  (_what, again) => {
    test.each(SEEDS.flatMap(seed => [[seed, 0] as const, [seed, 1] as const]))(
      'seed %i, side %i',
      async (seed, last) => {
        await using mesh = await simulate({ seed, nodes: 4, behaviours: [purse] })
        await allSeeAll(mesh)
        await declare(mesh, 'n1')
        await addTo(mesh, 'n1', 5)
        mesh.partition(...SIDES)
        await mesh.run(20_000)
        for (const [first] of last === 1 ? SIDES : SIDES.toReversed()) {
          for (const id of IDS) await mesh.settle(again(mesh.node(first), id))
          await mesh.run(2_000)
          await addTo(mesh, first, first === SIDES[last][0] ? 20 : 10)
        }
        const before = await tokens(mesh)
        mesh.heal()
        await mesh.run(MET_MS)
        expect(await totals(mesh)).toEqual(allAre(mesh, 21))
        await expectLargest(mesh, before)
      },
    )
  },
)

test.each(SEEDS.flatMap(seed => [[seed, 0] as const, [seed, 1] as const]))(
  'what is restarted on one side, and moved on the other, goes on as it was restarted: seed %i, side %i',
  async (seed, side) => {
    await using mesh = await simulate({ seed, nodes: 4, behaviours: [purse] })
    await allSeeAll(mesh)
    await declare(mesh, 'n1')
    await addTo(mesh, 'n1', 5)
    mesh.partition(...SIDES)
    await mesh.run(20_000)
    const [first] = SIDES[side]
    for (const name of SIDES[1 - side] ?? []) {
      await mesh.settle(mesh.node(name).drain())
      mesh.node(name).resume()
    }
    await mesh.run(2_000)
    for (const id of IDS) await mesh.settle(mesh.node(first).restartWorker(id))
    await mesh.run(2_000)
    await addTo(mesh, first, 20)
    const before = await tokens(mesh)
    mesh.heal()
    await mesh.run(MET_MS)
    expect(await totals(mesh)).toEqual(allAre(mesh, 21))
    await expectLargest(mesh, before)
  },
)

test.each(SEEDS)('what is added again where its node was lost waits for nobody: seed %i', async seed => {
  await using mesh = await simulate({ seed, nodes: 4, behaviours: [purse] })
  await allSeeAll(mesh)
  await declare(mesh, 'n1')
  await mesh.run(20_000)
  mesh.partition(...SIDES)
  // A removal waits until those who have it are taken for lost.
  for (const id of IDS) await mesh.settle(mesh.node('n1').removeWorker(id))
  const sinceMs = mesh.nowMs
  await declare(mesh, 'n1')
  expect(mesh.nowMs - sinceMs).toBeLessThan(500)
})
