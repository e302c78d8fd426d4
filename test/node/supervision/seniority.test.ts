import { expect, test } from 'vitest'

import { Prng } from '../../../src/prng.ts'
import { compareTokens, countOf, generationOf, tokenOf } from '../../../src/protocol/fencing-token.ts'
import { firstNumberAt, firstTag } from '../../../src/node/supervision/seniority.ts'

const NOW_MS = Date.UTC(2026, 10, 29)
const MINUTE_MS = 60_000
const CHANCE_MAX = 2 ** 31 - 1
const ALONE = { known: 0, met: 0 }
const PARTIAL = { known: 9, met: 4 }
const COMPLETE = { known: 9, met: 9 }
const TIMES = [0, NOW_MS, Date.UTC(2033, 0, 1), Date.UTC(2400, 0, 1), Number.MAX_SAFE_INTEGER]

test.each([0, 1, 1_000_000])(
  'the older of two lineages goes on, also where the other one was placed anew %i times',
  times => {
    const [young, old] = [firstNumberAt(NOW_MS) + times, firstNumberAt(NOW_MS - MINUTE_MS)]
    expect(young).toBeLessThan(old)
    expect(
      compareTokens(tokenOf({ number: young, tag: 9 }, 1), tokenOf({ number: old, tag: 1 }, 1)),
    ).toBeLessThan(0)
  },
)

test('within one lineage, later generations go on', () => {
  const first = firstNumberAt(NOW_MS)
  expect([first, first + 1, first + 6].map(countOf)).toEqual([1, 2, 7])
  const [one, next] = [tokenOf({ number: first, tag: 9 }, 1), tokenOf({ number: first + 1, tag: 1 }, 1)]
  expect(next).toEqual({ ...one, generation: 2, tag: 1 })
  expect(compareTokens(one, next)).toBeLessThan(0)
})

test('clocks that are a little apart make no lineage older', () => {
  expect(firstNumberAt(NOW_MS)).toBe(firstNumberAt(NOW_MS + 50))
})

test.each([0, NOW_MS - MINUTE_MS, NOW_MS, NOW_MS + MINUTE_MS])(
  'what is begun again comes after all that was made of what was removed: begun at %i',
  beganMs => {
    const past = firstNumberAt(beganMs)
    for (const wallMs of [0, NOW_MS, Date.UTC(2400, 0, 1)]) {
      const first = firstNumberAt(wallMs, past + 5)
      expect(first).toBeGreaterThan(past + 1_000_000)
      expect(countOf(first)).toBe(1)
    }
  },
)

test('what was begun by a clock at the beginning of its scale is begun again as a later generation', () => {
  const past = firstNumberAt(Date.UTC(2025, 0, 1))
  expect(firstNumberAt(NOW_MS, past)).toBe(past + 1)
})

test('a clock that was never set makes nobody old', () => {
  expect(firstNumberAt(0)).toBe(1)
  expect(firstNumberAt(0)).toBeLessThan(firstNumberAt(NOW_MS))
})

test.each(TIMES)('the number of a generation is exact, and what its token says: %i', wallMs => {
  for (const number of [firstNumberAt(wallMs), firstNumberAt(wallMs) + 1_000_000]) {
    expect(Number.isSafeInteger(number)).toBe(true)
    expect(generationOf(tokenOf({ number, tag: 7 }, 1))).toEqual({ number, tag: 7 })
  }
})

test('whoever has met all comes before whoever has met some, and that one before whoever knows nobody', () => {
  const complete = firstTag(COMPLETE, 0)
  const partial = firstTag(PARTIAL, CHANCE_MAX)
  const alone = firstTag(ALONE, CHANCE_MAX)
  expect(complete).toBeGreaterThan(partial)
  expect(partial).toBeGreaterThan(alone)
  expect(firstTag({ known: 9, met: 5 }, 0)).toBeGreaterThan(partial)
})

test('of one acquaintance, the hash decides', () => {
  expect(firstTag(COMPLETE, 2 ** 30)).toBeGreaterThan(firstTag(COMPLETE, 2 ** 20))
})

test('nobody has the tag of another one, however many they have met', () => {
  const prng = new Prng('tags')
  const chances = Array.from({ length: 30 }, () => prng.below(CHANCE_MAX))
  for (const acquaintance of [ALONE, PARTIAL, COMPLETE, { known: 900, met: 100 }, { known: 900, met: 700 }]) {
    const tags = chances.map(chance => firstTag(acquaintance, chance))
    expect(new Set(tags).size).toBe(tags.length)
    for (const tag of tags) expect(Number.isSafeInteger(tag) && tag >= 0).toBe(true)
  }
})
