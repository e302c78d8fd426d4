/** Calls that can never be answered, as whoever is to answer them waits for whoever makes them: errors at once. */

import { beforeEach, expect, test } from 'vitest'

import { type ServerContext, type WorkerRef, defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** The type of a behaviour cannot be had within itself. */
const contract = defineServer('contract', {
  init: () => ({}),
  call: { ping: () => 'pong', ask: async (_state, _id: string): Promise<unknown> => undefined },
})

/** When it asks another worker, or itself; `aside`: without waiting for the answer. */
type When = 'init' | 'init, aside' | 'terminate' | 'terminate, aside' | 'handoff' | 'never'

interface State {
  readonly context: ServerContext
  readonly when: When
  readonly asked: string
  /** Whom the one that is asked asks in turn. */
  readonly next: string | undefined
}

/** What has come of it, of all workers. */
const outcomes: unknown[] = []

const asker = defineServer('asker', {
  init: (context, when: When, asked: string, next?: string): State | Promise<State> => {
    const state = { context, when, asked, next }
    if (when === 'init, aside') void ask(state)
    return when === 'init' ? ask(state).then(() => state) : state
  },
  call: {
    ping: () => 'pong',
    ask: async ({ context }, id: string): Promise<unknown> => refOf(context, id).call.ping(),
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
  terminate: state => {
    if (state.when === 'terminate, aside') void ask(state)
    return state.when === 'terminate' ? ask(state) : undefined
  },
  handoff: async state => {
    if (state.when === 'handoff') await ask(state)
    return 'state'
  },
})

async function ask({ context, asked, next }: State): Promise<void> {
  const { call } = refOf(context, asked)
  outcomes.push(await (next === undefined ? call.ping() : call.ask(next)).catch(String))
}

function refOf(context: ServerContext, id: string): WorkerRef<typeof contract> {
  return context.getWorker(id, contract)
}

/** Takes a moment before it asks the next one, so that the others have begun as well. */
const crosser = defineServer('crosser', {
  init: context => context,
  call: {
    ask: async (context, id: string): Promise<unknown> => {
      await context.sleep(20)
      return refOf(context, id).call.ping()
    },
    ping: () => 'pong',
  },
})

beforeEach(() => void outcomes.splice(0))

async function meshOf(nodes = 1): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes, behaviours: [asker, crosser] })
  await mesh.settle(mesh.node('n1').formed(nodes))
  return mesh
}

const DEADLOCK = expect.stringContaining('DeadlockError')
/** A call waits five seconds: what is found at once, is found before. */
const AT_ONCE_MS = 1_000

test.each([
  ['itself', 'w', undefined, 'w → w'],
  ['another one that asks it', 'other', 'w', 'w → other → w'],
] as const)('who asks %s in its init is told so', async (_what, asked, next, circle) => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'other', run: asker, args: ['never', ''] }))
  const startMs = mesh.nowMs
  const args: ['init', string, string?] = next === undefined ? ['init', asked] : ['init', asked, next]
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: asker, args }))
  expect(outcomes).toEqual([DEADLOCK])
  expect(outcomes).toEqual([expect.stringContaining(circle)])
  // Also where it is started again, and known to be here.
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  expect(await mesh.settle(worker.call.ping())).toBe('pong')
  expect(outcomes).toEqual([DEADLOCK, DEADLOCK])
  expect(mesh.nowMs - startMs).toBeLessThan(AT_ONCE_MS)
})

test('who asks itself in its init and does not wait for it, has its answer when it has started', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['init, aside', 'w'] }))
  await mesh.settle(worker.call.ping())
  expect(outcomes).toEqual(['pong'])
})

test('who asks itself when it is removed is told so', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['terminate', 'w'] }))
  await mesh.settle(
    node.addGroup({ id: 'g', members: [{ id: 'a', run: asker, args: ['terminate', 'g/a'] }] }),
  )
  const startMs = mesh.nowMs
  await mesh.settle(node.removeWorker('w'))
  await mesh.settle(node.removeGroup('g'))
  expect(outcomes).toEqual([DEADLOCK, DEADLOCK])
  expect(mesh.nowMs - startMs).toBeLessThan(AT_ONCE_MS)
})

test('who asks itself when it has crashed is told so', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['terminate', 'w'] }))
  const startMs = mesh.nowMs
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  expect(await mesh.settle(worker.call.ping())).toBe('pong')
  expect(outcomes).toEqual([DEADLOCK])
  expect(mesh.nowMs - startMs).toBeLessThan(AT_ONCE_MS)
})

test('who asks itself when it has crashed and does not wait for it, is answered by its successor', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['terminate, aside', 'w'] }))
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  await mesh.settle(worker.call.ping())
  await mesh.run(10)
  expect(outcomes).toEqual(['pong'])
})

