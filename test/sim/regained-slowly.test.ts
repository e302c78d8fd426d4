/** Standalone workers that go on where the row that counts has them, and that take their time to stop for that. */

import { describe, expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const STEP_MS = 100
/** A worker takes so many steps to stop. */
const STEPS = 10
const SIDES = [
  ['n1', 'n2'],
  ['n3', 'n4'],
] as const

describe.each([0, 1] as const)('restarted on both sides, side %i last', last => {
  test.each([1, 2, 3])('what takes long to stop keeps what it hands over: seed %i', async seed => {
    const stops: { readonly go: () => void; left: number }[] = []
    const lives = new Map<string, number>()
    const purse = defineServer('purse', {
      init: ({ handoff }, id: string) => {
        lives.set(id, (lives.get(id) ?? 0) + 1)
        return { id, total: typeof handoff === 'number' ? handoff : 0 }
      },
      call: { add: (state, by: number) => (state.total += by), get: state => state.total },
      handoff: async state => {
        await new Promise<void>(resolve => stops.push({ go: resolve, left: STEPS }))
        return state.total
      },
    })
    const ids = Array.from({ length: 8 }, (_, index) => `w${index}`)
    await using mesh = await simulate({ seed, nodes: 4, behaviours: [purse] })
    await allSeeAll(mesh)
    for (const id of ids) await mesh.settle(mesh.node('n1').addWorker({ id, run: purse, args: [id] }))
    mesh.partition(...SIDES)
    await mesh.run(20_000)
    for (const [first] of last === 1 ? SIDES : SIDES.toReversed()) {
      const isLast = first === SIDES[last][0]
      for (const id of ids) {
        await mesh.settle(mesh.node(first).restartWorker(id))
        await mesh.settle(
          mesh
            .node(first)
            .getWorker(id, purse)
            .call.add(isLast ? 20 : 10),
        )
      }
    }
    mesh.heal()
    for (let step = 0; step < 200; step++) {
      await mesh.run(STEP_MS)
      for (const stop of stops) if (--stop.left === 0) stop.go()
    }
    for (const id of ids)
      expect([id, await mesh.settle(mesh.node('n1').getWorker(id, purse).call.get())]).toEqual([id, 20])
  })
})

test.each([1, 2, 3])('what is restarted as a node comes waits for nobody but itself: seed %i', async seed => {
  const stops: (() => void)[] = []
  const slow = defineServer('slow', {
    init: () => 0,
    call: { get: state => state },
    terminate: () => new Promise<void>(resolve => stops.push(resolve)),
  })
  const ids = Array.from({ length: 8 }, (_, index) => `w${index}`)
  await using mesh = await simulate({ seed, nodes: 4, behaviours: [slow] })
  await allSeeAll(mesh)
  mesh.crash('n4')
  for (const id of ids) await mesh.settle(mesh.node('n1').addWorker({ id, run: slow, args: [] }))
  await mesh.run(20_000)
  const restarts = Promise.all(ids.map(id => mesh.node('n1').restartWorker(id)))
  await mesh.until('all stop', () => stops.length === ids.length)
  await mesh.start('n4')
  await allSeeAll(mesh)
  const sinceMs = mesh.nowMs
  for (const stop of stops) stop()
  await mesh.settle(restarts)
  expect(mesh.nowMs - sinceMs).toBeLessThan(500)
})
