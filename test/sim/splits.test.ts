/** A mesh that was split, and is whole again: how soon its sides meet, and whom and what that ends. */

import { describe, expect, test } from 'vitest'

import type { MemberStatus } from '../../src/protocol/member-row.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter, listener } from './behaviours.ts'

/** Nodes take this long at most to agree on all that has happened on the two sides (I9, for five). */
const SETTLE_MS = 14_000

/** Of what ran on both sides, one has stopped so long after the heal. */
const HEAL_MS = 10_000

/** An hour takes long to simulate: once is enough. */
const SPLITS = [
  ['three from two, after a minute', { durationMs: 60_000, side: ['n1', 'n2', 'n3'], seeds: 8 }],
  ['one from four, after an hour', { durationMs: 3_600_000, side: ['n4'], seeds: 1 }],
] as const

async function formed(init: SimulationInit): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes: 5, ...init })
  await allSeeAll(mesh)
  await mesh.run(2_000)
  return mesh
}

/** The side is cut off for so long, and each side takes the other one for dead. */
async function split(mesh: SimulatedMesh, side: readonly string[], durationMs: number): Promise<void> {
  mesh.partition(
    side,
    mesh.ids.filter(id => !side.includes(id)),
  )
  await mesh.run(durationMs)
  for (const id of mesh.ids) {
    const isOwnSide = (other: string): boolean => side.includes(other) === side.includes(id)
    for (const other of mesh.ids) expect(statusAt(mesh, id, other)).toBe(isOwnSide(other) ? 'alive' : 'dead')
  }
}

function statusAt(mesh: SimulatedMesh, id: string, of: string): MemberStatus | undefined {
  return mesh.node(id).inspect().core.ledger.tables.members.get(of)?.status
}

function bootsOf(mesh: SimulatedMesh): number[] {
  return mesh.ids.map(id => mesh.node(id).inspect().core.self.boot)
}

describe('I49: the sides of a partition find each other, and nobody is called dead for it', () => {
  test.each(SPLITS)('%s', async (_what, { durationMs, side, seeds }) => {
    for (let seed = 1; seed <= seeds; seed++) {
      await using mesh = await formed({ seed, conditions: { hintLoss: 1 } })
      await split(mesh, side, durationMs + seed * 137)
      const boots = bootsOf(mesh)
      // From now on everybody answers everybody. Both sides have called the other one dead long before.
      const dead: string[] = []
      for (const id of mesh.ids)
        mesh.node(id).on('member:dead', ({ member }) => dead.push(`${member.id} for ${id}`))
      mesh.heal()
      await mesh.until(
        'all see all',
        () => mesh.ids.every(id => mesh.ids.every(other => statusAt(mesh, id, other) === 'alive')),
        10_000,
      )
      await mesh.run(SETTLE_MS)
      expect(dead, `seed ${seed}`).toEqual([])
      expect(bootsOf(mesh)).toEqual(boots)
    }
  })
})

test('I49: so do sides of which neither knows the other one but by its dead', async () => {
  const seedsOf = Object.fromEntries(['n1', 'n2', 'n3', 'n4', 'n5'].map(id => [id, ['n5']]))
  await using mesh = await formed({ seed: 1, seedsOf, conditions: { hintLoss: 1 } })
  // The only seed there was.
  mesh.crash('n5')
  mesh.partition(['n1', 'n2'], ['n3', 'n4', 'n5'])
  await mesh.run(3_600_000)
  for (const id of mesh.up) expect(mesh.node(id).members()).toHaveLength(2)
  mesh.heal()
  await allSeeAll(mesh, 10_000)
})

interface Seen {
  readonly slot: string
  readonly node: string
  readonly kind: 'start' | 'exit'
  readonly atMs: number
}

/** Listens from now on to what starts and ends anywhere. */
function watchWorkers(mesh: SimulatedMesh): readonly Seen[] {
  const seen: Seen[] = []
  for (const id of mesh.ids) {
    const note = (slot: string, kind: Seen['kind']): void =>
      void seen.push({ slot, node: id, kind, atMs: mesh.nowMs })
    mesh.node(id).on('worker:start', ({ slot }) => note(slot, 'start'))
    mesh.node(id).on('worker:exit', ({ slot }) => note(slot, 'exit'))
  }
  return seen
}

