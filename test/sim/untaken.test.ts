/** What a worker has handed over, and no successor has started with, is told to be lost: once, and only then. */

import { describe, expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { SimulatedMesh, simulate } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { allSeeAll } from './all-see-all.ts'
import { keeper } from './behaviours.ts'

const LOST = 'the state of a worker is lost'
/** So long a member takes to stop, while its siblings have handed over. */
const SLOW_MS = 4_000
/** Somebody is found dead, and what it had runs elsewhere. */
const APART_MS = 10_000
const SOON_MS = 5_000
const PATIENT = { timeoutMs: 20_000 }

const slow = defineServer('slow', {
  init: ({ handoff }) => ({ total: typeof handoff === 'number' ? handoff : 0 }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    fail: () => {
      throw new Error('on purpose')
    },
  },
  handoff: state => state.total,
  terminate: async (_state, _reason, context) => {
    for (let restedMs = 0; restedMs < SLOW_MS; restedMs += 10) await context.sleep(10)
  },
})

const members = [
  { id: 'a', run: slow, args: [] },
  { id: 'b', run: keeper, args: [0] },
] as const

async function meshOf(nodes: number, seed: string) {
  const logger = new LogBook()
  const mesh = await simulate({ nodes, behaviours: [keeper, slow], seed, logger })
  await allSeeAll(mesh)
  /** Whose state is told to be lost, oldest first. */
  const lost = (): unknown[] =>
    logger.lines.flatMap(({ facts, message }) =>
      message.startsWith(LOST) && 'worker' in facts ? [facts.worker] : [],
    )
  return { mesh, lost }
}

/** Nobody waits for what it gives away. */
function empty(mesh: SimulatedMesh, node: string): void {
  mesh
    .node(node)
    .drain()
    .catch(() => {})
}

/** The node that only has what it was given, and nothing else to decide: all others take no work for now. */
async function gather(mesh: SimulatedMesh, node: string): Promise<void> {
  for (const other of mesh.up) if (other !== node) empty(mesh, other)
  await mesh.run(100)
}

/** A group whose members are all on `n1`, each with a total of 100; all other nodes take work again. */
async function groupOf(mesh: SimulatedMesh, strategy: (typeof GROUP_STRATEGIES)[number]) {
  await gather(mesh, 'n1')
  await mesh.settle(mesh.node('n2').addGroup({ id: 'g', strategy, members }))
  await mesh.run(100)
  for (const other of mesh.up) mesh.node(other).resume()
  await mesh.run(3_000)
  const total = async (id: 'a' | 'b', from: string): Promise<number> => {
    const member = mesh.node(from).getGroup<typeof members>('g').member(id).with(PATIENT)
    return await mesh.settle(member.call.get(), PATIENT.timeoutMs)
  }
  for (const { id } of members)
    await mesh.settle(mesh.node('n2').getGroup<typeof members>('g').member(id).call.add(100))
  return total
}

/** A worker on `n1` with a total of 100; `n1` gives it away. Resolves when it has handed over. */
async function workerGivenAway(mesh: SimulatedMesh) {
  await gather(mesh, 'n1')
  const worker = await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: keeper, args: [0] }))
  await mesh.settle(worker.call.add(100))
  for (const other of mesh.up) mesh.node(other).resume()
  await mesh.run(50)
  const exits: string[] = []
  mesh.node('n1').on('worker:exit', ({ exit }) => exits.push(exit.kind))
  empty(mesh, 'n1')
  while (!exits.includes('released')) await mesh.run(0.25)
  return async (from: string): Promise<number> =>
    await mesh.settle(mesh.node(from).getWorker('w', keeper).with(PATIENT).call.get(), PATIENT.timeoutMs)
}

describe('what members of a group have handed over', () => {
  test.each(GROUP_STRATEGIES)(
    'is lost where their node is taken for dead before its successors are named: %s',
    async strategy => {
      const { mesh, lost } = await meshOf(3, `overtaken ${strategy}`)
      await using _ = mesh
      const total = await groupOf(mesh, strategy)
      const exits: string[] = []
      mesh.node('n1').on('worker:exit', ({ exit }) => exits.push(exit.kind))
      empty(mesh, 'n1')
      while (exits.length === 0) await mesh.run(1)
      mesh.partition(['n1'], ['n2', 'n3'])
      await mesh.run(APART_MS)
      expect(exits).toEqual(['released', 'released'])
      mesh.heal()
      await mesh.run(APART_MS)
      expect(await total('a', 'n2')).toBe(0)
      expect(await total('b', 'n2')).toBe(0)
      expect(lost().toSorted()).toEqual(['g/a', 'g/b'])
    },
  )
})

/** Each step of a move takes about a millisecond here. */
const MOMENTS = Array.from({ length: 12 }, (_, index) => index * 0.5)
/** Its successors have been named by then, and have not got it. */
const NAMED = new Set([1, 1.5, 2, 2.5])

