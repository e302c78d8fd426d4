/** A node that cannot start a worker which others can: it declines it for a while, and the worker runs elsewhere. */

import { describe, expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { DECLINE_MS, FAILED_STARTS_MAX } from '../../src/node/supervision/declines.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Workers that cannot start on some nodes. */
class Sickness {
  /** The nodes on which nothing starts. */
  readonly nodes = new Set<string>()
  /** One member of a group waits for this when it is to stop. */
  mayStop: Promise<void> | undefined
  /** So many more starts fail. */
  left = Infinity
  /** Of every start that failed: the slot and the node. */
  readonly failed: string[] = []

  /** Counts, takes its count along, and crashes when told to. */
  readonly picky = defineServer('picky', {
    init: context => {
      this.#refuse(context.worker, context.node)
      return { count: typeof context.handoff === 'number' ? context.handoff : 0, node: context.node }
    },
    call: { count: state => state.count, node: state => state.node },
    cast: {
      add: state => void (state.count += 1),
      fail: () => {
        throw new Error('on purpose')
      },
    },
    handoff: state => state.count,
    terminate: async (_state, _reason, context) => {
      if (context.worker === 'g/c') await this.mayStop
    },
  })

  #refuse(worker: string, node: string): void {
    if (!this.nodes.has(node) || this.left === 0) return
    this.left -= 1
    this.failed.push(`${worker} ${node}`)
    throw new Error(`the port is taken on ${node}`)
  }
}

const INTENSITY = { restarts: 20, withinMs: 30_000 }

async function meshOf(sickness: Sickness, nodes = 3, seed = 'declines'): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ nodes, behaviours: [sickness.picky], seed })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

/** Where each worker of a spec runs, by its slot, as `from` sees it. */
function homesOf(mesh: SimulatedMesh, id: string, from = mesh.up[0] ?? ''): Map<string, string> {
  const spec = mesh
    .node(from)
    .snapshot()
    .specs.find(each => each.id === id)
  return new Map(spec?.workers.map(({ slot, node }) => [slot, node]))
}

/** A worker `w` that counts, and the node that it runs on. */
async function addPicky(mesh: SimulatedMesh, { picky }: Sickness, intensity = INTENSITY) {
  const ref = await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: picky, intensity }))
  const [home = ''] = homesOf(mesh, 'w').values()
  return { ref, home }
}

/** Waits until `w` runs on another node than that. */
async function leaves(mesh: SimulatedMesh, home: string): Promise<void> {
  const isElsewhere = (): boolean => ![undefined, home].includes(homesOf(mesh, 'w').get('w'))
  await mesh.until('it runs elsewhere', isElsewhere, 10_000)
}

const statusOf = (mesh: SimulatedMesh, id: string, from = mesh.up[0] ?? '') =>
  mesh
    .node(from)
    .snapshot()
    .specs.find(each => each.id === id)?.status

const declinesOf = (mesh: SimulatedMesh, node: string): readonly string[] =>
  mesh.node(node).inspect().core.self.declines ?? []

