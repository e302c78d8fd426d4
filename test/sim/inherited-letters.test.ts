/** Casts that a standalone worker inherits, and whose node cannot start it: they are lost only where they are not kept. */

import { describe, expect, test } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** How a start goes wrong. */
const WAYS = ['throws', 'hangs'] as const

/** `sleeps`: it is late as well, and ends at once where it is told to. */
type Way = (typeof WAYS)[number] | 'sleeps'

const there = { at: 'there' }
const CASTS = [1, 2, 3]

/** A worker that moves with casts that it has not read: so many of its first starts elsewhere go wrong. */
function clerkOf(way: Way, failing: number) {
  let left = failing
  return defineServer('clerk', {
    init: context => {
      const told = Array.isArray(context.handoff) ? context.handoff.map(Number) : []
      if (context.handoff === undefined || left === 0) return { context, told }
      left -= 1
      if (way === 'sleeps') return context.sleep(60_000).then(() => ({ context, told }))
      if (way === 'hangs') return new Promise<never>(() => {})
      throw new Error('on purpose')
    },
    call: { told: state => state.told },
    cast: {
      rest: ({ context }) => context.sleep(60_000),
      tell: ({ told }, n: number) => void told.push(n),
    },
    handoff: ({ told }) => told,
  })
}

interface Case extends Pick<SimulationInit, 'labelsOf'> {
  readonly way: Way
  readonly failing: number
  readonly restarts?: number
}

/** @returns what each exit after the move has left unread, how to ask the worker what it was told, and where it is of two */
async function moved(init: Case) {
  const { way, failing, restarts = 5, labelsOf = { n2: there, n3: there } } = init
  const run = clerkOf(way, failing)
  const mesh = await simulate({ behaviours: [run], nodes: 4, labelsOf })
  await allSeeAll(mesh)
  const intensity = { restarts, withinMs: 60_000 }
  const worker = {
    id: 'w',
    run,
    startTimeoutMs: 500,
    stopTimeoutMs: 500,
    intensity,
    placement: { labels: there },
  }
  const ref = await mesh.settle(mesh.node('n1').addWorker(worker))
  ref.cast.rest()
  for (const n of CASTS) ref.cast.tell(n)
  await mesh.run(50)
  const owner = mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? ''
  const lost: number[] = []
  for (const name of mesh.up)
    if (name !== owner) mesh.node(name).on('worker:exit', exit => lost.push(exit.lost))
  void mesh.node(owner).drain()
  const heir = owner === 'n2' ? 'n3' : 'n2'
  return { mesh, ref, heir, lost }
}

function lostIn(mesh: SimulatedMesh): number {
  return lostOn(mesh.up.map(name => mesh.node(name)))
}

/** Also on those that have left since. */
function lostOn(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + node.snapshot().lostMessages, 0)
}

test.each(WAYS)('a start that %s loses nothing that the next one is given', async way => {
  const { mesh, ref, lost } = await moved({ way, failing: 2 })
  await mesh.until('both have failed', () => lost.length === 2, 20_000)
  expect(await mesh.settle(ref.call.told(), 20_000)).toEqual(CASTS)
  expect([lost, lostIn(mesh)]).toEqual([[0, 0], 0])
  await mesh[Symbol.asyncDispose]()
})

test.each(WAYS)('nor one that %s, where another node tries next', async way => {
  const { mesh, ref, lost } = await moved({ way, failing: 1, labelsOf: { n2: there, n3: there, n4: there } })
  await mesh.until('it has failed', () => lost.length === 1, 20_000)
  expect(await mesh.settle(ref.call.told(), 20_000)).toEqual(CASTS)
  expect([lost, lostIn(mesh)]).toEqual([[0], 0])
  await mesh[Symbol.asyncDispose]()
})

test.each(WAYS)('what it inherits is counted once, where every start %s and it is given up', async way => {
  const { mesh, lost } = await moved({ way, failing: Infinity, restarts: 2 })
  const status = () => mesh.node('n1').snapshot().specs[0]?.status.kind
  await mesh.until('it is given up', () => status() === 'gave-up', 60_000)
  expect([lost, lostIn(mesh)]).toEqual([[0, 0, 3], 3])
  await mesh[Symbol.asyncDispose]()
})

/** What ends a worker for good, or has it start without what it inherits. */
const ENDS: readonly [string, (mesh: SimulatedMesh, heir: string) => Promise<unknown>][] = [
  ['removed', mesh => mesh.node('n1').removeWorker('w')],
  ['stopped', mesh => mesh.node('n1').stopWorker('w')],
  ['restarted', mesh => mesh.node('n1').restartWorker('w')],
  ['on a node that leaves, as the last that can run it', (mesh, heir) => mesh.leave(heir)],
]

describe('what it inherits is counted once, where it is', () => {
  test.each(ENDS)('%s between two starts', async (_what, end) => {
    const { mesh, heir, lost } = await moved({ way: 'throws', failing: 3 })
    await mesh.until('it waits for the fourth', () => lost.length === 3, 20_000)
    const nodes = mesh.up.map(name => mesh.node(name))
    await mesh.settle(end(mesh, heir))
    await mesh.run(2_000)
    expect([lost, lostOn(nodes)]).toEqual([[0, 0, 0], 3])
    await mesh[Symbol.asyncDispose]()
  })

  describe.each(['hangs', 'sleeps'] as const)('in a start that %s', way => {
    test.each(ENDS)('%s', async (_what, end) => {
      const { mesh, heir, lost } = await moved({ way, failing: 2 })
      await mesh.until('the first has failed', () => lost.length === 1, 20_000)
      await mesh.run(300)
      const nodes = mesh.up.map(name => mesh.node(name))
      await mesh.settle(end(mesh, heir))
      await mesh.run(2_000)
      expect([lost, lostOn(nodes)]).toEqual([[0, 3], 3])
      await mesh[Symbol.asyncDispose]()
    })
  })
})
