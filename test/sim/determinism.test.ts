/** I48: the same seed gives the same run, to the byte; and random schedules keep every promise. */

import { expect, test } from 'vitest'

import { type FuzzResult, fuzz } from './fuzz.ts'
import { OCCURRENCES, missingOf } from './troubles.ts'

const SEEDS = Array.from({ length: 40 }, (_, index) => String(index + 1))

/** Each seed once. */
const results = new Map<string, Promise<FuzzResult>>()

function resultOf(seed: string): Promise<FuzzResult> {
  const result = results.get(seed) ?? fuzz(seed)
  results.set(seed, result)
  return result
}

test.each(['one', 'two', 'three'])('a schedule from seed "%s" runs the same way twice', async seed => {
  const first = await fuzz(seed)
  const again = await fuzz(seed)
  expect(first.failure).toBeUndefined()
  expect(again.traceHash).toBe(first.traceHash)
  expect(again.virtualMs).toBe(first.virtualMs)
})

test('another seed gives another run', async () => {
  const [first, other] = [await fuzz('one'), await fuzz('two')]
  expect(other.traceHash).not.toBe(first.traceHash)
})

test.each(SEEDS)('a random schedule keeps every promise: seed %s', async seed => {
  const { failure } = await resultOf(seed)
  expect(failure).toBeUndefined()
})

test('in so many schedules, everything that is to be checked has occurred', async () => {
  const counts: FuzzResult['counts'][] = []
  for (const seed of SEEDS) counts.push((await resultOf(seed)).counts)
  expect(missingOf(counts)).toEqual([])
  expect(OCCURRENCES).toEqual(expect.arrayContaining([...new Set(counts.flatMap(Object.keys))]))
})
