/** What a node does that has nothing to do: each step is a wake-up of its process. */

import { afterEach, expect, test, vi } from 'vitest'

import { Core } from '../../src/node/core.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const SECONDS = 60

afterEach(() => {
  vi.restoreAllMocks()
})

/** Steps of each node in a second, in a mesh in which nothing happens. */
async function stepsPerSecond(
  nodes: number,
): Promise<{ readonly timers: number; readonly messages: number; readonly sessions: number }> {
  await using mesh = await simulate({ nodes })
  await mesh.until('all see all', () => mesh.ids.every(id => mesh.node(id).members().length === nodes))
  await mesh.run(20_000)
  const steps = vi.spyOn(Core.prototype, 'step')
  await mesh.run(SECONDS * 1_000)
  const count = (kind: string): number =>
    steps.mock.calls.filter(([event]) => event.kind === kind).length / SECONDS / nodes
  return { timers: count('time-passed'), messages: count('message-received'), sessions: count('peer-down') }
}

test.each([
  // One meets each of the others every half second, whoever has probed; tables are compared every fourth second.
  { nodes: 3, timersMax: 4.5, messagesMax: 6.5 },
  // In twelve runs of other seeds it was 6.2 to 7.2.
  { nodes: 5, timersMax: 4.5, messagesMax: 7.5 },
  // Four answers and four probes of others are the most that it gets: the larger the mesh, the less it saves.
  { nodes: 20, timersMax: 4.5, messagesMax: 8.6 },
])('a node of $nodes is woken no more often than it must be', async ({ nodes, timersMax, messagesMax }) => {
  const { timers, messages, sessions } = await stepsPerSecond(nodes)
  expect(timers).toBeLessThan(timersMax)
  expect(messages).toBeLessThan(messagesMax)
  // It does not sleep either.
  expect(messages).toBeGreaterThan(3)
  expect(sessions).toBe(0)
})

const HUBS = ['hub1', 'hub2', 'hub3']

/** Leaves that reach none of each other, as behind routers of their own, and hubs that all reach. */
async function starOf(leafCount: number): Promise<SimulatedMesh> {
  const leaves = Array.from({ length: leafCount }, (_, index) => `leaf${index}`)
  const mesh = await simulate({ nodes: HUBS })
  for (const [index, leaf] of leaves.entries())
    for (const other of leaves.slice(index + 1)) mesh.cut(leaf, other)
  for (const leaf of leaves) await mesh.start(leaf)
  const isKnown = (): boolean =>
    leaves.every(
      id =>
        mesh
          .node(id)
          .members()
          .filter(({ reachedBy }) => reachedBy.length > 0).length ===
        leafCount - 1,
    )
  await mesh.until('all leaves know that they are cut off', isKnown, 120_000)
  return mesh
}

// Each asked for each other one every 1.2 s: with 10 leaves a hub got 85 requests a second, with 20 of them 333.
test.each([10, 20])(
  'a hub of %i leaves that do not reach each other is asked as often by each of them',
  async leafCount => {
    await using mesh = await starOf(leafCount)
    await mesh.run(5_000)
    const steps = vi.spyOn(Core.prototype, 'step')
    await mesh.run(20_000)
    const asked = steps.mock.calls.filter(
      ([event]) => event.kind === 'message-received' && event.message.kind === 'probe-request',
    )
    // Three are asked for each that has its turn: twice a period.
    expect(asked.length / 20 / HUBS.length / leafCount).toBeLessThan(4.5)
    expect(asked.length).toBeGreaterThan(0)
  },
)

test('a leaf that stands still is dead for all others in time, though only hubs can find it', async () => {
  await using mesh = await starOf(10)
  const sinceMs = mesh.nowMs
  mesh.freeze('leaf3')
  const others = mesh.ids.filter(id => id !== 'leaf3')
  const isKnown = (id: string): boolean =>
    mesh
      .node(id)
      .members()
      .some(({ name }) => name === 'leaf3')
  await mesh.until('it is dead for all', () => !others.some(isKnown), 20_000)
  expect(mesh.nowMs - sinceMs).toBeLessThan(4_500)
})

test('leaves whose hubs are killed at once take each other for dead as well, as nobody reaches them', async () => {
  await using mesh = await starOf(5)
  const sinceMs = mesh.nowMs
  for (const hub of HUBS) mesh.crash(hub)
  const isAlone = (id: string): boolean => mesh.node(id).members().length === 1
  await mesh.until('each is alone', () => mesh.up.every(isAlone), 60_000)
  expect(mesh.nowMs - sinceMs).toBeLessThan(15_000)
})

// The hub asked as many as it might for others, and said no of the rest, who lived: the leaves suspected each other 896 times.
test('leaves that begin together, and ask one hub for each other at once, suspect nobody', async () => {
  const leaves = Array.from({ length: 42 }, (_, index) => `leaf${index}`)
  await using mesh = await simulate({ nodes: ['hub'] })
  for (const [index, leaf] of leaves.entries())
    for (const other of leaves.slice(index + 1)) mesh.cut(leaf, other)
  await mesh.startAll(leaves)
  const suspected: string[] = []
  for (const id of mesh.ids) mesh.node(id).on('member:suspect', ({ member }) => suspected.push(member.id))
  const steps = vi.spyOn(Core.prototype, 'step')
  // They have had the time to meet.
  await mesh.run(17_000)
  const asked = steps.mock.calls.filter(
    ([event]) => event.kind === 'message-received' && event.message.kind === 'probe-request',
  )
  expect(asked.length).toBeGreaterThan(1_500)
  expect(suspected).toEqual([])
})
