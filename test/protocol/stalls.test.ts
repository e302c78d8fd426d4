/** What a node makes of its own stalls, where messages of others come before its timer, or after it. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { HEALTH_SCORE_MAX } from '../../src/protocol/local-health.ts'
import { LAN_TIMINGS, suspicionRangeMs } from '../../src/protocol/timings.ts'
import { Bench, REFUSED, b, c, d, e, row } from './bench.ts'

const OTHERS = [b, c, d]
/** Of the first two thousand, those with which a session was ended. */
const SEEDS = [617, 803, 1089, 1105]

test('a stall counts once, however many messages come before the timer', () => {
  const bench = new Bench()
  bench.meet(...OTHERS)
  bench.pass(5_000, OTHERS)
  for (let stall = 0; stall < 6; stall++) {
    bench.nowMs += 600
    for (let each = 0; each < 8; each++) bench.membership.merge(row(b), bench.now)
    bench.pass(600, OTHERS)
  }
  expect(bench.effects.filter(({ kind }) => kind === 'degraded')).toEqual([])
  expect(bench.membership.health.score).toBeLessThanOrEqual(2)
})

test.each([0.5, 1.5, 2.5])(
  'a suspicion that others make shorter, so that it was over %d periods ago, is no stall of a busy node',
  periods => {
    const bench = new Bench()
    const others = [c, d, e]
    /** Something of others comes all the time. */
    const pass = (durationMs: number): void => {
      const untilMs = bench.nowMs + durationMs
      for (; bench.nowMs < untilMs; bench.pass(10, others)) bench.membership.merge(row(c), bench.now)
    }
    bench.meet(b, ...others)
    bench.pass(5_000, [b, ...others])
    while (bench.statusOf(b) !== 'suspect') pass(10)
    const [shortestMs] = suspicionRangeMs(LAN_TIMINGS, 4)
    pass(shortestMs + periods * LAN_TIMINGS.probePeriodMs)
    expect(bench.statusOf(b)).toBe('suspect')
    for (const by of others) bench.accuse(b, by)
    pass(20)
    expect(bench.statusOf(b)).toBe('dead')
    expect(bench.membership.health.score).toBe(0)
  },
)

/** The two nodes of a mesh: this one is held up again and again, the other one stands still once. */
class Pair {
  readonly bench = new Bench()
  readonly #prng: Prng
  /** Until then, the other one does not answer. */
  #thawMs = -Infinity

  constructor(seed: number) {
    this.#prng = new Prng(seed)
    this.bench.meet(b)
    this.bench.pass(5_000, [b])
  }

  freezeOther(): void {
    this.#thawMs = this.bench.nowMs + this.#prng.between(1_000, 1_900)
  }

