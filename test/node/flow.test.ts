/** How far the source of a run is read. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import type { Exit } from '../../src/node/chain/fan.ts'
import { Flow } from '../../src/node/chain/flow.ts'
import { Ingress } from '../../src/node/chain/ingress.ts'
import { Turn } from '../../src/node/turn.ts'
import { Prng } from '../../src/prng.ts'

const CHAIN = specId('c')

/** A chain of which the test says when an item is through: what comes out is what went in. */
class Run {
  /** How many items have been read. */
  readCount = 0
  readonly flow: Flow<number>
  readonly #ingress = new Ingress({
    chain: CHAIN,
    run: { id: nodeId('n'), boot: 1 },
    nowMs: () => 0,
    onDead: () => {},
    onCallbackFailed: () => {},
    onFinished: () => {},
  })
  /** The numbers of those that are on their way, from 1. */
  readonly inside = new Set<number>()

  constructor(init: {
    readonly items: number
    readonly windowItems: number
    readonly isThroughAtOnce?: (n: number) => boolean
  }) {
    const { items, windowItems, isThroughAtOnce = () => false } = init
    this.#ingress.configure({ windowItems, attemptsMax: 3, emission: 'one', stages: [] })
    const exit: Exit = {
      isDeadEnd: false,
      prepare: () => {},
      hasRoom: () => true,
      pick: () => ({
        debt: 0,
        hasRoom: () => true,
        push: ({ head: { n } }) => {
          this.inside.add(n)
          if (isThroughAtOnce(n)) this.settle(n)
        },
      }),
    }
    this.#ingress.open({ entryOf: stage => stage, isWired: () => true, exitTo: () => exit })
    this.flow = new Flow<number>({
      chain: CHAIN,
      ingress: this.#ingress,
      turn: new Turn({ nowMs: () => 0, wallMs: () => 0, after: () => () => {} }),
      items: this.#source(items),
      windowItems,
      signal: undefined,
      to: undefined,
      refusal: () => undefined,
    })
    void this.flow.feed()
  }

  settle(n: number): void {
    if (this.inside.delete(n)) this.#ingress.collect(n, undefined, n - 1)
  }

  /** Takes up to so many outcomes. */
  read(count: number): unknown[] {
    const outcomes: unknown[] = []
    for (let place = this.flow.take(); place !== undefined; place = this.flow.take()) {
      outcomes.push(place.outcome)
      if (outcomes.length === count) break
    }
    return outcomes
  }

  *#source(count: number): Generator<number> {
    for (let n = 0; n < count; n++) {
      this.readCount = n + 1
      yield n
    }
  }
}

/** Until nothing more comes of what was done. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

test('what waits for the reader does not grow with the window, and is filled up by the half', async () => {
  const run = new Run({ items: 10_000, windowItems: 4_096, isThroughAtOnce: () => true })
  await settled()
  const aheadCount = run.readCount
  expect(aheadCount).toBeLessThanOrEqual(257)
  run.read(64)
  await settled()
  expect(run.readCount, 'a little room is not worth while').toBe(aheadCount)
  run.read(128)
  await settled()
  expect(run.readCount).toBe(aheadCount + 192)
})

test('behind an item that takes its time, the source is read as far as the window', async () => {
  const run = new Run({ items: 10_000, windowItems: 4_096, isThroughAtOnce: n => n > 1 })
  await settled()
  expect(run.readCount).toBeGreaterThanOrEqual(4_096)
  expect(run.readCount).toBeLessThanOrEqual(4_097)
  expect(run.read(1)).toEqual([])
  run.settle(1)
  expect(run.read(5_000)).toHaveLength(4_096)
})

test('whatever the window, and in whatever order items are through, all come out in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 700 }),
      fc.integer({ min: 1, max: 300 }),
      fc.nat(),
      async (windowItems, burst, seed) => {
        const prng = new Prng(`${seed}`)
        const run = new Run({ items: 1_000, windowItems })
        const outcomes: unknown[] = []
        while (outcomes.length < 1_000) {
          await settled()
          const inside = [...run.inside]
          expect(run.readCount - outcomes.length).toBeLessThanOrEqual(windowItems + 1)
          // Nothing is on its way, and nothing has come out: it would wait for ever.
          const ready = run.read(prng.between(1, burst))
          expect(inside.length + ready.length).toBeGreaterThan(0)
          outcomes.push(...ready)
          for (const n of inside) if (prng.below(3) > 0) run.settle(n)
        }
        await settled()
        expect(outcomes).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
        expect(await run.flow.wait()).toBe(false)
      },
    ),
    { numRuns: 30 },
  )
})
