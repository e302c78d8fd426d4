/** A worker that is given away while an earlier run of it, which had been overruled, still stops on that node. */

import { expect, test } from 'vitest'

import { defineTask } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const started: string[] = []

/** Does not hear its signal, so that it has all of its stop time. */
const deaf = defineTask('deaf', async ({ node }) => {
  started.push(node)
  await new Promise(() => {})
})

test('goes to whoever asks, as soon as that one is gone', async () => {
  started.length = 0
  await using mesh = await simulate({ behaviours: [deaf] })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: deaf }))
  await mesh.until('it runs', () => started.length === 1)
  const [owner = ''] = started
  const [other = '', third = ''] = mesh.ids.filter(id => id !== owner)
  await mesh.settle(mesh.node(third).drain())
  mesh.partition([owner], [other, third])
  await mesh.until('it runs twice', () => started.length === 2, 20_000)
  mesh.heal()
  const ownerOf = (id: string): string | undefined =>
    mesh.node(id).inspect().core.ledger.tables.claims.get('w')?.owner.id
  await mesh.until('the first one is overruled', () => ownerOf(owner) === other)
  mesh.crash(other)
  await mesh.until('its node claims it once more', () => ownerOf(owner) === owner, 4_000)
  mesh.node(third).resume()
  const drained = mesh.node(owner).drain()
  await mesh.until('it runs elsewhere', () => started.length === 3, 15_000)
  await mesh.settle(drained)
  expect(started).toEqual([owner, other, third])
})
