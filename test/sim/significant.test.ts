/** Significant members on several nodes: the group ends with them whoever decides, also where that changes on the way. */

import { describe, expect, test } from 'vitest'

import { defineServer, defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const steady = defineServer('steady', { init: () => ({}), call: { ping: () => true } })
/** Ends when it is told to. */
const finite = defineTask('finite', async (context: TaskContext<string>) => {
  for await (const message of context.messages) if (message === 'end') return
})

const significant = { run: finite, significant: true, restart: 'transient' } as const
const members = [
  { id: 'a', ...significant },
  { id: 'b', ...significant },
  { id: 'c', ...significant },
  // So many that every node has some: each loss makes a new generation.
  { id: 'u', run: steady },
  { id: 'v', run: steady },
  { id: 'w', run: steady },
  { id: 'x', run: steady },
  { id: 'y', run: steady },
  { id: 'z', run: steady },
] as const
/** When the coordinator dies, from the moment that a member is told to end. */
const MOMENTS_MS = [0, 1, 1.5, 2, 2.5, 3, 4, 6, 10, 100]

function groupAt(mesh: SimulatedMesh, node: string) {
  return mesh.node(node).getGroup<typeof members>('g')
}

/** `status of the whole: a=status …`, for each node that is up, each text once. */
function viewsOf(mesh: SimulatedMesh): string[] {
  const views = mesh.up.map(node => {
    const group = mesh.node(node).findGroup('g')
    const parts = group?.members().map(({ id, workers }) => `${id}=${workers[0]?.kind}`) ?? []
    return `${group?.status.kind}: ${parts.join(' ')}`
  })
  return [...new Set(views)].toSorted()
}

async function comeTo(mesh: SimulatedMesh, view: string): Promise<void> {
  await mesh.until(view, () => viewsOf(mesh).join() === view, 10_000)
}

const RUNNING = `running: ${members.map(({ id }) => `${id}=running`).join(' ')}`

test('a significant member is not taken by a group that ends with none, and by any other it is', async () => {
  await using mesh = await simulate({ behaviours: [steady, finite] })
  const node = mesh.node('n1')
  const added = { id: 's', ...significant }
  for (const autoShutdown of ['never', 'any', 'all'] as const) {
    const spec = { id: autoShutdown, autoShutdown, members: [{ id: 'u', run: steady }] } as const
    const group = await mesh.settle(node.addGroup(spec))
    const adding = mesh.settle(group.addMember(added))
    if (autoShutdown === 'never')
      await expect(adding).rejects.toMatchObject({
        name: 'OptionsError',
        problems: [{ path: 'significant', found: 'true', wanted: expect.stringContaining('any or all') }],
      })
    else await adding
    expect(group.members().map(({ id }) => id)).toEqual(autoShutdown === 'never' ? ['u'] : ['u', 's'])
  }
})

async function start(autoShutdown: 'any' | 'all'): Promise<SimulatedMesh> {
  const mesh = await simulate({
    nodes: 5,
    behaviours: [steady, finite],
    conditions: { latencyMs: 1, jitterMs: 0 },
  })
  await allSeeAll(mesh)
  const spec = { id: 'g', strategy: 'one_for_one', autoShutdown, members } as const
  await mesh.settle(mesh.node('n1').addGroup(spec))
  await comeTo(mesh, RUNNING)
  return mesh
}

function coordinatorOf(mesh: SimulatedMesh): string {
  const found = mesh.up.find(id => isCoordinator(mesh, id))
  if (found === undefined) throw new Error('nobody decides')
  return found
}

/** The loss of the one who decided is noticed, and somebody else does. */
async function succeeded(mesh: SimulatedMesh): Promise<void> {
  await mesh.until('somebody else decides', () => mesh.up.some(id => isCoordinator(mesh, id)), 10_000)
}

function isCoordinator(mesh: SimulatedMesh, node: string): boolean {
  return mesh.node(node).inspect().core.ledger.isCoordinator(groupAt(mesh, node).id)
}

type Significant = 'a' | 'b' | 'c'

/** The significant members, those of the coordinator last. */
function endable(mesh: SimulatedMesh, coordinator: string): Significant[] {
  const isThere = (id: Significant): boolean =>
    groupAt(mesh, coordinator)
      .members()
      .some(each => each.id === id && each.workers[0]?.node === coordinator)
  const ids = ['a', 'b', 'c'] as const
  return ids.toSorted((one, other) => Number(isThere(one)) - Number(isThere(other)))
}

/** Tells a member to end, on the node where it runs. */
function end(mesh: SimulatedMesh, id: Significant): void {
  const [up = ''] = mesh.up
  const node = groupAt(mesh, up)
    .members()
    .find(each => each.id === id)?.workers[0]?.node
  if (node === undefined) throw new Error(`nobody knows where "${id}" is`)
  groupAt(mesh, node).member(id).send('end')
}

function liveWorkers(mesh: SimulatedMesh): number {
  return mesh.up.reduce((sum, id) => sum + mesh.node(id).inspect().core.supervisor.size, 0)
}

describe.each(MOMENTS_MS)('the coordinator dies %d ms after a significant member is told to end', afterMs => {
  test('any: the group is done on all nodes, and nothing of it runs', async () => {
    await using mesh = await start('any')
    const coordinator = coordinatorOf(mesh)
    const [first = 'a'] = endable(mesh, coordinator)
    end(mesh, first)
    await mesh.run(afterMs)
    mesh.crash(coordinator)
    await mesh.until(
      'it is done everywhere',
      () => viewsOf(mesh).every(view => view.startsWith('done:')),
      10_000,
    )
    await mesh.run(10_000)
    expect(viewsOf(mesh)).toHaveLength(1)
    expect(viewsOf(mesh)[0]).toContain(`${first}=ended`)
    expect(liveWorkers(mesh)).toBe(0)
  })

  test('all: the group runs until the last one has ended as well', async () => {
    await using mesh = await start('all')
    const coordinator = coordinatorOf(mesh)
    const [first = 'a'] = endable(mesh, coordinator)
    end(mesh, first)
    await mesh.run(afterMs)
    mesh.crash(coordinator)
    const seen = (ended: readonly string[]): string =>
      `running: ${members.map(({ id }) => `${id}=${ended.includes(id) ? 'ended' : 'running'}`).join(' ')}`
    await succeeded(mesh)
    await comeTo(mesh, seen([first]))
    // Once more: who decides then has perhaps not seen the first one end.
    const next = coordinatorOf(mesh)
    const [second = 'a', third = 'b'] = endable(mesh, next).filter(id => id !== first)
    end(mesh, second)
    await mesh.run(afterMs)
    mesh.crash(next)
    await succeeded(mesh)
    await comeTo(mesh, seen([first, second]))
    await mesh.run(10_000)
    expect(viewsOf(mesh)).toEqual([seen([first, second])])
    end(mesh, third)
    await mesh.until(
      'it is done everywhere',
      () => viewsOf(mesh).every(view => view.startsWith('done:')),
      10_000,
    )
    await mesh.run(10_000)
    expect(liveWorkers(mesh)).toBe(0)
  })
})
