/**
 * Two calls for one thing, the second one before the first has ended: the later one decides what is so in the end, and
 * each of them ends as soon as it is known how.
 */

import { beforeEach, describe, expect, test } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Between two moments at which everybody goes on who stops, or is at an item. */
const HOLD_MS = 60
const START_MS = 60

const held: (() => void)[] = []
beforeEach(() => void held.splice(0))
const hold = (): Promise<void> => new Promise(resolve => held.push(resolve))

const slow = defineServer('slow', {
  init: context => context.sleep(START_MS),
  call: { ask: () => 'here' },
  terminate: hold,
})
const step = defineStage('step', async (n: number) => {
  await hold()
  return n
})

/** What can be asked for of one thing, and how it stands: undefined when it is not there. */
interface Kind {
  readonly declare: (mesh: SimulatedMesh) => Promise<unknown>
  /** So that nothing ends at once. */
  readonly load?: (mesh: SimulatedMesh) => void
  /** Where nothing is to stop before, it runs in a moment. */
  readonly startsAtOnce: boolean
  readonly on: (mesh: SimulatedMesh, node: string) => Record<Operation, () => Promise<unknown>>
  readonly look: (mesh: SimulatedMesh, node: string) => string | undefined
}

type Operation = 'add' | 'remove' | 'stop' | 'restart'

const member: Kind = {
  declare: mesh =>
    mesh.node('n1').addGroup({
      id: 'g',
      strategy: 'one_for_one',
      members: ['a', 'b'].map(id => ({ id, run: slow })),
    }),
  startsAtOnce: false,
  on: (mesh, node) => {
    const group = mesh.node(node).getGroup('g')
    return {
      add: () => group.addMember({ id: 'a', run: slow }),
      remove: () => group.removeMember('a'),
      stop: () => group.stopMember('a'),
      restart: () => group.restartMember('a'),
    }
  },
  look: (mesh, node) =>
    mesh
      .node(node)
      .getGroup('g')
      .members()
      .find(({ id }) => id === 'a')?.workers[0]?.kind,
}

const stage: Kind = {
  declare: mesh =>
    mesh.node('n1').addChain({
      id: 'c',
      strategy: 'one_for_one',
      stages: ['a', 'b'].map(id => ({ id, run: step })),
    }),
  load: mesh => void mesh.node('n1').getChain('c').send(1),
  startsAtOnce: true,
  on: (mesh, node) => {
    const chain = mesh.node(node).getChain('c')
    return {
      add: () => chain.addStage({ id: 'a', run: step }, { position: 0 }),
      remove: () => chain.removeStage('a'),
      stop: () => chain.stopStage('a'),
      restart: () => chain.restartStage('a'),
    }
  },
  look: (mesh, node) =>
    mesh
      .node(node)
      .getChain('c')
      .stages()
      .find(({ id }) => id === 'a')?.workers[0]?.kind,
}

const worker: Kind = {
  declare: mesh => mesh.node('n1').addWorker({ id: 'w', run: slow }),
  on: (mesh, id) => {
    const node = mesh.node(id)
    return {
      add: () => node.addWorker({ id: 'w', run: slow }),
      remove: () => node.removeWorker('w'),
      stop: () => node.stopWorker('w'),
      restart: () => node.restartWorker('w'),
    }
  },
  look: (mesh, node) =>
    mesh
      .node(node)
      .listWorkers()
      .find(({ id }) => id === 'w')?.status.kind,
  startsAtOnce: false,
}

const group: Kind = {
  declare: member.declare,
  on: (mesh, id) => {
    const node = mesh.node(id)
    return {
      add: () => member.declare(mesh),
      remove: () => node.removeGroup('g'),
      stop: () => node.stopGroup('g'),
      restart: () => node.restartGroup('g'),
    }
  },
  look: (mesh, node) => mesh.node(node).findGroup('g')?.status.kind,
  startsAtOnce: false,
}

const chain: Kind = {
  declare: stage.declare,
  on: (mesh, id) => {
    const node = mesh.node(id)
    return {
      add: () => stage.declare(mesh),
      remove: () => node.removeChain('c'),
      stop: () => node.stopChain('c'),
      restart: () => node.restartChain('c'),
    }
  },
  look: (mesh, node) => mesh.node(node).findChain('c')?.status.kind,
  load: mesh =>
    void mesh
      .node('n1')
      .findChain('c')
      ?.send(1)
      .catch(() => {}),
  startsAtOnce: true,
}

const KINDS = { member, stage, worker, group, chain }

/** What is asked for before, what first, what then; how the first one ends, and how all is in the end. */
const PAIRS: readonly {
  readonly before?: Operation
  readonly pair: readonly [Operation, Operation]
  readonly first: string
  readonly end: string | undefined
}[] = [
  { pair: ['stop', 'restart'], first: 'fulfilled', end: 'running' },
  { pair: ['restart', 'stop'], first: 'StartError', end: 'stopped' },
  { pair: ['restart', 'restart'], first: 'fulfilled', end: 'running' },
  { pair: ['stop', 'remove'], first: 'fulfilled', end: undefined },
  { pair: ['restart', 'remove'], first: 'NotFoundError', end: undefined },
  { pair: ['remove', 'add'], first: 'fulfilled', end: 'running' },
  { before: 'remove', pair: ['add', 'remove'], first: 'NotFoundError', end: undefined },
  { before: 'remove', pair: ['add', 'stop'], first: 'StartError', end: 'stopped' },
  { before: 'remove', pair: ['add', 'restart'], first: 'fulfilled', end: 'running' },
  { before: 'stop', pair: ['restart', 'stop'], first: 'StartError', end: 'stopped' },
]

