/** What a worker leaves behind may be what kills whoever starts with it: that is not tried on one node after the other. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** As when it does not fit into the memory of a process, or has an addon crash. */
test('a state that kills the process of each heir costs no more than three of them', async () => {
  const killed: string[] = []
  const member = defineServer('member', {
    init: ({ node, handoff }) => {
      if (handoff !== undefined) {
        killed.push(node)
        // The process is gone before anything of what it does next gets out.
        queueMicrotask(() => mesh.crash(node))
        return new Promise<{ handoff: unknown }>(() => {})
      }
      return { handoff }
    },
    call: { get: state => state.handoff ?? 'nothing' },
    handoff: () => 'poison',
  })
  await using mesh = new SimulatedMesh({ nodes: 8, behaviours: [member], seed: 'deadly' })
  await mesh.startAll()
  await allSeeAll(mesh)
  const members = [{ id: 'm', run: member }]
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  await mesh.run(2_000)
  const [spec] = mesh.node('n1').snapshot().specs
  const owner = spec?.workers[0]?.node ?? ''
  void mesh
    .node(owner)
    .drain()
    .catch(() => {})
  await mesh.run(50_000)
  expect(killed.length).toBeLessThanOrEqual(3)
  const ref = mesh.node(owner).getGroup<typeof members>('g').member('m')
  expect(await mesh.settle(ref.call.get())).toBe('nothing')
})
