/** Standalone workers that move: to a node that joins, from one that leaves, and whatever gets in the way. */

import { describe, expect, test } from 'vitest'

import { slotId, specId } from '../../src/ids.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { deferred } from '../../src/node/workers/deferred.ts'
import type { SimulationInit } from '../../src/simulation/simulation-options.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { counter, keeper, listener } from './behaviours.ts'

/** Half a megabyte to take along. */
const heavy = defineServer('heavy', {
  init: context => ({
    bytes: context.handoff instanceof Uint8Array ? context.handoff : new Uint8Array(500_000).fill(7),
  }),
  call: { size: state => [state.bytes.length, state.bytes.every(byte => byte === 7)] },
  handoff: state => state.bytes,
})

/** Takes its time with everything. */
const slow = defineServer('slow', {
  init: context => ({
    context,
    total: typeof context.handoff === 'number' ? context.handoff : 0,
  }),
  call: {
    add: async (state, by: number) => {
      const before = state.total
      await state.context.sleep(200)
      state.total = before + by
      return state.total
    },
  },
  handoff: async state => {
    await Promise.resolve()
    return state.total
  },
})

/** What the answers of `promiser` wait for, by the name of the call. */
const gates = new Map<string, PromiseWithResolvers<void>>()

/** Answers later: what is under way by itself, and what it is asked for by somebody else. */
const promiser = defineServer('promiser', {
  init: context => ({
    context,
    total: typeof context.handoff === 'number' ? context.handoff : 0,
    asked: new Array<(total: number) => void>(),
  }),
  call: {
    get: state => state.total,
    underWay: (state, gate: string) => {
      const opened = Promise.withResolvers<void>()
      gates.set(gate, opened)
      return deferred(opened.promise.then(() => (state.total += 1)))
    },
    asked: state => deferred<number>(reply => state.asked.push(reply.resolve)),
  },
  handoff: state => state.total,
})

const behaviours = [keeper, heavy, slow, promiser, counter, listener]

/** A mesh of which only some nodes are up. */
async function meshOf(up: readonly string[], init: SimulationInit = {}): Promise<SimulatedMesh> {
  const mesh = new SimulatedMesh({ nodes: 4, behaviours, ...init })
  await mesh.startAll(up)
  await allSeeAll(mesh)
  return mesh
}

const specAt = (mesh: SimulatedMesh, node: string, id: string) =>
  mesh
    .node(node)
    .snapshot()
    .specs.find(spec => spec.id === id)
const ownerOf = (mesh: SimulatedMesh, id: string, from = mesh.up[0] ?? ''): string | undefined =>
  specAt(mesh, from, id)?.workers[0]?.node
const placeOf = (mesh: SimulatedMesh, id: string): string | undefined => {
  return mesh
    .node(mesh.up[0] ?? '')
    .inspect()
    .core.ledger.ownerOf(slotId(specId(id)))
}

async function addKeepers(mesh: SimulatedMesh, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `k${index}`)
  const node = mesh.node(mesh.up[0] ?? '')
  await mesh.settle(
    Promise.all(ids.map((id, index) => node.addWorker({ id, run: keeper, args: [index * 1_000] }))),
  )
  for (const up of mesh.up) {
    await mesh.until('all know all', () => ids.every(id => ownerOf(mesh, id, up) !== undefined))
  }
  return ids
}

test('131: what placement wants on a node that joins moves there with its state, and nothing else is touched', async () => {
  await using mesh = await meshOf(['n1', 'n2'])
  const ids = await addKeepers(mesh, 30)
  for (const [index, id] of ids.entries()) {
    await mesh.settle(mesh.node('n1').getWorker(id, keeper).call.add(index))
  }
  const before = new Map(ids.map(id => [id, ownerOf(mesh, id)]))
  const moves: number[] = []
  await mesh.start('n3')
  mesh.node('n3').on('worker:start', () => moves.push(mesh.nowMs))
  await mesh.until('it is seen', () => mesh.node('n1').members().length === 3)
  await mesh.until(
    'all are where placement wants them',
    () => ids.every(id => ownerOf(mesh, id) === placeOf(mesh, id)),
    180_000,
  )
  const moved = ids.filter(id => ownerOf(mesh, id) !== before.get(id))
  expect(moved.length).toBeGreaterThan(4)
  // Nodes have bounds: what had no room where it belongs, may find it there now. That is one or two.
  expect(moved.filter(id => ownerOf(mesh, id) !== 'n3').length).toBeLessThan(3)
  for (const [index, id] of ids.entries()) {
    const worker = mesh.node('n2').getWorker(id, keeper)
    expect(await mesh.settle(worker.call.get())).toBe(index * 1_000 + index)
    expect(await mesh.settle(worker.call.generation())).toBe(moved.includes(id) ? 2 : 1)
  }
  // No more than a tenth of the fifteen or so of a node in ten seconds, so one: two nodes give away two.
  for (const atMs of moves) {
    expect(moves.filter(other => other >= atMs && other < atMs + 9_500).length).toBeLessThanOrEqual(2)
  }
})

