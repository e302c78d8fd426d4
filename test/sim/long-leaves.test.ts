/** Members of a node that leaves, or is emptied, and that take long to stop together, as they may: nothing is lost. */

import { expect, test } from 'vitest'

import { type WorkerContext, defineServer } from '../../src/index.ts'
import { GROUP_STRATEGIES, type GroupStrategy } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

interface Case {
  readonly strategy: GroupStrategy
  readonly count: number
  /** Of each member. */
  readonly stopMs: number
  /** Of the first member, where it takes another time. */
  readonly firstMs?: number
  readonly firstTimeoutMs?: number
}

/** A group on n2 of which each member has been told something, and n1, which has come later. `twice`: who has lived so. */
async function tardyGroup({ strategy, count, stopMs, firstMs = stopMs, firstTimeoutMs = 5_000 }: Case) {
  const alive = new Set<string>()
  const twice: string[] = []
  const tardy = defineServer('tardy', {
    init: context => {
      if (alive.has(context.worker)) twice.push(context.worker)
      alive.add(context.worker)
      return { told: Array.isArray(context.handoff) ? context.handoff.map(String) : [] }
    },
    call: { told: state => state.told },
    cast: { tell: (state, what: string) => void state.told.push(what) },
    handoff: state => state.told,
    terminate: async (_state, _reason, context) => {
      await rest(context, context.worker === 'g/m0' ? firstMs : stopMs)
      alive.delete(context.worker)
    },
  })
  const mesh = new SimulatedMesh({ nodes: 2, behaviours: [tardy], seed: `tardy ${strategy} ${count}` })
  await mesh.start('n2')
  const ids = Array.from({ length: count }, (_, index) => `m${index}`)
  const members = ids.map(id => ({ id, run: tardy, stopTimeoutMs: id === 'm0' ? firstTimeoutMs : 5_000 }))
  await mesh.settle(mesh.node('n2').addGroup({ id: 'g', strategy, members }))
  await mesh.start('n1')
  await allSeeAll(mesh)
  const group = mesh.node('n1').getGroup<typeof members>('g')
  for (const id of ids) group.member(id).cast.tell(id)
  await mesh.run(100)
  /** Of those that go on, who has not been told what it was told before, and nothing else. */
  const forgetful = async (going: readonly string[] = ids): Promise<string[]> => {
    await mesh.until('all are on n1', () => areAllOn(mesh, going.length))
    const told = await mesh.settle(Promise.all(going.map(async id => group.member(id).call.told())))
    return going.filter((id, index) => told[index]?.join(' ') !== id)
  }
  return { mesh, group, twice, forgetful }
}

function areAllOn(mesh: SimulatedMesh, count: number): boolean {
  const [spec] = mesh.node('n1').snapshot().specs
  return spec?.workers.filter(({ node }) => node === 'n1').length === count
}

/** A pause that a signal that has aborted does not cut short. */
async function rest(context: WorkerContext, durationMs: number): Promise<void> {
  for (let restedMs = 0; restedMs < durationMs; restedMs += 10) await context.sleep(10)
}

const TOGETHER: readonly Case[] = [
  { strategy: 'one_for_one', count: 10, stopMs: 1_000 },
  { strategy: 'one_for_one', count: 30, stopMs: 250 },
  { strategy: 'one_for_all', count: 10, stopMs: 1_000 },
]

/** Longer than a node that leaves waits for those who take what it has. */
const FOR_LONG: readonly Case[] = [
  { strategy: 'one_for_one', count: 10, stopMs: 3_500 },
  { strategy: 'one_for_all', count: 10, stopMs: 3_500 },
  { strategy: 'one_for_all', count: 3, stopMs: 100, firstMs: 35_000, firstTimeoutMs: 60_000 },
]
const LEAVE_MS_MAX = 45_000

test.each([...TOGETHER, ...FOR_LONG])(
  '$strategy, a node leaves with $count members of $stopMs ms',
  async each => {
    const { mesh, twice, forgetful } = await tardyGroup(each)
    await mesh.settle(mesh.leave('n2'), LEAVE_MS_MAX)
    expect(await forgetful()).toEqual([])
    expect(twice).toEqual([])
  },
)

test.each(TOGETHER)('$strategy, a node is emptied of $count members of $stopMs ms', async each => {
  const { mesh, twice, forgetful } = await tardyGroup(each)
  expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
  expect(await forgetful()).toEqual([])
  expect(twice).toEqual([])
})

test.each(GROUP_STRATEGIES)(
  '%s, a node is emptied, which takes longer than what is left behind is kept',
  async strategy => {
    const { mesh, twice, forgetful } = await tardyGroup({ strategy, count: 14, stopMs: 4_900 })
    const timeoutMs = 120_000
    expect(await mesh.settle(mesh.node('n2').drain({ timeoutMs }), timeoutMs)).toEqual([])
    expect(await forgetful()).toEqual([])
    expect(twice).toEqual([])
  },
)

test('a node is emptied while one that a user has removed still stops', async () => {
  const { mesh, group, twice, forgetful } = await tardyGroup({
    strategy: 'one_for_one',
    count: 3,
    stopMs: 10,
    firstMs: 10_000,
    firstTimeoutMs: 12_000,
  })
  const removed = group.removeMember('m0')
  await mesh.run(100)
  expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
  await mesh.settle(removed)
  expect(await forgetful(['m1', 'm2'])).toEqual([])
  expect(twice).toEqual([])
})

test('a node is emptied of members that are restarted at different times', async () => {
  const { mesh, group, twice } = await tardyGroup({ strategy: 'one_for_one', count: 3, stopMs: 4_000 })
  const first = group.restartMember('m1')
  await mesh.run(3_000)
  const second = group.restartMember('m0')
  await mesh.run(10)
  expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
  await mesh.settle(Promise.all([first, second]))
  await mesh.until('all are on n1', () => areAllOn(mesh, 3))
  expect(twice).toEqual([])
})
