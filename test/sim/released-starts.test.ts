/** A start that is released before it is through: what it was to start with goes on, and what cannot is counted once. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const there = { at: 'there' }
/** Ten of these go along, as a megabyte at most does. */
const REST = 'x'.repeat(100_000)

interface Case {
  /** Casts that the worker has not read when it moves first. */
  readonly sent: number
  /** Messages that its start on the second node sends to itself. */
  readonly sentThere: number
  readonly handoff: () => unknown
}

/** A worker whose second start, the first elsewhere, is not through before `begun` is. `places`: where it has started. */
function clerkOf({ sentThere, handoff }: Case, places: string[], begun: Promise<void>) {
  return defineServer('clerk', {
    init: async context => {
      places.push(context.node)
      const isSecond = places.length === 2
      const count = isSecond ? sentThere : 0
      for (let n = 0; n < count; n++) context.sendAfter(10, `there ${n} ${REST}`)
      if (isSecond) await begun
      return { context, told: new Array<string>(), isSecond }
    },
    call: { told: state => state.told },
    cast: {
      rest: ({ context }) => context.sleep(60_000),
      tell: ({ told }, what: string) => void told.push(wordsOf(what)),
    },
    info: ({ told }, message) => void told.push(wordsOf(String(message))),
    handoff: ({ isSecond }) => (isSecond ? handoff() : undefined),
  })
}

function wordsOf(what: string): string {
  return what.split(' ').slice(0, -1).join(' ')
}

/** The worker moves with casts that it has not read; and where it starts, is to move on before it is through. */
async function movedTwice(init: Case) {
  const begun = Promise.withResolvers<void>()
  const places: string[] = []
  const run = clerkOf(init, places, begun.promise)
  const mesh = await simulate({ behaviours: [run], nodes: 4, labelsOf: { n2: there, n3: there, n4: there } })
  await allSeeAll(mesh)
  const worker = { id: 'w', run, stopTimeoutMs: 1_000, placement: { labels: there } }
  const ref = await mesh.settle(mesh.node('n1').addWorker(worker))
  ref.cast.rest()
  for (let n = 0; n < init.sent; n++) ref.cast.tell(`here ${n} ${REST}`)
  await mesh.run(200)
  void mesh.node(places[0] ?? '').drain()
  await mesh.until('it starts elsewhere', () => places.length === 2, 20_000)
  const lost: number[] = []
  const second = mesh.node(places[1] ?? '')
  second.on('worker:exit', exit => lost.push(exit.lost))
  await mesh.run(100)
  void second.drain()
  await mesh.run(100)
  begun.resolve()
  await mesh.until('its start has ended', () => lost.length === 1, 20_000)
  const told = await mesh.settle(ref.call.told(), 20_000)
  await mesh[Symbol.asyncDispose]()
  return { told, lost }
}

test('what it has no room for is lost, and counted', async () => {
  const { told, lost } = await movedTwice({ sent: 8, sentThere: 8, handoff: () => undefined })
  expect([told.length, lost]).toEqual([10, [6]])
})

const hangs = (): unknown => new Promise(() => {})

test('where its handoff hangs, what it was to start with goes on and is not lost', async () => {
  const { told, lost } = await movedTwice({ sent: 2, sentThere: 0, handoff: hangs })
  expect([told, lost]).toEqual([['here 0', 'here 1'], [0]])
})

test('and what has come since is', async () => {
  const { told, lost } = await movedTwice({ sent: 2, sentThere: 3, handoff: hangs })
  expect([told, lost]).toEqual([['here 0', 'here 1'], [3]])
})
