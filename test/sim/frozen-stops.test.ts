/** Nodes that stand still for less than their profile allows, while members of a group are to move: nothing is lost. */

import { expect, test } from 'vitest'

import { type WorkerContext, defineServer } from '../../src/index.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { PROFILES, TIMINGS, silentMs } from '../../src/protocol/timings.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** As docs/mesh.md says: for a little less, nobody is dead. */
const FROZEN_MS = { lan: 1_900, edge: 3_900, wan: 11_900 }

const IDS = ['a', 'b', 'c']
/** Each node decides about one of them at least. */
const GROUPS = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5']
const LABELS = { n1: { at: 'elsewhere' }, n2: { at: 'elsewhere' }, n3: { at: 'n3' } }

/** Members that take nearly all of the time that they have to stop. `twice`: who has lived so. */
function slowGroups() {
  const alive = new Set<string>()
  const twice: string[] = []
  const counter = defineServer('counter', {
    init: (context: WorkerContext) => {
      if (alive.has(context.worker)) twice.push(context.worker)
      alive.add(context.worker)
      return { total: Number(context.handoff ?? 0) }
    },
    call: { total: state => state.total },
    cast: { add: (state, by: number) => void (state.total += by) },
    handoff: state => state.total,
    terminate: async (_state, _reason, context) => {
      for (let restedMs = 0; restedMs < 4_900; restedMs += 10) await context.sleep(10)
      alive.delete(context.worker)
    },
  })
  const members = IDS.map(id => ({
    id,
    run: counter,
    placement: { labels: { at: id === 'b' ? 'n3' : 'elsewhere' } },
  }))
  const groupsAt = (mesh: SimulatedMesh, node: string) =>
    GROUPS.map(id => mesh.node(node).getGroup<typeof members>(id))
  const addAll = async (mesh: SimulatedMesh): Promise<void> => {
    for (const group of groupsAt(mesh, 'n2')) for (const id of IDS) group.member(id).cast.add(100)
    await mesh.run(500)
  }
  const totals = async (mesh: SimulatedMesh): Promise<ReadonlySet<number>> => {
    const asked = groupsAt(mesh, 'n2').flatMap(group => IDS.map(id => group.member(id).call.total()))
    return new Set(await mesh.settle(Promise.all(asked)))
  }
  return { counter, members, twice, groupsAt, addAll, totals }
}

async function standStill(mesh: SimulatedMesh, nodes: readonly string[], forMs: number): Promise<void> {
  for (const node of nodes) mesh.freeze(node)
  await mesh.run(forMs)
  for (const node of nodes) mesh.thaw(node)
}

const rows = PROFILES.flatMap(profile => GROUP_STRATEGIES.map(strategy => ({ profile, strategy })))

test.each(rows)('$profile, $strategy', async ({ profile, strategy }) => {
  const { counter, members, twice, groupsAt, addAll, totals } = slowGroups()
  const mesh = new SimulatedMesh({
    nodes: 3,
    behaviours: [counter],
    seed: strategy,
    profile,
    labelsOf: LABELS,
  })
  await mesh.startAll()
  await allSeeAll(mesh)
  for (const id of GROUPS) await mesh.settle(mesh.node('n1').addGroup({ id, strategy, members }))
  const restarted = Promise.all(groupsAt(mesh, 'n1').map(group => group.restart()))
  await standStill(mesh, ['n3'], FROZEN_MS[profile])
  await mesh.settle(restarted)
  expect(twice).toEqual([])

  await addAll(mesh)
  const left = mesh.leave('n1')
  await standStill(mesh, ['n3'], FROZEN_MS[profile])
  await mesh.settle(left)
  expect(await totals(mesh)).toEqual(new Set([100]))
  expect(twice).toEqual([])
})

// Four periods, which are enough in a mesh of ten, and a second were not.
test('in a mesh of twenty it may for longer', async () => {
  const { counter, members, twice, addAll, totals } = slowGroups()
  const nodes = 20
  const mesh = new SimulatedMesh({ nodes, behaviours: [counter], seed: 1, profile: 'wan', labelsOf: LABELS })
  await mesh.startAll()
  await allSeeAll(mesh)
  for (const id of GROUPS)
    await mesh.settle(mesh.node('n1').addGroup({ id, strategy: 'one_for_all', members }))
  await addAll(mesh)
  const dead: string[] = []
  for (const id of mesh.up) mesh.node(id).on('member:dead', ({ member }) => void dead.push(member.id))
  const left = mesh.leave('n1')
  await standStill(mesh, ['n3'], silentMs(TIMINGS.wan, nodes) - 500)
  await mesh.settle(left)
  expect(dead).toEqual([])
  expect(await totals(mesh)).toEqual(new Set([100]))
  expect(twice).toEqual([])
})

// The time of the holder was over when it went on, and its word waited to be read.
test('so may whoever decides, as the word of one comes that has', async () => {
  const { counter, members, twice, addAll, totals } = slowGroups()
  const mesh = new SimulatedMesh({ nodes: 5, behaviours: [counter], seed: 1, labelsOf: LABELS })
  await mesh.startAll()
  await allSeeAll(mesh)
  for (const id of GROUPS)
    await mesh.settle(mesh.node('n1').addGroup({ id, strategy: 'one_for_all', members }))
  await addAll(mesh)
  const left = mesh.leave('n1')
  await standStill(mesh, ['n3'], FROZEN_MS.lan)
  await mesh.run(4_800)
  await standStill(mesh, ['n2', 'n4', 'n5'], FROZEN_MS.lan)
  await mesh.settle(left)
  expect(await totals(mesh)).toEqual(new Set([100]))
  expect(twice).toEqual([])
})