/** From its own node the second one comes in the same turn or later; from another one, when that has heard of the first. */
const WAYS = [
  { nodes: 1, from: 'n1', afterMs: 0 },
  { nodes: 1, from: 'n1', afterMs: 20 },
  { nodes: 3, from: 'n1', afterMs: 0 },
  { nodes: 3, from: 'n1', afterMs: 20 },
  { nodes: 3, from: 'n2', afterMs: 20 },
]

/** Everybody who is held goes on, over and over. */
async function pass(mesh: SimulatedMesh, durationMs: number): Promise<void> {
  for (let ms = 0; ms < durationMs; ms += HOLD_MS) {
    await mesh.run(HOLD_MS)
    for (const resolve of held.splice(0)) resolve()
  }
}

describe.each(Object.entries(KINDS))('a %s', (_name, kind) => {
  describe.each(WAYS)('with $nodes node(s), the second from $from after $afterMs ms', way => {
    test.each(PAIRS)('$before, $pair: the first one is $first, in the end it is $end', async row => {
      const { before, pair, first, end } = row
      await using mesh = await simulate({ nodes: way.nodes, behaviours: [slow, step] })
      await allSeeAll(mesh)
      await mesh.settle(kind.declare(mesh))
      const ends: string[] = []
      const start = (index: number, operate: () => Promise<unknown>): void => {
        const settled = (how: string): void => void (ends[index] = how)
        operate().then(
          () => settled('fulfilled'),
          (error: unknown) => settled(error instanceof Error ? error.name : 'no error'),
        )
      }
      if (before !== undefined) start(0, kind.on(mesh, 'n1')[before])
      await pass(mesh, 1_000)
      kind.load?.(mesh)
      await mesh.run(100)
      ends.length = 0
      start(0, kind.on(mesh, 'n1')[pair[0]])
      if (way.afterMs > 0) await mesh.run(way.afterMs)
      const isThrough = way.afterMs > 0 && kind.startsAtOnce && before !== undefined
      expect(ends).toEqual(isThrough ? ['fulfilled'] : [])
      start(1, kind.on(mesh, way.from)[pair[1]])
      await pass(mesh, 1_000)
      expect(ends).toEqual([isThrough ? 'fulfilled' : first, 'fulfilled'])
      for (const id of mesh.ids) expect(kind.look(mesh, id)).toBe(end)
    })
  })
})

describe('a change of the whole that crosses one of a part, neither node having heard of the other', () => {
  test.each([
    { operation: 'stop', end: 'stopped', added: 'fulfilled' },
    { operation: 'restart', end: 'running', added: 'fulfilled' },
    { operation: 'remove', end: undefined, added: 'NotFoundError' },
  ] as const)('$operation is made again where it was lost', async ({ operation, end, added }) => {
    await using mesh = await simulate({ nodes: 3, behaviours: [slow] })
    await allSeeAll(mesh)
    const declared = group.declare(mesh)
    await pass(mesh, 1_000)
    await declared
    const exits: string[] = []
    for (const id of mesh.ids) mesh.node(id).on('worker:exit', ({ slot }) => exits.push(slot))
    // Written in the same millisecond: the larger name counts.
    const outcomes = Promise.allSettled([
      group.on(mesh, 'n1')[operation](),
      mesh.node('n2').getGroup('g').addMember({ id: 'z', run: slow }),
    ])
    await pass(mesh, 3_000)
    const kinds = (await mesh.settle(outcomes)).map(each =>
      each.status === 'rejected' && each.reason instanceof Error ? each.reason.name : each.status,
    )
    expect(kinds).toEqual(['fulfilled', added])
    expect(exits).toEqual(expect.arrayContaining(['g/a', 'g/b']))
    for (const id of mesh.ids) expect(group.look(mesh, id)).toBe(end)
  })
})

test('a declaration is overtaken by another one on the same node: the error does not speak of another node', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [slow, step] })
  const node = mesh.node('n1')
  const ends = Promise.allSettled([
    node.addWorker({ id: 'w', run: slow }),
    node.removeWorker('w'),
    node.addChain({ id: 'w', stages: [{ run: step }] }),
  ])
  await pass(mesh, 1_000)
  expect(await ends).toMatchObject([
    { reason: { name: 'SupersededError', message: expect.stringContaining('here or elsewhere') } },
    { status: 'fulfilled' },
    { status: 'fulfilled' },
  ])
})

test.each([
  ['group', (node: Node) => node.addGroup({ id: 'w', members: [{ id: 'a', run: slow }] }), 'removeGroup'],
  ['chain', (node: Node) => node.addChain({ id: 'w', stages: [{ run: step }] }), 'removeChain'],
] as const)(
  'a %s is removed, and a worker added in its place: both are through',
  async (_kind, add, remove) => {
    await using mesh = await simulate({ nodes: 3, behaviours: [slow, step] })
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    const added = add(node)
    await pass(mesh, 1_000)
    await added
    const ends: string[] = []
    void node[remove]('w').then(() => ends.push('removed'))
    void node.addWorker({ id: 'w', run: slow }).then(() => ends.push('added'))
    await pass(mesh, 1_000)
    expect(ends).toEqual(['removed', 'added'])
  },
)
