/** Real processes that are asked to stop, under load. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import * as behaviours from './behaviours.ts'
import { Load } from './load.ts'
import { Three } from './three.ts'
import { PATIENCE_MS } from '../patience.ts'

const STOP_MS_MAX = 45_000

describe('three processes, of which one is asked to stop', () => {
  let three: Three

  beforeEach(async () => {
    three = await Three.start()
  })

  afterEach(() => three.stop())

  test('lose no call, no cast and no item, whatever ran there', async () => {
    const { node, others } = three
    const [leaver, stays] = others
    const ids = Array.from({ length: 12 }, (_, n) => `k${n}`)
    const workers = await Promise.all(ids.map(id => node.addWorker({ id, run: behaviours.keeper })))
    const group = await node.addGroup({
      id: 'g',
      strategy: 'one_for_one',
      members: ['x', 'y', 'z'].map(id => ({ id, run: behaviours.keeper })),
    })
    const chain = await node.addChain({
      id: 'pipe',
      windowItems: 100,
      stages: [
        { id: 'first', run: behaviours.work, workers: 6 },
        { id: 'last', run: behaviours.label, workers: 3 },
      ],
    })
    for (const id of ['g', 'pipe']) expect(three.homes(id)).toContain(leaver?.id)
    expect(ids.flatMap(id => three.homes(id))).toContain(leaver?.id)
    const load = new Load([...workers, ...['x', 'y', 'z'].map(id => group.member(id))])
    const items = Array.from({ length: 4_000 }, (_, n) => n)
    const outcomes: (string | undefined)[] = []
    let exit: Promise<number | null> | undefined
    let stoppedMs = 0
    for await (const outcome of chain.run(items)) {
      outcomes.push(outcome)
      if (outcomes.length === 1_000) {
        const atMs = performance.now()
        exit = leaver?.stop()
        void exit?.then(() => (stoppedMs = performance.now() - atMs))
      }
    }
    expect(await exit).toBe(0)
    // None of them has thrown, and all have gone on.
    const counts = await load.end()
    expect(Math.min(...load.made)).toBeGreaterThan(10)
    expect(outcomes).toEqual(items.map(n => `<${n * 2}>`))
    expect(chain.stats).toMatchObject({ accepted: 4_000, finished: 4_000, dead: 0, dropped: 0 })
    expect(counts.map(({ calls }) => calls)).toEqual(load.made)
    expect(counts.map(({ casts }) => casts)).toEqual(load.made)
    expect(stoppedMs).toBeLessThan(STOP_MS_MAX)
    const left = new Set(['g', 'pipe', ...ids].flatMap(id => three.homes(id)))
    expect([...left].toSorted()).toEqual([node.id, stays?.id].toSorted())
  })

  test.each(['thread', 'process'] as const)(
    'take along what workers in a %s have counted',
    async isolation => {
      const { node, others } = three
      const ids = Array.from({ length: 4 }, (_, n) => `k${n}`)
      const workers = await Promise.all(
        ids.map(id => node.addWorker({ id, run: behaviours.keeper, isolation })),
      )
      for (const worker of workers) {
        for (let n = 0; n < 3; n++) await worker.call.add()
        worker.cast.add()
      }
      expect(new Set(ids.flatMap(id => three.homes(id))).size).toBeGreaterThan(1)
      for (const other of others) expect(await other.stop()).toBe(0)
      // Four processes start for it: a busy machine may take longer than a call waits.
      const patient = workers.map(worker => worker.with({ timeoutMs: PATIENCE_MS }))
      const counts = await Promise.all(patient.map(worker => worker.call.counts()))
      for (const { calls, casts } of counts) expect({ calls, casts }).toEqual({ calls: 3, casts: 1 })
      expect(new Set(ids.flatMap(id => three.homes(id)))).toEqual(new Set([node.id]))
    },
    120_000,
  )
})