/** Where everything runs, as a node knows: by slot. */
function placesAt(mesh: SimulatedMesh, id: string): Map<string, string> {
  const workers = mesh
    .node(id)
    .snapshot()
    .specs.flatMap(spec => (spec.kind === 'chain' ? [] : spec.workers))
  return new Map(workers.map(({ slot, node }) => [String(slot), String(node)]))
}

/** What a heal has done to one slot. */
interface Healed {
  readonly slot: string
  /** Where it ran before, on either side, and does not afterwards. */
  readonly losers: readonly string[]
  /** What has started and ended since, and how long after the heal. */
  readonly seen: readonly Seen[]
}

/** A mesh with work is split and healed. @returns what has become of each slot */
async function healed(init: SimulationInit, side: readonly string[], durationMs: number): Promise<Healed[]> {
  await using mesh = await formed({ ...init, behaviours: [counter, listener] })
  const [first = '', last = ''] = [mesh.ids[0], mesh.ids.at(-1)]
  const members = ['a', 'b', 'c'].map(id => ({ id, run: listener }))
  await mesh.settle(
    Promise.all([
      ...Array.from({ length: 12 }, (_, index) =>
        mesh.node(first).addWorker({ id: `w${index}`, run: counter, args: [0] }),
      ),
      ...(['one_for_one', 'one_for_all', 'rest_for_one'] as const).map(strategy =>
        mesh.node(last).addGroup({ id: strategy, strategy, members }),
      ),
    ]),
  )
  await mesh.run(5_000)
  await split(mesh, side, durationMs)
  const [other = ''] = mesh.ids.filter(id => !side.includes(id))
  const sides = [placesAt(mesh, side[0] ?? ''), placesAt(mesh, other)]
  const boots = bootsOf(mesh)
  const seen = watchWorkers(mesh)
  const healedMs = mesh.nowMs
  mesh.heal()
  await mesh.run(SETTLE_MS)
  expect(bootsOf(mesh)).toEqual(boots)
  return [...placesAt(mesh, other)].map(([slot, node]) => ({
    slot,
    losers: sides.flatMap(places => places.get(slot) ?? []).filter(place => place !== node),
    seen: seen.filter(each => each.slot === slot).map(each => ({ ...each, atMs: each.atMs - healedMs })),
  }))
}

/**
 * Of each worker, one has run on each side: one of them goes on, and hears nothing of it; the other one stops, in time.
 */
function expectOneStopped(slots: readonly Healed[], what: string): void {
  expect(slots.length, what).toBe(12 + 9)
  for (const { slot, losers, seen } of slots) {
    expect([slot, losers.length], what).toEqual([slot, 1])
    expect(
      seen.map(({ node, kind }) => ({ node, kind })),
      `${what}, ${slot}`,
    ).toEqual(losers.map(node => ({ node, kind: 'exit' })))
    for (const { atMs } of seen) expect(atMs, `${what}, ${slot}`).toBeLessThanOrEqual(HEAL_MS)
  }
}

/** Longer than it takes until each side runs all; and so long that the sides dial each other as seldom as they ever do. */
const APART_MS = [20_000, 60_000]

describe('I4, I18: a heal stops the workers that have lost their slots, and no other, within 10 s', () => {
  test.each([
    ['one node from one', 2, ['n1']],
    ['three from two', 5, ['n1', 'n2', 'n3']],
    ['one from four', 5, ['n4']],
  ] as const)('%s', async (_what, nodes, side) => {
    for (const apartMs of APART_MS)
      for (let seed = 1; seed <= 8; seed++)
        expectOneStopped(
          await healed({ seed, nodes }, side, apartMs + seed * 137),
          `seed ${seed}, apart for ${apartMs} ms`,
        )
  })

  test('one from four, after an hour', async () => {
    expectOneStopped(await healed({ seed: 1 }, ['n4'], 3_600_000), 'seed 1')
  })
})
