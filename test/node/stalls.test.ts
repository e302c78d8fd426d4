/** What is said when the event loop was held up. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { LOGGED_STALLS, type Stall, StallLog, Stalls } from '../../src/node/stalls.ts'
import { type CodeOwner, Scope, runInScope } from '../../src/node/workers/scope.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { LogBook } from '../log-book.ts'

const spec = specId('busy')
const worker = slotId(spec)

/** Stalls on a clock that is moved by hand. */
class Bench {
  readonly reports: Stall[] = []
  nowMs = 0
  usedMs = 0
  readonly stalls = new Stalls(
    { nowMs: () => this.nowMs, wallMs: () => 0, after: () => () => {} },
    stall => this.reports.push(stall),
    { usedMs: () => this.usedMs },
  )

  /** The timer was set for 100 ms from now, and comes late. */
  hold(lateMs: number, usedMs: number): void {
    this.stalls.onTimerSet(this.nowMs + 100)
    this.nowMs += 100 + lateMs
    this.usedMs += usedMs
    this.stalls.onTimer()
  }
}

test('code of no worker is held up by nobody, and nobody is named', () => {
  const bench = new Bench()
  bench.hold(300, 300)
  bench.hold(400, 0)
  expect(bench.reports).toEqual([{ durationMs: 300 }, { durationMs: 400 }])
})

const identity: CodeOwner = {
  worker,
  spec,
  node: nodeId('n1'),
  generation: 1,
  incarnation: 1,
  findFence: () => undefined,
}

test('a timer that is a little late is nothing to tell of, and what was told of is not told again', () => {
  const bench = new Bench()
  bench.hold(150, 150)
  expect(bench.reports).toEqual([])
  bench.stalls.onMessageTook(300)
  bench.hold(250, 250)
  expect(bench.reports).toEqual([{ durationMs: 300 }])
})

test('a worker is named whose code goes on after it has waited, but not where the machine was busy', () => {
  const bench = new Bench()
  runInScope(new Scope(identity, 1, NO_ORIGIN), () => {})
  bench.hold(300, 300)
  bench.hold(300, 10)
  expect(bench.reports).toEqual([{ durationMs: 300, worker }, { durationMs: 300 }])
})

test('code of a worker is named', () => {
  const { stalls, reports } = new Bench()
  runInScope(new Scope(identity, 1, NO_ORIGIN), () => stalls.onMessageTook(300))
  expect(reports).toEqual([{ durationMs: 300, worker }])
})

test('the log has the first of them, and then one a minute, with how many there were and the longest: it names the worker', () => {
  const book = new LogBook()
  let nowMs = 0
  const log = new StallLog({ nowMs: () => nowMs, wallMs: () => 0, after: () => () => {} }, book)
  for (let n = 1; n <= 45; n++) {
    nowMs += 1_000
    log.note({ durationMs: 200.4 + n, worker })
  }
  expect(book.lines).toHaveLength(LOGGED_STALLS.burst)
  expect(book.lines[0]).toEqual({ facts: { durationMs: 201, worker }, message: 'the event loop was held up' })
  nowMs += 60_000
  log.note({ durationMs: 300 })
  expect(book.lines.slice(LOGGED_STALLS.burst).map(({ facts }) => facts)).toEqual([
    { durationMs: 300, timesSince: 45 - LOGGED_STALLS.burst, longestMs: 245 },
  ])
  nowMs += 120_000
  log.note({ durationMs: 400 })
  expect(book.lines.at(-1)?.facts).toEqual({ durationMs: 400 })
})
