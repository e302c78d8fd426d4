/** A whole mesh that is stopped at once: nobody stays who could go on with anything, so nobody waits for that. */

import { expect, test } from 'vitest'

import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const CASES = (['one_for_one', 'one_for_all', 'workers'] as const).flatMap(kind =>
  [2, 3].flatMap(nodes => [0, 2, 20].map(apartMs => ({ kind, nodes, apartMs }))),
)

test.each(CASES)('of $nodes nodes, $apartMs ms apart, with $kind: within seconds', async init => {
  const { kind, nodes, apartMs } = init
  await using mesh = new SimulatedMesh({ nodes, behaviours: [keeper], seed: `all ${nodes} ${apartMs}` })
  await mesh.startAll()
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const members = Array.from({ length: 10 }, (_, n) => ({ id: `m${n}`, run: keeper, args: [0] as const }))
  if (kind === 'workers') await mesh.settle(Promise.all(members.map(member => node.addWorker(member))))
  else await mesh.settle(node.addGroup({ id: 'g', strategy: kind, members }))
  await mesh.run(1_000)
  const atMs = mesh.nowMs
  const leaving: Promise<void>[] = []
  for (const id of mesh.ids) {
    leaving.push(mesh.leave(id))
    await mesh.run(apartMs)
  }
  await mesh.settle(Promise.all(leaving))
  expect(mesh.nowMs - atMs).toBeLessThan(3_000)
})

/** An operator may empty the other one just then: it is still there, and takes it all when it takes work again. */
test.each([0, 1, 2])('who leaves waits for one that is emptied %d ms later', async moment => {
  await using mesh = new SimulatedMesh({ nodes: 2, behaviours: [keeper], seed: `emptied ${moment}` })
  await mesh.startAll()
  await allSeeAll(mesh)
  const members = Array.from({ length: 8 }, (_, n) => ({ id: `m${n}`, run: keeper, args: [0] as const }))
  const group = await mesh.settle(mesh.node('n2').addGroup({ id: 'g', members }))
  for (const { id } of members) await mesh.settle(group.member(id).call.add(7))
  const leaving = mesh.leave('n1')
  await mesh.run(moment)
  const other = mesh.node('n2')
  void other.drain().catch(() => {})
  await mesh.run(500)
  other.resume()
  await mesh.settle(leaving)
  for (const { id } of members) expect(await mesh.settle(group.member(id).call.get()), id).toBe(7)
})