  /** For so long; after a stall, timers come before what waits to be read. */
  run(durationMs: number): void {
    const { bench } = this
    const untilMs = bench.nowMs + durationMs
    while (bench.nowMs < untilMs) {
      const stallAtMs = bench.nowMs + this.#prng.between(30, 800)
      while (bench.nowMs < stallAtMs) {
        bench.pass(5, bench.nowMs < this.#thawMs ? [] : [b])
        this.#read()
      }
      bench.nowMs += this.#prng.between(150, 900)
      bench.membership.tick(bench.now)
      bench.nowMs += 1
      this.#read()
    }
  }

  /** What the other one was asked, it answers when it goes on. */
  #read(): void {
    const probe = this.bench.sent('probe').at(-1)
    if (probe !== undefined && this.bench.nowMs >= this.#thawMs) this.bench.answer(b, probe.message.n)
  }
}

test.each(SEEDS)(
  'a node that is slow does not end a session whose answer it has yet to read (seed %i)',
  seed => {
    const pair = new Pair(seed)
    pair.run(4_000)
    pair.bench.effects = []
    pair.freezeOther()
    pair.run(3_500)
    expect(pair.bench.effects.filter(({ kind }) => kind === 'renew')).toEqual([])
  },
)

/** A node as unwell as can be, held up for so long again and again since it and another one were refused by `b`. */
function refused(stallMs: number, forMs: number): Bench {
  const bench = new Bench()
  bench.meet(b, c, d, e)
  bench.pass(1_000, [b, c, d, e])
  bench.membership.onPeerDown(b, bench.now)
  bench.membership.onDialFailed(b, REFUSED, bench.now)
  bench.accuse(b, c, 'refused')
  const untilMs = bench.nowMs + forMs
  while (bench.nowMs < untilMs - stallMs - 150) {
    while (bench.membership.health.score < HEALTH_SCORE_MAX) bench.membership.health.raise()
    bench.pass(5, [c, d, e])
    bench.nowMs += stallMs
    bench.membership.tick(bench.now)
    bench.nowMs += 1
  }
  // What has come in all of these stalls is read.
  while (bench.nowMs < untilMs) {
    while (bench.membership.health.score < HEALTH_SCORE_MAX) bench.membership.health.raise()
    bench.pass(Math.min(10, untilMs - bench.nowMs), [c, d, e])
    bench.membership.tick(bench.now)
  }
  return bench
}

// A refused dial came first after a stall, and was a verdict before what had waited to be read.
test.each([110, 200, 300, 400])(
  'a node that is slow reads a refutation that came in a stall of %i ms before its port refuses once more',
  stallMs => {
    // Each answer of another one makes it a little better, for a moment.
    const patientMs = LAN_TIMINGS.suspicionFastMs * HEALTH_SCORE_MAX
    for (let forMs = 200; forMs < patientMs; forMs += 10) {
      const bench = refused(stallMs, forMs)
      bench.nowMs += stallMs
      bench.membership.onDialFailed(b, REFUSED, bench.now)
      expect(bench.statusOf(b)).toBe('suspect')
      bench.membership.merge(row(b, { seq: 2 }), bench.now)
      expect(bench.statusOf(b)).toBe('alive')
    }
  },
)

/**
 * How long it takes until `d` is dead of which all find that it is silent, for a node that has stood still. `afterMs`
 * later, the others have begun to suspect `b`, of which it has heard nothing since.
 */
function findingMs(afterMs: number): number {
  const bench = new Bench()
  bench.meet(b, c, d, e)
  bench.pass(3_000, [b, c, d, e])
  bench.nowMs += 3_000
  bench.pass(afterMs, [c, d, e])
  for (const by of [c, d, e]) bench.accuse(b, by)
  bench.pass(8_000 - afterMs, [c, d, e])
  bench.passUntil(() => bench.statusOf(d) === 'suspect', [c, e])
  for (const by of [c, e]) bench.accuse(d, by)
  const deadMs = bench.passUntil(() => bench.statusOf(d) === 'dead', [c, e])
  expect(bench.statusOf(b)).toBe('suspect')
  return deadMs
}

// It took up to half a second more, as all suspicions were put off each time.
test('a suspect that a node has not heard since its stall puts off what it finds of no other one', () => {
  const [minMs] = suspicionRangeMs(LAN_TIMINGS, 5)
  for (let afterMs = 2_000; afterMs < 2_500; afterMs += 50) expect(findingMs(afterMs)).toBeCloseTo(minMs, -2)
})

/** A node of so many, all but one of which answer, stands still for 3 s each 18 s. How long until it accuses that one. */
function accusingMs(others: number): number {
  const bench = new Bench()
  const answering = Array.from({ length: others - 1 }, (_, index) => nodeId(`n${index}`))
  bench.meet(d, ...answering)
  bench.pass(30_000, [d, ...answering])
  const startMs = bench.nowMs
  while (bench.statusOf(d) === 'alive') {
    expect(bench.nowMs - startMs).toBeLessThan(300_000)
    bench.nowMs += 3_000
    bench.pass(15_000, answering)
  }
  return bench.nowMs - startMs
}

// From 31 on it never did: a round of probes, for which it accused nobody, began anew with each of its stalls.
test.each([4, 30, 31, 60, 120])(
  'a node of %i others that stands still again and again accuses a silent one all the same',
  others => {
    const rounds = Math.ceil((others * LAN_TIMINGS.probePeriodMs) / 2 / 15_000)
    expect(accusingMs(others)).toBeLessThanOrEqual((rounds + 3) * 18_000)
  },
)
