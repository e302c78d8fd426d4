/** I48: the same seed gives the same run, to the byte; and random schedules keep every promise. */

import { expect, test } from 'vitest'

import { fuzz } from './fuzz.ts'

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

test('random schedules keep every promise', async () => {
  const failures: string[] = []
  for (let seed = 1; seed <= 40; seed++) {
    const result = await fuzz(String(seed))
    if (result.failure !== undefined) failures.push(`seed ${seed}: ${result.failure}`)
  }
  expect(failures).toEqual([])
})
