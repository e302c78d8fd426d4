/** Servers whose `handoff` or `terminate` fails as they move: that costs what it must, and is told. */

import { beforeEach, describe, expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { LogBook } from '../log-book.ts'
import { allSeeAll } from './all-see-all.ts'

/** What a handoff makes that cannot be made. */
const FAULTS = {
  throws: () => {
    throw new RangeError('cannot hand over')
  },
  rejects: () => Promise.reject(new RangeError('cannot hand over')),
  function: () => ({ close: () => {} }),
  large: () => new Uint8Array(2_000_000),
} as const
type Fault = keyof typeof FAULTS
const faults = ['throws', 'rejects', 'function', 'large'] as const

const ERRORS: Readonly<Record<Fault, object>> = {
  throws: { name: 'RangeError', message: 'cannot hand over' },
  rejects: { name: 'RangeError', message: 'cannot hand over' },
  function: { name: 'PayloadError' },
  large: { name: 'PayloadError', message: expect.stringContaining('the limit is 1048576') },
}

const terminated: unknown[] = []

const fragile = defineServer('fragile', {
  init: (context, fault: Fault | 'none', isDeadly: boolean) => ({
    context,
    fault,
    isDeadly,
    count: typeof context.handoff === 'number' ? context.handoff : 0,
  }),
  call: {
    count: state => state.count,
    /** Until it is to stop. */
    rest: state => state.context.sleep(10_000),
    die: () => {
      throw new Error('on purpose')
    },
  },
  cast: { add: (state, by: number) => void (state.count += by) },
  info: (state, by) => void (state.count += Number(by)),
  handoff: state => (state.fault === 'none' ? state.count : FAULTS[state.fault]()),
  terminate: (state, reason) => {
    terminated.push(reason)
    if (state.isDeadly) throw new RangeError('cannot let go')
  },
})

beforeEach(() => {
  terminated.length = 0
})

type Kind = 'worker' | 'group'
type Way = 'drain' | 'stop'
const rows = (['worker', 'group'] as const).flatMap(kind =>
  (['drain', 'stop'] as const).map(way => [kind, way] as const),
)
const slots = { worker: 'w', group: 'g/w' } as const

/** One that has counted to 40 on n2 and is at something, while casts and a message for 3 more wait; and then has to go. */
async function moved(kind: Kind, way: Way, args: readonly [fault: Fault | 'none', isDeadly: boolean]) {
  const logger = new LogBook()
  const labels = { far: 'yes' }
  const mesh = await simulate({ behaviours: [fragile], logger, labelsOf: { n2: labels, n3: labels } })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const member = { id: 'w', run: fragile, args, placement: { labels } } as const
  const intensity = { restarts: 0, withinMs: 60_000 }
  if (kind === 'worker') await mesh.settle(node.addWorker({ ...member, intensity }))
  else await mesh.settle(node.addGroup({ id: 'g', members: [member], intensity }))
  const ref =
    kind === 'worker'
      ? node.getWorker('w', fragile)
      : node.getGroup<{ readonly id: string; readonly run: typeof fragile }[]>('g').member('w')
  const owner = ownerOf(mesh)
  ref.cast.add(40)
  expect(await mesh.settle(ref.call.count())).toBe(40)
  const exits: unknown[] = []
  mesh.node(owner).on('worker:exit', ({ exit, lost }) => exits.push({ ...exit, lost }))
  const resting = ref.call.rest()
  ref.cast.add(1)
  ref.cast.add(1)
  ref.send(1)
  await mesh.run(50)
  if (way === 'stop') await mesh.stop(owner)
  else await mesh.settle(mesh.node(owner).drain())
  await mesh.settle(resting)
  const count = await mesh.settle(ref.call.count())
  expect(ownerOf(mesh)).not.toBe(owner)
  return {
    mesh,
    ref,
    count,
    exits,
    warnings: logger.lines.filter(line => line.message.includes('has failed')),
  }
}

function ownerOf(mesh: SimulatedMesh): string {
  return mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? ''
}

describe.each(rows)('a %s that moves by %s', (kind, way) => {
  test.each(faults)('and whose handoff fails costs its state and nothing else: %s', async fault => {
    const { mesh, count, exits, warnings } = await moved(kind, way, [fault, false])
    await using _ = mesh
    expect(count).toBe(3)
    expect(terminated).toEqual(['stopped'])
    const message = expect.stringContaining('handoff has failed')
    expect(warnings).toMatchObject([{ facts: { worker: slots[kind], error: ERRORS[fault] }, message }])
    expect(exits).toMatchObject([{ kind: 'released', failure: ERRORS[fault], lost: 0 }])
    expect(mesh.up.map(name => mesh.node(name).snapshot().lostMessages)).not.toContain(1)
  })

  test('and whose terminate fails keeps what it has handed over', async () => {
    const { mesh, count, exits, warnings } = await moved(kind, way, ['none', true])
    await using _ = mesh
    expect(count).toBe(43)
    expect(warnings).toMatchObject([
      {
        facts: { worker: slots[kind], error: { message: 'cannot let go' } },
        message: 'terminate has failed',
      },
    ])
    expect(exits).toMatchObject([{ kind: 'released', lost: 0 }])
  })

  test('with both broken keeps the casts', async () => {
    const { mesh, count, warnings } = await moved(kind, way, ['throws', true])
    await using _ = mesh
    expect(count).toBe(3)
    expect(warnings.map(({ message }) => message.slice(0, 12))).toEqual(['handoff has ', 'terminate ha'])
  })
})

test.each(['worker', 'group'] as const)('a %s whose handoff fails does not count as a crash', async kind => {
  const { mesh, ref } = await moved(kind, 'drain', ['throws', false])
  await using _ = mesh
  const status = () => mesh.node('n1').snapshot().specs[0]?.status
  expect(status()).toMatchObject({ kind: 'running' })
  await expect(mesh.settle(ref.call.die())).rejects.toMatchObject({ name: 'RemoteError' })
  await mesh.until('it is given up', () => status()?.kind === 'gave-up')
  expect(status()).toMatchObject({ failures: [{ message: 'on purpose' }] })
})

test('a worker that has nothing to hand over loses nothing when its terminate fails', async () => {
  const logger = new LogBook()
  const labels = { far: 'yes' }
  const bare = defineServer('bare', {
    init: () => ({}),
    terminate: () => Promise.reject(new RangeError('cannot let go')),
  })
  await using mesh = await simulate({ behaviours: [bare], logger, labelsOf: { n2: labels, n3: labels } })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: bare, placement: { labels } }))
  await mesh.settle(mesh.node(ownerOf(mesh)).drain())
  const warnings = logger.lines.filter(({ message }) => message.includes('has failed'))
  expect(warnings.map(({ message }) => message)).toEqual(['terminate has failed'])
})
