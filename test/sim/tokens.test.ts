/**
 * I16: whoever has a worker in the end has a larger token than all who have had it before, and than those who took it
 * for theirs meanwhile: a resource that refuses smaller ones is safe from them, and never refuses the one that is left.
 */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type FencingToken, compareTokens } from '../../src/protocol/fencing-token.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Longer than it takes until only one is left of each. */
const SETTLE_MS = 5_000
const LONG_MS = 5_000

/** Each is succeeded after the one before, in the same mesh. */
const SLOTS = ['lone', ...GROUP_STRATEGIES.map(strategy => `${strategy}/a`)]

/** A worker that has started. */
interface Issued {
  readonly slot: string
  readonly node: string
  readonly token: FencingToken
}

/** Writes down what it is issued, and takes something along where it moves. */
const bearerOf = (issued: Issued[]) =>
  defineServer('bearer', {
    init: ({ worker, node, token }) => {
      issued.push({ slot: worker, node, token })
      return {}
    },
    info: () => {
      throw new Error('told to crash')
    },
    handoff: () => 1,
  })

interface Scene {
  readonly mesh: SimulatedMesh
  /** The node that has the worker, and one that has not. */
  readonly owner: string
  readonly other: string
  readonly slot: string
  readonly run: ReturnType<typeof bearerOf>
}

/** What the one before may end by. */
const DEEDS: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  'its node is killed': async ({ mesh, owner }) => {
    mesh.crash(owner)
    await mesh.run(LONG_MS)
    await mesh.start(owner)
  },
  'its node is killed, and back at once': ({ mesh, owner }) => {
    mesh.crash(owner)
    return mesh.start(owner)
  },
  'its node leaves, and comes again': async ({ mesh, owner }) => {
    await mesh.stop(owner)
    await mesh.run(LONG_MS)
    await mesh.start(owner)
  },
  'its node is emptied': async ({ mesh, owner }) => {
    await mesh.settle(mesh.node(owner).drain())
    mesh.node(owner).resume()
  },
  'its node is cut off for a while': async ({ mesh, owner }) => {
    mesh.partition(
      [owner],
      mesh.ids.filter(id => id !== owner),
    )
    await mesh.run(LONG_MS)
    mesh.heal()
  },
  'its node stands still for a while': async ({ mesh, owner }) => {
    mesh.freeze(owner)
    await mesh.run(LONG_MS)
    mesh.thaw(owner)
  },
  'a user starts it anew': ({ mesh, other, slot }) => {
    const [id = '', member] = slot.split('/')
    const node = mesh.node(other)
    return mesh.settle(
      member === undefined ? node.restartWorker(id) : node.getGroup(id).restartMember(member),
    )
  },
  'a user stops it, and starts it again': async ({ mesh, other, slot }) => {
    const [id = '', member] = slot.split('/')
    const node = mesh.node(other)
    if (member === undefined) {
      await mesh.settle(node.stopWorker(id))
      await mesh.settle(node.restartWorker(id))
    } else {
      await mesh.settle(node.getGroup(id).stopMember(member))
      await mesh.settle(node.getGroup(id).restartMember(member))
    }
  },
  'a user removes it, and adds it again': async ({ mesh, other, slot, run }) => {
    const [id = '', member] = slot.split('/')
    const node = mesh.node(other)
    if (member === undefined) {
      await mesh.settle(node.removeWorker(id))
      await mesh.settle(node.addWorker({ id, run }))
    } else {
      await mesh.settle(node.getGroup(id).removeMember(member))
      await mesh.settle(node.getGroup(id).addMember({ id: member, run }))
    }
  },
}

async function declare(mesh: SimulatedMesh, run: ReturnType<typeof bearerOf>): Promise<void> {
  await allSeeAll(mesh)
  const members = ['a', 'b', 'c'].map(id => ({ id, run }))
  await mesh.settle(mesh.node('n1').addWorker({ id: 'lone', run }))
  for (const strategy of GROUP_STRATEGIES)
    await mesh.settle(mesh.node('n2').addGroup({ id: strategy, strategy, members }))
  await mesh.run(SETTLE_MS)
}

/** Who has each worker, as all nodes know: the last ones that have started where they run. */
function holdersOf(mesh: SimulatedMesh, issued: readonly Issued[]): Issued[] {
  const { specs } = mesh.node(mesh.up[0] ?? '').snapshot()
  return specs.flatMap(({ workers }) =>
    workers.flatMap(
      ({ slot, node }) => issued.findLast(each => each.slot === slot && each.node === node) ?? [],
    ),
  )
}

/** Whoever has a worker, and another one of it that is not behind. */
function rivalsOf(holders: readonly Issued[], issued: readonly Issued[]): (readonly [Issued, Issued])[] {
  return holders.flatMap(holder =>
    issued
      .filter(each => each !== holder && each.slot === holder.slot)
      .filter(each => compareTokens(each.token, holder.token) >= 0)
      .map(each => [holder, each] as const),
  )
}

test.each(Object.keys(DEEDS))('whoever has a worker next has the largest token, after %s', async deed => {
  const issued: Issued[] = []
  const run = bearerOf(issued)
  await using mesh = await simulate({ nodes: 4, behaviours: [run], seed: deed })
  await declare(mesh, run)
  for (const slot of SLOTS) {
    const before = holdersOf(mesh, issued).find(each => each.slot === slot)
    const owner = before?.node ?? ''
    const [other = ''] = mesh.up.filter(id => id !== owner)
    await DEEDS[deed]?.({ mesh, owner, other, slot, run })
    await mesh.run(SETTLE_MS)
    const holders = holdersOf(mesh, issued)
    expect(holders.length).toBe(1 + 3 * GROUP_STRATEGIES.length)
    expect(holders.find(each => each.slot === slot)).not.toBe(before)
    expect(rivalsOf(holders, issued)).toEqual([])
  }
})

test.each(GROUP_STRATEGIES)(
  'a member of %s that has crashed has a larger token when it is back',
  async strategy => {
    const issued: Issued[] = []
    const run = bearerOf(issued)
    await using mesh = await simulate({ nodes: 4, behaviours: [run] })
    await declare(mesh, run)
    for (let times = 0; times < 4; times++) {
      const count = issued.length
      mesh.node('n3').getGroup(strategy).member('b').send('crash')
      await mesh.run(SETTLE_MS)
      expect(issued.length).toBeGreaterThan(count)
      expect(rivalsOf(holdersOf(mesh, issued), issued)).toEqual([])
    }
  },
)

test('workers that move to a node that comes have larger tokens there', async () => {
  const issued: Issued[] = []
  const run = bearerOf(issued)
  await using mesh = await simulate({ nodes: 4, behaviours: [run] })
  mesh.crash('n4')
  await mesh.run(LONG_MS)
  const ids = Array.from({ length: 16 }, (_, index) => `w${index}`)
  await mesh.settle(Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run }))))
  await mesh.start('n4')
  await mesh.until('some have moved', () => issued.filter(({ node }) => node === 'n4').length >= 2)
  await mesh.run(SETTLE_MS)
  expect(rivalsOf(holdersOf(mesh, issued), issued)).toEqual([])
})
