/**
 * Workers that are declared at the very moment in which a node comes that the others have not met yet: it hears of some
 * before it hears who has claimed them. What was called stays where it was called, or moves with its state.
 */

import { expect, test } from 'vitest'

import type { WorkerRef } from '../../src/index.ts'
import { defineServer } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

/** Takes its count along. */
const keeper = defineServer('keeper', {
  init: context => ({ count: typeof context.handoff === 'number' ? context.handoff : 0 }),
  call: { add: state => (state.count += 1), count: state => state.count },
  handoff: state => state.count,
})

/** Shorter than messages take: of each state that the meeting goes through, some are declared in it. */
const EVERY_MS = 3
/** So long they are declared after the meeting. */
const AFTER_MS = 60
/** Longer than a claim takes to all. */
const FROZEN_MS = 300

/** Seeds in which state was lost before; in some, the newcomer stands still right after it has come. */
test.each([
  { seed: 19 },
  { seed: 109 },
  { seed: 124 },
  { seed: 139 },
  { seed: 21, frozenAfterMs: 3 },
  { seed: 120, frozenAfterMs: 0 },
  { seed: 132, frozenAfterMs: 6 },
  { seed: 153, frozenAfterMs: 9 },
])('what is declared while a node comes keeps its state: %o', async ({ seed, frozenAfterMs = Infinity }) => {
  const conditions = { latencyMs: 5, jitterMs: 10 }
  await using mesh = await simulate({ seed, nodes: 4, behaviours: [keeper], conditions })
  const others = ['n1', 'n2', 'n3']
  mesh.crash('n4')
  await mesh.until('three are left', () => others.every(name => mesh.node(name).members().length === 3))
  mesh.partition(others, ['n4'])
  await mesh.start('n4')
  await mesh.run(2_000)
  mesh.heal()
  const calls: Promise<unknown>[] = []
  const addAndCall = async (): Promise<void> => {
    const ref: WorkerRef<typeof keeper> = await mesh
      .node('n1')
      .addWorker({ id: `k${calls.length}`, run: keeper })
    await ref.call.add()
  }
  const isMet = (): boolean => mesh.node('n1').members().length === 4
  for (let afterMs = 0; afterMs < AFTER_MS;) {
    calls.push(addAndCall())
    await mesh.run(EVERY_MS)
    if (isMet()) afterMs += EVERY_MS
    if (afterMs > frozenAfterMs && !mesh.isFrozen('n4')) mesh.freeze('n4')
  }
  if (mesh.isFrozen('n4')) {
    await mesh.run(FROZEN_MS)
    mesh.thaw('n4')
  }
  await mesh.settle(Promise.all(calls))
  await mesh.run(8_000)
  const ids = calls.map((_, index) => `k${index}`)
  const counts = await mesh.settle(
    Promise.all(ids.map(id => mesh.node('n2').getWorker(id, keeper).call.count())),
  )
  expect(ids.filter((_, index) => counts[index] !== 1)).toEqual([])
})
