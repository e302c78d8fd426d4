/** Workers of a node that is emptied which do not run just then: those that wait for their restart, and those that end. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const SEEDS = [1, 2, 3, 4, 5] as const

/** Starts, and crashes at once: so it waits for longer and longer. */
const doomed = defineServer('doomed', {
  init: context => context.sendAfter(1, 'now'),
  info: () => {
    throw new Error('on purpose')
  },
})

/** Takes a second to end. */
const slow = defineServer('slow', {
  init: () => ({}),
  terminate: async (_state, _reason, context) => {
    // A pause that a signal that has aborted does not cut short.
    for (let restedMs = 0; restedMs < 1_000; restedMs += 10) await context.sleep(10)
  },
})

const labels = { gpu: 'yes' }
const worker = { id: 'w', run: doomed, intensity: { restarts: 1_000, withinMs: 1_000 } } as const

async function meshOf(seed: number, init: { readonly isOnlyOne?: boolean } = {}): Promise<SimulatedMesh> {
  const labelsOf = init.isOnlyOne === true ? { n2: labels } : { n2: labels, n3: labels }
  const mesh = await simulate({ seed, behaviours: [doomed, slow, keeper], labelsOf })
  await allSeeAll(mesh)
  return mesh
}

/** The claim that names this node as its owner, as the node itself has it. */
function claimOn(mesh: SimulatedMesh, name: string) {
  const { tables } = mesh.node(name).inspect().core.ledger
  return [...tables.claims.rows()].find(({ owner }) => owner.id === name)
}

/** Waits until the worker is in its back-off, for a while. @returns its node */
async function untilWaiting(mesh: SimulatedMesh): Promise<string> {
  let owner: string | undefined
  await mesh.until('it waits for its restart', () => {
    owner = mesh.up.find(name => claimOn(mesh, name)?.state === 'restarting')
    return owner !== undefined && mesh.node(owner).snapshot().workers.inline === 0
  })
  return owner ?? ''
}

test.each(SEEDS)('one that waits for its restart is waited for until others have it: seed %i', async seed => {
  await using mesh = await meshOf(seed)
  await mesh.settle(mesh.node('n1').addWorker({ ...worker, placement: { labels } }, { until: 'declared' }))
  await mesh.run(3_000)
  const owner = await untilWaiting(mesh)
  expect(await mesh.settle(mesh.node(owner).drain())).toEqual([])
  expect(claimOn(mesh, owner)?.state ?? 'stopped').toBe('stopped')
  const starts: string[] = []
  mesh.node(owner).on('worker:start', ({ slot }) => starts.push(slot))
  await mesh.run(60_000)
  expect(starts).toEqual([])
})

test('one that waits for its restart where nobody else can run it is named as staying', async () => {
  await using mesh = await meshOf(1, { isOnlyOne: true })
  await mesh.settle(mesh.node('n1').addWorker({ ...worker, placement: { labels } }, { until: 'declared' }))
  await mesh.run(3_000)
  const owner = await untilWaiting(mesh)
  expect(await mesh.settle(mesh.node(owner).drain())).toEqual(['w'])
})

test('one that others cannot take yet is named in the error, also where it waits for its restart', async () => {
  await using mesh = await meshOf(1)
  await mesh.settle(mesh.node('n1').addWorker({ ...worker, placement: { labels } }, { until: 'declared' }))
  await mesh.run(3_000)
  const owner = await untilWaiting(mesh)
  for (const other of mesh.up) if (other !== owner) mesh.cut(owner, other)
  const draining = mesh.settle(mesh.node(owner).drain({ timeoutMs: 100 }))
  await expect(draining).rejects.toMatchObject({ name: 'DrainError', workers: ['w'] })
})

const ends = ['removed worker', 'stopped worker', 'removed group', 'removed member'] as const

test.each(ends)('a %s that is still to stop is waited for, and not named as staying', async what => {
  await using mesh = await meshOf(1, { isOnlyOne: true })
  const node = mesh.node('n1')
  const one = { run: slow, placement: { labels } }
  if (what.endsWith('worker')) await mesh.settle(node.addWorker({ id: 'w', ...one }))
  else await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'a', ...one }] }))
  const exits: string[] = []
  mesh.node('n2').on('worker:exit', ({ slot }) => exits.push(slot))
  if (what === 'removed worker') void node.removeWorker('w')
  else if (what === 'stopped worker') void node.stopWorker('w')
  else if (what === 'removed group') void node.removeGroup('g')
  else void node.getGroup('g').removeMember('a')
  await mesh.run(100)
  expect(exits).toEqual([])
  expect(await mesh.settle(mesh.node('n2').drain())).toEqual([])
  expect(exits).toHaveLength(1)
})

// It said of the session that is missing that some of them were to go there, where nobody was to go anywhere.
test.each(['one_for_all', 'rest_for_one'] as const)(
  'a group that stays for one that no other node takes is told as such, and no link is blamed: %s',
  async strategy => {
    await using mesh = await meshOf(1, { isOnlyOne: true })
    const others = Array.from({ length: 12 }, (_, index) => ({
      id: `b${index}`,
      run: keeper,
      args: [0] as const,
    }))
    const members = [...others, { id: 'a', run: keeper, args: [0] as const, placement: { labels } }]
    await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members }))
    mesh.cut('n2', 'n3')
    await mesh.run(10_000)
    const { ledger } = mesh.node('n2').inspect().core
    const isConnected = (): boolean => ledger.membership.connected().some(id => id === 'n3')
    expect(isConnected()).toBe(false)
    const error: unknown = await mesh
      .settle(mesh.node('n2').drain({ timeoutMs: 2_000 }))
      .catch((caught: unknown) => caught)
    const staying = mesh
      .node('n2')
      .snapshot()
      .specs.flatMap(({ workers }) => workers.filter(({ node }) => node === 'n2').map(({ slot }) => slot))
    const workers = staying.filter(slot => slot !== 'g/a')
    expect(workers.length).toBeGreaterThan(1)
    // As if there were no other: so some of them would go where there is no session.
    expect(workers.map(slot => ledger.ownerOf(slot))).toContain('n3')
    expect(error).toMatchObject({ name: 'DrainError', workers, unplaced: ['g/a'], unreachable: [] })
    expect(String(error)).toMatch(/": some of them share their fate with "g\/a", which no other node takes$/)
  },
)
