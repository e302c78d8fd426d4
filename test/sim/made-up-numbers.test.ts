/** A member makes up the largest number that others take: they go on from there, and none of them shuts out another. */

import { describe, expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import type { Core } from '../../src/node/core.ts'
import { MOMENTS_MAX } from '../../src/protocol/hlc.ts'
import type { MemberRow } from '../../src/protocol/member-row.ts'
import { countedMax } from '../../src/protocol/plausible.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'

const [W, G, LATER] = [specId('w'), specId('g'), specId('later')]

const MEMBERS = [
  { id: 'a', run: counter, args: [1] },
  { id: 'b', run: counter, args: [1] },
] as const

/** Means harm, says something, and dies. Whoever compares rows with it takes it in. */
const LIAR = 'n4'

async function meshOf(): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes: 4, behaviours: [counter] })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: W, run: counter, args: [1] }))
  await mesh.settle(mesh.node('n1').addGroup({ id: G, members: MEMBERS }))
  await mesh.run(2_000)
  return mesh
}

function coreOf(mesh: SimulatedMesh, name: string): Core {
  return mesh.node(name).inspect().core
}

/** What the liar knows of something, so that it can say it otherwise. */
function known<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new Error('the liar does not know it')
  return row
}

/** All that are not the liar are one mesh, in which everything runs and can be called from everywhere. */
async function expectWhole(mesh: SimulatedMesh): Promise<void> {
  await mesh.run(5_000)
  mesh.crash(LIAR)
  await mesh.run(40_000)
  for (const id of mesh.up) {
    const node = mesh.node(id)
    expect([id, node.snapshot().border]).toMatchObject([id, { faults: 0 }])
    const alive = node.members().filter(({ status }) => status === 'alive')
    expect([id, alive.map(member => member.id)]).toEqual([id, [...mesh.up]])
    expect(await mesh.settle(node.getWorker(W, counter).call.get())).toBe(1)
    for (const { id: member } of MEMBERS)
      expect(await mesh.settle(node.getGroup<typeof MEMBERS>(G).member(member).call.get())).toBe(1)
  }
}

/** None of them has hung up on another. */
function expectPeace(mesh: SimulatedMesh): void {
  for (const id of mesh.up) {
    const { violations, last } = mesh.node(id).snapshot().border
    expect([id, violations, last?.reason]).toEqual([id, 0, undefined])
  }
}

