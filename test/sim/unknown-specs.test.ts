/** What a member says of specs that nobody knows, and of slots that no spec has: no node keeps it without end. */

import { expect, test } from 'vitest'

import { type Run, nodeId, slotId, specId } from '../../src/ids.ts'
import { nodeLost } from '../../src/node/supervision/exit.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { STRAYS_MAX, STRAY_MS } from '../../src/protocol/strays.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { PHASE } from '../node/supervision/heirs.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter, listener } from './behaviours.ts'

const COUNT = 3_000
const PLACED = 10
const HOUR_MS = 3_600_000
const specVersion = { ms: 1, count: 0, node: nodeId('n3') }

const tablesOf = (mesh: SimulatedMesh, node: string) => mesh.node(node).inspect().core.ledger.tables

function claimOf(spec: string, owner: Run, more: Partial<Claim> = {}): Claim {
  return {
    slot: slotId(specId(spec)),
    generation: 1,
    owner,
    score: 1,
    seq: 0,
    state: 'running',
    specVersion,
    restarts: [],
    failures: [],
    ...more,
  }
}

/** n3 is broken: it has rows of specs that it does not know, and tells everybody. */
async function broken(count = COUNT): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const { claims, phases } = tablesOf(mesh, 'n3')
  for (let index = 0; index < count; index++) {
    claims.merge(claimOf(`claimed-${index}`, { id: nodeId('gone'), boot: index + 1 }))
    if (index < PLACED) phases.merge({ ...PHASE, spec: specId(`placed-${index}`), specVersion })
  }
  return mesh
}

/** What the nodes that are not broken have: in their tables, and beside them. */
const keptIn = (mesh: SimulatedMesh) =>
  ['n1', 'n2'].map(node => {
    const { claims, phases, strays } = tablesOf(mesh, node)
    return { rows: claims.size + phases.size, strays: strays.size }
  })

test('claims and phases of specs that nobody knows are kept for a while only, and told to nobody', async () => {
  await using mesh = await broken()
  await mesh.until('n1 has heard of them', () => (keptIn(mesh)[0]?.strays ?? 0) > 0)
  let most = 0
  for (let minute = 0; minute < 2; minute++) {
    await mesh.run(STRAY_MS)
    for (const { rows, strays } of keptIn(mesh)) {
      expect(rows).toBe(0)
      most = Math.max(most, strays)
    }
  }
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(STRAYS_MAX)
  mesh.crash('n3')
  await mesh.run(HOUR_MS)
  expect(keptIn(mesh)).toEqual([
    { rows: 0, strays: 0 },
    { rows: 0, strays: 0 },
  ])
})

test('nodes that have heard of different ones agree, and have nothing to exchange', async () => {
  await using mesh = await broken(10)
  mesh.cut('n2', 'n3')
  await mesh.until('n1 has heard of them', () => keptIn(mesh)[0]?.strays === 20)
  expect(tablesOf(mesh, 'n1').roots()).toEqual(tablesOf(mesh, 'n2').roots())
  await mesh.run(5_000)
  expect(keptIn(mesh)[1]).toEqual({ rows: 0, strays: 0 })
})

test('what is declared under such an id runs, and is told to all', async () => {
  await using mesh = await broken(10)
  await mesh.until('n1 has heard of them', () => keptIn(mesh)[0]?.strays === 20)
  const worker = { id: 'claimed-0', run: counter, args: [1] } as const
  await mesh.settle(mesh.node('n1').addWorker(worker))
  mesh.crash('n3')
  const kindAt = (node: string) =>
    mesh
      .node(node)
      .snapshot()
      .specs.find(({ id }) => id === 'claimed-0')?.status.kind
  await mesh.until('both know that it runs', () => ['n1', 'n2'].every(node => kindAt(node) === 'running'))
  expect(keptIn(mesh)).toEqual([
    { rows: 1, strays: 19 },
    { rows: 1, strays: 19 },
  ])
})

