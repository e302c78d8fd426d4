import { expect, test } from 'vitest'

import { isAcknowledged } from '../../src/node/acknowledged.ts'

/** How many others must have taken in what this node has written, where nobody that was told is left to answer. */
const least = (ack: Parameters<typeof isAcknowledged>[0], members: number, waiting: number): number => {
  for (let merged = 0; merged < members; merged++)
    if (isAcknowledged(ack, { merged, waiting, members })) return merged
  return Infinity
}

test('a majority is more than half of the nodes, the one that asks included: half of an even number is none', () => {
  expect([1, 2, 3, 4, 5, 6, 7].map(members => least('majority', members, 0))).toEqual([0, 1, 1, 2, 2, 3, 3])
})

test('all is every other node, one is any of them, and local none', () => {
  expect([1, 2, 3, 4, 5].map(members => least('all', members, 1))).toEqual([0, 1, 2, 3, 4])
  expect([2, 3, 4, 5].map(members => least('one', members, 1))).toEqual([1, 1, 1, 1])
  expect([1, 2, 3, 4, 5].map(members => least('local', members, 1))).toEqual([0, 0, 0, 0, 0])
})

test('where nobody is left to answer, one waits for nobody; a majority and all do', () => {
  expect(least('one', 5, 0)).toBe(0)
  expect([least('majority', 5, 0), least('all', 5, 0)]).toEqual([2, 4])
})
