import { expect, test } from 'vitest'

import { PROFILES, SILENT_PERIODS, TIMINGS, silentMs, suspicionRangeMs } from '../../src/protocol/timings.ts'

const periodsOf = (count: number): number =>
  suspicionRangeMs(TIMINGS.lan, count)[0] / TIMINGS.lan.probePeriodMs

test('a suspicion is as short in a mesh of ten as in one of two, and grows with the digits of the number of nodes', () => {
  for (const count of [1, 2, 3, 5, 10]) expect(periodsOf(count)).toBeCloseTo(3.4, 5)
  for (const count of [11, 20, 30, 50, 99, 100, 300, 1_000, 10_000])
    expect(periodsOf(count) / 3.4, `${count} nodes`).toBeCloseTo(Math.log10(count), 1)
  for (let count = 11; count < 1_000; count++)
    expect(periodsOf(count + 1), `${count} nodes`).toBeGreaterThan(periodsOf(count))
})

test.each(PROFILES)('at %s it lasts six times as long at most, in periods of its own', profile => {
  for (const count of [3, 30, 300]) {
    const [minMs, maxMs] = suspicionRangeMs(TIMINGS[profile], count)
    expect(maxMs).toBeCloseTo(6 * minMs, 5)
    expect(minMs / TIMINGS[profile].probePeriodMs).toBeCloseTo(periodsOf(count), 5)
  }
})

test.each(PROFILES)(
  'at %s a member may be silent for four periods, and for as much longer as a suspicion is',
  profile => {
    const { probePeriodMs } = TIMINGS[profile]
    const [shortestMs] = suspicionRangeMs(TIMINGS[profile], 1)
    for (const count of [1, 2, 10, 11, 30, 300]) {
      const longerMs = suspicionRangeMs(TIMINGS[profile], count)[0] - shortestMs
      expect(silentMs(TIMINGS[profile], count)).toBeCloseTo(SILENT_PERIODS * probePeriodMs + longerMs, 5)
    }
  },
)

test('each profile is more patient than the one before', () => {
  const ofEach = PROFILES.map(profile => TIMINGS[profile])
  for (const [index, { probePeriodMs, probeTimeoutMs, suspicionFastMs }] of ofEach.entries()) {
    expect(probeTimeoutMs).toBeLessThanOrEqual(probePeriodMs / 2)
    const before = ofEach[index - 1]
    if (before === undefined) continue
    expect(probePeriodMs).toBeGreaterThan(before.probePeriodMs)
    expect(probeTimeoutMs).toBeGreaterThan(before.probeTimeoutMs)
    expect(suspicionFastMs).toBeGreaterThan(before.suspicionFastMs)
  }
})
