import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { Deque } from '../src/deque.ts'

test('gives what was put in, in that order, however much was in it at once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3_000, max: 3_000 }), { maxLength: 20 }), steps => {
      const deque = new Deque<number>()
      const model: number[] = []
      let n = 0
      for (const step of steps) {
        for (let times = 0; times < step; times++) {
          deque.push(n)
          model.push(n)
          n += 1
        }
        for (let times = 0; times > step; times--) expect(deque.shift()).toBe(model.shift())
        expect(deque.size).toBe(model.length)
        expect([deque.at(0), deque.at(model.length - 1), deque.at(model.length), deque.at(-1)]).toEqual([
          model[0],
          model.at(-1),
          undefined,
          undefined,
        ])
        expect([...deque]).toEqual(model)
      }
    }),
  )
})
