/** Casts that a standalone worker inherits, and whose node cannot start it: they are lost only where they are not kept. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { type SimulatedMesh, type SimulationInit, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** How a start goes wrong. */
const WAYS = ['throws', 'hangs'] as const

const there = { at: 'there' }
const CASTS = [1, 2, 3]

/** A worker that moves with casts that it has not read: so many of its first starts elsewhere go wrong. */
function clerkOf(way: (typeof WAYS)[number], failing: number) {
  let left = failing
  return defineServer('clerk', {
    init: context => {
      const told = Array.isArray(context.handoff) ? context.handoff.map(Number) : []
      if (context.handoff === undefined || left === 0) return { context, told }
      left -= 1
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
  readonly way: (typeof WAYS)[number]
  readonly failing: number
  readonly restarts?: number
}

/** @returns what each exit after the move has left unread, and how to ask the worker what it was told */
async function moved({ way, failing, restarts = 5, labelsOf = { n2: there, n3: there } }: Case) {
  const run = clerkOf(way, failing)
  const mesh = await simulate({ behaviours: [run], nodes: 4, labelsOf })
  await allSeeAll(mesh)
  const intensity = { restarts, withinMs: 60_000 }
  const worker = { id: 'w', run, startTimeoutMs: 500, intensity, placement: { labels: there } }
  const ref = await mesh.settle(mesh.node('n1').addWorker(worker))
  ref.cast.rest()
  for (const n of CASTS) ref.cast.tell(n)
  await mesh.run(50)
  const owner = mesh.node('n1').snapshot().specs[0]?.workers[0]?.node ?? ''
  const lost: number[] = []
  for (const name of mesh.up)
    if (name !== owner) mesh.node(name).on('worker:exit', exit => lost.push(exit.lost))
  void mesh.node(owner).drain()
  return { mesh, ref, lost }
}

function lostIn(mesh: SimulatedMesh): number {
  return mesh.up.reduce((sum, name) => sum + mesh.node(name).snapshot().lostMessages, 0)
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