test('131: no call fails while workers move', async () => {
  await using mesh = await meshOf(['n1', 'n2'])
  const ids = await addKeepers(mesh, 12)
  await mesh.start('n3')
  const calls: Promise<number>[] = []
  for (let round = 0; round < 300; round++) {
    for (const id of ids) calls.push(mesh.node('n1').getWorker(id, keeper).call.add(1))
    await mesh.run(100)
  }
  await mesh.settle(Promise.all(calls))
  expect(ids.filter(id => ownerOf(mesh, id) === 'n3').length).toBeGreaterThan(0)
  for (const [index, id] of ids.entries()) {
    expect(await mesh.settle(mesh.node('n2').getWorker(id, keeper).call.get())).toBe(index * 1_000 + 300)
  }
})

test('a worker without a handoff stays when a node joins, unless it says that it may move', async () => {
  await using mesh = await meshOf(['n1'])
  const ids = Array.from({ length: 12 }, (_, index) => `w${index}`)
  const node = mesh.node('n1')
  await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run: counter, args: [1] }))))
  await mesh.settle(
    Promise.all(
      ids.map(id => node.addWorker({ id: `a-${id}`, run: counter, args: [1], rebalance: 'active' })),
    ),
  )
  await mesh.start('n2')
  await mesh.run(120_000)
  expect(ids.every(id => ownerOf(mesh, id) === 'n1')).toBe(true)
  expect(ids.some(id => ownerOf(mesh, `a-${id}`) === 'n2')).toBe(true)
})

test('half a megabyte of state moves in parts', async () => {
  await using mesh = await meshOf(['n1', 'n2'])
  await mesh.settle(mesh.node('n1').addWorker({ id: 'h', run: heavy }))
  const owner = ownerOf(mesh, 'h') ?? ''
  const other = owner === 'n1' ? 'n2' : 'n1'
  await mesh.stop(owner)
  expect(ownerOf(mesh, 'h', other)).toBe(other)
  expect(await mesh.settle(mesh.node(other).getWorker('h', heavy).call.size())).toEqual([500_000, true])
})

test('132: a node that leaves hands over all it has, with its state; no call fails, and nobody suspects it', async () => {
  await using mesh = await meshOf(['n1', 'n2', 'n3'])
  const ids = await addKeepers(mesh, 30)
  const seen: string[] = []
  for (const kind of ['member:suspect', 'member:dead'] as const)
    mesh.node('n1').on(kind, () => seen.push(kind))
  const calls: Promise<number>[] = []
  const call = (): void => {
    for (const id of ids) calls.push(mesh.node('n1').getWorker(id, keeper).call.add(1))
  }
  call()
  let isStopped = false
  const atMs = mesh.nowMs
  const stopping = mesh.stop('n3').then(() => (isStopped = true))
  for (let round = 0; round < 20; round++) {
    await mesh.run(5)
    call()
  }
  await stopping
  expect(isStopped).toBe(true)
  expect(mesh.nowMs - atMs).toBeLessThan(2_000)
  await mesh.settle(Promise.all(calls))
  for (const [index, id] of ids.entries()) {
    expect(await mesh.settle(mesh.node('n2').getWorker(id, keeper).call.get())).toBe(index * 1_000 + 21)
    expect(['n1', 'n2']).toContain(ownerOf(mesh, id))
  }
  expect(seen).toEqual([])
})

test('132: a worker finishes the call that it is at before it moves, and those that wait go after it', async () => {
  await using mesh = await meshOf(['n1', 'n2'])
  await mesh.settle(mesh.node('n1').addWorker({ id: 's', run: slow }))
  const owner = ownerOf(mesh, 's') ?? ''
  const other = owner === 'n1' ? 'n2' : 'n1'
  await mesh.until('the other knows', () => ownerOf(mesh, 's', other) !== undefined)
  const calls = [1, 2, 3].map(by => mesh.node(other).getWorker('s', slow).call.add(by))
  await mesh.run(50)
  await mesh.stop(owner)
  // Its `sleep` ends at once when it is to stop: what counts is that each call ran once, on a state that moved along.
  expect(await mesh.settle(Promise.all(calls))).toEqual([1, 3, 6])
})

