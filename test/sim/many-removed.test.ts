/** I10: what was removed costs nothing in the end, however much of it there is: as where each job is a worker. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { TOMBSTONES_MAX } from '../../src/node/tombstones.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'

const COUNT = TOMBSTONES_MAX + 1_000
const IDS = Array.from({ length: COUNT }, (_, index) => `job${index}`)

const tablesOf = (mesh: SimulatedMesh, node: string) => mesh.node(node).inspect().core.ledger.tables

function sizes(mesh: SimulatedMesh): number[] {
  return mesh.up.flatMap(node => [tablesOf(mesh, node).specs.size, tablesOf(mesh, node).claims.size])
}

// Kept for a day, 20,000 of them made steps of half a second of each suspicion, and of each node that came.
test('of all that was removed, every node keeps the rows of the latest only', async () => {
  await using mesh = await simulate({ nodes: 3, seed: 7, behaviours: [counter] })
  await allSeeAll(mesh)
  const n1 = mesh.node('n1')
  await mesh.settle(Promise.all(IDS.map(id => n1.addWorker({ id, run: counter, args: [0] }))))
  // One that is away has all of them, and hears of no removal.
  await mesh.run(5_000)
  mesh.partition(['n3'], ['n1', 'n2'])
  await mesh.until('n3 is away', () => n1.members().length === 2)
  const [first = '', ...others] = IDS
  await mesh.settle(n1.removeWorker(first))
  await mesh.settle(Promise.all(others.map(id => n1.removeWorker(id))))
  await mesh.run(60_000)
  for (const node of ['n1', 'n2']) expect(tablesOf(mesh, node).specs.get(first)).toBeUndefined()
  // Whoever comes with what has been forgotten, is told so.
  mesh.heal()
  await allSeeAll(mesh)
  await mesh.run(60_000)
  for (const size of sizes(mesh)) expect(size).toBeLessThanOrEqual(TOMBSTONES_MAX)
  for (const node of mesh.up) {
    const rows = [...tablesOf(mesh, node).specs.rows()]
    expect(rows.filter(({ body }) => body !== undefined)).toEqual([])
  }
  // And they agree, so that nobody sends anything.
  expect(new Set(mesh.up.map(node => tablesOf(mesh, node).specs.root())).size).toBe(1)
  // An id that was forgotten is free again.
  await mesh.settle(n1.addWorker({ id: first, run: counter, args: [7] }))
  await mesh.run(5_000)
  expect(await mesh.settle(mesh.node('n3').getWorker(first, counter).call.get())).toBe(7)
})