describe('a standalone worker whose node cannot start it any more', () => {
  test('is tried there three times, then runs elsewhere, and goes on counting its failures', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness)
    const { ref, home } = await addPicky(mesh, sickness)
    const told: unknown[] = []
    mesh.node(home).on('worker:decline', ({ slot, forMs }) => told.push([slot, forMs]))
    sickness.nodes.add(home)
    ref.cast.fail()
    await leaves(mesh, home)
    expect(sickness.failed).toEqual(Array.from({ length: FAILED_STARTS_MAX }, () => `w ${home}`))
    expect(await mesh.settle(ref.call.node())).not.toBe(home)
    expect(told).toEqual([['w', DECLINE_MS]])
    expect(declinesOf(mesh, home)).toEqual(['w'])
    const claim = mesh
      .node('n1')
      .inspect()
      .core.ledger.tables.claims.get(slotId(specId('w')))
    expect(claim?.restarts.length).toBe(1 + FAILED_STARTS_MAX)
    await mesh.until(
      'all place alike',
      () => new Set(mesh.up.map(id => mesh.node(id).snapshot().viewHash)).size === 1,
    )
    for (const id of mesh.up)
      expect(
        mesh
          .node(id)
          .inspect()
          .core.ledger.ownerOf(slotId(specId('w'))),
      ).not.toBe(home)
  })

  test('comes back when the time is over, with its state, and stays where it can start', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness)
    const { ref, home } = await addPicky(mesh, sickness)
    sickness.nodes.add(home)
    ref.cast.fail()
    await leaves(mesh, home)
    ref.cast.add()
    // It is tried again, in vain: what it had counted elsewhere is not lost, and the next time is twice as far off.
    await mesh.until(
      'it was tried again',
      () => sickness.failed.length === 2 * FAILED_STARTS_MAX,
      2 * DECLINE_MS,
    )
    await leaves(mesh, home)
    expect(await mesh.settle(ref.call.count())).toBe(1)
    await mesh.run(1.5 * DECLINE_MS)
    expect(sickness.failed.length).toBe(2 * FAILED_STARTS_MAX)
    sickness.nodes.clear()
    await mesh.until('it is back', () => homesOf(mesh, 'w').get('w') === home, DECLINE_MS)
    expect(await mesh.settle(ref.call.count())).toBe(1)
    expect(declinesOf(mesh, home)).toEqual([])
  })

  test('stays where starts fail now and then, fewer in a row than it takes', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness)
    const { ref, home } = await addPicky(mesh, sickness)
    sickness.nodes.add(home)
    for (let round = 1; round <= 3; round++) {
      sickness.left = FAILED_STARTS_MAX - 1
      ref.cast.fail()
      await mesh.until('it has failed', () => sickness.left === 0)
      expect(await mesh.settle(ref.with({ timeoutMs: 60_000 }).call.node())).toBe(home)
    }
    expect(sickness.failed.length).toBe(3 * (FAILED_STARTS_MAX - 1))
    expect(declinesOf(mesh, home)).toEqual([])
  })

  test('is given up where nobody can start it, after as many restarts as it may have', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness)
    const intensity = { restarts: 5, withinMs: 60_000 }
    const { ref } = await addPicky(mesh, sickness, intensity)
    for (const id of mesh.up) sickness.nodes.add(id)
    ref.cast.fail()
    await mesh.until('it is given up', () => statusOf(mesh, 'w')?.kind === 'gave-up')
    expect(sickness.failed.length).toBe(intensity.restarts)
    // A user says that it is well again: nothing of what was declined stands in the way.
    sickness.nodes.clear()
    await mesh.settle(mesh.node('n2').restartWorker('w'))
    await mesh.run(100)
    expect(mesh.up.flatMap(id => declinesOf(mesh, id))).toEqual([])
  })

  test('is taken back at once where the others are gone', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness)
    const { ref, home } = await addPicky(mesh, sickness)
    sickness.nodes.add(home)
    ref.cast.fail()
    await leaves(mesh, home)
    sickness.nodes.clear()
    const atMs = mesh.nowMs
    for (const other of mesh.up.filter(id => id !== home)) mesh.crash(other)
    await mesh.until('it runs again', () => homesOf(mesh, 'w', home).get('w') === home, DECLINE_MS / 4)
    expect(mesh.nowMs - atMs).toBeLessThan(DECLINE_MS / 4)
  })

  test('takes its state along to the node that has declined it, when the last other one leaves', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness, 2)
    const { ref, home } = await addPicky(mesh, sickness)
    const [other = ''] = mesh.up.filter(id => id !== home)
    sickness.nodes.add(home)
    ref.cast.fail()
    await leaves(mesh, home)
    sickness.nodes.clear()
    const counted = mesh.node(home).getWorker('w', sickness.picky)
    counted.cast.add()
    await mesh.run(100)
    await mesh.stop(other)
    await mesh.until('it is back', () => homesOf(mesh, 'w', home).get('w') === home, 5_000)
    expect(await mesh.settle(counted.call.count())).toBe(1)
  })
})