describe('a server that moves while it owes answers', () => {
  const stopTimeoutMs = 4_000

  /** One that runs on n2 and is called from n1. */
  async function owing(mesh: SimulatedMesh, id: string) {
    await mesh.settle(mesh.node('n1').addWorker({ id, run: promiser, stopTimeoutMs, placement: { labels } }))
    expect(ownerOf(mesh, id, 'n1')).toBe('n2')
    return mesh.node('n1').getWorker(id, promiser).with({ timeoutMs: 60_000 })
  }
  const labels = { far: 'yes' }
  const init = { labelsOf: { n2: labels, n3: labels } }
  const settled = async (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error)
  const lost = { name: 'WorkerExitedError', maybeExecuted: true }

  test('first gives those that are under way, and hands over what has come of them', async () => {
    await using mesh = await meshOf(['n1', 'n2', 'n3'], init)
    const worker = await owing(mesh, 'p')
    const calls = [worker.call.underWay('one'), worker.call.underWay('two')]
    await mesh.run(50)
    const started: string[] = []
    mesh.node('n3').on('worker:start', ({ slot }) => started.push(slot))
    const stopping = mesh.leave('n2')
    await mesh.run(1_000)
    expect(started).toEqual([])
    // It takes no more, wherever it comes from: its successor will.
    const later = worker.call.get()
    gates.get('one')?.resolve()
    await mesh.run(100)
    expect(started).toEqual([])
    gates.get('two')?.resolve()
    expect(await mesh.settle(Promise.all(calls))).toEqual([1, 2])
    await mesh.settle(stopping)
    expect(await mesh.settle(later)).toBe(2)
    expect(ownerOf(mesh, 'p', 'n1')).toBe('n3')
  })

  test('does not wait for those that somebody else is to give', async () => {
    await using mesh = await meshOf(['n1', 'n2', 'n3'], init)
    const worker = await owing(mesh, 'p')
    const asked = settled(worker.call.asked())
    await mesh.run(50)
    const atMs = mesh.nowMs
    await mesh.stop('n2')
    expect(mesh.nowMs - atMs).toBeLessThan(1_000)
    expect(await asked).toMatchObject(lost)
  })

  test('gives up those that take too long in time to hand over its state', async () => {
    await using mesh = await meshOf(['n1', 'n2', 'n3'], init)
    const worker = await owing(mesh, 'p')
    const first = worker.call.underWay('first')
    await mesh.run(50)
    gates.get('first')?.resolve()
    expect(await mesh.settle(first)).toBe(1)
    const never = settled(worker.call.underWay('never'))
    await mesh.run(50)
    const exits: unknown[] = []
    mesh.node('n2').on('worker:exit', ({ exit }) => exits.push(exit.kind))
    const atMs = mesh.nowMs
    await mesh.stop('n2')
    expect(mesh.nowMs - atMs).toBeGreaterThan(stopTimeoutMs / 2)
    expect(mesh.nowMs - atMs).toBeLessThan(stopTimeoutMs)
    expect(exits).toEqual(['released'])
    expect(await never).toMatchObject(lost)
    expect(await mesh.settle(worker.call.get())).toBe(1)
    // What comes too late, changes nothing.
    gates.get('never')?.resolve()
    await mesh.run(100)
    expect(await mesh.settle(worker.call.get())).toBe(1)
  })

  test('and crashes meanwhile has lost them', async () => {
    await using mesh = await meshOf(['n1', 'n2', 'n3'], init)
    const worker = await owing(mesh, 'p')
    const never = settled(worker.call.underWay('never'))
    await mesh.run(50)
    void mesh.leave('n2')
    await mesh.run(100)
    mesh.crash('n2')
    await mesh.until('it runs elsewhere', () => ownerOf(mesh, 'p', 'n1') === 'n3', 20_000)
    expect(await mesh.settle(never)).toMatchObject({ name: 'NodeLostError', maybeExecuted: true })
  })
})

