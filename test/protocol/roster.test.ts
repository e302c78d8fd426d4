import { beforeEach, describe, expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { DIALS_AT_ONCE } from '../../src/protocol/dial-ranks.ts'
import { NAMED_MAX, OVER_MAX, Roster, TOLD_MAX } from '../../src/protocol/roster.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, WALL_MS, b, c, row } from './bench.ts'

const { tombstoneMs } = LAN_TIMINGS

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

/** Somebody tells of many who are gone. */
function tell(count: number): void {
  for (let index = 0; index < count; index++)
    bench.membership.merge(row(nodeId(`x${index}`), { status: 'dead', endedMs: WALL_MS }), bench.now)
}

describe('who is gone', () => {
  test('has died, left, or been followed by another run; who joins is not there yet, and not gone', () => {
    const run = { id: b, boot: 2 }
    const { membership } = bench
    expect(membership.isGone(run)).toBe(false)
    for (const status of ['joining', 'alive', 'suspect', 'leaving'] as const) {
      bench = new Bench()
      bench.membership.merge(row(b, { boot: 2, status }), bench.now)
      expect([status, bench.membership.isGone(run)]).toEqual([status, false])
      expect([status, bench.membership.isPresent(b)]).toEqual([status, status !== 'joining'])
      expect(bench.membership.isGone({ id: b, boot: 1 })).toBe(true)
    }
    for (const status of ['dead', 'left'] as const) {
      bench = new Bench()
      bench.membership.merge(row(b, { boot: 2, status, endedMs: WALL_MS }), bench.now)
      expect([status, bench.membership.isGone(run)]).toEqual([status, true])
      expect(bench.membership.isGone({ id: b, boot: 3 })).toBe(false)
    }
  })

  test('is forgotten after a day, and not taken in again when somebody still tells of it', () => {
    const gone = row(b, { status: 'left', endedMs: WALL_MS })
    bench.membership.merge(gone, bench.now)
    bench.pass(tombstoneMs - 120_000)
    expect(bench.statusOf(b)).toBe('left')
    bench.pass(240_000)
    expect(bench.statusOf(b)).toBeUndefined()
    bench.membership.merge(gone, bench.now)
    expect(bench.statusOf(b)).toBeUndefined()
    bench.membership.merge(row(b, { boot: 2 }), bench.now)
    expect(bench.statusOf(b)).toBe('alive')
  })

  test('is dialled until it is forgotten, if it has died', () => {
    bench.membership.merge(row(b, { status: 'dead', endedMs: WALL_MS }), bench.now)
    bench.nowMs = tombstoneMs - 120_000
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(60_000)
    expect(bench.dialled()).toContain(b)
    bench.pass(120_000)
    bench.effects = []
    bench.membership.onDialFailed(b, REFUSED, bench.now)
    bench.pass(60_000)
    expect(bench.dialled()).toEqual([])
  })

  test('is kept as long as a claim or a phase names it', () => {
    bench = new Bench({ isNamed: () => true })
    bench.membership.merge(row(b, { status: 'dead', endedMs: WALL_MS }), bench.now)
    bench.pass(2 * tombstoneMs)
    expect(bench.statusOf(b)).toBe('dead')
  })

  test('makes void what names it, however late it is heard of; as long as something does, its row is kept', () => {
    let isNamed = false
    bench = new Bench({ isNamed: () => isNamed })
    const ago = { status: 'dead', endedMs: WALL_MS - tombstoneMs } as const
    bench.membership.merge(row(b, ago), bench.now)
    expect(bench.membership.isGone({ id: b, boot: 1 })).toBe(true)
    expect(bench.membership.isGone({ id: b, boot: 2 })).toBe(false)
    // Told to nobody: those who have forgotten it must not hear of it again.
    expect(bench.statusOf(b)).toBeUndefined()
    bench.pass(tombstoneMs)
    expect(bench.statusOf(b)).toBeUndefined()
    isNamed = true
    bench.pass(61_000)
    expect(bench.statusOf(b)).toBe('dead')
    // What names it has come before it.
    bench.membership.merge(row(c, ago), bench.now)
    expect(bench.statusOf(c)).toBe('dead')
    // It is back.
    bench.membership.merge(row(b, { boot: 2 }), bench.now)
    expect(bench.membership.isGone({ id: b, boot: 2 })).toBe(false)
  })

  test('does not change the digests: each node forgets by itself', () => {
    const before = bench.membership.table.root()
    bench.membership.merge(row(b), bench.now)
    expect(bench.membership.table.root()).not.toBe(before)
    bench.membership.merge(row(b, { status: 'dead', endedMs: WALL_MS }), bench.now)
    expect(bench.membership.table.root()).toBe(before)
    bench.pass(tombstoneMs + 120_000)
    expect(bench.statusOf(b)).toBeUndefined()
    expect(bench.membership.table.root()).toBe(before)
  })

  test(`is remembered ${OVER_MAX} times at most`, () => {
    for (let index = 0; index < OVER_MAX + 500; index++) {
      bench.membership.merge(
        row(nodeId(`x${index}`), { status: 'left', endedMs: WALL_MS + index }),
        bench.now,
      )
    }
    bench.pass(61_000)
    expect(bench.membership.table.size).toBe(1 + OVER_MAX)
    expect(bench.statusOf(nodeId('x0'))).toBeUndefined()
    expect(bench.statusOf(nodeId(`x${OVER_MAX + 499}`))).toBe('left')
  })

  test('is not taken in without end, whatever names them and however many are told of before the next look', () => {
    bench = new Bench({ isNamed: () => true })
    tell(OVER_MAX + TOLD_MAX + NAMED_MAX + 500)
    expect(bench.membership.table.size).toBe(OVER_MAX + TOLD_MAX + NAMED_MAX)
    bench.pass(61_000)
    expect(bench.membership.table.size).toBe(1 + OVER_MAX)
  })

  test('has room where something names it, however many others are told of', () => {
    const names = new Set<string>([b])
    bench = new Bench({ isNamed: ({ id }) => names.has(id) })
    // Heard of when nothing named it yet.
    bench.membership.merge(row(c, { status: 'dead', endedMs: WALL_MS - tombstoneMs }), bench.now)
    tell(OVER_MAX + TOLD_MAX)
    bench.membership.merge(row(b, { status: 'dead', endedMs: WALL_MS - 1 }), bench.now)
    names.add(c)
    for (let minute = 0; minute < 3; minute++) {
      for (const id of [b, c]) expect([id, bench.membership.isGone({ id, boot: 1 })]).toEqual([id, true])
      bench.pass(61_000)
    }
    expect([bench.statusOf(b), bench.statusOf(c)]).toEqual(['dead', 'dead'])
  })

  test('is dialled a few at a time, two a second, however many they are', () => {
    for (let index = 0; index < 1_000; index++) {
      bench.membership.merge(
        row(nodeId(`x${index}`), { status: 'dead', endedMs: WALL_MS + index }),
        bench.now,
      )
    }
    const dialled: string[] = []
    const startMs = bench.nowMs
    bench.passUntil(() => {
      const due = bench.dialled().slice(dialled.length)
      expect(due.length).toBeLessThanOrEqual(DIALS_AT_ONCE)
      for (const key of due) bench.membership.onDialFailed(key, REFUSED, bench.now)
      dialled.push(...due)
      return bench.nowMs - startMs > 10_000
    })
    expect(dialled.length).toBeGreaterThanOrEqual(19)
    expect(dialled.length).toBeLessThanOrEqual(21)
  })
})

test(`of those who live, ${TOLD_MAX} are taken in at most by what others say; whoever is met is taken in`, () => {
  for (let index = 0; index < TOLD_MAX + 500; index++)
    bench.membership.merge(row(nodeId(`x${index}`)), bench.now)
  expect(bench.membership.table.size).toBe(TOLD_MAX)
  bench.meet(b)
  bench.membership.merge(row(b), bench.now)
  expect(bench.statusOf(b)).toBe('alive')
  // What becomes of those that it knows, it hears.
  bench.membership.merge(row(nodeId('x0'), { seq: 2, status: 'left', endedMs: WALL_MS }), bench.now)
  expect(bench.statusOf(nodeId('x0'))).toBe('left')
})

test('as many are counted as may answer, whatever becomes of them', () => {
  const roster = new Roster({
    self: row(nodeId('a')),
    timings: LAN_TIMINGS,
    isMet: () => false,
    isNamed: () => false,
  })
  const statuses = ['joining', 'alive', 'suspect', 'leaving', 'dead', 'left'] as const
  for (let n = 0; n < 600; n++) {
    const id = nodeId(`m${(n * 7) % 50}`)
    const status = statuses[(n * 11 + Math.floor(n / 50)) % statuses.length] ?? 'alive'
    roster.merge(row(id, { status, boot: 1 + Math.floor(n / 100), seq: n, endedMs: WALL_MS }), n)
    if (n % 40 === 0) roster.writeSelf(row(nodeId('a'), { seq: n + 2 }))
    if (n % 90 === 0) roster.forget(WALL_MS + 2 * tombstoneMs)
    expect([n, roster.count]).toEqual([n, roster.others().length + 1])
  }
})
