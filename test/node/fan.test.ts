/** Which worker of a stage an item goes to, whatever room there is. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { type Exit, makeFan } from '../../src/node/chain/fan.ts'
import { Item, type Parent } from '../../src/node/chain/item.ts'
import type { Outlet } from '../../src/node/chain/outlet.ts'
import { Prng } from '../../src/prng.ts'
import { ROUTES, type Route } from '../../src/protocol/spec-row.ts'

const origin = { id: nodeId('o'), boot: 1 }

/** A worker with a queue. */
class Queue implements Outlet {
  readonly got: number[] = []
  waiting = 0
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get debt(): number {
    return this.waiting
  }

  hasRoom(): boolean {
    return this.waiting < this.#max
  }

  push(item: Item): void {
    expect(this.hasRoom()).toBe(true)
    this.waiting += 1
    this.got.push(Number(item.value))
  }

  /** Handles what waits longest. */
  work(): void {
    if (this.waiting > 0) this.waiting -= 1
  }
}

class Bench {
  readonly queues: readonly Queue[]
  readonly fan: Exit
  readonly unsent: Item[] = []
  /** What the item at the front is waited for: one, and one more for each copy. */
  added = 0
  #n = 0

  constructor(route: Route, { workers, room }: { readonly workers: number; readonly room: number }) {
    this.queues = Array.from({ length: workers }, () => new Queue(room))
    this.fan = makeFan({
      route,
      outlets: this.queues,
      isLocal: true,
      prng: new Prng(1),
      key: value => Number(value) % 5,
      stage: 's',
    })
  }

  send(): void {
    const n = this.#n++
    this.unsent.push(new Item({ origin, n, wantsOutcome: false, attempt: 1 }, undefined, n))
    this.pump()
  }

  work(index: number): void {
    this.queues[index % this.queues.length]?.work()
    this.pump()
  }

  /** Sends what can be sent, in order. */
  pump(): void {
    const parent: Parent = { onChildAdded: () => (this.added += 1), onChildSettled: () => {} }
    for (let item = this.unsent[0]; item !== undefined; item = this.unsent[0]) {
      const outlet = this.fan.pick(item)
      if (outlet === undefined) break
      // Room for something does not mean room for this; room for this means room.
      outlet.push(item, parent)
      this.unsent.shift()
    }
  }
}

const shape = fc.record({ workers: fc.integer({ min: 1, max: 6 }), room: fc.integer({ min: 1, max: 4 }) })
/** -1: an item is sent; otherwise that worker handles one. */
const script = fc.array(fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 5 })), { maxLength: 200 })

function play(bench: Bench, steps: readonly number[]): void {
  for (const step of steps) {
    if (step < 0) bench.send()
    else bench.work(step)
  }
}

/** Lets everybody work until all is sent. */
function drain(bench: Bench): void {
  for (let round = 0; bench.unsent.length > 0; round++) {
    expect(round).toBeLessThan(10_000)
    bench.work(round)
  }
}

describe('a fan', () => {
  test.each(ROUTES)(
    'that goes by %s sends each item where there is room, in order, and loses none',
    route => {
      fc.assert(
        fc.property(shape, script, (size, steps) => {
          const bench = new Bench(route, size)
          play(bench, steps)
          drain(bench)
          const sent = steps.filter(step => step < 0).length
          const copies = route === 'broadcast' ? size.workers : 1
          const got = bench.queues.flatMap(queue => queue.got)
          expect(got).toHaveLength(sent * copies)
          expect(new Set(got).size).toBe(sent)
          expect(bench.added).toBe(sent * (copies - 1))
          for (const queue of bench.queues) expect(queue.got).toEqual(queue.got.toSorted((a, b) => a - b))
        }),
        { numRuns: 200 },
      )
    },
  )

  test('that goes by key sends equal keys to the same worker', () => {
    fc.assert(
      fc.property(shape, script, (size, steps) => {
        const bench = new Bench('key', size)
        play(bench, steps)
        drain(bench)
        for (let key = 0; key < 5; key++) {
          const holders = bench.queues.filter(queue => queue.got.some(n => n % 5 === key))
          expect(holders.length).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('in turn never gives one worker two items more than another', () => {
    fc.assert(
      fc.property(shape, script, (size, steps) => {
        const bench = new Bench('round_robin', size)
        play(bench, steps)
        const counts = bench.queues.map(queue => queue.got.length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 200 },
    )
  })

  test('by debt takes whoever has the least to do', () => {
    let takes = 0
    fc.assert(
      fc.property(shape, script, (size, steps) => {
        const bench = new Bench('least-debt', size)
        for (const step of steps) {
          if (step >= 0) bench.work(step)
          const least = Math.min(...bench.queues.map(queue => queue.waiting))
          const before = bench.queues.map(queue => queue.waiting)
          if (step >= 0 || bench.unsent.length > 0) continue
          bench.send()
          const took = bench.queues.findIndex((queue, index) => queue.waiting > (before[index] ?? 0))
          if (took < 0) continue
          takes += 1
          expect(before[took]).toBe(least)
        }
      }),
      { numRuns: 200 },
    )
    expect(takes).toBeGreaterThan(100)
  })

  test.each(ROUTES)('without workers, going by %s, has no room', route => {
    const bench = new Bench(route, { workers: 0, room: 1 })
    bench.send()
    expect(bench.unsent).toHaveLength(1)
    expect(bench.unsent.every(item => !bench.fan.hasRoom(item))).toBe(true)
  })

  test('tells keys of different types apart, and refuses what is no key', () => {
    const got: [unknown, number][] = []
    const keys: unknown[] = [1, '1', true, 'true', 1n]
    const outlets = Array.from({ length: 64 }, (_, index) => ({
      debt: 0,
      hasRoom: () => true,
      push: (item: Item) => void got.push([item.value, index]),
    }))
    const fan = (key: unknown): Exit =>
      makeFan({ route: 'key', outlets, isLocal: true, prng: new Prng(1), key: () => key, stage: 's' })
    const item = (n: number): Item => new Item({ origin, n, wantsOutcome: false, attempt: 1 }, undefined, n)
    const parent: Parent = { onChildAdded: () => {}, onChildSettled: () => {} }
    for (const [n, key] of keys.entries()) fan(key).pick(item(n))?.push(item(n), parent)
    expect(new Set(got.map(([, index]) => index)).size).toBe(keys.length)
    for (const bad of [undefined, null, {}, Symbol('x')])
      expect(() => fan(bad).prepare(item(1))).toThrow(expect.objectContaining({ name: 'RouteError' }))
  })
})
