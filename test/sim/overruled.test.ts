/** Workers whose node has heard that another one has them: nothing that they do counts from then on. */

import { AsyncLocalStorage } from 'node:async_hooks'

import { describe, expect, test } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import type { WorkerContext } from '../../src/node/workers/context.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { isElsewhere } from './elsewhere.ts'

/** Longer than it takes until each side runs all. */
const APART_MS = 20_000
/** Until all know the same again, and those who do not hear have been abandoned. */
const SETTLE_MS = 12_000
const LOOK_MS = 10

const listener = defineServer('ear', {
  init: (): { readonly heard: unknown[] } => ({ heard: [] }),
  call: { ask: () => 'heard', all: state => state.heard },
  cast: { note: (state, what: string) => void state.heard.push(what) },
  info: (state, message) => void state.heard.push(message),
})

/** Code that has begun, and pays no heed to its signal. */
interface Rival {
  readonly context: WorkerContext
  readonly asItself: (code: () => Promise<string[]>) => Promise<string[]>
}

const rivals: Rival[] = []

async function hangOn(context: WorkerContext): Promise<void> {
  rivals.push({ context, asItself: AsyncLocalStorage.snapshot() })
  await new Promise(() => {})
}

const deafServer = defineServer('deaf-server', {
  init: context => {
    context.sendAfter(0, 'hang')
    return {}
  },
  info: async (_state, _message, context) => hangOn(context),
})
const deafTask = defineTask('deaf-task', async context => hangOn(context))
const deafStage = defineStage('deaf-stage', async (_item: number, context) => hangOn(context))
const behaviours = [listener, deafServer, deafTask, deafStage]

async function outcomeOf(deed: () => unknown): Promise<string> {
  try {
    await deed()
    return 'done'
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

/** Tries what its code might, by its context and by a handle of its node. */
function tryAll({ context, asItself }: Rival, node: Node): Promise<string[]> {
  const { group } = context
  const ear = context.getWorker('ear', listener)
  const kept = node.getWorker('ear', listener)
  const deeds = [
    () => ear.cast.note('by a cast'),
    () => ear.send('by a message'),
    () => ear.call.ask(),
    () => kept.cast.note('by a handle of the node'),
    ...(group === undefined ? [] : [() => group.broadcast('to all'), () => group.sendRandom('by lot')]),
  ]
  return asItself(() => Promise.all(deeds.map(outcomeOf)))
}

async function apart(mesh: SimulatedMesh): Promise<void> {
  mesh.partition(['n1'], ['n2', 'n3'])
  await mesh.run(APART_MS)
}

interface Lost {
  /** What those who had lost their slots tried, and what came of it. */
  readonly outcomes: readonly string[]
  /** Of the code that was told so before it was given up: its slots. */
  readonly fenced: ReadonlySet<string>
  /** How workers have ended. */
  readonly exits: readonly string[]
}

/** Heals the mesh, and lets whoever has lost its slot by the rows of its node try everything, at each look. */
async function healed(mesh: SimulatedMesh): Promise<Lost> {
  const exits: string[] = []
  const over = new Set<Rival>()
  for (const id of mesh.ids) {
    mesh.node(id).on('worker:exit', ({ slot, exit }) => {
      exits.push(exit.kind)
      for (const rival of rivals)
        if (rival.context.node === id && rival.context.worker === slot) over.add(rival)
    })
  }
  const outcomes: Promise<string[]>[] = []
  const fenced = new Set<string>()
  mesh.heal()
  for (let passedMs = 0; passedMs < SETTLE_MS; passedMs += LOOK_MS) {
    await mesh.run(LOOK_MS)
    for (const rival of rivals) {
      const { node, worker } = rival.context
      if (over.has(rival) || !isElsewhere(mesh.node(node), worker)) continue
      fenced.add(`${worker} on ${node}`)
      outcomes.push(tryAll(rival, mesh.node(node)))
    }
  }
  return { outcomes: (await mesh.settle(Promise.all(outcomes))).flat(), fenced, exits }
}

describe('I21: whoever does not hear its signal reaches nobody once its node knows that another one has it', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f']

  test.each([
    ['server', deafServer],
    ['task', deafTask],
  ] as const)('a %s', async (_kind, run) => {
    rivals.length = 0
    await using mesh = await simulate({ behaviours })
    await allSeeAll(mesh)
    const [node] = mesh.ids.map(id => mesh.node(id))
    await mesh.settle(
      Promise.all([
        ...ids.map(id => node?.addWorker({ id, run })),
        node?.addWorker({ id: 'ear', run: listener }),
      ]),
    )
    await apart(mesh)
    const { outcomes, fenced, exits } = await healed(mesh)
    expect(new Set(outcomes)).toEqual(new Set(['FencedError']))
    expect(fenced.size).toBe(6)
    expect(exits.filter(kind => kind === 'abandoned').length).toBe(6)
  })

  test.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)('a member, %s', async strategy => {
    rivals.length = 0
    await using mesh = await simulate({ behaviours })
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    await mesh.settle(node.addWorker({ id: 'ear', run: listener }))
    const members = ids.map(id => ({ id, run: deafServer }))
    await mesh.settle(node.addGroup({ id: 'g', strategy, members }))
    await apart(mesh)
    const { outcomes, fenced } = await healed(mesh)
    expect(new Set(outcomes)).toEqual(new Set(['FencedError']))
    expect(fenced.size).toBeGreaterThan(0)
  })

  test('a stage', async () => {
    rivals.length = 0
    await using mesh = await simulate({ behaviours })
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    await mesh.settle(node.addWorker({ id: 'ear', run: listener }))
    await mesh.settle(node.addChain({ id: 'c', stages: [{ run: deafStage, workers: 3 }] }))
    await apart(mesh)
    for (const id of mesh.ids)
      for (const item of ids.keys()) mesh.node(id).getChain<number>('c').trySend(item)
    await mesh.run(1_000)
    const { outcomes, fenced } = await healed(mesh)
    expect(new Set(outcomes)).toEqual(new Set(['FencedError']))
    expect(fenced.size).toBeGreaterThan(0)
  })
})

