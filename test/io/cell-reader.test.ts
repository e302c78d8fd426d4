import { setImmediate as nextTurn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { CellReader } from '../../src/io/system/cell-reader.ts'

test('of what a thread leaves behind at its end, little is kept, however much it is; all is told, in order, and the end by itself', async () => {
  const reader = new CellReader()
  const count = 20_000
  const told: number[] = []
  let through = 0
  let throughAtEnd = -1
  for (let index = 0; index < count; index++)
    reader.take(() => {
      told.push(index)
      void Promise.resolve().then(() => (through += 1))
    })
  reader.take(() => (throughAtEnd = through))
  expect(count - told.length).toBeLessThanOrEqual(1_024)
  await nextTurn()
  expect(told).toEqual(Array.from({ length: count }, (_, index) => index))
  expect(throughAtEnd).toBe(count)
})
