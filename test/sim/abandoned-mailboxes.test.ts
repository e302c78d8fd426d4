/** Workers that are abandoned: the casts and messages that they leave unread are counted. */

import { expect, test } from 'vitest'

import { defineServer, defineTask } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** What does not come to an end. */
type Fault = 'init' | 'work' | 'handoff' | 'terminate'

const never = (): Promise<never> => new Promise(() => {})

const server = defineServer('server', {
  init: (context, fault: Fault) => {
    if (fault !== 'init') return { context, fault }
    context.sendAfter(10, 'a message')
    return never()
  },
  cast: {
    add: () => {},
    work: ({ context, fault }) => (fault === 'work' ? never() : context.sleep(60_000)),
  },
  info: () => {},
  handoff: ({ fault }) => (fault === 'handoff' ? never() : 1),
  terminate: ({ fault }) => (fault === 'terminate' ? never() : undefined),
})

const task = defineTask('task', never)

const labels = { far: 'yes' }
const placement = { labels }
const member = { id: 'w', run: server, placement, stopTimeoutMs: 1_000, startTimeoutMs: 1_000 } as const

async function meshOfThree(): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [server, task], labelsOf: { n2: labels, n3: labels } })
  await allSeeAll(mesh)
  return mesh
}

/** The exits on all nodes. */
function exitsIn(mesh: SimulatedMesh): object[] {
  const exits: object[] = []
  for (const name of mesh.up)
    mesh.node(name).on('worker:exit', ({ exit, lost }) => exits.push({ ...exit, lost }))
  return exits
}

function ownerOf(mesh: SimulatedMesh): string {
  return mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? ''
}

function lostIn(mesh: SimulatedMesh): number {
  return mesh.up.reduce((sum, name) => sum + mesh.node(name).snapshot().lostMessages, 0)
}

const moves = (['worker', 'group'] as const).flatMap(kind =>
  (['work', 'handoff', 'terminate'] as const).flatMap(fault =>
    (['drain', 'stop'] as const).map(way => [kind, way, fault] as const),
  ),
)

test.each(moves)('of a %s that is to move by %s and hangs: %s', async (kind, way, fault) => {
  await using mesh = await meshOfThree()
  const node = mesh.node('n1')
  const one = { ...member, args: [fault] } as const
  if (kind === 'worker') await mesh.settle(node.addWorker(one))
  else await mesh.settle(node.addGroup({ id: 'g', members: [one] }))
  const ref =
    kind === 'worker'
      ? node.getWorker('w', server)
      : node.getGroup<{ readonly id: string; readonly run: typeof server }[]>('g').member('w')
  ref.cast.work()
  ref.cast.add()
  ref.cast.add()
  ref.send('a message')
  await mesh.run(50)
  const owner = ownerOf(mesh)
  const exits = exitsIn(mesh)
  if (way === 'stop') await mesh.stop(owner)
  else await mesh.settle(mesh.node(owner).drain())
  await mesh.until('it has moved', () => ownerOf(mesh) !== owner)
  expect(exits).toEqual([{ kind: 'abandoned', lost: 3 }])
  if (way === 'drain') expect(lostIn(mesh)).toBe(3)
})

test('of a task that does not return', async () => {
  await using mesh = await meshOfThree()
  const ref = await mesh.settle(
    mesh.node('n1').addWorker({ id: 't', run: task, placement, stopTimeoutMs: 1_000 }),
  )
  for (const message of ['a', 'b']) ref.send(message)
  await mesh.run(50)
  const exits = exitsIn(mesh)
  await mesh.settle(mesh.node(ownerOf(mesh)).drain())
  expect(exits).toEqual([{ kind: 'abandoned', lost: 2 }])
  expect(lostIn(mesh)).toBe(2)
})

test('of a server that does not start in time', async () => {
  await using mesh = await meshOfThree()
  const node = mesh.node('n1')
  const intensity = { restarts: 0, withinMs: 60_000 }
  await mesh.settle(node.addWorker({ ...member, args: ['init'], intensity }, { until: 'declared' }))
  const exits = exitsIn(mesh)
  await mesh.until('it is given up', () => exits.length > 0)
  expect(exits).toEqual([{ kind: 'late', afterMs: 1_000, lost: 1 }])
  expect(lostIn(mesh)).toBe(1)
})

test('of a server that is not to be asked', async () => {
  await using mesh = await meshOfThree()
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ ...member, args: ['work'], stopTimeoutMs: 0 }))
  ref.cast.work()
  ref.cast.add()
  await mesh.run(50)
  const exits = exitsIn(mesh)
  await mesh.settle(node.stopWorker('w'))
  expect(exits).toEqual([{ kind: 'stopped', lost: 1 }])
  expect(lostIn(mesh)).toBe(1)
})

test('of a server that is at nothing yet, and is not to be asked', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [server] })
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ id: 'w', run: server, args: ['work'], stopTimeoutMs: 0 }))
  const exits = exitsIn(mesh)
  // In one turn: they are there when it is stopped, and it has not come to them.
  const stopped = node.stopWorker('w')
  for (let count = 0; count < 3; count++) ref.cast.add()
  await mesh.settle(stopped)
  expect(exits).toEqual([{ kind: 'stopped', lost: 3 }])
  expect(lostIn(mesh)).toBe(3)
})
