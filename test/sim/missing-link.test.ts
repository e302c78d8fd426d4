/**
 * A node that leaves, or is emptied, and lacks the link to one member: others reach both, so what its workers leave
 * behind comes to their successors there all the same, and in seconds. What it cannot hand over, it names.
 */

import { describe, expect, test } from 'vitest'

import type { Logger } from '../../src/ports.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

/** Ten probe periods without a session, after four in which the session is silent; and a few to spare. */
const NOTICED_MS = 10_000
/** A few comparisons of tables, as rows come to the other side by way of a third node. */
const SOON_MS = 5_000

const WORKERS = Array.from({ length: 12 }, (_, index) => `w${index}`)
const MEMBERS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const HOWS = ['leave', 'drain'] as const

interface Gap {
  /** How many nodes there are. @default 3 */
  readonly nodes?: number
  /** Pairs of nodes without a link. */
  readonly cuts: readonly (readonly [string, string])[]
  /** They never had one, as where an allow-list lacks a member. @default false */
  readonly isFirst?: boolean
  /** They have been missing for so long. @default NOTICED_MS */
  readonly sinceMs?: number
}

const GAP: Gap = { cuts: [['n1', 'n3']] }

const members = MEMBERS.map(id => ({ id, run: keeper, args: [0] as const }))

/** Where the workers of a node are, as `from` sees it: by slot. */
function homesOf(mesh: SimulatedMesh, from: string): Map<string, string> {
  const { specs } = mesh.node(from).snapshot()
  return new Map(specs.flatMap(({ workers }) => workers.map(({ slot, node }) => [slot, node])))
}

/** A mesh with counters at 100 and more, of which some links are missing for so long that all know. */
async function meshOf(seed: string, what: 'workers' | (typeof GROUP_STRATEGIES)[number], gap: Gap = GAP) {
  const { nodes = 3, cuts, isFirst = false, sinceMs = NOTICED_MS } = gap
  const mesh = new SimulatedMesh({ nodes, behaviours: [keeper], seed, conditions: { hintLoss: 1 } })
  if (isFirst) for (const pair of cuts) mesh.cut(...pair)
  await mesh.startAll()
  await allSeeAll(mesh)
  const node = mesh.node('n2')
  const ids = what === 'workers' ? WORKERS : MEMBERS
  if (what === 'workers')
    await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: keeper, args: [0] }))))
  else await mesh.settle(node.addGroup({ id: 'g', strategy: what, members }))
  const worker = (id: string) =>
    what === 'workers'
      ? node.getWorker(id, keeper)
      : node.getGroup<typeof members>('g').member(MEMBERS.find(each => each === id) ?? 'a')
  await mesh.run(500)
  // Only `n2` is sure to reach all.
  for (const [index, id] of ids.entries()) await mesh.settle(worker(id).call.add(100 + index))
  if (!isFirst) for (const pair of cuts) mesh.cut(...pair)
  await mesh.run(sinceMs)
  const totals = async (): Promise<number[]> => {
    const found: number[] = []
    for (const id of ids) found.push(await mesh.settle(worker(id).with({ timeoutMs: 20_000 }).call.get()))
    return found
  }
  return { mesh, totals, wanted: ids.map((_, index) => 100 + index) }
}

/** `n1` gives away what it has. @returns how long it took, and how its workers have ended */
async function giveAway(mesh: SimulatedMesh, how: (typeof HOWS)[number]) {
  const exits: string[] = []
  mesh.node('n1').on('worker:exit', ({ exit }) => exits.push(exit.kind))
  const startMs = mesh.nowMs
  if (how === 'leave') await mesh.stop('n1')
  else expect(await mesh.settle(mesh.node('n1').drain())).toEqual([])
  return { exits, tookMs: mesh.nowMs - startMs }
}

