/** Workers that are not asked to stop (`stopTimeoutMs: 0`), and whose behaviour has a `handoff`. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/node/workers/behaviours.ts'
import { SimulatedMesh } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

let handoffs = 0
let noted = 0

const keeper = defineServer('keeper', {
  init: context => ({ context, total: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    ponder: async state => {
      await state.context.sleep(5)
      return state.total
    },
  },
  cast: {
    note: () => {
      noted += 1
    },
  },
  handoff: state => {
    handoffs += 1
    return state.total
  },
})

const IDS = Array.from({ length: 12 }, (_, index) => `w${index}`)

/** Some on `n1`, which have something to lose. */
async function meshOfOne(): Promise<SimulatedMesh> {
  handoffs = noted = 0
  const mesh = new SimulatedMesh({ nodes: 2, behaviours: [keeper] })
  await mesh.startAll(['n1'])
  const node = mesh.node('n1')
  for (const id of IDS) {
    await mesh.settle(node.addWorker({ id, run: keeper, stopTimeoutMs: 0 }))
    await mesh.settle(node.getWorker(id, keeper).call.add(5))
  }
  return mesh
}

const totalsAt = (mesh: SimulatedMesh, name: string): Promise<number[]> =>
  mesh.settle(Promise.all(IDS.map(id => mesh.node(name).getWorker(id, keeper).call.get())))

test('they stay where they are when a node joins, as they would lose their state', async () => {
  await using mesh = await meshOfOne()
  await mesh.start('n2')
  await allSeeAll(mesh)
  await mesh.run(120_000)
  expect(await totalsAt(mesh, 'n2')).toEqual(IDS.map(() => 5))
})

test('where they have to go, they are not asked for what nobody waits for', async () => {
  await using mesh = await meshOfOne()
  await mesh.start('n2')
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').drain())
  expect(await totalsAt(mesh, 'n1')).toEqual(IDS.map(() => 0))
  expect(handoffs).toBe(0)
})

/** Of a mesh of which `n1` has been drained after the twentieth: what comes is on its way for longer than it is sent. */
async function sendSixty(mesh: SimulatedMesh, send: () => void): Promise<void> {
  mesh.setConditions({ latencyMs: 20 })
  let drained: Promise<unknown> = Promise.resolve()
  for (let count = 0; count < 60; count++) {
    if (count === 20) drained = mesh.node('n1').drain()
    send()
    await mesh.run(2)
  }
  await mesh.settle(drained)
  await mesh.run(1_000)
}

test('what comes for a member of a group that has gone is sent on to the one that goes on', async () => {
  await using mesh = await meshOfOne()
  const members = [{ id: 'm', run: keeper, stopTimeoutMs: 0 }] as const
  await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  await mesh.start('n2')
  await allSeeAll(mesh)
  const member = mesh.node('n2').getGroup<typeof members>('g').member('m')
  await sendSixty(mesh, () => member.cast.note())
  expect([noted, handoffs]).toEqual([60, 0])
})

test('calls that wait for one that has to go are answered by the one that goes on, but for the one that it is at', async () => {
  await using mesh = await meshOfOne()
  await mesh.start('n2')
  await allSeeAll(mesh)
  const worker = mesh.node('n2').getWorker('w0', keeper)
  const failed: string[] = []
  let answered = 0
  await sendSixty(mesh, () => {
    worker.call.ponder().then(
      () => (answered += 1),
      (error: unknown) => failed.push(error instanceof Error ? error.name : 'none'),
    )
  })
  expect([answered, failed, handoffs]).toEqual([59, ['WorkerExitedError'], 0])
})
