/**
 * Two calls for one thing, the second one before the first has ended: the later one decides what is so in the end, and
 * each of them ends as soon as it is known how.
 */

import { beforeEach, describe, expect, test } from 'vitest'

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

const KINDS = { member, stage }

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
