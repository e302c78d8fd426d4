/** Hybrid logical clocks: they never run backwards, follow what was seen, and no wrong clock for ever. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import {
  CLOCK_SKEW_MAX_MS,
  type Hlc,
  HlcClock,
  MOMENTS_MAX,
  type OnAhead,
  compareHlc,
} from '../../src/protocol/hlc.ts'

const [A, B] = [nodeId('a'), nodeId('b')]
const NOW_MS = 1_700_000_000_000
const nobody: OnAhead = () => {}

const moment: fc.Arbitrary<Hlc> = fc.record({
  ms: fc.integer({ min: NOW_MS - 100, max: NOW_MS + 100 }),
  count: fc.nat(3),
  node: fc.constantFrom(A, B),
})

describe('a clock', () => {
  test('never runs backwards, whatever the wall clock does and others write', () => {
    const step = fc.record({
      wallMs: fc.integer({ min: NOW_MS - 100, max: NOW_MS + 100 }),
      seen: fc.option(moment),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const clock = new HlcClock(A, nobody)
        let last: Hlc = { ms: 0, count: 0, node: A }
        for (const { wallMs, seen } of steps) {
          if (seen !== null) clock.see(seen, wallMs)
          const next = clock.next(wallMs)
          expect(compareHlc(next, last)).toBeGreaterThan(0)
          if (seen !== null) expect(compareHlc(next, seen)).toBeGreaterThan(0)
          last = next
        }
      }),
    )
  })

  test('follows a clock that is a minute ahead, and tells of one that is more, without following it', () => {
    const told: unknown[] = []
    const clock = new HlcClock(A, (...ahead) => told.push(ahead))
    clock.see({ ms: NOW_MS + CLOCK_SKEW_MAX_MS, count: 4, node: B }, NOW_MS)
    expect(clock.next(NOW_MS)).toEqual({ ms: NOW_MS + CLOCK_SKEW_MAX_MS, count: 5, node: A })
    expect(told).toEqual([])
    clock.see({ ms: NOW_MS + CLOCK_SKEW_MAX_MS + 1, count: 0, node: B }, NOW_MS)
    expect(clock.next(NOW_MS)).toEqual({ ms: NOW_MS + CLOCK_SKEW_MAX_MS, count: 6, node: A })
    // Whoever has changed that since is not the one whose clock is wrong.
    clock.see({ ms: NOW_MS + CLOCK_SKEW_MAX_MS + 1, count: 1, node: A }, NOW_MS)
    expect(told).toEqual([[B, CLOCK_SKEW_MAX_MS + 1]])
  })

  test('replaces whatever it has seen, and is not ahead itself for that', () => {
    fc.assert(
      fc.property(moment, fc.integer({ min: 0, max: 10 * CLOCK_SKEW_MAX_MS }), (seen, aheadMs) => {
        const clock = new HlcClock(A, nobody)
        const wrong = { ...seen, ms: seen.ms + aheadMs }
        clock.see(wrong, NOW_MS)
        expect(compareHlc(clock.nextAfter(wrong, NOW_MS), wrong)).toBeGreaterThan(0)
        expect(clock.next(NOW_MS).ms).toBeLessThanOrEqual(NOW_MS + CLOCK_SKEW_MAX_MS)
      }),
    )
    const clock = new HlcClock(A, nobody)
    expect(clock.nextAfter(undefined, NOW_MS)).toEqual({ ms: NOW_MS, count: 0, node: A })
  })
})

test('has no last moment of a millisecond: what is written next is of the one after it, and later', () => {
  const clock = new HlcClock(A, nobody)
  const last = { ms: NOW_MS + 1_000, count: MOMENTS_MAX, node: B }
  expect(clock.nextAfter(last, NOW_MS)).toEqual({ ms: last.ms + 1, count: 1, node: A })
  clock.see(last, NOW_MS)
  expect(clock.next(NOW_MS)).toEqual({ ms: last.ms + 1, count: 1, node: A })
  expect(clock.next(NOW_MS)).toEqual({ ms: last.ms + 1, count: 2, node: A })
})

test('the order of moments is total: two that are equal are of one node', () => {
  // So few that some are equal.
  const close = fc.record({ ms: fc.nat(2), count: fc.nat(1), node: fc.constantFrom(A, B) })
  fc.assert(
    fc.property(close, close, close, (a, b, c) => {
      expect(Math.sign(compareHlc(a, b))).toBe(-Math.sign(compareHlc(b, a)) + 0)
      expect(compareHlc(a, b) === 0).toBe(JSON.stringify(a) === JSON.stringify(b))
      if (compareHlc(a, b) <= 0 && compareHlc(b, c) <= 0) expect(compareHlc(a, c)).toBeLessThanOrEqual(0)
    }),
  )
})
