/** Workers that ask for their own end as they move: nobody goes on elsewhere with what is done. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type WorkerContext, defineServer, defineTask } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const starts: string[] = []
const terminated: unknown[] = []

/** At work for a while. It wishes for its end at the beginning of it, before it is to move, or at the end. */
async function work(context: Pick<WorkerContext, 'sleep' | 'stop'>, when: When): Promise<void> {
  if (when === 'before') context.stop()
  await context.sleep(100).catch(() => {})
  await Promise.resolve()
  if (when === 'after') context.stop('shutdown')
}

type When = 'before' | 'after'

const server = defineServer('server', {
  init: context => {
    starts.push(context.worker)
    return { context, told: context.handoff }
  },
  call: {
    told: state => state.told ?? 'nothing',
    crash: (): number => {
      throw new Error('on purpose')
    },
  },
  cast: { work: ({ context }, when: When) => work(context, when) },
  handoff: () => 'something',
  terminate: (_state, reason) => terminated.push(reason),
})

const task = defineTask('task', async context => {
  starts.push(context.worker)
  for await (const when of context.messages) await work(context, when === 'before' ? 'before' : 'after')
})

const labels = { far: 'yes' }
const placement = { labels }

beforeEach(() => {
  starts.length = 0
  terminated.length = 0
})

async function meshOfThree(): Promise<SimulatedMesh> {
  const mesh = await simulate({
    behaviours: [server, task],
    labelsOf: { n2: labels, n3: labels },
    seed: 'wish',
  })
  await allSeeAll(mesh)
  return mesh
}

/** Asks the node that has the worker to go while the worker is at work. @returns how its end was told there */
async function move(mesh: SimulatedMesh, way: Way, slot: string): Promise<unknown[]> {
  await mesh.run(50)
  const [spec] = mesh.node('n1').snapshot().specs
  const owner = spec?.workers.find(worker => worker.slot === slot)?.node ?? ''
  const exits: unknown[] = []
  mesh.node(owner).on('worker:exit', ({ slot: ended, exit }) => {
    if (ended === slot) exits.push(exit.kind)
  })
  starts.length = 0
  if (way === 'stop') await mesh.stop(owner)
  else await mesh.settle(mesh.node(owner).drain())
  await mesh.run(10_000)
  return exits
}

function statusOf(mesh: SimulatedMesh): unknown {
  return mesh.node('n1').snapshot().specs[0]?.status
}

type Way = 'drain' | 'stop'
const ways = (['drain', 'stop'] as const).flatMap(way =>
  (['before', 'after'] as const).map(when => [way, when] as const),
)

describe.each(ways)('a worker that moves by %s, and has wished for its end %s that', (way, when) => {
  const kinds = { before: 'normal', after: 'shutdown' } as const

  test.each(['transient', 'temporary'] as const)('is done, standalone and %s', async restart => {
    await using mesh = await meshOfThree()
    const node = mesh.node('n1')
    const ref = await mesh.settle(node.addWorker({ id: 'w', run: server, restart, placement }))
    ref.cast.work(when)
    expect(await move(mesh, way, 'w')).toEqual([kinds[when]])
    expect(statusOf(mesh)).toMatchObject({ kind: 'done' })
    expect(starts).toEqual([])
    expect(terminated).toEqual([kinds[when]])
  })

  test('goes on elsewhere with nothing, where it is to run for ever', async () => {
    await using mesh = await meshOfThree()
    const node = mesh.node('n1')
    const ref = await mesh.settle(node.addWorker({ id: 'w', run: server, placement }))
    ref.cast.work(when)
    await move(mesh, way, 'w')
    expect(starts).toEqual(['w'])
    expect(await mesh.settle(ref.call.told())).toBe('nothing')
    expect(statusOf(mesh)).toEqual({ kind: 'running' })
  })

  test.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)(
    'is done in a group, %s',
    async strategy => {
      await using mesh = await meshOfThree()
      const node = mesh.node('n1')
      const declared = [
        { id: 'w', run: server, restart: 'transient', placement },
        { id: 'x', run: server },
      ] as const
      const intensity = { restarts: 0, withinMs: 60_000 }
      const group = await mesh.settle(node.addGroup({ id: 'g', strategy, members: declared, intensity }))
      group.member('w').cast.work(when)
      expect(await move(mesh, way, 'g/w')).toEqual([kinds[when]])
      expect(group.status).toEqual({ kind: 'running' })
      const members = group.members().flatMap(({ workers }) => workers.map(({ kind }) => kind))
      expect(members).toEqual(['ended', 'running'])
      expect(starts).not.toContain('g/w')
      // A generation that has failed, and is not made good, could not fail again.
      const failed: string[] = []
      node.on('generation:fail', ({ id }) => failed.push(id))
      await expect(mesh.settle(group.member('x').call.crash())).rejects.toThrow('on purpose')
      await mesh.until('it is told', () => failed.length > 0)
    },
  )
})

/** It leaves nothing behind. */
const plain = defineServer('plain', { init: context => void starts.push(context.worker) })

const siblings = (['one_for_all', 'rest_for_one'] as const).flatMap(strategy =>
  (['permanent', 'temporary'] as const).map(restart => [strategy, restart] as const),
)

test.each(siblings)('siblings that have stopped for it go on, and it does not: %s, %s', async (...how) => {
  const [strategy, restart] = how
  const init = { behaviours: [server, plain], labelsOf: { n2: labels, n3: labels }, seed: 'wish' }
  await using mesh = await simulate(init)
  await allSeeAll(mesh)
  const members = [
    { id: 'w', run: server, restart: 'transient', placement },
    { id: 'x', run: plain, restart },
  ] as const
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy, members }))
  group.member('w').cast.work('after')
  await move(mesh, 'drain', 'g/w')
  expect(starts).toEqual(['g/x'])
  expect(group.status).toEqual({ kind: 'running' })
  expect(group.members().flatMap(({ workers }) => workers.map(({ kind }) => kind))).toEqual([
    'ended',
    'running',
  ])
})

// One that wishes for its end before it is to move, has ended by then.
test.each(['drain', 'stop'] as const)('a task that asks for its end as it moves by %s is done', async way => {
  await using mesh = await meshOfThree()
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker({ id: 'w', run: task, restart: 'transient', placement }))
  ref.send('after')
  expect(await move(mesh, way, 'w')).toEqual(['shutdown'])
  expect(statusOf(mesh)).toMatchObject({ kind: 'done' })
  expect(starts).toEqual([])
})

test.each(['at once', 'later'] as const)(
  'a server that asks for its end in its handoff, %s, is done',
  async when => {
    const leaver = defineServer('leaver', {
      init: context => {
        starts.push(context.worker)
        return context
      },
      handoff: async context => {
        if (when === 'later') await context.sleep(5)
        context.stop('shutdown')
        return 'something'
      },
      terminate: (_context, reason) => terminated.push(reason),
    })
    await using mesh = await simulate({
      behaviours: [leaver],
      labelsOf: { n2: labels, n3: labels },
      seed: 'wish',
    })
    await allSeeAll(mesh)
    const spec = { id: 'w', run: leaver, restart: 'transient', placement } as const
    await mesh.settle(mesh.node('n1').addWorker(spec))
    expect(await move(mesh, 'drain', 'w')).toEqual(['shutdown'])
    expect(statusOf(mesh)).toMatchObject({ kind: 'done' })
    expect(starts).toEqual([])
    expect(terminated).toEqual(['shutdown'])
  },
)
