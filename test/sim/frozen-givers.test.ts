/** A node that stands still for less than its profile allows, just as it is asked for what workers have left behind there. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { PROFILES } from '../../src/protocol/timings.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** As docs/mesh.md says: for a little less, nobody is dead. */
const FROZEN_MS = { lan: 1_900, edge: 3_900, wan: 11_900 }
const LATENCY_MS = 50
const MEMBERS = ['a', 'b', 'c', 'd']
const ALONE = ['w0', 'w1', 'w2', 'w3']

const counter = defineServer('counter', {
  init: context => ({ total: Number(context.handoff ?? 0) }),
  call: { total: state => state.total },
  cast: { add: (state, by: number) => void (state.total += by) },
  handoff: state => state.total,
})

// From when it is told to give all away to when others have asked for it.
const MOMENTS = [0.5, 1.5, 2.5, 3.5, 4.5].map(times => times * LATENCY_MS)

test.each(PROFILES.flatMap(profile => MOMENTS.map(afterMs => ({ profile, afterMs }))))(
  '$profile, $afterMs ms after it is told to give all away: nothing is lost',
  async ({ profile, afterMs }) => {
    const conditions = { latencyMs: LATENCY_MS }
    const mesh = new SimulatedMesh({ nodes: 3, behaviours: [counter], seed: 1, profile, conditions })
    await mesh.startAll()
    await allSeeAll(mesh)
    const members = MEMBERS.map(id => ({ id, run: counter }))
    const group = await mesh.settle(mesh.node('n2').addGroup({ id: 'g', strategy: 'one_for_one', members }))
    const workers = await mesh.settle(
      Promise.all(ALONE.map(async id => mesh.node('n2').addWorker({ id, run: counter }))),
    )
    const all = [...MEMBERS.map(id => group.member(id)), ...workers]
    for (const worker of all) worker.cast.add(100)
    await mesh.run(5_000)
    const here = mesh
      .node('n2')
      .snapshot()
      .specs.flatMap(({ workers: placed }) => placed)
    expect(here.filter(({ node }) => node === 'n1').length).toBeGreaterThan(1)
    const drained = mesh.node('n1').drain({ timeoutMs: 60_000 })
    await mesh.run(afterMs)
    mesh.freeze('n1')
    await mesh.run(FROZEN_MS[profile])
    mesh.thaw('n1')
    await mesh.settle(drained)
    const totals = await mesh.settle(Promise.all(all.map(async worker => worker.call.total())))
    expect(totals).toEqual(all.map(() => 100))
  },
)