test('132: a node that leaves while nobody else can take its workers stops them, and goes', async () => {
  await using mesh = await meshOf(['n1', 'n2'], { behavioursOf: { n2: [listener] } })
  await mesh.settle(mesh.node('n1').addWorker({ id: 'k', run: keeper, args: [1] }))
  const atMs = mesh.nowMs
  await mesh.stop('n1')
  expect(mesh.nowMs - atMs).toBeLessThan(1_000)
  await mesh.until('it is pending', () => specAt(mesh, 'n2', 'k')?.status.kind === 'pending')
})

test('a restart that is counted is counted on after a move', async () => {
  await using mesh = await meshOf(['n1', 'n2'])
  const intensity = { restarts: 2, withinMs: 600_000 }
  await mesh.settle(mesh.node('n1').addWorker({ id: 'c', run: counter, args: [1], intensity }))
  for (const message of ['one', 'two']) {
    const call = mesh.node('n1').getWorker('c', counter).call.fail(message)
    await expect(mesh.settle(call)).rejects.toMatchObject({ name: 'RemoteError' })
    await mesh.until('it is back', () => specAt(mesh, 'n1', 'c')?.status.kind === 'running')
  }
  const owner = ownerOf(mesh, 'c') ?? ''
  const other = owner === 'n1' ? 'n2' : 'n1'
  await mesh.stop(owner)
  const call = mesh.node(other).getWorker('c', counter).call.fail('three')
  await expect(mesh.settle(call)).rejects.toMatchObject({ name: 'RemoteError' })
  expect(specAt(mesh, other, 'c')?.status).toMatchObject({
    kind: 'gave-up',
    failures: [{ message: 'three', node: other }, { message: 'two', node: owner }, { message: 'one' }],
  })
})

/** Each step of a move takes about a millisecond here: what is done to it is done at every moment of it. */
const MOMENTS = Array.from({ length: 24 }, (_, index) => index * 0.5)

test.each(MOMENTS)('a session that breaks %s ms into a move loses no state', async moment => {
  await using mesh = await meshOf(['n1', 'n2'], { seed: `break ${moment}` })
  const ids = await addKeepers(mesh, 4)
  const stopping = mesh.stop('n2')
  await mesh.run(moment)
  mesh.breakSession('n1', 'n2')
  await stopping
  for (const [index, id] of ids.entries()) {
    await mesh.until('it runs', () => ownerOf(mesh, id, 'n1') === 'n1', 10_000)
    expect(await mesh.settle(mesh.node('n1').getWorker(id, keeper).call.get())).toBe(index * 1_000)
  }
})

test.each(MOMENTS)(
  'the heir dies %s ms into a move: a third node, or the owner itself, goes on',
  async moment => {
    await using mesh = await meshOf(['n1', 'n2', 'n3'], { seed: `heir ${moment}` })
    const ids = await addKeepers(mesh, 6)
    const owned = ids.filter(id => ownerOf(mesh, id) === 'n2')
    const stopping = mesh.stop('n2')
    await mesh.run(moment)
    const before = new Map(ids.map(id => [id, ownerOf(mesh, id, 'n1')]))
    mesh.crash('n3')
    await stopping
    for (const id of ids) await mesh.until('it runs', () => ownerOf(mesh, id, 'n1') === 'n1', 20_000)
    expect(ids.map(id => ownerOf(mesh, id, 'n1'))).toEqual(ids.map(() => 'n1'))
    for (const id of owned) {
      // Where the heir had it already, its state is lost with the heir; otherwise it is not.
      if (before.get(id) === 'n3' || before.get(id) === undefined) continue
      const index = ids.indexOf(id)
      expect(await mesh.settle(mesh.node('n1').getWorker(id, keeper).call.get())).toBe(index * 1_000)
    }
  },
)

test.each(MOMENTS)('the owner dies %s ms into a move: its workers run elsewhere', async moment => {
  await using mesh = await meshOf(['n1', 'n2', 'n3'], { seed: `owner ${moment}` })
  const ids = await addKeepers(mesh, 6)
  void mesh.node('n2').stop()
  await mesh.run(moment)
  mesh.crash('n2')
  for (const id of ids) {
    await mesh.until(
      'it runs',
      () =>
        ['n1', 'n3'].includes(ownerOf(mesh, id, 'n1') ?? '') &&
        ownerOf(mesh, id, 'n1') === ownerOf(mesh, id, 'n3'),
      20_000,
    )
    expect(await mesh.settle(mesh.node('n1').getWorker(id, keeper).call.get())).toBeGreaterThanOrEqual(0)
  }
})