/** Tells the listener what it is at when it stops, and waits: that is its own business. */
const teller = (ends: unknown[], name = 'teller') =>
  defineServer(name, {
    init: context => ({ context }),
    call: {
      /** Waits until its signal aborts, and goes on all the same. */
      work: async ({ context }) => {
        while (!context.signal.aborted) await context.sleep(1_000)
        context.getWorker('ear', listener).cast.note('at work')
        return 'done'
      },
      /** The same, but asks nobody for anything. */
      idle: async ({ context }) => {
        while (!context.signal.aborted) await context.sleep(1_000)
        return 'done'
      },
    },
    handoff: ({ context }) => {
      context.getWorker('ear', listener).cast.note('handoff')
      return 'state'
    },
    terminate: async ({ context }, reason) => {
      await context.sleep(100)
      const ear = context.getWorker('ear', listener)
      ends.push([reason, await outcomeOf(() => ear.cast.note(`terminate ${context.worker}`))])
    },
  })

describe('whoever hears its signal, and whom another node has,', () => {
  test.each(['work', 'idle'] as const)('puts away what is its own, without a crash: %s', async what => {
    const ends: unknown[] = []
    const run = teller(ends)
    await using mesh = await simulate({ behaviours: [listener, run] })
    await allSeeAll(mesh)
    const node = mesh.node('n1')
    const ear = await mesh.settle(node.addWorker({ id: 'ear', run: listener }))
    const ids = ['a', 'b', 'c', 'd']
    await mesh.settle(Promise.all(ids.map(id => node.addWorker({ id, run, rebalance: 'passive' }))))
    await apart(mesh)
    const exits: unknown[] = []
    for (const id of mesh.ids)
      mesh.node(id).on('worker:exit', ({ slot, exit }) => {
        if (slot !== 'ear') exits.push(exit)
      })
    const calls = ['n1', 'n2'].flatMap(id =>
      ids.map(worker => mesh.node(id).getWorker(worker, run).with({ timeoutMs: 15_000 }).call[what]()),
    )
    const outcomes = Promise.allSettled(calls)
    await mesh.run(1_000)
    mesh.heal()
    await mesh.run(SETTLE_MS)
    expect(ends).toEqual(ids.map(() => ['stopped', 'FencedError']))
    expect(exits).toEqual(ids.map(() => ({ kind: 'stopped' })))
    const failures = (await mesh.settle(outcomes)).map((outcome): unknown =>
      outcome.status === 'rejected' ? outcome.reason : undefined,
    )
    // Nobody is told that something is done by a worker whose state goes nowhere.
    const told =
      what === 'idle'
        ? { name: 'WorkerExitedError', maybeExecuted: true }
        : { name: 'RemoteError', maybeExecuted: true, cause: { name: 'FencedError' } }
    expect(failures.filter(error => error instanceof Error && error.name === told.name)).toMatchObject(
      ids.map(() => told),
    )
    expect(await mesh.settle(ear.call.all())).toEqual([])
    for (const id of ids)
      expect(node.listWorkers().find(worker => worker.id === id)?.status).toEqual({ kind: 'running' })
  })
})

describe('whoever stops for any other reason is heard until it is over:', () => {
  const rows: readonly [
    string,
    (mesh: SimulatedMesh, owner: string) => Promise<unknown>,
    readonly string[],
  ][] = [
    ['a removal', (mesh, owner) => mesh.node(owner).removeWorker('w'), ['terminate w']],
    ['a stop', (mesh, owner) => mesh.node(owner).stopWorker('w'), ['terminate w']],
    ['a restart', (mesh, owner) => mesh.node(owner).restartWorker('w'), ['terminate w']],
    ['a move', (mesh, owner) => mesh.node(owner).drain(), ['handoff', 'terminate w']],
    ['a leave', (mesh, owner) => mesh.leave(owner), ['handoff', 'terminate w']],
  ]

  test.each(rows)('%s', async (_what, end, heard) => {
    const ends: unknown[] = []
    const run = teller(ends)
    await using mesh = await simulate({ behaviours: [listener, run], labelsOf: { n1: { ear: 'yes' } } })
    await allSeeAll(mesh)
    const placement = { labels: { ear: 'yes' } }
    const node = mesh.node('n1')
    const ear = await mesh.settle(node.addWorker({ id: 'ear', run: listener, placement }))
    await mesh.settle(node.drain().catch(() => {}))
    await mesh.settle(node.addWorker({ id: 'w', run }))
    const owner = String(node.snapshot().specs.find(({ id }) => id === 'w')?.workers[0]?.node)
    expect(owner).not.toBe('n1')
    await mesh.settle(end(mesh, owner))
    await mesh.run(2_000)
    expect(ends).toEqual([['stopped', 'done']])
    expect(await mesh.settle(ear.call.all())).toEqual(heard)
  })
})
