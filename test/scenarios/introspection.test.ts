/** What a node says of itself and of what runs: lines 80 to 82 of the behavioural scenarios. */

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

import type { Logger, Node, Snapshot } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'
import { localNode } from '../local-node.ts'
import { nextStart } from '../node-events.ts'
import { PATIENCE } from '../patience.ts'
import { clinging, increment, member } from './containment-workers.ts'

const MODULE = new URL('containment-workers.ts', import.meta.url).href

const createReal = (logger: Logger | false = false): Promise<Node> =>
  localNode({ behaviours: [MODULE], logger })

test('80: members are those that are up: who has left or is gone is not among them', async () => {
  await using mesh = await simulate({ nodes: 4 })
  const names = (): string[] =>
    mesh
      .node('n1')
      .members()
      .map(({ id }) => id)
  await mesh.until('all see all', () => names().length === 4)
  expect(names()).toEqual(['n1', 'n2', 'n3', 'n4'])
  await mesh.stop('n4')
  mesh.crash('n3')
  await mesh.until('two are left', () => names().length === 2)
  expect(names()).toEqual(['n1', 'n2'])
})

test('members say who is a client, wherever one asks', async () => {
  const cluster = randomUUID()
  await using client = await localNode({ cluster, name: 'till', role: 'client' })
  const discovery = { mdns: false, seeds: [...client.addresses] }
  await using worker = await localNode({ cluster, name: 'plc', discovery })
  await Promise.all([client.formed(2), worker.formed(2)])
  for (const node of [client, worker]) {
    const roles = Object.fromEntries(node.members().map(({ name, role }) => [name, role]))
    expect(roles).toEqual({ till: 'client', plc: 'member' })
    expect(
      node
        .snapshot()
        .members.map(({ role }) => role)
        .toSorted(),
    ).toEqual(['client', 'member'])
  }
})

/** How many there are of each kind, and how many workers in all. */
function countsOf({ specs }: Snapshot) {
  const count = { worker: 0, group: 0, chain: 0, workers: 0 }
  for (const { kind, workers } of specs) {
    count[kind] += 1
    count.workers += workers.length
  }
  return count
}

// A shard of a supervisor is the thread or process of a worker here: one that runs inline has none.
test('81: a snapshot counts groups, chains, workers and their cells, says what waits for these, and follows a crash', async () => {
  await using node = await createReal()
  const folder = await mkdtemp(join(tmpdir(), 'meshvisor-hold-'))
  const file = join(folder, 'enough')
  await node.addWorker({ id: 'w', run: member, isolation: 'thread' })
  const group = await node.addGroup({ id: 'g', members: [{ id: 'm', run: member, isolation: 'process' }] })
  await node.addChain({ id: 'c', stages: [{ id: 's', run: increment, workers: 2 }] })
  expect(node.snapshot().node).toBe(node.id)
  expect(countsOf(node.snapshot())).toEqual({ worker: 1, group: 1, chain: 1, workers: 4 })
  expect(node.snapshot().workers).toEqual({
    inline: 2,
    threads: 1,
    processes: 1,
    ending: 0,
    abandoned: 0,
    unexpected: 0,
  })
  const idle = { isAlive: true, isAbandoned: false, waiting: 0 }
  const thread = { slot: 'w', generation: 1, isolation: 'thread', ...idle }
  const process = { slot: 'g/m', generation: 1, isolation: 'process', ...idle }
  expect(node.snapshot().cells).toEqual([process, thread])
  // One at work, three that wait; nobody else has anything to do.
  const m = group.member('m')
  const calls = Promise.allSettled([m.call.hold(file), m.call.pid(), m.call.pid(), m.call.pid()])
  await expect.poll(() => node.snapshot().cells, PATIENCE).toEqual([{ ...process, waiting: 3 }, thread])
  await writeFile(file, '')
  expect((await calls).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'fulfilled'))
  expect(node.snapshot().cells).toEqual([process, thread])
  const back = nextStart(node, 'g/m')
  m.cast.die()
  await back
  expect(node.snapshot().cells).toEqual([{ ...process, generation: 2 }, thread])
  expect(node.snapshot().specs.find(({ id }) => id === 'g')?.workers).toEqual([
    { slot: 'g/m', node: node.id, generation: 2 },
  ])
  expect(countsOf(node.snapshot())).toEqual({ worker: 1, group: 1, chain: 1, workers: 4 })
  await rm(folder, { recursive: true })
})

