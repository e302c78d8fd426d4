/** A node that stands still for less than its profile allows, while members of a group on it are to move: nothing is lost. */

import { expect, test } from 'vitest'

import { type WorkerContext, defineServer } from '../../src/index.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { PROFILES } from '../../src/protocol/timings.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** As docs/mesh.md says: for a little less, nobody is dead. */
const FROZEN_MS = { lan: 1_900, edge: 3_900, wan: 11_500 }

const rows = PROFILES.flatMap(profile => GROUP_STRATEGIES.map(strategy => ({ profile, strategy })))

test.each(rows)('$profile, $strategy', async ({ profile, strategy }) => {
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
      // Nearly all of the time that it has.
      for (let restedMs = 0; restedMs < 4_500; restedMs += 10) await context.sleep(10)
      alive.delete(context.worker)
    },
  })
  const labelsOf = { n1: { at: 'elsewhere' }, n2: { at: 'elsewhere' }, n3: { at: 'n3' } }
  const mesh = new SimulatedMesh({ nodes: 3, behaviours: [counter], seed: strategy, profile, labelsOf })
  await mesh.startAll()
  await allSeeAll(mesh)
  const ids = ['a', 'b', 'c']
  const members = ids.map(id => ({
    id,
    run: counter,
    placement: { labels: { at: id === 'b' ? 'n3' : 'elsewhere' } },
  }))
  // Each node decides about one of them at least.
  const groups = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5']
  for (const id of groups) await mesh.settle(mesh.node('n1').addGroup({ id, strategy, members }))
  const freeze = async (): Promise<void> => {
    mesh.freeze('n3')
    await mesh.run(FROZEN_MS[profile])
    mesh.thaw('n3')
  }
  const groupsAt = (node: string) => groups.map(id => mesh.node(node).getGroup<typeof members>(id))
  const restarted = Promise.all(groupsAt('n1').map(group => group.restart()))
  await freeze()
  await mesh.settle(restarted)
  expect(twice).toEqual([])

  for (const group of groupsAt('n1')) for (const id of ids) group.member(id).cast.add(100)
  await mesh.run(500)
  const left = mesh.leave('n1')
  await freeze()
  await mesh.settle(left)
  const totals = groupsAt('n2').flatMap(group => ids.map(id => group.member(id).call.total()))
  expect(new Set(await mesh.settle(Promise.all(totals)))).toEqual(new Set([100]))
  expect(twice).toEqual([])
})
