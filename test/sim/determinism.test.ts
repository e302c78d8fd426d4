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

test.each(Array.from({ length: 40 }, (_, index) => String(index + 1)))(
  'a random schedule keeps every promise: seed %s',
  async seed => {
    const { failure } = await fuzz(seed)
    expect(failure).toBeUndefined()
  },
)