test.each(MOMENTS)(
  'whoever starts without what the row has for it tells so, and nobody else: its node dies %s ms after it has stopped',
  async moment => {
    const { mesh, lost } = await meshOf(3, `dies ${moment}`)
    await using _ = mesh
    const total = await groupOf(mesh, 'one_for_one')
    empty(mesh, 'n1')
    await mesh.run(SLOW_MS + moment)
    mesh.crash('n1')
    await mesh.run(APART_MS)
    const told = lost()
    for (const id of ['a', 'b'] as const) {
      const count = told.filter(slot => slot === `g/${id}`).length
      expect(count, id).toBeLessThanOrEqual((await total(id, 'n2')) === 0 ? 1 : 0)
    }
    if (NAMED.has(moment)) expect(told.toSorted()).toEqual(['g/a', 'g/b'])
  },
)

/** What may happen to a mesh where nothing is lost, and what is told of what its workers have handed over. */
const ORDINARY: readonly [string, (mesh: SimulatedMesh) => Promise<void>][] = [
  ['a node leaves', async mesh => await mesh.stop('n2')],
  [
    'nodes leave one after the other, and come back',
    async mesh => {
      for (const id of ['n2', 'n3', 'n4']) {
        await mesh.stop(id)
        await mesh.start(id)
      }
    },
  ],
  ['two leave at once', async mesh => void (await Promise.all([mesh.stop('n2'), mesh.stop('n3')]))],
  ['all leave', async mesh => void (await Promise.all(mesh.up.map(id => mesh.stop(id))))],
  [
    'a node is emptied, and takes work again',
    async mesh => {
      await mesh.settle(mesh.node('n2').drain(), 60_000)
      mesh.node('n2').resume()
    },
  ],
  ['a node comes', async mesh => void (await mesh.start('n5'))],
  [
    'a node dies',
    async mesh => {
      mesh.crash('n2')
      await mesh.run(APART_MS)
    },
  ],
  [
    'the mesh is split, and heals',
    async mesh => {
      mesh.partition(['n1', 'n2'], ['n3', 'n4'])
      await mesh.run(APART_MS)
      mesh.heal()
    },
  ],
  [
    'workers crash',
    async mesh => {
      const node = mesh.node('n1')
      const workers = [node.getGroup<typeof members>('g').member('a'), node.getWorker('w0', slow)]
      for (const worker of workers) await mesh.settle(worker.call.fail()).catch(() => {})
    },
  ],
  [
    'users restart, stop and remove what runs, also while it moves',
    async mesh => {
      const node = mesh.node('n1')
      const group = node.getGroup<typeof members>('g')
      empty(mesh, 'n2')
      await mesh.run(2)
      await mesh.settle(Promise.all([group.restartMember('a'), node.restartWorker('w0')]), 30_000)
      mesh.node('n2').resume()
      await mesh.run(SOON_MS)
      empty(mesh, 'n3')
      await mesh.run(2)
      await mesh.settle(Promise.all([group.restart(), node.stopWorker('w1')]), 30_000)
      mesh.node('n3').resume()
      empty(mesh, 'n4')
      await mesh.run(2)
      await mesh.settle(Promise.all([node.removeGroup('g'), node.removeWorker('w2')]), 30_000)
    },
  ],
]

describe.each(GROUP_STRATEGIES)('nothing is told to be lost, %s, where', strategy => {
  test.each(ORDINARY)('%s', async (_, happens) => {
    const logger = new LogBook()
    const behaviours = [keeper, slow]
    await using mesh = new SimulatedMesh({ nodes: 5, behaviours, seed: `ordinary ${strategy}`, logger })
    await mesh.startAll(['n1', 'n2', 'n3', 'n4'])
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    await mesh.settle(node.addGroup({ id: 'g', strategy, members }))
    for (let n = 0; n < 6; n++) await mesh.settle(node.addWorker({ id: `w${n}`, run: slow }))
    await mesh.run(SOON_MS)
    await happens(mesh)
    await mesh.run(2 * APART_MS)
    expect(logger.lines.filter(({ message }) => message.startsWith(LOST))).toEqual([])
  })
})

describe('what a standalone worker has handed over', () => {
  test('is lost where its heir has not got it, and takes the worker up all the same', async () => {
    const { mesh, lost } = await meshOf(2, 'heir')
    await using _ = mesh
    const total = await workerGivenAway(mesh)
    mesh.partition(['n1'], ['n2'])
    await mesh.run(APART_MS)
    mesh.heal()
    await mesh.run(APART_MS)
    expect(await total('n1')).toBe(0)
    expect(lost()).toEqual(['w'])
  })

  test('is kept for as long as nobody has taken the worker up, and then goes on', async () => {
    const { mesh, lost } = await meshOf(2, 'kept')
    await using _ = mesh
    const total = await workerGivenAway(mesh)
    mesh.crash('n2')
    await mesh.run(120_000)
    expect(lost()).toEqual([])
    // It stays, as what runs does that no other node can run.
    expect(await mesh.settle(mesh.node('n1').drain(), PATIENT.timeoutMs)).toEqual(['w'])
    mesh.node('n1').resume()
    await mesh.run(SOON_MS)
    expect(await total('n1')).toBe(100)
    expect(lost()).toEqual([])
  })
})
