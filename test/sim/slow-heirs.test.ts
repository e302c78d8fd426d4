/** Nodes that are updated one after the other, faster than what moves can start: what waits for that goes along. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const HEIRS = ['n2', 'n3', 'n4', 'n5', 'n6']
const SLOW_MS = 2_000
const CASES = (['leave', 'are emptied'] as const).flatMap(how =>
  GROUP_STRATEGIES.map(strategy => ({ how, strategy })),
)

test.each(CASES)(
  'nodes that $how before a member has begun to start cost no state: $strategy',
  async init => {
    const { how, strategy } = init
    const member = defineServer('member', {
      init: async ({ handoff, sleep }, slowMs: number) => {
        if (handoff !== undefined) await sleep(slowMs)
        return { total: typeof handoff === 'number' ? handoff : 0 }
      },
      call: { add: (state, by: number) => (state.total += by), get: state => state.total },
      handoff: state => state.total,
    })
    await using mesh = new SimulatedMesh({ nodes: 7, behaviours: [member], seed: `slow heirs ${strategy}` })
    await mesh.startAll()
    await allSeeAll(mesh)
    const empty = (id: string): void =>
      void mesh
        .node(id)
        .drain()
        .catch(() => {})
    for (const id of [...HEIRS, 'n7']) empty(id)
    await mesh.run(1_000)
    // The second one waits for the first, with what it is to start with.
    const members = [
      { id: 'slow', run: member, args: [SLOW_MS] as const },
      { id: 'waiting', run: member, args: [0] as const },
    ] as const
    const group = await mesh.settle(mesh.node('n7').addGroup({ id: 'g', strategy, members }))
    for (const { id } of members) await mesh.settle(group.member(id).call.add(7))
    let owner = 'n1'
    for (const heir of HEIRS) {
      mesh.node(heir).resume()
      await mesh.run(50)
      if (how === 'leave') void mesh.leave(owner)
      else empty(owner)
      await mesh.run(SLOW_MS / 4)
      owner = heir
    }
    await mesh.run(3 * SLOW_MS)
    for (const { id } of members) expect(await mesh.settle(group.member(id).call.get()), id).toBe(7)
  },
)
