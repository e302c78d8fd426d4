/** What a death that others tell of does here: where the member may still be heard, it is a suspicion first. */

import { beforeEach, describe, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { LAN_TIMINGS, suspicionRangeMs } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, WALL_MS, b, c, d, e, row } from './bench.ts'

const { probePeriodMs } = LAN_TIMINGS
const DEAD = row(b, { status: 'dead', endedMs: WALL_MS })
/** The shortest suspicion in a mesh of so few. */
const [FEW_MS] = suspicionRangeMs(LAN_TIMINGS, 3)

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

test('one that is called dead by others while it speaks to us is told, not buried', () => {
  bench.meet(b)
  bench.pass(1_000, [b])
  bench.effects = []
  bench.membership.merge(row(b, { status: 'dead' }), bench.now)
  expect(bench.statusOf(b)).toBe('alive')
  expect(bench.sent('rows').map(({ to }) => to)).toEqual([b])
})

test('one that is called dead by others while somebody answers for it is not buried, though this node does not hear it', () => {
  bench.meet(b, c)
  bench.membership.onPeerDown(b, bench.now)
  bench.passUntil(() => bench.sent('probe-request').some(({ message }) => message.target === b), [c])
  bench.tell(c, { kind: 'probe-report', n: 1, target: b, isHeard: true })
  bench.membership.merge(row(b, { status: 'dead' }), bench.now)
  expect(bench.statusOf(b)).toBe('alive')
  // Only as long as that is news.
  bench.pass(probePeriodMs)
  bench.membership.merge(DEAD, bench.now)
  expect(bench.statusOf(b)).not.toBe('dead')
  bench.pass(2 * probePeriodMs)
  bench.membership.merge(DEAD, bench.now)
  expect(bench.statusOf(b)).toBe('suspect')
  expect(bench.passUntil(() => bench.statusOf(b) === 'dead', [c])).toBeLessThanOrEqual(FEW_MS)
})

test('one that is called dead by others when its session has just ended is suspect first', () => {
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
  bench.membership.onPeerDown(b, bench.now)
  bench.pass(100, [c])
  bench.membership.merge(DEAD, bench.now)
  expect(bench.statusOf(b)).toBe('suspect')
  bench.membership.onPeerUp(b, bench.now)
  bench.membership.merge(row(b, { seq: 2 }), bench.now)
  expect(bench.statusOf(b)).toBe('alive')
})

test.each([0, 1_500])(
  'it is dead as soon as its port refuses, also where this node has just stood still for %d ms',
  stillMs => {
    bench.meet(b, c)
    bench.pass(1_000, [b, c])
    bench.nowMs += stillMs
    bench.membership.onPeerDown(b, bench.now)
    bench.pass(2 * probePeriodMs + 1, [c])
    bench.nowMs += stillMs
    bench.pass(10, [c])
    bench.membership.merge(DEAD, bench.now)
    expect(bench.statusOf(b)).toBe('suspect')
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    expect(bench.statusOf(b)).toBe('dead')
  },
)

// It never did, as each sleep put that off until after the next one.
test.each(['open', 'lost'])('one that stands still again and again learns it, its session %s', session => {
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
  if (session === 'lost') bench.membership.onPeerDown(b, bench.now)
  bench.pass(700, [c])
  const startMs = bench.nowMs
  bench.passUntil(() => {
    bench.membership.merge(DEAD, bench.now)
    bench.nowMs += 1_400
    bench.pass(700, [c])
    return bench.statusOf(b) === 'dead'
  })
  expect(bench.nowMs - startMs).toBeLessThan(12_000)
})

test('one that has put off its own verdict, as it is unwell, does not wait for it any more', () => {
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
  bench.accuse(b, c)
  bench.pass(FEW_MS - 20)
  for (let times = 0; times < 20; times++) bench.membership.health.raise()
  bench.pass(40)
  expect(bench.statusOf(b)).toBe('suspect')
  bench.membership.merge(DEAD, bench.now)
  bench.pass(20)
  expect(bench.statusOf(b)).toBe('dead')
})

test('one that has stood still once while it suspects it hears first what has come meanwhile', () => {
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
  bench.pass(2 * probePeriodMs + 1, [c])
  bench.membership.merge(DEAD, bench.now)
  bench.nowMs += 5_000
  bench.pass(probePeriodMs, [c])
  expect(bench.statusOf(b)).toBe('suspect')
})

test('what others have found is not told by whoever learns it as if it was its own', () => {
  bench.meet(b, c)
  bench.pass(1_000, [b, c])
  bench.pass(2 * probePeriodMs + 1, [c])
  bench.effects = []
  bench.membership.merge(DEAD, bench.now)
  bench.pass(FEW_MS + 20, [c])
  const changes = bench.effects.flatMap(effect => (effect.kind === 'member-changed' ? [effect] : []))
  expect(changes.map(({ row: { status } }) => status)).toContain('dead')
  expect(changes.filter(({ authored, row: { status } }) => authored && status === 'dead')).toEqual([])
})

test('one that is called dead by others is so at once where nobody has reached it for long, or its port refuses', () => {
  bench.meet(b, c)
  bench.membership.merge(row(d), bench.now)
  bench.pass(1_000, [b, c])
  bench.membership.onPeerDown(b, bench.now)
  bench.membership.onDialFailed(b, REFUSED, bench.now)
  for (const id of [b, d]) {
    bench.membership.merge(row(id, { status: 'dead', endedMs: WALL_MS }), bench.now)
    expect(bench.statusOf(id)).toBe('dead')
  }
})

