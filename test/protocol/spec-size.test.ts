import { expect, test } from 'vitest'

import type { ChainBody, GroupBody, RestartType, StageBody } from '../../src/protocol/spec-row.ts'
import { WAYS_MAX, WORKERS_MAX, excessOf } from '../../src/protocol/spec-size.ts'

const intensity = { restarts: 1, withinMs: 1 }

function childOf(restart: RestartType): StageBody['child'] {
  const timeouts = { startTimeoutMs: 1, stopTimeoutMs: 1 }
  const limits = { heartbeatMs: 1_000 }
  return { behaviour: 'b@1', args: new Uint8Array(), restart, ...timeouts, isolation: 'inline', limits }
}

/** Stages with so many workers: below 0, of those that can end. */
function chain(widths: readonly number[]): ChainBody {
  const flow = { emission: 'one', route: 'least-debt', onItemError: 'crash', queueItems: 1 } as const
  const stages = widths.map((width, n): StageBody => {
    const child = childOf(width < 0 ? 'temporary' : 'permanent')
    return { id: `s${n}`, child, revision: 1, isStopped: false, workers: Math.abs(width), ...flow }
  })
  const most = { emission: 'maybe', windowItems: 1, attemptsMax: 1 } as const
  return { kind: 'chain', strategy: 'one_for_all', intensity, revision: 1, stages, ...most }
}

function group(count: number): GroupBody {
  const members = Array.from({ length: count }, (_, n) => ({
    id: `m${n}`,
    child: childOf('permanent'),
    revision: 1,
    isStopped: false,
    isSignificant: false,
  }))
  const how = { strategy: 'one_for_all', autoShutdown: 'never', spread: true } as const
  return { kind: 'group', intensity, revision: 1, members, ...how }
}

test('a spec has so many workers at most, in groups as in chains', () => {
  expect(excessOf(group(WORKERS_MAX))).toBeUndefined()
  expect(excessOf(group(WORKERS_MAX + 1))).toBe(
    '32769 workers, and 32768 are allowed: share them out over several specs',
  )
  const thin = Array.from({ length: 256 }, (_, n) => (n % 2 === 0 ? 254 : 2))
  expect(excessOf(chain(thin))).toBeUndefined()
  expect(excessOf(chain([...thin, 1]))).toMatch(/^32769 workers/)
})

test('the workers of a chain have so many ways to those behind them at most', () => {
  expect(excessOf(chain([256, 256, 256]))).toBeUndefined()
  expect(excessOf(chain([256, 256, 256, 1]))).toBe(
    `${WAYS_MAX + 256} ways from the workers of its stages to those of the stages behind them, and ${WAYS_MAX} are allowed: give stages that follow each other fewer workers`,
  )
  expect(excessOf(chain([256, 1, 256, 1, 256, 1, 256, 1, 256]))).toBeUndefined()
})

test('a stage that can end is counted as passed over, where that makes for more ways', () => {
  expect(excessOf(chain([256, -1, 256, 1, 256]))).toBeUndefined()
  expect(excessOf(chain([256, -1, 256, -1, 256, -1, 256]))).toMatch(/^196608 ways/)
  expect(excessOf(chain([256, -1, 256, -1, 256, 256]))).toMatch(/^196608 ways/)
})
