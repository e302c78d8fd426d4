/** Who counts among those who have taken in what was declared: also whoever is met later, or again. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'
import { statusAt } from './early.ts'

const SEEDS = [1, 2, 3, 4]
const slow = defineServer('slow', { init: context => context.sleep(5_000) })
const hits = { id: 'hits', run: counter, args: [1] } as const
const toAll = { ack: 'all', until: 'declared', timeoutMs: 10_000 } as const

test.each(SEEDS)('all of a mesh that has just formed, most of whom have not met: seed %i', async seed => {
  await using mesh = await simulate({ seed, nodes: 12, behaviours: [counter] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(12))
  await mesh.settle(node.addWorker(hits, toAll))
  expect(mesh.ids.filter(id => statusAt(mesh, id, 'hits') === undefined)).toEqual([])
})

test.each(SEEDS)(
  'one whose session breaks before it has answered, and that comes back: seed %i',
  async seed => {
    await using mesh = await simulate({ seed, nodes: 4, behaviours: [counter] })
    await allSeeAll(mesh)
    const adding = mesh.node('n1').addWorker(hits, toAll)
    await mesh.until('it is on its way', () => mesh.node('n1').snapshot().specs.length === 1)
    mesh.breakSession('n1', 'n3')
    const ref = await mesh.settle(adding)
    expect(ref.id).toBe('hits')
    expect(statusAt(mesh, 'n3', 'hits')).toBeDefined()
  },
)

test('one that had no session when it was declared', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: [counter] })
  await allSeeAll(mesh)
  for (const other of ['n2', 'n3', 'n4']) mesh.breakSession('n1', other)
  await mesh.settle(mesh.node('n1').addWorker(hits, toAll))
  expect(mesh.ids.filter(id => statusAt(mesh, id, 'hits') === undefined)).toEqual([])
})

test('changes that are made faster than others answer', async () => {
  await using mesh = await simulate({ nodes: 3, behaviours: [counter], conditions: { latencyMs: 50 } })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const member = (id: string) => ({ id, run: counter, args: [1] as const })
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [member('m')] }))
  const startedMs = mesh.nowMs
  const adding: Promise<unknown>[] = []
  for (let n = 0; n < 60; n++) {
    adding.push(group.addMember(member(`m${n}`), { ...toAll, timeoutMs: 1_000 }))
    await mesh.run(20)
  }
  const refused = (await mesh.settle(Promise.allSettled(adding))).filter(
    ({ status }) => status === 'rejected',
  )
  expect(refused).toEqual([])
  expect(mesh.nowMs - startedMs).toBeLessThan(60 * 20 + 1_000)
  expect(group.members()).toHaveLength(61)
})

test.each([
  ['its signal aborts', true],
  ['its node stops', false],
] as const)('what is cut off as %s is taken back: %s', async (_what, isTakenBack) => {
  await using mesh = await simulate({ nodes: 2, behaviours: [slow] })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const abort = new AbortController()
  const adding = node.addWorker({ id: 'slow', run: slow }, { signal: abort.signal })
  const outcome = expect(mesh.settle(adding)).rejects.toMatchObject({
    name: isTakenBack ? 'AbortError' : 'NodeStoppedError',
  })
  await mesh.until('the other node knows it', () => statusAt(mesh, 'n2', 'slow') !== undefined)
  if (isTakenBack) abort.abort()
  else await mesh.settle(node.stop())
  await outcome
  await mesh.run(10_000)
  expect(statusAt(mesh, 'n2', 'slow')?.kind).toBe(isTakenBack ? undefined : 'running')
})
