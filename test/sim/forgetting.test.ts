/** I10: of those who are gone, nodes keep rows for so long and no longer: what they hold does not grow with what has been. */

import { expect, test } from 'vitest'

import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const TOMBSTONE_MS = 30_000
/** Nodes look once a minute for what can be forgotten. */
const FORGET_MS = 60_000

test('a node holds the rows of those who live, and of those who have ended lately', async () => {
  await using mesh = await simulate({ nodes: 6, timings: { tombstoneMs: TOMBSTONE_MS } })
  await allSeeAll(mesh)
  const counts = (): number[] =>
    mesh.up.map(id => [...mesh.node(id).inspect().core.ledger.tables.members.rows()].length)
  mesh.crash('n5')
  await mesh.stop('n6')
  await mesh.run(0.75 * TOMBSTONE_MS)
  expect(counts()).toEqual([6, 6, 6, 6])
  // Who comes now takes in nothing that the others are about to forget, so that nobody is told of it again.
  await mesh.start('n5')
  await mesh.run(2_000)
  expect(counts()).toEqual([6, 6, 6, 6, 5])
  await mesh.run(TOMBSTONE_MS + FORGET_MS)
  expect(counts()).toEqual([5, 5, 5, 5, 5])
})