test('where one node is emptied and the other declines, a worker stays, and why nothing starts is said', async () => {
  const sickness = new Sickness()
  await using mesh = await meshOf(sickness, 2)
  const { ref, home } = await addPicky(mesh, sickness)
  const [other = ''] = mesh.up.filter(id => id !== home)
  sickness.nodes.add(home)
  ref.cast.fail()
  await leaves(mesh, home)
  expect(await mesh.settle(mesh.node(other).drain())).toEqual(['w'])
  await mesh.run(1_000)
  expect(homesOf(mesh, 'w').get('w')).toBe(other)
  expect(declinesOf(mesh, home)).toEqual(['w'])
  await mesh.settle(mesh.node(home).drain())
  const adding = mesh.node('n1').addWorker({ id: 'v', run: sickness.picky })
  const never = expect(adding).rejects.toMatchObject({ name: 'StartError' })
  await mesh.until('it waits', () => statusOf(mesh, 'v')?.kind === 'pending')
  expect(statusOf(mesh, 'v')).toMatchObject({
    reason: 'no live node takes it that has all of picky@1: 2 are emptied or about to leave (n1, n2)',
  })
  await mesh.settle(never, 120_000)
})

test('what has to stop for a restart is taken back at once, also where that takes long (seed 30242)', async () => {
  const sickness = new Sickness()
  await using mesh = await meshOf(sickness, 2)
  const members = (['a', 'b', 'c', 'd'] as const).map(id => ({ id, run: sickness.picky }))
  const spec = { id: 'g', strategy: 'one_for_all', members, intensity: INTENSITY } as const
  const group = await mesh.settle(mesh.node('n1').addGroup(spec))
  const home = homesOf(mesh, 'g').get('g/c') ?? ''
  const [other = ''] = mesh.up.filter(id => id !== home)
  sickness.nodes.add(home)
  group.member('c').cast.fail()
  const isElsewhere = (): boolean =>
    statusOf(mesh, 'g')?.kind === 'running' &&
    homesOf(mesh, 'g')
      .values()
      .every(node => node === other)
  await mesh.until('it runs elsewhere', isElsewhere, 30_000)
  expect(declinesOf(mesh, home)).toContain('g/c')
  sickness.nodes.clear()
  mesh
    .node(other)
    .drain({ timeoutMs: 1 })
    .catch(() => {})
  await mesh.run(1_000)
  expect(isElsewhere()).toBe(true)
  const { promise, resolve } = Promise.withResolvers<void>()
  sickness.mayStop = promise
  group.member('a').cast.fail()
  await mesh.run(1_000)
  expect(declinesOf(mesh, home)).toEqual([])
  resolve()
  await mesh.until('it runs again', () => statusOf(mesh, 'g')?.kind === 'running', 30_000)
  expect(new Set(homesOf(mesh, 'g').values())).toEqual(new Set([home]))
})

describe.each(GROUP_STRATEGIES)('a group, %s, of which a node cannot start a member any more', strategy => {
  test('runs elsewhere as a whole', async () => {
    const sickness = new Sickness()
    await using mesh = await meshOf(sickness, 3, `group ${strategy}`)
    const members = (['a', 'b', 'c', 'd', 'e', 'f'] as const).map(id => ({ id, run: sickness.picky }))
    const group = await mesh.settle(
      mesh.node('n1').addGroup({ id: 'g', strategy, members, intensity: INTENSITY }),
    )
    const home = homesOf(mesh, 'g').get('g/c') ?? ''
    sickness.nodes.add(home)
    group.member('c').cast.fail()
    const isElsewhere = (): boolean => {
      const homes = homesOf(mesh, 'g')
      return (
        statusOf(mesh, 'g')?.kind === 'running' && homes.size === members.length && homes.get('g/c') !== home
      )
    }
    await mesh.until('it runs elsewhere', isElsewhere, 30_000)
    for (const { id } of members) await mesh.settle(group.member(id).call.count())
    expect(declinesOf(mesh, home)).toContain('g/c')
  })
})