describe.each(HOWS)('a node without a link to one member that is to %s', how => {
  test.each([1, 2, 3, 4])('hands over its workers in time, and loses no state, seed %i', async seed => {
    const { mesh, totals, wanted } = await meshOf(`gap ${how} ${seed}`, 'workers')
    await using _ = mesh
    const { exits, tookMs } = await giveAway(mesh, how)
    expect(new Set(exits)).toEqual(new Set(['released']))
    expect(await totals()).toEqual(wanted)
    expect([...homesOf(mesh, 'n2').values()]).toContain('n3')
    expect(tookMs).toBeLessThan(SOON_MS)
  })

  test.each(GROUP_STRATEGIES)(
    'hands over members of a group in time, with their state: %s',
    async strategy => {
      const { mesh, totals, wanted } = await meshOf(`gap ${how} ${strategy}`, strategy)
      await using _ = mesh
      const { tookMs } = await giveAway(mesh, how)
      expect(await totals()).toEqual(wanted)
      expect([...homesOf(mesh, 'n2').values()]).toContain('n3')
      expect(tookMs).toBeLessThan(SOON_MS)
    },
  )

  test.each(['workers', 'one_for_one'] as const)('does so too where there never was one: %s', async what => {
    const { mesh, totals, wanted } = await meshOf(`never ${how}`, what, { ...GAP, isFirst: true })
    await using _ = mesh
    const { tookMs } = await giveAway(mesh, how)
    expect(await totals()).toEqual(wanted)
    expect(tookMs).toBeLessThan(SOON_MS)
  })

  test.each(['workers', ...GROUP_STRATEGIES] as const)(
    'does so too where nobody has noticed yet that there is none: %s',
    async what => {
      const { mesh, totals, wanted } = await meshOf(`fresh ${how}`, what, { ...GAP, sinceMs: 0 })
      await using _ = mesh
      const { tookMs } = await giveAway(mesh, how)
      mesh.heal()
      await mesh.run(NOTICED_MS)
      expect(await totals()).toEqual(wanted)
      expect(tookMs).toBeLessThan(SOON_MS)
    },
  )

  test.each(['workers', 'one_for_all'] as const)('does so over two others in a row: %s', async what => {
    // A line: n1 – n2 – n4 – n3.
    const cuts = [
      ['n1', 'n3'],
      ['n1', 'n4'],
      ['n2', 'n3'],
    ] as const
    const { mesh, totals, wanted } = await meshOf(`line ${how}`, what, { nodes: 4, cuts })
    await using _ = mesh
    const { tookMs } = await giveAway(mesh, how)
    mesh.heal()
    await mesh.run(NOTICED_MS)
    expect(await totals()).toEqual(wanted)
    expect(tookMs).toBeLessThan(2 * SOON_MS)
  })
})

/** A logger that keeps what it warns of. */
function notebook(): Logger & { readonly warnings: object[] } {
  const warnings: object[] = []
  const warn = (facts: object, message: string): void => void warnings.push({ ...facts, message })
  return { warnings, debug: () => {}, info: () => {}, warn, error: () => {} }
}

const LOST = 'the state of a worker is lost: no successor has taken it'

describe('a node that leaves', () => {
  async function labelledMesh(nodes: number) {
    const log = notebook()
    const init = { nodes, behaviours: [keeper], logger: log, labelsOf: { n1: { gpu: 'yes' } } }
    const mesh = new SimulatedMesh(init)
    await mesh.startAll()
    await allSeeAll(mesh)
    const placement = { labels: { gpu: 'yes' } }
    await mesh.settle(mesh.node('n1').addWorker({ id: 'only', run: keeper, args: [0], placement }))
    await mesh.settle(mesh.node('n1').addWorker({ id: 'any', run: keeper, args: [0] }))
    return { mesh, lost: () => log.warnings.filter(each => 'message' in each && each.message === LOST) }
  }

  test('warns of each worker that could take something along, and that no other node can run', async () => {
    const { mesh, lost } = await labelledMesh(2)
    await using _ = mesh
    await mesh.stop('n1')
    expect(lost()).toEqual([{ worker: 'only', message: LOST }])
  })

  test('warns of nothing where a whole mesh is stopped', async () => {
    const { mesh, lost } = await labelledMesh(2)
    await using _ = mesh
    const other = mesh.leave('n2')
    // It has heard of that.
    await mesh.run(5)
    await mesh.settle(Promise.all([mesh.leave('n1'), other]))
    expect(lost()).toEqual([])
  })
})

test('drain that takes too long names what is left, and who is out of reach', async () => {
  const { mesh } = await meshOf('named', 'workers')
  await using _ = mesh
  const mine = [...homesOf(mesh, 'n2')].flatMap(([slot, node]) => (node === 'n1' ? [slot] : []))
  const error: unknown = await mesh
    .settle(mesh.node('n1').drain({ timeoutMs: 1 }))
    .catch((caught: unknown) => caught)
  expect(error).toMatchObject({ name: 'DrainError', unreachable: ['n3'] })
  expect(error).toHaveProperty('workers', expect.arrayContaining(mine))
  const named = mine.map(slot => `"${slot}"`)
  expect(String(error)).toMatch(
    /^DrainError: others have not taken all workers of this node in 1 ms, which still has "/,
  )
  for (const name of named) expect(String(error)).toContain(name)
  expect(String(error)).toContain(': it has no session with n3, which some of them are to go to')
})
