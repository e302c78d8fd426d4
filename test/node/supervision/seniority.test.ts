import { expect, test } from 'vitest'

import { Prng } from '../../../src/prng.ts'
import { firstTag } from '../../../src/node/supervision/seniority.ts'

const NOW_MS = Date.UTC(2026, 10, 29)
const MINUTE_MS = 60_000
const CHANCE_MAX = 2 ** 32 - 1
const ALONE = { known: 0, met: 0 }
const PARTIAL = { known: 9, met: 4 }
const COMPLETE = { known: 9, met: 9 }

test('the older of two goes on, whoever has made it', () => {
  const old = firstTag(ALONE, NOW_MS - MINUTE_MS, 0)
  for (const acquaintance of [ALONE, PARTIAL, COMPLETE])
    expect(firstTag(acquaintance, NOW_MS, CHANCE_MAX)).toBeLessThan(old)
})

test('of one age, whoever has met all comes before whoever has met some, and that one before whoever knows nobody', () => {
  const complete = firstTag(COMPLETE, NOW_MS, 0)
  const partial = firstTag(PARTIAL, NOW_MS, CHANCE_MAX)
  const alone = firstTag(ALONE, NOW_MS, CHANCE_MAX)
  expect(complete).toBeGreaterThan(partial)
  expect(partial).toBeGreaterThan(alone)
  expect(firstTag({ known: 9, met: 5 }, NOW_MS, 0)).toBeGreaterThan(partial)
})

test('of one age and acquaintance, the hash decides; clocks that are a little apart do not', () => {
  const [low, high] = [firstTag(COMPLETE, NOW_MS, 2 ** 20), firstTag(COMPLETE, NOW_MS + 50, 2 ** 31)]
  expect(high).toBeGreaterThan(low)
})

test('nobody has the tag of another one, however many they have met', () => {
  const prng = new Prng('tags')
  const chances = Array.from({ length: 30 }, () => prng.below(CHANCE_MAX))
  for (const acquaintance of [ALONE, PARTIAL, COMPLETE, { known: 900, met: 100 }, { known: 900, met: 700 }]) {
    const tags = chances.map(chance => firstTag(acquaintance, NOW_MS, chance))
    expect(new Set(tags).size).toBe(tags.length)
  }
})

test('a clock that was never set makes nobody old', () => {
  expect(firstTag(COMPLETE, 0, CHANCE_MAX)).toBeLessThan(firstTag(ALONE, NOW_MS, 0))
})

test.each([0, NOW_MS, Date.UTC(2033, 0, 1), Date.UTC(2400, 0, 1), Number.MAX_SAFE_INTEGER])(
  'a tag is a whole number that is exact, at any time: %i',
  wallMs => {
    for (const acquaintance of [ALONE, PARTIAL, COMPLETE, { known: 900, met: 700 }]) {
      const tag = firstTag(acquaintance, wallMs, CHANCE_MAX)
      expect(Number.isSafeInteger(tag) && tag >= 0).toBe(true)
    }
  },
)
