/** When a node that leaves says good-bye, and when it goes, where others do not take or hear what they are to. */

import { expect, test } from 'vitest'

import { Departure, HANDOVER_MS, LEAVE_MS } from '../../src/node/departure.ts'

const NOBODY_TAKES = { isIdle: true, isFree: false }
const BEGUN_MS = 1_000

function leaving(): Departure {
  const departure = new Departure()
  departure.begin(BEGUN_MS, BEGUN_MS + LEAVE_MS)
  return departure
}

/** How long after it was told to a node says good-bye whose last worker stops after `idleMs`, and from which nobody takes anything. */
function farewellAfterMs(idleMs: number): number {
  const departure = leaving()
  if (idleMs > 0) departure.isReady({ isIdle: false, isFree: false }, BEGUN_MS)
  let nowMs = BEGUN_MS + idleMs
  while (!departure.isReady(NOBODY_TAKES, nowMs)) nowMs = departure.wakeAtMs(nowMs)
  return nowMs - BEGUN_MS
}

test('what nobody takes is waited for half a minute', () => {
  expect(farewellAfterMs(0)).toBe(HANDOVER_MS)
  expect(farewellAfterMs(20_000)).toBe(HANDOVER_MS)
})

test('what has stopped late is waited for ten seconds', () => {
  expect(farewellAfterMs(25_000)).toBe(35_000)
  expect(farewellAfterMs(32_999)).toBe(42_999)
})

test('but the good-bye is said while there is time to hear it: two seconds before the node goes anyway', () => {
  expect(farewellAfterMs(40_000)).toBe(43_000)
})

test('while a worker runs there is no good-bye, and it is said at once where nobody waits for anything', () => {
  const departure = leaving()
  const atMs = BEGUN_MS + LEAVE_MS - 1
  expect(departure.isReady({ isIdle: false, isFree: true }, atMs)).toBe(false)
  expect(departure.isReady({ isIdle: true, isFree: true }, atMs)).toBe(true)
})

test('an answer to the good-bye that does not come is waited for a second', () => {
  const departure = leaving()
  expect(departure.mayClose(false, 44_000)).toBe(false)
  expect(departure.wakeAtMs(44_000)).toBe(45_000)
  expect(departure.mayClose(false, 44_999)).toBe(false)
  expect(departure.mayClose(false, 45_000)).toBe(true)
  expect(departure.mayClose(false, 45_001), 'it has gone').toBe(false)
})

test('when all have answered, what is on its way on other streams has a moment to arrive', () => {
  const departure = leaving()
  expect(departure.mayClose(false, 44_000)).toBe(false)
  expect(departure.mayClose(true, 44_100)).toBe(false)
  expect(departure.wakeAtMs(44_100)).toBe(44_150)
  expect(departure.mayClose(true, 44_150)).toBe(true)
})
