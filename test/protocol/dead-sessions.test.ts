/** What becomes of the session with a member that others have found dead, and that this node has not asked. */

import { beforeEach, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, WALL_MS, b, c, row } from './bench.ts'

const { probePeriodMs } = LAN_TIMINGS
/** A run of `b` that this node has not heard of before. */
const NEXT_DEAD = row(b, { boot: 2, status: 'dead', endedMs: WALL_MS })
/** So many that the session with each is silent for seconds. */
const OTHERS = Array.from({ length: 20 }, (_, index) => nodeId(`n${index}`))

let bench: Bench

/** With whom the session was ended. */
function renewed(): NodeId[] {
  return bench.effects.flatMap(effect => (effect.kind === 'renew' ? [effect.peer] : []))
}

/** `b` has answered, and it is not its turn again yet. */
beforeEach(() => {
  bench = new Bench()
  bench.meet(b, c, ...OTHERS)
  bench.passUntil(() => bench.sent('probe').some(({ to }) => to === b), [b, c, ...OTHERS])
  bench.pass(3 * probePeriodMs, [b, c, ...OTHERS])
  bench.effects = []
})

test('of another run that has died, it is told, and its session is ended when nothing has come of that for a period', () => {
  bench.membership.merge(NEXT_DEAD, bench.now)
  expect(bench.statusOf(b)).toBe('dead')
  expect(bench.sent('rows')).toMatchObject([{ to: b, message: { rows: { members: [NEXT_DEAD] } } }])
  bench.pass(0.9 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([])
  bench.pass(probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([b])
  bench.pass(10 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([b])
})

test('one that refutes in time keeps its session', () => {
  bench.membership.merge(NEXT_DEAD, bench.now)
  bench.pass(0.9 * probePeriodMs, [c, ...OTHERS])
  bench.membership.merge(row(b, { boot: 2, seq: 2 }), bench.now)
  bench.pass(20 * probePeriodMs, [b, c, ...OTHERS])
  expect(renewed()).toEqual([])
})

test('one that speaks keeps it for as long, also where its word of that has not come yet', () => {
  bench.membership.merge(NEXT_DEAD, bench.now)
  for (let times = 0; times < 10; times++) {
    bench.pass(probePeriodMs / 2, [c, ...OTHERS])
    bench.membership.onHeard(b, bench.nowMs)
  }
  expect(renewed()).toEqual([])
  bench.pass(2 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([b])
})

test('a node that has slept meanwhile waits anew', () => {
  bench.membership.merge(NEXT_DEAD, bench.now)
  bench.nowMs += 60_000
  bench.pass(0.5 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([])
  bench.pass(4 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([b])
})

test('one that has left ends it by itself, when it has said what it has to say', () => {
  bench.membership.merge(row(b, { status: 'left', endedMs: WALL_MS }), bench.now)
  bench.pass(10 * probePeriodMs, [c, ...OTHERS])
  expect(renewed()).toEqual([])
  expect(bench.sent('rows')).toEqual([])
})
