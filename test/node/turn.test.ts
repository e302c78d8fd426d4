/** How often the clock is looked at. */

import { expect, test } from 'vitest'

import { Turn } from '../../src/node/turn.ts'
import type { Clock } from '../../src/ports.ts'

/** How often the clock is looked at while so many things are done one after the other. */
function looksAt(count: number, eachMs: number): number {
  let nowMs = 1_000
  let looks = 0
  const clock: Clock = {
    nowMs: () => {
      looks += 1
      return nowMs
    },
    wallMs: () => nowMs,
    after: () => () => {},
  }
  const turn = new Turn(clock)
  for (let done = 0; done < count; done++) {
    turn.isOverByNow()
    nowMs += eachMs
  }
  return looks
}

test('work that is shorter than a look is done eight times between two looks, longer work once', () => {
  expect(looksAt(800, 0.001)).toBeLessThanOrEqual(102)
  expect(looksAt(800, 1)).toBe(800)
})

test('a turn ends, however short the things are that are done in it', () => {
  let nowMs = 0
  const turn = new Turn({ nowMs: () => nowMs, wallMs: () => nowMs, after: () => () => {} })
  let done = 0
  for (; !turn.isOverByNow(); done++) nowMs += 0.01
  expect(done).toBeLessThan(300)
})
