/** Times by key: the earliest first, whatever was moved or taken back, and nothing kept of that. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { Deadlines } from '../../src/node/deadlines.ts'

type Step =
  | { readonly kind: 'set'; readonly key: number; readonly afterMs: number }
  | { readonly kind: 'clear'; readonly key: number }
  | { readonly kind: 'take'; readonly passedMs: number }

const key = fc.nat(30)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key, afterMs: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('clear' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take' as const), passedMs: fc.nat(40) }) },
)

test('as a list that is looked through each time, and never more than twice as long', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const deadlines = new Deadlines<number>()
      const model = new Map<number, number>()
      let nowMs = 0
      for (const taken of steps) {
        if (taken.kind === 'set') {
          deadlines.set(taken.key, nowMs + taken.afterMs)
          model.set(taken.key, nowMs + taken.afterMs)
        } else if (taken.kind === 'clear') {
          deadlines.clear(taken.key)
          model.delete(taken.key)
        } else {
          nowMs += taken.passedMs
          const due = deadlines.take(nowMs)
          const times = due.map(each => model.get(each) ?? Number.NaN)
          expect(times).toEqual(times.toSorted((a, b) => a - b))
          expect(new Set(due)).toEqual(
            new Set([...model].flatMap(([each, ms]) => (ms <= nowMs ? [each] : []))),
          )
          for (const each of due) model.delete(each)
        }
        expect(deadlines.size).toBe(model.size)
        expect(deadlines.has(0)).toBe(model.has(0))
        expect(deadlines.entryCount).toBeLessThanOrEqual(2 * model.size)
        if (taken.kind !== 'clear') expect(deadlines.wakeAtMs()).toBe(Math.min(Infinity, ...model.values()))
      }
    }),
    { numRuns: 500 },
  )
})

test('a hundred thousand starts that are all in time leave nothing', () => {
  const deadlines = new Deadlines<string>()
  deadlines.set('stays', 1)
  for (let n = 0; n < 100_000; n++) {
    deadlines.set(`worker ${n}`, 30_000 + n)
    deadlines.clear(`worker ${n}`)
  }
  expect(deadlines.entryCount).toBeLessThanOrEqual(2)
  expect(deadlines.take(1)).toEqual(['stays'])
  expect(deadlines.entryCount).toBe(0)
})
