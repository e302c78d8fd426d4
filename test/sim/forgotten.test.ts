/** What was removed so long ago that its row was dropped stays removed; what a node has merely missed is no such thing. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter } from './behaviours.ts'

const TOMBSTONE_MS = 20_000
const DAY_MS = 24 * 60 * 60 * 1000
const timings = { tombstoneMs: TOMBSTONE_MS }

const worker = (id: string) => ({ id, run: counter, args: [1] }) as const

function add(mesh: SimulatedMesh, node: string, id: string): Promise<unknown> {
  return mesh.settle(mesh.node(node).addWorker(worker(id), { ack: 'local' }))
}

function remove(mesh: SimulatedMesh, node: string, id: string): Promise<unknown> {
  return mesh.settle(mesh.node(node).removeWorker(id))
}

const kindOf = (mesh: SimulatedMesh, node: string, id: string) =>
  mesh
    .node(node)
    .snapshot()
    .specs.find(spec => spec.id === id)?.status.kind

const hasRow = (mesh: SimulatedMesh, node: string, id: string): boolean =>
  [...mesh.node(node).inspect().core.ledger.tables.specs.rows()].some(row => row.id === id)

/** Nobody has dropped any of them, and nobody does for a while. */
async function runEverywhere(mesh: SimulatedMesh, ids: readonly string[]): Promise<void> {
  const isSo = (): boolean => mesh.up.every(node => ids.every(id => kindOf(mesh, node, id) === 'running'))
  await mesh.until('all of it runs', isSo, 30_000)
  await mesh.run(60_000)
  expect(isSo()).toBe(true)
}

async function goneEverywhere(mesh: SimulatedMesh, id: string): Promise<void> {
  const isSo = (): boolean => mesh.up.every(node => kindOf(mesh, node, id) === undefined)
  await mesh.until('it is removed', isSo, 30_000)
  await mesh.run(60_000)
  expect(isSo()).toBe(true)
}

async function cutOff(
  mesh: SimulatedMesh,
  some: readonly string[],
  others: readonly string[],
): Promise<void> {
  mesh.partition(some, others)
  const isApart = (): boolean =>
    some.every(id => mesh.node(id).members().length === some.length) &&
    others.every(id => mesh.node(id).members().length === others.length)
  await mesh.until('they are apart', isApart)
}

test('what a node has missed while it was away goes on, though the node has forgotten later removals', async () => {
  await using mesh = await simulate({ behaviours: all, timings })
  await allSeeAll(mesh)
  await cutOff(mesh, ['n3'], ['n1', 'n2'])
  await add(mesh, 'n1', 'new')
  await mesh.run(1_000)
  await add(mesh, 'n3', 'own')
  await remove(mesh, 'n3', 'own')
  await mesh.run(2 * TOMBSTONE_MS)
  expect(hasRow(mesh, 'n3', 'own')).toBe(false)
  mesh.heal()
  await allSeeAll(mesh)
  await runEverywhere(mesh, ['new'])
})

test('of two halves neither loses what the other one has declared', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: all, timings })
  await allSeeAll(mesh)
  await cutOff(mesh, ['n1', 'n2'], ['n3', 'n4'])
  for (const node of ['n1', 'n3']) {
    await add(mesh, node, `new-${node}`)
    await mesh.run(1_000)
  }
  for (const node of ['n1', 'n3']) {
    await add(mesh, node, `own-${node}`)
    await remove(mesh, node, `own-${node}`)
  }
  await mesh.run(2 * TOMBSTONE_MS)
  mesh.heal()
  await allSeeAll(mesh)
  await runEverywhere(mesh, ['new-n1', 'new-n3'])
})

test('what others declare in a short partition goes on, also where a clock is two days ahead', async () => {
  await using mesh = await simulate({
    nodes: 4,
    behaviours: all,
    timings: { tombstoneMs: 20 * TOMBSTONE_MS },
  })
  await allSeeAll(mesh)
  mesh.setClock('n4', 2 * DAY_MS)
  const own = ['n1', 'n4'].map(node => [node, `own-${node}`] as const)
  for (const [node, id] of own) {
    await add(mesh, node, id)
    await remove(mesh, node, id)
  }
  await mesh.run(10_000)
  // To that clock they are old at once; it is not the only one that counts.
  for (const [, id] of own) expect(mesh.ids.map(node => hasRow(mesh, node, id))).toEqual(Array(4).fill(true))
  await cutOff(mesh, ['n1', 'n4'], ['n2', 'n3'])
  await add(mesh, 'n2', 'new')
  await mesh.run(1_000)
  await add(mesh, 'n1', 'last')
  await remove(mesh, 'n1', 'last')
  await mesh.run(60_000)
  mesh.heal()
  await allSeeAll(mesh)
  await runEverywhere(mesh, ['new'])
})

