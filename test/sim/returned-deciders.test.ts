/** Who decides for a group is frozen for longer than it may as members stop, and goes on when others have decided for it. */

import { expect, test } from 'vitest'

import { type WorkerContext, defineServer } from '../../src/index.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const IDS = ['a', 'b', 'c']
const GROUPS = Array.from({ length: 24 }, (_, index) => `g${index}`)
const LABELS = { n1: { at: 'e' }, n2: { at: 'e' }, n3: { at: 'n3' }, n4: { at: 'none' }, n5: { at: 'none' } }

test.each([
  [1_000, 11_000],
  [4_400, 7_900],
  [4_400, 14_400],
])('from %i to %i ms after its members were told to stop', async (fromMs, untilMs) => {
  const counter = defineServer('counter', {
    init: (context: WorkerContext) => ({ total: Number(context.handoff ?? 0) }),
    call: { total: state => state.total },
    cast: { add: (state, by: number) => void (state.total += by) },
    handoff: state => state.total,
    terminate: async (_state, _reason, context) => {
      for (let restedMs = 0; restedMs < 4_500; restedMs += 10) await context.sleep(10)
    },
  })
  const mesh = new SimulatedMesh({ nodes: 5, behaviours: [counter], seed: 'x', labelsOf: LABELS })
  await mesh.startAll()
  await allSeeAll(mesh)
  const members = IDS.map(id => ({
    id,
    run: counter,
    placement: { labels: { at: id === 'b' ? 'n3' : 'e' } },
  }))
  for (const id of GROUPS)
    await mesh.settle(mesh.node('n1').addGroup({ id, strategy: 'one_for_all', members }))
  const groups = GROUPS.map(id => mesh.node('n3').getGroup<typeof members>(id))
  for (const group of groups) for (const id of IDS) group.member(id).cast.add(100)
  await mesh.run(1_000)
  const { phases } = mesh.node('n3').inspect().core.ledger.tables
  const ofN4 = [...phases.rows()].filter(({ coordinator }) => coordinator.id === 'n4').map(({ spec }) => spec)
  const left = mesh.leave('n1')
  await mesh.run(fromMs)
  // It runs nothing: it only decides.
  mesh.freeze('n4')
  await mesh.run(untilMs - fromMs)
  mesh.thaw('n4')
  await mesh.settle(left)
  await mesh.run(8_000)
  const lost: string[] = []
  for (const group of groups)
    for (const id of IDS)
      if ((await mesh.settle(group.member(id).call.total())) !== 100) lost.push(`${group.id}/${id}`)
  expect(ofN4.length).toBeGreaterThan(0)
  expect(lost, `n4 has decided for ${ofN4.join(' ')}`).toEqual([])
})
