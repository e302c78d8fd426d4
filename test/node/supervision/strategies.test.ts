/** The rules of supervision, on the control plane of one node, strategy by strategy; `otp.test.ts` has them all together. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { isRestarted } from '../../../src/node/supervision/restart-policy.ts'
import { wavesOf } from '../../../src/node/supervision/strategy.ts'
import { CHAIN_STRATEGIES, GROUP_STRATEGIES, RESTART_TYPES } from '../../../src/protocol/spec-row.ts'
import { CoreBench, group, member } from './core-bench.ts'

test.each([
  ['one_for_one', [2], [[2]]],
  ['one_for_one', [1, 3], [[1], [3]]],
  ['one_for_all', [2], [[0, 1, 2, 3, 4]]],
  ['one_for_all', [2, 4], [[0, 1, 2, 3, 4]]],
  ['rest_for_one', [2], [[2, 3, 4]]],
  ['rest_for_one', [3, 1], [[1, 2, 3, 4]]],
  ['before_for_one', [2], [[0, 1, 2]]],
  ['before_for_one', [0, 3], [[0, 1, 2, 3]]],
] as const)('%s: crashes at %j renew %j', (strategy, crashes, renewed) => {
  const waves = wavesOf(
    strategy,
    crashes.map(position => ({ position })),
  )
  const hit = waves.map(({ crashes: own, takes }) =>
    [0, 1, 2, 3, 4].filter(
      position => own.some(crash => crash.position === position) || takes?.(position) === true,
    ),
  )
  expect(hit).toEqual(renewed)
})

test.each([
  ['permanent', true, true],
  ['transient', false, true],
  ['temporary', false, false],
] as const)(
  'a %s worker comes back after a normal end: %s, after a crash: %s',
  (type, normally, abnormally) => {
    expect(isRestarted(type, 'normally')).toBe(normally)
    expect(isRestarted(type, 'abnormally')).toBe(abnormally)
  },
)

test('nothing crashes, nothing is renewed', () => {
  for (const strategy of CHAIN_STRATEGIES) expect(wavesOf(strategy, [])).toEqual([])
})

const NAMES = ['a', 'b', 'c', 'd', 'e']

const types = fc.array(fc.constantFrom(...RESTART_TYPES), { minLength: 1, maxLength: NAMES.length })
const end = fc.record({
  kind: fc.constantFrom('normal' as const, 'crash' as const),
  name: fc.constantFrom(...NAMES),
})

describe.each(GROUP_STRATEGIES)('%s', strategy => {
  test('what a restart stops is stopped last one first; then all is started, first one first, one at a time', () => {
    fc.assert(
      fc.property(types, fc.array(end, { minLength: 1, maxLength: 8 }), (kinds, script) => {
        const bench = new CoreBench()
        bench.write(
          group(
            strategy,
            kinds.map((type, index) => member(NAMES[index] ?? '', type)),
          ),
        )
        bench.rest()
        for (const { kind, name } of script) {
          bench.log.length = 0
          bench.end(name, kind)
          bench.rest()
          const stops = bench.log.flatMap(line => (line.startsWith('stop ') ? [line.slice(5)] : []))
          const starts = bench.log.flatMap(line => (line.startsWith('start ') ? [line.slice(6)] : []))
          expect(bench.log).toEqual([...stops.map(id => `stop ${id}`), ...starts.map(id => `start ${id}`)])
          expect(stops).toEqual(stops.toSorted().toReversed())
          expect(starts).toEqual(starts.toSorted())
        }
      }),
      { numRuns: 200 },
    )
  })

  test('in any window there are at most as many restarts as allowed; it gives up at the next one, and not before', () => {
    const script = fc.array(fc.record({ name: fc.constantFrom(...NAMES), waitMs: fc.nat({ max: 8_000 }) }), {
      minLength: 4,
      maxLength: 16,
    })
    fc.assert(
      fc.property(script, fc.integer({ min: 0, max: 4 }), (crashes, restarts) => {
        const bench = new CoreBench()
        const intensity = { restarts, withinMs: 20_000 }
        bench.write(
          group(
            strategy,
            NAMES.map(id => member(id, 'permanent')),
            { intensity },
          ),
        )
        bench.rest()
        const restartedMs: number[] = []
        for (const { name, waitMs } of crashes) {
          bench.pass(waitMs)
          const crashedMs = bench.nowMs
          const recent = restartedMs.filter(atMs => crashedMs - atMs < intensity.withinMs).length
          bench.end(name, 'crash')
          bench.rest()
          expect(bench.status?.kind).toBe(recent + 1 > restarts ? 'gave-up' : 'running')
          if (bench.status?.kind === 'gave-up') break
          restartedMs.push(bench.phase?.restarts.at(-1)?.atMs ?? 0)
          restartedMs.splice(-1, 1, (bench.phase?.restarts.at(-1)?.atMs ?? 0) - 1_700_000_000_000)
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('a group', () => {
  test('whose last member a user stops when all others have ended, starts that one again when it is asked to', () => {
    const bench = new CoreBench()
    const members = [member('a', 'permanent'), member('b', 'temporary')]
    bench.write(group('one_for_one', members))
    bench.rest()
    bench.end('b', 'normal')
    bench.write(group('one_for_one', [member('a', 'permanent', { isStopped: true }), ...members.slice(1)]))
    bench.rest()
    expect(bench.status?.kind).toBe('done')
    bench.write(group('one_for_one', [member('a', 'permanent', { revision: 2 }), ...members.slice(1)]))
    bench.rest()
    expect(bench.running).toEqual(['a'])
    expect(bench.status?.kind).toBe('running')
  })

  test('has a stable minute: the next crash is a first one again', () => {
    const bench = new CoreBench()
    const intensity = { restarts: 3, withinMs: 600_000 }
    bench.write(group('one_for_one', [member('a', 'permanent')], { intensity }))
    bench.rest()
    for (let times = 0; times < 3; times++) {
      bench.end('a', 'crash')
      bench.rest()
    }
    expect(bench.phase?.restarts).toHaveLength(3)
    bench.pass(61_000)
    bench.end('a', 'crash')
    // At once, and none of those before counts.
    expect(bench.log.at(-1)).toBe('start a')
    bench.rest()
    expect(bench.phase?.restarts).toHaveLength(1)
    expect(bench.status?.kind).toBe('running')
  })

  test('keeps its last five failures, newest first, of which the newest has its stack', () => {
    const bench = new CoreBench()
    bench.write(
      group(
        'one_for_one',
        NAMES.map(id => member(id, 'permanent')),
        { intensity: { restarts: 7, withinMs: 60_000 } },
      ),
    )
    bench.rest()
    for (const name of ['a', 'b', 'c', 'd', 'e', 'a', 'b', 'c']) {
      bench.end(name, 'crash')
      bench.rest()
    }
    expect(bench.status).toMatchObject({ kind: 'gave-up' })
    if (bench.status?.kind === 'gave-up')
      expect(bench.status.failures.map(({ message }) => message)).toEqual(['c', 'b', 'a', 'e', 'd'])
  })

  test('whose member cannot start at the first start is given up as a whole, what ran is stopped', () => {
    const bench = new CoreBench()
    bench.write(group('one_for_one', [member('a', 'permanent'), member('b', 'permanent')]))
    bench.start()
    bench.end('b', 'crash')
    bench.settle()
    expect(bench.status).toMatchObject({ kind: 'failed', failure: { message: 'b' } })
    expect(bench.live.size).toBe(0)
  })

  test('whose member cannot start again counts that as a crash, also when it is late', () => {
    const bench = new CoreBench()
    const intensity = { restarts: 2, withinMs: 1_000_000 }
    bench.write(group('one_for_one', [member('a', 'permanent')], { intensity }))
    bench.rest()
    bench.end('a', 'crash')
    // It hangs while it starts; it is abandoned, and counted.
    bench.pass(30_001)
    bench.pass(1_000)
    expect(bench.find('a')?.state).toBe('starting')
    bench.end('a', 'crash')
    expect(bench.status).toMatchObject({ kind: 'gave-up' })
  })

  test('with a stop time-out of 0 does not wait for anybody', () => {
    const bench = new CoreBench()
    const brutal = { ...member('a', 'permanent').child, stopTimeoutMs: 0 }
    bench.write(group('one_for_all', [member('a', 'permanent', { child: brutal }), member('b', 'permanent')]))
    bench.rest()
    bench.end('b', 'crash')
    expect(bench.log.slice(2)).toEqual(['stop a', 'abandon a', 'start a'])
  })
})