test.each([
  ['the one that was away', 'n3'],
  ['one that was there', 'n2'],
  ['one that has left since', 'n4'],
])(
  'I14: what was removed stays so when a node comes back that has missed it: declared by %s',
  async (_, writer) => {
    await using mesh = await simulate({ nodes: 4, behaviours: all, timings })
    await allSeeAll(mesh)
    await mesh.settle(mesh.node(writer).addWorker(worker('gone'), { ack: 'all' }))
    if (writer === 'n4') await mesh.stop('n4')
    const others = mesh.up.filter(id => id !== 'n3')
    await cutOff(mesh, ['n3'], others)
    await remove(mesh, 'n1', 'gone')
    await mesh.until('it is forgotten', () => others.every(node => !hasRow(mesh, node, 'gone')), 60_000)
    expect(kindOf(mesh, 'n3', 'gone')).toBe('running')
    mesh.heal()
    await allSeeAll(mesh)
    await goneEverywhere(mesh, 'gone')
  },
)

test('I14: a group that was removed stays so, whatever was done to it where nobody had heard of that', async () => {
  await using mesh = await simulate({ behaviours: all, timings })
  await allSeeAll(mesh)
  const group = { id: 'line', members: [{ id: 'a', run: counter, args: [1] }] } as const
  await mesh.settle(mesh.node('n1').addGroup(group, { ack: 'all' }))
  await cutOff(mesh, ['n3'], ['n1', 'n2'])
  await mesh.settle(mesh.node('n1').removeGroup('line'))
  await mesh.settle(
    mesh
      .node('n3')
      .getGroup('line')
      .addMember({ id: 'b', run: counter, args: [1] }, { ack: 'local' }),
  )
  await mesh.until('it is forgotten', () => ['n1', 'n2'].every(node => !hasRow(mesh, node, 'line')), 60_000)
  mesh.heal()
  await allSeeAll(mesh)
  await goneEverywhere(mesh, 'line')
})

test('a node whose clock is behind what was forgotten declares as any other', async () => {
  await using mesh = await simulate({ nodes: ['n1', 'n2', 'n3'], behaviours: all, timings })
  await allSeeAll(mesh)
  mesh.crash('n3')
  await add(mesh, 'n1', 'x')
  await remove(mesh, 'n1', 'x')
  await mesh.run(2 * TOMBSTONE_MS)
  expect(['n1', 'n2'].map(node => hasRow(mesh, node, 'x'))).toEqual([false, false])
  mesh.setClock('n3', -3_600_000)
  const n3 = await mesh.start('n3')
  await allSeeAll(mesh)
  await mesh.settle(n3.addWorker(worker('y')))
  await mesh.run(5 * 60_000)
  await mesh.settle(n3.addWorker(worker('z')))
  // Also under an id that was removed at a time that has not come yet by that clock, once it has heard of that.
  await expect(mesh.settle(n3.addWorker(worker('x')), 5_000)).rejects.toMatchObject({ name: 'NotFoundError' })
  await mesh.settle(n3.addWorker(worker('x')))
  await runEverywhere(mesh, ['x', 'y', 'z'])
  await remove(mesh, 'n3', 'x')
  await goneEverywhere(mesh, 'x')
})

test('what was removed by a clock that was ahead may be declared again: who learns too late that it was, hears so at once', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: all, timings })
  await allSeeAll(mesh)
  mesh.crash('n3')
  mesh.setClock('n4', 2 * DAY_MS)
  await add(mesh, 'n4', 'x')
  await remove(mesh, 'n4', 'x')
  await mesh.run(2 * TOMBSTONE_MS)
  expect(mesh.up.map(node => hasRow(mesh, node, 'x'))).toEqual([false, false, false])
  const n3 = await mesh.start('n3')
  await allSeeAll(mesh)
  const [x, y] = ['x', 'y'].map(id => n3.addWorker(worker(id), { ack: 'all' }))
  const refused = expect(x).rejects.toMatchObject({ name: 'NotFoundError' })
  await mesh.settle(Promise.all([refused, y]), 5_000)
  await mesh.settle(n3.addWorker(worker('x')))
  await runEverywhere(mesh, ['x', 'y'])
  // What has nothing to do with it is not declared in that future.
  const msOf = (id: string): number => n3.inspect().core.ledger.tables.specs.get(id)?.version.ms ?? 0
  expect(msOf('x') - msOf('y')).toBeGreaterThan(DAY_MS)
})

