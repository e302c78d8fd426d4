/**
 * Who stood still while the others went on without it, and another one ended meanwhile: it finds at once that this one is
 * gone, and decides nothing for groups that have gone on, before it has heard of that.
 */

import { describe, expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { heir } from './behaviours.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const GROUPS = Array.from({ length: 12 }, (_, index) => `g${index}`)

describe.each(['one_for_one', 'one_for_all'] as const)('a group that is %s', strategy => {
  describe.each([3, 4, 5])('of %i nodes', nodes => {
    // They began anew, with nothing: the one that had stood still had decided, and was the later one.
    test.each([
      ['is killed', 1],
      ['is killed', 2],
      ['leaves', 1],
      ['leaves', 2],
    ])('goes on where one stands still, and another one %s (%i)', async (fate, seed) => {
      const mesh = new SimulatedMesh({ nodes, behaviours: [heir], seed })
      await mesh.startAll()
      await allSeeAll(mesh)
      const members = IDS.map(id => ({ id, run: heir }))
      for (const id of GROUPS) await mesh.settle(mesh.node('n3').addGroup({ id, strategy, members }))
      await mesh.run(1_000)
      const lost = ['n1', 'n2'].map(id => mesh.node(id).id)
      mesh.freeze('n2')
      await mesh.run(50)
      if (fate === 'leaves') void mesh.leave('n1')
      else mesh.crash('n1')
      const groups = GROUPS.map(id => mesh.node('n3').getGroup<typeof members>(id))
      const { phases } = mesh.node('n3').inspect().core.ledger.tables
      const isWithout = (): boolean =>
        [...phases.rows()].every(
          ({ rank, layout }) => rank === 'running' && layout.every(({ owner }) => !lost.includes(owner.id)),
        )
      await mesh.until('the others run all', isWithout, 20_000)
      for (const group of groups) for (const id of IDS) group.member(id).cast.add(100)
      await mesh.run(3_000)
      mesh.thaw('n2')
      await mesh.run(8_000)
      expect(mesh.node('n2').members().length).toBe(nodes - 1)
      const totals: string[] = []
      for (const group of groups)
        for (const id of IDS)
          totals.push(`${group.id}/${id} ${await mesh.settle(group.member(id).call.total())}`)
      expect(totals.filter(text => !text.endsWith(' 100'))).toEqual([])
    })
  })
})

/**
 * The group stands still with one node, and goes on elsewhere; that one wakes without a link, and its members crash: the
 * first of them before anything else happens there. Of `n3`, what it decides overrules what others have decided meanwhile.
 */
test.each([
  ['n2', 'n3'],
  ['n3', 'n2'],
])(
  'members that crash again and again on %s, which wakes before its link, begin nothing anew for the others',
  async (frozen, there) => {
    const mesh = new SimulatedMesh({ nodes: 3, behaviours: [heir], seed: 1 })
    await mesh.startAll()
    await allSeeAll(mesh)
    const members = IDS.map(id => ({ id, run: heir }))
    for (const id of GROUPS)
      await mesh.settle(mesh.node(there).addGroup({ id, strategy: 'one_for_one', members }))
    await mesh.run(1_000)
    mesh.freeze(frozen)
    await mesh.run(6_000)
    const groups = GROUPS.map(id => mesh.node(there).getGroup<typeof members>(id))
    for (const group of groups) for (const id of IDS) group.member(id).cast.add(100)
    for (const other of ['n1', there]) mesh.cut(frozen, other)
    mesh.thaw(frozen)
    const crash = (spec: string, slot: string): void =>
      mesh
        .node(frozen)
        .getGroup<typeof members>(spec)
        .member(slot.slice(spec.length + 1))
        .cast.crash()
    let crashes = 0
    mesh.node(frozen).on('worker:exit', ({ exit }) => (crashes += Number(exit.kind !== 'normal')))
    const { phases } = mesh.node(frozen).inspect().core.ledger.tables
    for (let times = 0; times < 5; times++) {
      const running = [...phases.rows()].filter(({ rank }) => rank === 'running')
      const placed = running.flatMap(({ spec, layout }) =>
        layout.map(({ slot, owner }) => ({ spec, slot, owner })),
      )
      for (const { spec, slot, owner } of placed) if (owner.id === mesh.node(frozen).id) crash(spec, slot)
      await mesh.run(500)
    }
    expect(crashes).toBeGreaterThan(0)
    for (const other of ['n1', there]) mesh.mend(frozen, other)
    await mesh.run(10_000)
    expect(mesh.node(frozen).members().length).toBe(3)
    const totals: number[] = []
    for (const group of groups)
      for (const id of IDS) totals.push(await mesh.settle(group.member(id).call.total()))
    expect(new Set(totals)).toEqual(new Set([100]))
  },
)