test('who asks itself in its handoff is told so', async () => {
  await using mesh = await meshOf(2)
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['handoff', 'w'] }))
  const owner = node.snapshot().specs.find(({ id }) => id === 'w')?.workers[0]?.node
  const startMs = mesh.nowMs
  await mesh.settle(mesh.node(owner ?? '').stop())
  expect(outcomes).toEqual([DEADLOCK])
  expect(mesh.nowMs - startMs).toBeLessThan(AT_ONCE_MS)
  if (owner !== 'n1') expect(await mesh.settle(worker.call.ping())).toBe('pong')
})

test.each([1, 3])(
  'who asks a sibling in its init that starts with it is told so, on %i nodes',
  async nodes => {
    await using mesh = await meshOf(nodes)
    const node = mesh.node('n1')
    const startMs = mesh.nowMs
    const group = await mesh.settle(
      node.addGroup({
        id: 'g',
        members: [
          { id: 'a', run: asker, args: ['init', 'g/b'] },
          { id: 'b', run: asker, args: ['never', ''] },
          { id: 'c', run: asker, args: ['init', 'g/b'] },
        ],
      }),
    )
    expect(outcomes.toSorted()).toEqual([
      expect.stringMatching(/DeadlockError: "g\/a" waits in its init for "g\/b".* Call it after init/),
      expect.stringMatching(/DeadlockError: "g\/c" waits in its init for "g\/b".* Call it after init/),
    ])
    expect(mesh.nowMs - startMs).toBeLessThan(AT_ONCE_MS)
    expect(await mesh.settle(group.getMember('a').call.ping())).toBe('pong')
  },
)

test('who asks a sibling in its init is answered where that one goes on running', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const members = [
    { id: 'a', run: asker, args: ['init', 'g/b'] },
    { id: 'b', run: asker, args: ['never', ''] },
  ] as const
  const group = await mesh.settle(node.addGroup({ id: 'g', strategy: 'one_for_one', members: [...members] }))
  await expect(mesh.settle(group.getMember('a').call.crash())).rejects.toThrow('told to crash')
  expect(await mesh.settle(group.getMember('a').call.ping())).toBe('pong')
  expect(outcomes).toEqual([DEADLOCK, 'pong'])
})

test('who asks a sibling in its init and does not wait for it, has its answer when all have started', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const members = [
    { id: 'a', run: asker, args: ['init, aside', 'g/b'] },
    { id: 'b', run: asker, args: ['never', ''] },
  ] as const
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [...members] }))
  await mesh.settle(group.getMember('b').call.ping())
  expect(outcomes).toEqual(['pong'])
})

test.each([
  [['a', 'b'], 'g/a → g/b → g/a'],
  [['a', 'b', 'c'], 'g/a → g/b → g/c → g/a'],
] as const)('of %j that call each other at once, the time-out says so', async (ids, circle) => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const members = ids.map(id => ({ id, run: crosser }))
  const group = await mesh.settle(node.addGroup({ id: 'g', members }))
  const asked = ids.map((id, index) =>
    group.getMember(id).call.ask(`g/${ids[(index + 1) % ids.length] ?? ''}`),
  )
  const [first] = await mesh.settle(Promise.allSettled(asked))
  const reason = { name: 'CallTimeoutError', message: expect.stringContaining(circle) }
  expect(first).toMatchObject({ status: 'rejected', reason })
})

test('of a worker whose start asks one that waits for it to start again, the time-out says so', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const other = await mesh.settle(node.addWorker({ id: 'other', run: crosser }))
  const w = await mesh.settle(node.addWorker({ id: 'w', run: asker, args: ['init', 'other'] }))
  // From the second crash on it waits before it starts again.
  for (let crash = 0; crash < 2; crash++) {
    await mesh.settle(w.call.ping())
    await expect(mesh.settle(w.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  }
  const asked = other.with({ timeoutMs: 10_000 }).call.ask('w')
  expect(await mesh.settle(asked)).toBe('pong')
  expect(outcomes).toEqual(['pong', 'pong', expect.stringContaining('other → w → other')])
})

test('of a call that is late and in no circle, the time-out names nobody else', async () => {
  await using mesh = await meshOf()
  const node = mesh.node('n1')
  const members = ['a', 'b'].map(id => ({ id, run: crosser }))
  const group = await mesh.settle(node.addGroup({ id: 'g', members }))
  const asked = group.getMember('a').with({ timeoutMs: 10 }).call.ask('g/b')
  await expect(mesh.settle(asked)).rejects.toMatchObject({
    name: 'CallTimeoutError',
    message: expect.not.stringContaining('→'),
  })
})
