/** Workers whose code throws as they move: because of their signal, which is no crash, or by a fault of their own. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type WorkerContext, defineServer, defineTask } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { allSeeAll } from './all-see-all.ts'

/** What work throws that its signal ends. */
const THROWN = {
  reason: ({ reason }: AbortSignal): unknown => reason,
  named: () => Object.assign(new Error('The operation was aborted'), { name: 'AbortError' }),
  // As the timers of Node do.
  named_with_cause: ({ reason }: AbortSignal) =>
    Object.assign(new Error('The operation was aborted', { cause: reason }), { name: 'AbortError' }),
  cause: ({ reason }: AbortSignal) => new TypeError('cannot fetch', { cause: reason }),
  fault: () => new RangeError('on purpose'),
} as const
type Thrown = keyof typeof THROWN
const aborts = ['reason', 'named', 'named_with_cause', 'cause'] as const

async function workUntilAborted({ signal }: Pick<WorkerContext, 'signal'>, thrown: Thrown): Promise<never> {
  await new Promise(resolve => signal.addEventListener('abort', resolve))
  throw THROWN[thrown](signal)
}

const terminated: unknown[] = []

const server = defineServer('server', {
  init: context => ({ context, count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: {
    count: state => state.count,
    work: ({ context }, thrown: Thrown) => workUntilAborted(context, thrown),
  },
  cast: {
    add: (state, by: number) => void (state.count += by),
    work: ({ context }, thrown: Thrown) => workUntilAborted(context, thrown),
  },
  info: (state, by) => void (state.count += Number(by)),
  handoff: state => state.count,
  terminate: (_state, reason) => terminated.push(reason),
})

let starts = 0
const read: unknown[] = []

const task = defineTask('task', async (context, thrown: Thrown) => {
  starts += 1
  if (starts === 1) await workUntilAborted(context, thrown)
  for await (const message of context.messages) read.push(message)
})

beforeEach(() => {
  terminated.length = 0
  read.length = 0
  starts = 0
})

const labels = { far: 'yes' }
const placement = { labels }
type Kind = 'worker' | 'group'
type Way = 'drain' | 'stop'
const rows = (['worker', 'group'] as const).flatMap(kind =>
  (['drain', 'stop'] as const).map(way => [kind, way] as const),
)
const slots = { worker: 'w', group: 'g/w' } as const

async function meshOfThree(logger: LogBook): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours: [server, task], logger, labelsOf: { n2: labels, n3: labels } })
  await allSeeAll(mesh)
  return mesh
}

function ownerOf(mesh: SimulatedMesh): string {
  return mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? ''
}

async function move(mesh: SimulatedMesh, way: Way): Promise<unknown[]> {
  const owner = ownerOf(mesh)
  const exits: unknown[] = []
  mesh.node(owner).on('worker:exit', ({ exit, lost }) => exits.push({ ...exit, lost }))
  if (way === 'stop') await mesh.stop(owner)
  else await mesh.settle(mesh.node(owner).drain())
  await mesh.until('it has moved', () => ownerOf(mesh) !== owner)
  return exits
}

/** One that has counted to 40 and is at work that its signal ends, while casts and a message for 3 more wait. */
async function moved(kind: Kind, way: Way, work: { readonly by: 'call' | 'cast'; readonly thrown: Thrown }) {
  const logger = new LogBook()
  const mesh = await meshOfThree(logger)
  const node = mesh.node('n1')
  const member = { id: 'w', run: server, placement } as const
  if (kind === 'worker') await mesh.settle(node.addWorker(member))
  else await mesh.settle(node.addGroup({ id: 'g', members: [member] }))
  const ref =
    kind === 'worker'
      ? node.getWorker('w', server)
      : node.getGroup<{ readonly id: string; readonly run: typeof server }[]>('g').member('w')
  ref.cast.add(40)
  expect(await mesh.settle(ref.call.count())).toBe(40)
  const { by, thrown } = work
  const working = by === 'call' ? ref.call.work(thrown).catch((error: unknown) => error) : undefined
  if (by === 'cast') ref.cast.work(thrown)
  ref.cast.add(1)
  ref.cast.add(1)
  ref.send(1)
  await mesh.run(50)
  const exits = await move(mesh, way)
  const count = await mesh.settle(ref.call.count())
  const warnings = logger.lines.filter(line => line.message.includes('has failed'))
  return { mesh, error: await working, count, exits, warnings }
}