test.each(['thread', 'process'] as const)(
  '81: a %s that is told to end is not alive until it is gone',
  async isolation => {
    // The node says that it has told it to, and has not heard of its end by then.
    let whenTold: Snapshot | undefined
    const onWarning = (_facts: object, message: string): void => {
      if (message.endsWith('was killed')) whenTold = node.snapshot()
    }
    const logger: Logger = { debug: () => {}, info: () => {}, warn: onWarning, error: () => {} }
    await using node = await createReal(logger)
    await node.addWorker({ id: 'w', run: clinging, isolation, stopTimeoutMs: 50 })
    const cell = { slot: 'w', generation: 1, isolation, isAbandoned: false, waiting: 0 }
    expect(node.snapshot().cells).toEqual([{ ...cell, isAlive: true }])
    await node.removeWorker('w')
    expect(whenTold?.cells).toEqual([{ ...cell, isAlive: false }])
    expect(whenTold?.workers).toMatchObject({ threads: 0, processes: 0, ending: 1 })
    await expect.poll(() => node.snapshot().cells, PATIENCE).toEqual([])
    expect(node.snapshot().workers).toMatchObject({ threads: 0, processes: 0, ending: 0 })
  },
)

test('82: lists show strategy, route, queue length and workers, in the order of adding, and follow removals', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [member, increment] })
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'z', run: member, restart: 'transient' }))
  await mesh.settle(node.addWorker({ id: 'a', run: member }))
  const group = await mesh.settle(
    node.addGroup({
      id: 'g',
      strategy: 'rest_for_one',
      members: [
        { id: 'm', run: member },
        { id: 'l', run: member },
      ],
    }),
  )
  await mesh.settle(node.addGroup({ id: 'f', members: [{ id: 'm', run: member }] }))
  const chain = await mesh.settle(
    node.addChain({
      id: 'c',
      strategy: 'before_for_one',
      stages: [
        { id: 's', run: increment, workers: 2, route: 'round_robin', queueItems: 7 },
        { id: 'r', run: increment },
      ],
    }),
  )
  await mesh.settle(chain.call(1))
  const running = { status: { kind: 'running' } }
  const at = (...slots: string[]) => ({ workers: slots.map(slot => ({ slot, node: 'n1', generation: 1 })) })
  const [run, step] = ['containment-member@1', 'containment-increment@1']
  const worker = { kind: 'worker', behaviour: run, ...running }
  const z = { id: 'z', ...worker, restart: 'transient', ...at('z') }
  const a = { id: 'a', ...worker, restart: 'permanent', ...at('a') }
  expect(node.listWorkers()).toEqual([z, a])
  const [m, l] = ['m', 'l'].map(id => ({ id, behaviour: run }))
  const g = { id: 'g', kind: 'group', ...running, strategy: 'rest_for_one' }
  const f = { id: 'f', kind: 'group', ...running, strategy: 'one_for_all', members: [m], ...at('f/m') }
  expect(node.listGroups()).toEqual([{ ...g, members: [m, l], ...at('g/m', 'g/l') }, f])
  const items = {
    accepted: 1,
    finished: 1,
    redelivered: 0,
    dead: 0,
    dropped: 0,
    slowestMs: expect.any(Number),
  }
  const s = { id: 's', behaviour: step, workers: 2, route: 'round_robin', queueItems: 7 }
  const r = { id: 'r', behaviour: step, workers: 1, route: 'least-debt', queueItems: 2_048 }
  const c = { id: 'c', kind: 'chain', ...running, strategy: 'before_for_one', items }
  // A chain starts at its end.
  expect(node.listChains()).toEqual([{ ...c, stages: [s, r], ...at('c/r/0', 'c/s/0', 'c/s/1') }])
  expect(node.snapshot().specs).toEqual([...node.listWorkers(), ...node.listGroups(), ...node.listChains()])

  await mesh.settle(group.removeMember('m'))
  await mesh.settle(chain.removeStage('s'))
  expect(node.listGroups()).toEqual([{ ...g, members: [l], ...at('g/l') }, f])
  expect(node.listChains()).toEqual([{ ...c, stages: [r], ...at('c/r/0') }])
  // What is stopped is declared still, and runs nowhere.
  await mesh.settle(group.stopMember('l'))
  expect(node.listGroups()).toEqual([{ ...g, members: [l], ...at() }, f])
  await mesh.settle(node.removeGroup('g'))
  await mesh.settle(node.removeChain('c'))
  await mesh.settle(node.removeWorker('z'))
  expect([node.listWorkers(), node.listGroups(), node.listChains()]).toEqual([[a], [f], []])
  expect(node.snapshot().specs).toEqual([a, f])
})
