/** What a node makes of its own stalls, where messages of others come before its timer, or after it. */

import { expect, test } from 'vitest'

import { Prng } from '../../src/prng.ts'
import { Bench, b, c, d, row } from './bench.ts'

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
