import { expect, test } from 'vitest'

import { INTENSITY_DEFAULT, countRestart, isExceeded } from '../../../src/node/supervision/restart-policy.ts'
import type { Restart } from '../../../src/protocol/phase.ts'

/** The restarts that count after one at each of these moments. */
function after(momentsMs: readonly number[]): readonly Restart[] {
  return momentsMs.reduce<readonly Restart[]>(
    (restarts, atMs) => countRestart(restarts, INTENSITY_DEFAULT, { atMs, item: '' }),
    [],
  )
}

// Each twenty seconds after the one before: never more than two in thirty.
const SLOW = [0, 20_000, 40_000, 60_000, 80_000, 100_000, 120_000].map(ms => 1_700_000_000_000 + ms)

test.each([
  ['the same clock', 0],
  ['one that is a second behind', -1_000],
  ['one that is ten minutes behind', -600_000],
  ['one that is ten seconds ahead', 10_000],
  ['one that is an hour ahead', 3_600_000],
])('restarts that are far apart are, whoever goes on counting them: by %s', (_, skewMs) => {
  const next = (SLOW.at(-1) ?? 0) + 20_000 + skewMs
  expect(isExceeded(after([...SLOW, next, next + 20_000]), INTENSITY_DEFAULT)).toBe(false)
})

test.each([0, -600_000])('restarts that are close are, also by a clock that is %i ms off', skewMs => {
  const quick = [0, 100, 200, 300, 400].map(ms => 1_700_000_000_000 + ms)
  expect(isExceeded(after(quick), INTENSITY_DEFAULT)).toBe(false)
  expect(isExceeded(after([...quick, (quick.at(-1) ?? 0) + 100 + skewMs]), INTENSITY_DEFAULT)).toBe(true)
})

test('by a clock that has only just begun, no restart is counted at a moment before 1970', () => {
  const before = [10_000, 50_000].map(atMs => ({ atMs, item: '' }))
  const counted = countRestart(before, INTENSITY_DEFAULT, { atMs: 5_000, item: '' })
  expect(counted.map(({ atMs }) => atMs)).toEqual([0, 5_000, 5_000])
})