describe('one that others have reached for this node', () => {
  beforeEach(() => {
    bench.meet(c, d)
    bench.membership.merge(row(b), bench.now)
    for (const [n, by] of [c, d].entries())
      bench.tell(by, { kind: 'probe-report', n, target: b, isHeard: true })
    bench.pass(100, [c, d])
  })

  // They had reached it just now, so it lived; and what they say was forgotten with that.
  test('is dead when all of them say that its port refuses, as soon as for them', () => {
    for (const by of [c, d]) bench.accuse(b, by, 'refused')
    bench.pass(LAN_TIMINGS.suspicionFastMs + 20, [c, d])
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('is dead when all of them say so, and that it is dead', () => {
    for (const by of [c, d]) bench.accuse(b, by, 'refused')
    bench.membership.merge(DEAD, bench.now)
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('lives as long as one of them has reached it, whoever else says so', () => {
    for (const by of [c, e]) bench.accuse(b, by, 'refused')
    bench.membership.merge(DEAD, bench.now)
    bench.pass(LAN_TIMINGS.suspicionFastMs + 20, [c, d])
    expect(bench.statusOf(b)).toBe('suspect')
  })

  test('lives when one of them reaches it again after that', () => {
    for (const by of [c, d]) bench.accuse(b, by, 'refused')
    bench.tell(c, { kind: 'probe-report', n: 3, target: b, isHeard: true })
    bench.pass(LAN_TIMINGS.suspicionFastMs + 20, [c, d])
    expect(bench.statusOf(b)).toBe('suspect')
  })
})

describe('with a session that is silent most of the time, as in a mesh of many', () => {
  const others = Array.from({ length: 20 }, (_, index) => nodeId(`n${index}`))
  const [suspicionMs] = suspicionRangeMs(LAN_TIMINGS, others.length + 3)

  /** With whom the session was ended. */
  function renewed(): NodeId[] {
    return bench.effects.flatMap(effect => (effect.kind === 'renew' ? [effect.peer] : []))
  }

  /** `b` has answered, and it is not its turn again yet. */
  beforeEach(() => {
    bench.meet(b, c, ...others)
    bench.passUntil(() => bench.sent('probe').some(({ to }) => to === b), [b, c, ...others])
    bench.pass(3 * probePeriodMs, [b, c, ...others])
    bench.effects = []
  })

  test('it is told, and has the time of a suspicion to refute; its session is ended a period after that', () => {
    bench.membership.merge(DEAD, bench.now)
    expect(bench.statusOf(b)).toBe('suspect')
    expect(bench.sent('rows')).toMatchObject([{ to: b, message: { rows: { members: [DEAD] } } }])
    // Whoever tells it once more begins nothing anew.
    bench.pass(suspicionMs / 2, [c, ...others])
    bench.membership.merge({ ...DEAD, endedMs: WALL_MS + 1 }, bench.now)
    bench.pass(suspicionMs / 2 - 20, [c, ...others])
    expect(bench.statusOf(b)).toBe('suspect')
    expect(renewed()).toEqual([])
    bench.pass(40, [c, ...others])
    expect(bench.statusOf(b)).toBe('dead')
    bench.pass(0.9 * probePeriodMs, [c, ...others])
    expect(renewed()).toEqual([])
    bench.pass(probePeriodMs, [c, ...others])
    expect(renewed()).toEqual([b])
  })

  test.each([0.9, 1.5])(
    'one that is heard until %d periods before its time is up does not die of it',
    periods => {
      bench.membership.merge(DEAD, bench.now)
      bench.pass(suspicionMs - periods * probePeriodMs, [c, ...others])
      bench.membership.onHeard(b, bench.nowMs)
      bench.pass(suspicionMs, [c, ...others])
      expect(bench.statusOf(b)).toBe('suspect')
      bench.membership.merge(row(b, { seq: 2 }), bench.now)
      expect(bench.statusOf(b)).toBe('alive')
    },
  )

  test('what is said of one that has refuted it says nothing', () => {
    bench.membership.merge(row(b, { seq: 2 }), bench.now)
    bench.effects = []
    bench.membership.merge(DEAD, bench.now)
    expect(bench.effects).toEqual([])
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('of a later state than is known here, it is suspect in that one', () => {
    bench.membership.merge({ ...DEAD, seq: 5 }, bench.now)
    expect(bench.membership.table.get(b)).toMatchObject({ seq: 5, status: 'suspect' })
    bench.membership.merge(row(b, { seq: 6 }), bench.now)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test.each(['joining', 'leaving'] as const)('one that is %s stays that, until its time is up', status => {
    bench.membership.merge(row(b, { boot: 2, status }), bench.now)
    bench.membership.merge({ ...DEAD, boot: 2 }, bench.now)
    expect(bench.statusOf(b)).toBe(status)
    bench.pass(suspicionMs + 20, [c, ...others])
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('a node that is late itself learns it from others all the same', () => {
    for (let times = 0; times < 20; times++) bench.membership.health.raise()
    expect(bench.membership.health.isDegraded).toBe(true)
    bench.membership.merge(DEAD, bench.now)
    bench.pass(suspicionMs + 20, [c, ...others])
    expect(bench.statusOf(b)).toBe('dead')
  })
})
