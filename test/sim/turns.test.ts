/** Members that wait for their turn to stop, at a call of another one that has gone meanwhile: that is no crash (I57). */

import { beforeEach, describe, expect, test } from 'vitest'

import { type WorkerContext, defineServer, defineStage, defineTask, deferred } from '../../src/index.ts'
import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import { STRAY_BROKEN_OFF } from '../../src/node/workers/thrown.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** Longer than any test takes. */
const FOR_EVER_MS = 600_000
const MOVE_MS = 5_000

/** Nobody answers its callers: they are told when it ends. */
const callee = defineServer('callee', {
  init: () => ({}),
  call: { never: () => deferred<void>(() => {}) },
})

function ask({ getWorker }: WorkerContext, id: string): Promise<void> {
  return getWorker(id, callee).with({ timeoutMs: FOR_EVER_MS }).call.never()
}

/** Those who stop after it wait for a while. */
const slow = defineServer('slow', {
  init: context => context,
  call: {},
  terminate: async context => {
    for (let restedMs = 0; restedMs < 200; restedMs += 10) await context.sleep(10)
  },
})

const asker = defineServer('asker', {
  init: context => ({ context, told: Array.isArray(context.handoff) ? context.handoff.map(String) : [] }),
  call: { told: state => state.told, ask: state => ask(state.context, 'g/callee') },
  cast: {
    tell: (state, what: string) => void state.told.push(what),
    ask: state => ask(state.context, 'g/callee'),
  },
  handoff: state => state.told,
})

/** The errors of workers whose code was broken off, as the log has them. */
const logged: unknown[] = []
const note = (facts: object, message: string): void => {
  if (message === STRAY_BROKEN_OFF && 'error' in facts) logged.push(facts.error)
}
const quiet = (): void => {}
const logger = { debug: quiet, info: note, warn: quiet, error: quiet }

let starts = 0
const read: unknown[] = []

const task = defineTask('task', async context => {
  starts += 1
  if (starts === 1) await ask(context, 'g/callee')
  for await (const message of context.messages) read.push(message)
})

/** Asks for each item that is put in before its node goes. */
const stage = defineStage('stage', async (n: number, context) => {
  starts += 1
  if (starts === 1) await ask(context, 'callee')
  return n
})

/** Is at its item for a while, and so stops after that. */
const pass = defineStage('pass', async (n: number, context) => {
  for (let restedMs = 0; restedMs < 400; restedMs += 10) await context.sleep(10)
  return n
})

beforeEach(() => {
  starts = 0
  read.length = 0
  logged.length = 0
})

/** On n2, and n1 has come later. */
async function meshOf(seed: string): Promise<SimulatedMesh> {
  const behaviours = [callee, slow, asker, task, stage, pass]
  const mesh = new SimulatedMesh({ nodes: 2, behaviours, seed, logger })
  await mesh.start('n2')
  return mesh
}

function crashesOn(mesh: SimulatedMesh): unknown[] {
  const crashes: unknown[] = []
  for (const id of mesh.up)
    mesh.node(id).on('worker:exit', ({ slot, exit }) => {
      if (exit.kind === 'crashed') crashes.push([slot, exit.failure.name])
    })
  return crashes
}

async function move(mesh: SimulatedMesh, way: 'stop' | 'drain'): Promise<void> {
  if (way === 'stop') await mesh.stop('n2')
  else await mesh.settle(mesh.node('n2').drain())
  await mesh.run(MOVE_MS)
}

const intensity = { restarts: 0, withinMs: 60_000 }

describe.each(['stop', 'drain'] as const)('as its node goes by %s, a member that waits for its turn', way => {
  test.each(
    GROUP_STRATEGIES.flatMap(strategy => (['call', 'cast'] as const).map(by => [strategy, by] as const)),
  )('keeps its state (%s, at a %s)', async (strategy, by) => {
    await using mesh = await meshOf(`turn ${way} ${strategy} ${by}`)
    const members = [
      { id: 'asker', run: asker },
      { id: 'slow', run: slow },
      { id: 'callee', run: callee },
    ] as const
    await mesh.settle(mesh.node('n2').addGroup({ id: 'g', strategy, members, intensity }))
    await mesh.start('n1')
    await allSeeAll(mesh)
    const ref = mesh.node('n1').getGroup<typeof members>('g').member('asker')
    ref.cast.tell('before')
    const answer =
      by === 'call'
        ? ref
            .with({ timeoutMs: FOR_EVER_MS })
            .call.ask()
            .catch((error: unknown) => error)
        : ref.cast.ask()
    ref.cast.tell('after')
    await mesh.run(100)
    const crashes = crashesOn(mesh)
    await move(mesh, way)
    expect(await mesh.settle(ref.call.told())).toEqual(['before', 'after'])
    expect(crashes).toEqual([])
    const told = { name: 'RemoteError', cause: { name: 'WorkerExitedError' } }
    if (by === 'call') expect(await answer).toMatchObject(told)
    // Nobody else is told of a cast.
    expect(logged).toMatchObject([{ name: 'WorkerExitedError' }])
  })

  test.each(GROUP_STRATEGIES)('goes on as a task elsewhere (%s)', async strategy => {
    await using mesh = await meshOf(`task ${way} ${strategy}`)
    const members = [
      { id: 'task', run: task },
      { id: 'slow', run: slow },
      { id: 'callee', run: callee },
    ] as const
    await mesh.settle(mesh.node('n2').addGroup({ id: 'g', strategy, members, intensity }))
    await mesh.start('n1')
    await allSeeAll(mesh)
    const crashes = crashesOn(mesh)
    await move(mesh, way)
    mesh.node('n1').getGroup<typeof members>('g').member('task').send('hello')
    await mesh.run(100)
    expect(crashes).toEqual([])
    expect(starts).toBe(2)
    expect(read).toEqual(['hello'])
  })

  test.each(['crash', 'deadLetter', 'retry'] as const)(
    'gives its item to the next one (%s)',
    async onItemError => {
      await using mesh = await meshOf(`stage ${way} ${onItemError}`)
      await mesh.settle(mesh.node('n2').addWorker({ id: 'callee', run: callee }))
      const stages = [{ run: pass }, { run: stage, onItemError }] as const
      await mesh.settle(mesh.node('n2').addChain({ id: 'c', stages, intensity }))
      await mesh.start('n1')
      await allSeeAll(mesh)
      const crashes = crashesOn(mesh)
      const dead: unknown[] = []
      mesh.node('n1').on('item:dead', ({ reason }) => dead.push(reason))
      const chain = mesh.node('n1').getChain<number, number>('c')
      const outcome = chain.call(7, { to: 'stage' })
      const other = chain.call(8)
      await mesh.run(50)
      await move(mesh, way)
      expect(await mesh.settle(Promise.all([outcome, other]))).toEqual([7, 8])
      expect(dead).toEqual([])
      expect(crashes).toEqual([])
    },
  )
})