test('slots that a generation has not do not make its row grow', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const members = [{ id: 'a', run: counter, args: [1] }] as const
  await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members }, { ack: 'all' }))
  const { phases } = tablesOf(mesh, 'n3')
  for (let round = 0; round < 5; round++) {
    const phase = phases.get('line')
    if (phase === undefined) throw new Error('n3 does not know the group')
    const stopped = Array.from({ length: 600 }, (_, index) => slotId(specId('line'), `${round}-${index}`))
    phases.merge({ ...phase, stopped: stopped.toSorted() })
    await mesh.run(10_000)
  }
  expect(['n1', 'n2'].map(node => tablesOf(mesh, node).phases.get('line')?.stopped)).toEqual([[], []])
})

test.each(['ready', 'stopped', 'exits'] as const)(
  'a slot that a generation has not, said once as one of %s, keeps nobody from hearing of a crash',
  async field => {
    await using mesh = await simulate({ behaviours: all, labelsOf: { n2: { here: 'yes' } } })
    await allSeeAll(mesh)
    const members = [{ id: 'a', run: listener, args: [], placement: { labels: { here: 'yes' } } }] as const
    const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members }, { ack: 'all' }))
    const phaseAt = (node: string) => tablesOf(mesh, node).phases.get('line')
    await mesh.until('all know that it runs', () => mesh.up.every(id => phaseAt(id)?.rank === 'running'))
    const before = phaseAt('n3')
    if (before === undefined) throw new Error('n3 does not know the group')
    const slot = slotId(specId('line'), 'zzz')
    const failure = nodeLost(nodeId('n3'), slot)
    const exit = { slot, at: specVersion, kind: 'abnormal', failure, wasReady: true } as const
    tablesOf(mesh, 'n3').phases.merge({
      ...before,
      [field]: [...before[field], field === 'exits' ? exit : slot],
    })
    await mesh.run(10_000)
    group
      .member('a')
      .call.crash()
      .catch(() => {})
    const isNext = (node: string) =>
      phaseAt(node)?.rank === 'running' && phaseAt(node)?.generation.number === before.generation.number + 1
    await mesh.until('it is restarted, and all know', () => mesh.up.every(isNext))
    const roots = ['n1', 'n2'].map(node => tablesOf(mesh, node).phases.root())
    expect(roots[0]).toBe(roots[1])
  },
)

/** n2 hears by gossip of a crash in a group that was added while it stood still; all else is slow to come. */
async function early(): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [listener], labelsOf: { n3: { here: 'yes' } } })
  await allSeeAll(mesh)
  await mesh.run(1_000)
  mesh.freeze('n2')
  for (const other of ['n1', 'n3']) mesh.cutOneWay(other, 'n2')
  const placement = { labels: { here: 'yes' } }
  const members = [{ id: 'a', run: listener, args: [], placement }] as const
  const group = await mesh.settle(mesh.node('n3').addGroup({ id: 'pair', members }, { ack: 'local' }))
  mesh.setConditions({ bytesPerMs: 1e-6 })
  mesh.heal()
  group
    .member('a')
    .call.crash()
    .catch(() => {})
  await mesh.run(100)
  mesh.thaw('n2')
  await mesh.run(100)
  const { specs, strays } = tablesOf(mesh, 'n2')
  expect([specs.size, strays.find(specId('pair'))?.phase?.rank]).toEqual([0, 'failed'])
  return mesh
}

test('a phase that comes before its spec counts when that comes, and all know the same', async () => {
  await using mesh = await early()
  const generation = () => tablesOf(mesh, 'n2').phases.get('pair')?.generation
  const told = tablesOf(mesh, 'n2').strays.find(specId('pair'))?.phase?.generation.number ?? Infinity
  mesh.setConditions({ bytesPerMs: Infinity })
  await mesh.until('n2 knows the spec', () => tablesOf(mesh, 'n2').specs.size === 1)
  expect(generation()?.number).toBeGreaterThanOrEqual(told)
  expect(tablesOf(mesh, 'n2').strays.size).toBe(0)
  const roots = () => mesh.up.map(node => JSON.stringify(tablesOf(mesh, node).roots()))
  await mesh.until('all know the same', () => new Set(roots()).size === 1)
})

test('a phase whose spec is lost with all who had it is dropped', async () => {
  await using mesh = await early()
  for (const other of ['n1', 'n3']) mesh.crash(other)
  await mesh.run(STRAY_MS + 1_000)
  expect(tablesOf(mesh, 'n2').strays.size).toBe(0)
})
