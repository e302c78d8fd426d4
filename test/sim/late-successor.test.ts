/** A node that leaves while the successors of its workers take their time to start: what was sent to it goes to them. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

/** As long as a thread on a machine that is busy, or longer. */
const START_MS = 3_000
const TELL_MS = 400

/** Keeps what it was told, and takes its time to start. */
const late = defineServer('late', {
  init: async context => {
    await context.sleep(START_MS)
    return { told: Array.isArray(context.handoff) ? context.handoff.map(Number) : [] }
  },
  call: { told: state => state.told },
  cast: { tell: (state, n: number) => void state.told.push(n) },
  info: (state, n) => void state.told.push(Number(n)),
  handoff: state => state.told,
})

/** What members were told, by their slots. */
const toldInAll = new Map<string, number[]>()

/** The same, and leaves nothing behind that its node would wait for. */
const plain = defineServer('plain', {
  init: async context => {
    await context.sleep(START_MS)
    return { told: toldInAll.get(context.worker) ?? [] }
  },
  call: { told: state => state.told },
  cast: { tell: (state, n: number) => void state.told.push(n) },
})

async function meshOf(seed: string): Promise<SimulatedMesh> {
  const conditions = { latencyMs: 20, jitterMs: 20 }
  const mesh = new SimulatedMesh({ nodes: 3, behaviours: [late, plain], seed, conditions })
  await mesh.startAll()
  await allSeeAll(mesh)
  return mesh
}

/** Tells `tell` a number every two milliseconds, while `n3` leaves. @returns all of them, and how long it took to leave */
async function tellWhileItLeaves(mesh: SimulatedMesh, tell: (n: number) => void) {
  const startMs = mesh.nowMs
  let tookMs = 0
  const leaving = mesh.leave('n3').then(() => (tookMs = mesh.nowMs - startMs))
  const told: number[] = []
  for (let n = 0; n < TELL_MS / 2; n++) {
    tell(n)
    told.push(n)
    await mesh.run(2)
  }
  await mesh.settle(leaving, 60_000)
  return { told, tookMs }
}

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)

test('casts and messages to standalone workers come all, and the node does not wait for that', async () => {
  await using mesh = await meshOf('late standalone')
  const ids = Array.from({ length: 6 }, (_, n) => `w${n}`)
  const refs = await mesh.settle(
    Promise.all(ids.map(id => mesh.node('n1').addWorker({ id, run: late }))),
    20_000,
  )
  const leaver = mesh.node('n3')
  const { told, tookMs } = await tellWhileItLeaves(mesh, n => {
    for (const ref of refs) {
      if (n % 2 === 0) ref.cast.tell(n)
      else ref.send(n)
    }
  })
  for (const ref of refs) expect(sorted(await mesh.settle(ref.call.told()))).toEqual(told)
  expect(leaver.snapshot().lostMessages).toBe(0)
  expect(tookMs).toBeLessThan(1_000)
})

test('casts to members of a group come all, also to those that leave nothing behind', async () => {
  await using mesh = await meshOf('late members')
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'] as const
  for (const id of ids) toldInAll.set(`g/${id}`, [])
  const members = ids.map(id => ({ id, run: plain }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }), 30_000)
  const group = mesh.node('n1').getGroup<typeof members>('g')
  const leaver = mesh.node('n3')
  const { told, tookMs } = await tellWhileItLeaves(mesh, n => {
    for (const id of ids) group.member(id).cast.tell(n)
  })
  await mesh.run(30_000)
  for (const id of ids) expect(sorted(await mesh.settle(group.member(id).call.told()))).toEqual(told)
  expect(leaver.snapshot().lostMessages).toBe(0)
  expect(tookMs).toBeLessThan(1_000)
})

test('what nobody takes up is lost, counted, and told in the log of the node', async () => {
  const warned: string[] = []
  const quiet = (): void => {}
  const warn = (facts: object, message: string): void => {
    if (message.startsWith('casts and messages are lost')) warned.push(JSON.stringify(facts))
  }
  await using mesh = new SimulatedMesh({
    nodes: 3,
    behaviours: [late],
    seed: 'nobody',
    conditions: { latencyMs: 20 },
    labelsOf: { n3: { only: 'here' } },
    logger: { debug: quiet, info: quiet, warn, error: quiet },
  })
  await mesh.startAll()
  await allSeeAll(mesh)
  const placement = { labels: { only: 'here' } }
  const ref = await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: late, placement }), 20_000)
  const leaver = mesh.node('n3')
  await tellWhileItLeaves(mesh, n => ref.cast.tell(n))
  const lost = leaver.snapshot().lostMessages
  expect(lost).toBeGreaterThan(0)
  expect(warned).toEqual([JSON.stringify({ lost })])
})