describe.each(rows)('a %s that moves by %s', (kind, way) => {
  test.each(aborts)('hands all over where work was broken off because of it: %s', async thrown => {
    const { mesh, error, count, exits, warnings } = await moved(kind, way, { by: 'call', thrown })
    await using _ = mesh
    expect(count).toBe(43)
    const name = thrown === 'cause' ? 'TypeError' : 'AbortError'
    expect(error).toMatchObject({ name: 'RemoteError', maybeExecuted: true, cause: { name } })
    expect(exits).toMatchObject([{ kind: 'released', lost: 0 }])
    expect(warnings).toEqual([])
    expect(terminated).toEqual(['stopped'])
  })

  test('hands all over where a cast was broken off', async () => {
    const { mesh, count, exits, warnings } = await moved(kind, way, { by: 'cast', thrown: 'reason' })
    await using _ = mesh
    expect(count).toBe(43)
    expect(exits).toMatchObject([{ kind: 'released', lost: 0 }])
    expect(warnings).toEqual([])
  })

  test('loses its state and mailbox by a fault of its own, which is told', async () => {
    const { mesh, error, count, exits, warnings } = await moved(kind, way, { by: 'call', thrown: 'fault' })
    await using _ = mesh
    expect(count).toBe(0)
    expect(error).toMatchObject({ name: 'RemoteError', cause: { name: 'RangeError' } })
    expect(exits).toMatchObject([{ kind: 'stopped', lost: 3 }])
    const facts = { worker: slots[kind], error: { name: 'RangeError', message: 'on purpose' } }
    expect(warnings).toMatchObject([{ facts, message: expect.stringMatching(/^move has failed/) }])
    expect(terminated).toMatchObject([{ message: 'on purpose' }])
  })
})

describe.each(['drain', 'stop'] as const)('a task that moves by %s', way => {
  async function movedTask(thrown: Thrown) {
    const logger = new LogBook()
    const mesh = await meshOfThree(logger)
    const ref = await mesh.settle(
      mesh.node('n1').addWorker({ id: 't', run: task, args: [thrown], placement }),
    )
    for (const message of ['a', 'b']) ref.send(message)
    await mesh.run(50)
    const exits = await move(mesh, way)
    ref.send('c')
    await mesh.until('what comes later is read', () => read.includes('c'))
    return { mesh, exits, warnings: logger.lines.filter(line => line.message.includes('has failed')) }
  }

  test.each(aborts)('keeps its mailbox where it was broken off because of it: %s', async thrown => {
    const { mesh, exits, warnings } = await movedTask(thrown)
    await using _ = mesh
    expect(read).toEqual(['a', 'b', 'c'])
    expect(exits).toMatchObject([{ kind: 'released', lost: 0 }])
    expect(warnings).toEqual([])
  })

  test('loses it by a fault of its own, which is told', async () => {
    const { mesh, exits, warnings } = await movedTask('fault')
    await using _ = mesh
    expect(read).toEqual(['c'])
    expect(exits).toMatchObject([{ kind: 'stopped', lost: 2 }])
    const facts = { worker: 't', error: { name: 'RangeError' } }
    expect(warnings).toMatchObject([{ facts, message: expect.stringMatching(/^move has failed/) }])
  })
})

test('a server that only stops is as before: what its signal ends is a crash, and nobody is warned', async () => {
  const logger = new LogBook()
  await using mesh = await meshOfThree(logger)
  const ref = await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: server, placement }))
  const working = ref.call.work('reason').catch((error: unknown) => error)
  ref.cast.add(1)
  await mesh.run(50)
  const exits: unknown[] = []
  mesh.node(ownerOf(mesh)).on('worker:exit', ({ exit, lost }) => exits.push({ ...exit, lost }))
  await mesh.settle(mesh.node('n1').stopWorker('w'))
  expect(await working).toMatchObject({ name: 'RemoteError', cause: { name: 'AbortError' } })
  expect(exits).toMatchObject([{ kind: 'stopped', lost: 1 }])
  expect(terminated).toMatchObject([{ name: 'AbortError' }])
  expect(logger.lines.filter(({ message }) => message.includes('has failed'))).toEqual([])
})
