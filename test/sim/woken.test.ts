/** A machine that wakes up before its link does, as of a laptop: whoever hears nobody yet, is the one that is away. */

import { expect, test } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter } from './behaviours.ts'

const COUNT = 12

const IDS = Array.from({ length: COUNT }, (_, index) => `w${index}`)

/** Each worker, and what it has counted, as a node is told that calls it. */
async function counts(mesh: SimulatedMesh, node: Node): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const id of IDS) found.set(id, await mesh.settle(node.getWorker(id, counter).call.get()))
  return found
}

/** A mesh whose last nodes have slept for ten minutes, without a link; what they ran has counted elsewhere meanwhile. */
async function meshWithSleeper(
  nodes: number,
  seed: number,
  how: { readonly sleeperCount?: number; readonly dying?: string; readonly beforeMs?: number } = {},
): Promise<SimulatedMesh> {
  const { sleeperCount = 1, dying, beforeMs = 0 } = how
  const mesh = await simulate({ nodes, seed, behaviours: [counter] })
  await allSeeAll(mesh)
  await mesh.run(3_000)
  const n1 = mesh.node('n1')
  for (const id of IDS) await mesh.settle(n1.addWorker({ id, run: counter, args: [0] }))
  const [awake, sleepers] = [mesh.ids.slice(0, -sleeperCount), mesh.ids.slice(-sleeperCount)]
  if (dying !== undefined) mesh.crash(dying)
  await mesh.run(beforeMs)
  for (const sleeper of sleepers) mesh.freeze(sleeper)
  mesh.partition(awake, sleepers)
  await mesh.run(600_000)
  for (const id of IDS) await mesh.settle(n1.getWorker(id, counter).call.add(1_000))
  return mesh
}

// 3 to 11 of the 12 began anew: whoever woke had taken all others for dead after 3.2 s, and claimed what was theirs.
test.each([
  [3, 2_000, 1],
  [3, 3_500, 1],
  [3, 3_500, 2],
  [5, 14_000, 1],
  [3, 25_000, 1],
])(
  'a node of %i that wakes %i ms before its link takes nothing that others run: seed %i',
  async (nodes, linkAfterMs, seed) => {
    await using mesh = await meshWithSleeper(nodes, seed)
    const sleeper = `n${nodes}`
    const accused: string[] = []
    mesh.thaw(sleeper, 'asleep')
    mesh.node(sleeper).on('member:suspect', ({ member }) => accused.push(member.id))
    mesh.node(sleeper).on('member:dead', ({ member }) => accused.push(member.id))
    await mesh.run(linkAfterMs)
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(10_000)
    expect(accused).toEqual([])
    expect(await counts(mesh, mesh.node('n1'))).toEqual(new Map(IDS.map(id => [id, 1_000])))
  },
)

// Of the 12, 6 began anew at seed 1, as long as it was enough that somebody was heard.
test.each([1, 2, 3])(
  'two nodes of one machine that wake, and hear each other only, take nothing either: seed %i',
  async seed => {
    await using mesh = await meshWithSleeper(4, seed, { sleeperCount: 2 })
    for (const sleeper of ['n3', 'n4']) mesh.thaw(sleeper, 'asleep')
    await mesh.run(6_000)
    expect(mesh.node('n3').members()).toHaveLength(4)
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(10_000)
    expect(await counts(mesh, mesh.node('n1'))).toEqual(new Map(IDS.map(id => [id, 1_000])))
  },
)

// They took it over, as they heard each other.
test.each([0, 100])(
  'of one who dies %i ms before two nodes of one machine fall asleep, these take nothing',
  async beforeMs => {
    await using mesh = await meshWithSleeper(5, 1, { dying: 'n2', beforeMs, sleeperCount: 2 })
    for (const sleeper of ['n4', 'n5']) mesh.thaw(sleeper, 'asleep')
    await mesh.run(6_000)
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(10_000)
    expect(await counts(mesh, mesh.node('n1'))).toEqual(new Map(IDS.map(id => [id, 1_000])))
  },
)

// One of them began anew: it heard of the death, or saw it itself, before it heard who had taken over.
test.each([0, 100])(
  'of one who dies %i ms before another one falls asleep, that one takes nothing',
  async beforeMs => {
    await using mesh = await meshWithSleeper(4, 1, { dying: 'n2', beforeMs })
    mesh.thaw('n4', 'asleep')
    await mesh.run(6_000)
    mesh.heal()
    await allSeeAll(mesh)
    await mesh.run(10_000)
    expect(await counts(mesh, mesh.node('n1'))).toEqual(new Map(IDS.map(id => [id, 1_000])))
  },
)

test('a node that wakes where nobody is any more says so in time, and runs everything itself', async () => {
  await using mesh = await meshWithSleeper(3, 1)
  mesh.thaw('n3', 'asleep')
  const n3 = mesh.node('n3')
  await mesh.until('it is alone', () => n3.members().length === 1, 40_000)
  const isRun = (): boolean => n3.snapshot().specs.every(({ workers }) => workers[0]?.node === 'n3')
  await mesh.until('it runs all', isRun)
  expect(await counts(mesh, n3)).toEqual(new Map(IDS.map(id => [id, 0])))
})

test('a node that has slept and hears one of the others finds as ever that another one is gone', async () => {
  await using mesh = await meshWithSleeper(3, 1)
  mesh.thaw('n3', 'asleep')
  const n3 = mesh.node('n3')
  await mesh.run(3_500)
  mesh.heal()
  await allSeeAll(mesh)
  mesh.freeze('n2')
  await mesh.until('n2 is dead', () => n3.members().length === 2, 5_000)
  expect(n3.members().map(({ id }) => id)).not.toContain('n2')
})

// With two, three and five nodes it was still a member after six minutes: each stall made the others forgive it anew.
test.each([2, 3, 5])(
  '%i nodes that all stand still now and then find in a minute one that falls silent',
  async nodes => {
    await using mesh = await simulate({ nodes, seed: 1, behaviours: [counter] })
    await allSeeAll(mesh)
    await mesh.run(3_000)
    const [dying, ...others] = mesh.ids.toReversed()
    if (dying === undefined) throw new Error('there is a last node')
    mesh.freeze(dying)
    await mesh.run(300)
    for (let stalledMs = 0; stalledMs < 54_000; stalledMs += 18_000) {
      for (const id of others) mesh.freeze(id)
      await mesh.run(3_000)
      for (const id of others) mesh.thaw(id)
      await mesh.run(15_000)
    }
    for (const id of others) expect(mesh.node(id).members()).toHaveLength(others.length)
  },
)