test('what runs on a node whose clock is behind goes on when it meets a mesh that has forgotten something', async () => {
  await using mesh = await simulate({ behaviours: all, timings })
  await allSeeAll(mesh)
  mesh.crash('n3')
  await add(mesh, 'n1', 'x')
  await remove(mesh, 'n1', 'x')
  await mesh.run(2 * TOMBSTONE_MS)
  mesh.setClock('n3', -3_600_000)
  mesh.partition(['n3'], ['n1', 'n2'])
  await mesh.start('n3')
  await add(mesh, 'n3', 'y')
  mesh.heal()
  await allSeeAll(mesh)
  await runEverywhere(mesh, ['y'])
})

test('nothing is left of a group that was changed where nobody had heard of its removal', async () => {
  await using mesh = await simulate({ nodes: 4, behaviours: all, timings })
  await allSeeAll(mesh)
  mesh.crash('n4')
  const group = { id: 'line', members: [{ id: 'a', run: counter, args: [1] }] } as const
  await mesh.settle(mesh.node('n1').addGroup(group, { ack: 'local' }))
  await mesh.run(2_000)
  await cutOff(mesh, ['n3'], ['n1', 'n2'])
  await mesh.settle(mesh.node('n1').removeGroup('line'))
  const added = { id: 'b', run: counter, args: [1] } as const
  await mesh.settle(mesh.node('n3').getGroup('line').addMember(added, { ack: 'local' }))
  await mesh.run(5_000)
  mesh.heal()
  await allSeeAll(mesh)
  await mesh.until('it is removed', () => mesh.up.every(node => kindOf(mesh, node, 'line') === undefined))
  // One that comes late drops the row late.
  await mesh.run(0.6 * TOMBSTONE_MS)
  await mesh.start('n4')
  await mesh.run(3 * TOMBSTONE_MS)
  const phases = mesh.up.map(node => [...mesh.node(node).inspect().core.ledger.tables.phases.rows()].length)
  expect(phases).toEqual([0, 0, 0, 0])
})

// It began anew with nothing: the claim of what was removed is of an older lineage, and won.
test.each([1, 2, 3])(
  'what is added again under an id that was forgotten keeps what it has when a node comes back that ran the old one: seed %i',
  async seed => {
    await using mesh = await simulate({ seed, behaviours: all, timings })
    await allSeeAll(mesh)
    const ids = Array.from({ length: 6 }, (_, index) => `x${index}`)
    for (const id of ids) await add(mesh, 'n1', id)
    await mesh.run(5_000)
    await cutOff(mesh, ['n3'], ['n1', 'n2'])
    for (const id of ids) await remove(mesh, 'n1', id)
    const isForgotten = (): boolean => ['n1', 'n2'].every(node => ids.every(id => !hasRow(mesh, node, id)))
    await mesh.until('they are forgotten', isForgotten, 60_000)
    const n1 = mesh.node('n1')
    for (const id of ids) await add(mesh, 'n1', id)
    for (const id of ids) await mesh.settle(n1.getWorker(id, counter).call.add(1_000))
    mesh.heal()
    await allSeeAll(mesh)
    await runEverywhere(mesh, ids)
    for (const id of ids) expect(await mesh.settle(n1.getWorker(id, counter).call.get())).toBe(1_001)
    const claims = mesh.up.map(node => mesh.node(node).inspect().core.ledger.tables.claims.root())
    expect(new Set(claims).size).toBe(1)
  },
)

test('a group that is added again under an id that was forgotten keeps what it has, too', async () => {
  await using mesh = await simulate({ behaviours: all, timings })
  await allSeeAll(mesh)
  const n1 = mesh.node('n1')
  const group = { id: 'line', members: [{ id: 'a', run: counter, args: [1] }] } as const
  await mesh.settle(n1.addGroup(group, { ack: 'all' }))
  await mesh.run(5_000)
  await cutOff(mesh, ['n3'], ['n1', 'n2'])
  await mesh.settle(n1.removeGroup('line'))
  await mesh.until('it is forgotten', () => ['n1', 'n2'].every(node => !hasRow(mesh, node, 'line')), 60_000)
  const line = await mesh.settle(n1.addGroup(group))
  const member = line.getMember('a')
  await mesh.settle(member.call.add(1_000))
  mesh.heal()
  await allSeeAll(mesh)
  await runEverywhere(mesh, ['line'])
  expect(await mesh.settle(member.call.get())).toBe(1_001)
})