describe.each([
  ['that anybody takes at any time', () => 2 ** 52],
  ['that is taken at the time', (liar: Core) => countedMax(liar.self.boot)],
])('the largest number %s', (_which, mostOf) => {
  test('of a generation of a worker', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const { claims } = liar.ledger.tables
    const { id, boot } = liar.self
    const claim = known(claims.get(slotId(W)))
    claims.merge({ ...claim, generation: mostOf(liar), owner: { id, boot }, seq: 1, state: 'stopped' })
    await mesh.run(5_000)
    expectPeace(mesh)
    await expectWhole(mesh)
    expectPeace(mesh)
    expect(known(coreOf(mesh, 'n1').ledger.tables.claims.get(slotId(W))).generation).toBeGreaterThan(2 ** 52)
  })

  test('of what an owner has said of its worker', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const { claims } = liar.ledger.tables
    const claim = known(claims.get(slotId(W)))
    claims.merge({ ...claim, seq: mostOf(liar), state: 'draining' })
    await expectWhole(mesh)
    expectPeace(mesh)
    const { owner, state } = known(coreOf(mesh, 'n1').ledger.tables.claims.get(slotId(W)))
    expect({ owner, state }).toEqual({ owner: claim.owner, state: 'running' })
  })

  test('of a generation of a group', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const { phases } = liar.ledger.tables
    const { id, boot } = liar.self
    const phase = known(phases.get(G))
    const stopped = phase.layout.map(({ slot }) => slot)
    const exits = stopped.map(slot => ({
      slot,
      at: liar.ledger.moment(liar.self.boot),
      kind: 'abnormal' as const,
      failure: { name: 'Error', message: 'made up', node: id, slot },
      wasReady: true,
    }))
    const generation = { number: mostOf(liar), tag: 1 }
    phases.merge({ ...phase, generation, coordinator: { id, boot }, rank: 'failed', exits, stopped })
    await expectWhole(mesh)
    expectPeace(mesh)
    expect(known(coreOf(mesh, 'n1').ledger.tables.phases.get(G)).generation.number).toBeGreaterThan(2 ** 52)
  })

  test('of what a member has said of itself', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const { members } = liar.ledger.tables
    members.merge({ ...known(members.get('n1')), seq: mostOf(liar), status: 'suspect' })
    await expectWhole(mesh)
    expectPeace(mesh)
    expect(coreOf(mesh, 'n1').self.seq).toBeGreaterThan(2 ** 52)
  })

  test('of a run of a member that is down', async () => {
    await using mesh = await meshOf()
    mesh.crash('n1')
    const isDead = ({ status }: MemberRow): boolean => status === 'dead'
    const rowOf = (name: string): MemberRow => known(coreOf(mesh, name).ledger.tables.members.get('n1'))
    await mesh.until('it is dead', () => ['n2', 'n3', LIAR].every(name => isDead(rowOf(name))))
    const liar = coreOf(mesh, LIAR)
    const row: MemberRow = { ...rowOf(LIAR), boot: mostOf(liar) }
    liar.ledger.tables.members.merge(row)
    liar.ledger.onMemberChanged({ kind: 'member-changed', row, before: undefined, authored: true })
    await mesh.until('others have heard', () => ['n2', 'n3'].every(name => rowOf(name).boot === row.boot))
    await mesh.settle(mesh.start('n1'))
    await expectWhole(mesh)
    expectPeace(mesh)
    expect(coreOf(mesh, 'n1').self.boot).toBeGreaterThan(2 ** 52)
  })

  test('of a moment at which a worker was declared', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const { specs } = liar.ledger.tables
    const version = { ms: mostOf(liar), count: MOMENTS_MAX, node: nodeId(LIAR) }
    specs.merge({ ...known(specs.get(W)), version })
    await mesh.run(5_000)
    await mesh.settle(mesh.node('n2').restartWorker(W))
    await expectWhole(mesh)
    expectPeace(mesh)
    const { version: last } = known(coreOf(mesh, 'n1').ledger.tables.specs.get(W))
    expect(last.node).toBe('n2')
  })

  test('of a moment at which something was removed', async () => {
    await using mesh = await meshOf()
    const liar = coreOf(mesh, LIAR)
    const at = { ms: mostOf(liar), count: MOMENTS_MAX, node: nodeId(LIAR) }
    liar.ledger.tombstones.note(LATER, at)
    const add = (): Promise<unknown> =>
      mesh.settle(mesh.node('n2').addWorker({ id: LATER, run: counter, args: [1] }))
    await add().catch(() => {})
    await mesh.run(5_000)
    await add()
    await expectWhole(mesh)
    expectPeace(mesh)
    for (const id of mesh.up)
      expect(await mesh.settle(mesh.node(id).getWorker(LATER, counter).call.get())).toBe(1)
  })
})

test('who goes on from it is heard by a node whose clock is behind as soon as that has come so far', async () => {
  await using mesh = await meshOf()
  mesh.setClock('n3', -5_000)
  const liar = coreOf(mesh, LIAR)
  const { members } = liar.ledger.tables
  const seq = countedMax(liar.self.boot + mesh.nowMs)
  members.merge({ ...known(members.get('n1')), seq, status: 'suspect' })
  const seqOn = (name: string): number => known(coreOf(mesh, name).ledger.tables.members.get('n1')).seq
  await mesh.until('n1 has refuted it', () => seqOn('n2') > seq)
  expect(seqOn('n3')).toBeLessThan(seq)
  expect(mesh.node('n3').snapshot().border.implausible).toBeGreaterThan(0)
  await expectWhole(mesh)
  expect(seqOn('n3')).toBeGreaterThan(seq)
  for (const id of mesh.up) expect([id, mesh.node(id).snapshot().border.violations]).toEqual([id, 0])
})
