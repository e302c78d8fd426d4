import { expect, test } from 'vitest'

import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Wakefulness } from '../../src/protocol/wakefulness.ts'

const { probePeriodMs, probeTimeoutMs } = LAN_TIMINGS

/** What a node is when it is late by so much, at each of these moments. */
function noticed(moments: readonly number[], lateMs: number): string[] {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 })
  return moments.map(ms => wakefulness.notice({ ms, wallMs: ms }, ms - lateMs))
}

test('a node that is late begins anew three times in a row, and not again before it has been well for a while', () => {
  const again = [1, 2, 3, 4, 5].map(times => times * probePeriodMs)
  const well = 5 * probePeriodMs + 4 * probePeriodMs
  expect(noticed([...again, well], probeTimeoutMs / 2)).toEqual([
    'late',
    'late',
    'late',
    'slow',
    'slow',
    'late',
  ])
})

test('a node that is late now and then begins anew each time', () => {
  const moments = [1, 2, 3, 4, 5].map(times => times * 4 * probePeriodMs)
  expect(new Set(noticed(moments, probeTimeoutMs / 2))).toEqual(new Set(['late']))
})

test('a node that has stood still for long begins anew, however often', () => {
  const moments = [1, 2, 3, 4, 5].map(times => times * 3 * probePeriodMs)
  expect(new Set(noticed(moments, 2 * probePeriodMs))).toEqual(new Set(['asleep']))
})

test('what has come while a node stood still is not taken for heard before it has had time to read it', () => {
  const wakefulness = new Wakefulness(LAN_TIMINGS, { ms: 0, wallMs: 0 })
  const heardUntilMs = (ms: number, dutyMs: number): number => {
    wakefulness.notice({ ms, wallMs: ms }, dutyMs)
    return wakefulness.heardUntilMs
  }
  expect(heardUntilMs(1_000, 1_000)).toBe(1_000)
  // Each of these stalls begins at once after the one before: what came before it has been heard.
  for (let ms = 1_600; ms < 10_000; ms += 600) {
    expect(heardUntilMs(ms, ms - 500)).toBe(ms === 1_600 ? 1_000 : ms - 599)
    expect(heardUntilMs(ms + 1, ms - 500)).toBe(ms === 1_600 ? 1_000 : ms - 599)
  }
  expect(heardUntilMs(11_000, 11_000)).toBe(11_000)
})
