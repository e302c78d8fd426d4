/** A node that leaves does not wait for somebody to take what nobody can. */

import { describe, expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh, type SimulationInit } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Counts, and takes its count along. */
const keeper = defineServer('keeper', {
  init: context => ({ count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { count: state => state.count },
  cast: { add: state => void (state.count += 1) },
  handoff: state => state.count,
})

/** Never gets ready with what it inherits. */
const stuck = defineServer('stuck', {
  init: async context => {
    while (context.handoff !== undefined) await context.sleep(1_000)
    return {}
  },
  handoff: () => 1,
})

const members = (['a', 'b', 'c'] as const).map(id => ({ id, run: keeper }))

async function meshOf(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ behaviours: [keeper, stuck], seed: 'held up', ...init })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

async function leaveMs(mesh: SimulatedMesh, node: string): Promise<number> {
  const atMs = mesh.nowMs
  await mesh.stop(node)
  return mesh.nowMs - atMs
}

describe('a node that leaves with a group is not held up', () => {
  test('where there is nobody to take it', async () => {
    await using mesh = await meshOf({ nodes: 1 })
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
    expect(await leaveMs(mesh, 'n1')).toBeLessThan(500)
  })

  test('where nobody can run it', async () => {
    await using mesh = await meshOf({ nodes: 2, behaviours: [], behavioursOf: { n1: [keeper] } })
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
    expect(await leaveMs(mesh, 'n1')).toBeLessThan(500)
  })

  test.each(GROUP_STRATEGIES)('where one of it can run nowhere else: %s', async strategy => {
    await using mesh = await meshOf({ nodes: 3, labelsOf: { n2: { gpu: 'yes' } } })
    const only = { id: 'only', run: keeper, placement: { labels: { gpu: 'yes' } } }
    const more = Array.from({ length: 6 }, (_, n) => ({ id: `m${n}`, run: keeper }))
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members: [only, ...more] }))
    const homes = mesh
      .node('n1')
      .snapshot()
      .specs.flatMap(({ workers }) => workers)
    expect(homes.filter(({ node }) => node === 'n2').length).toBeGreaterThan(1)
    expect(await leaveMs(mesh, 'n2')).toBeLessThan(500)
  })

  test.each(GROUP_STRATEGIES)('where one of it was on a node that is emptied: %s', async strategy => {
    await using mesh = await meshOf({ nodes: 3, labelsOf: { n2: { gpu: 'yes' } } })
    const only = { id: 'only', run: keeper, placement: { labels: { gpu: 'yes' } } }
    const more = Array.from({ length: 6 }, (_, n) => ({ id: `m${n}`, run: keeper }))
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members: [only, ...more] }))
    mesh
      .node('n2')
      .drain({ timeoutMs: 1 })
      .catch(() => {})
    await mesh.run(1_000)
    expect(await leaveMs(mesh, 'n3')).toBeLessThan(500)
  })
})

test.each(GROUP_STRATEGIES)('a node that leaves waits for half a minute at most: %s', async strategy => {
  await using mesh = await meshOf({ nodes: 2 })
  const some = ['a', 'b'].map(id => ({ id, run: stuck, startTimeoutMs: 3_600_000 }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members: some }))
  const ms = await leaveMs(mesh, 'n2')
  // It could have what it has left behind taken until then, and goes without.
  expect(ms).toBeGreaterThan(29_000)
  expect(ms).toBeLessThan(45_000)
})
