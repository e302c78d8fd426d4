/** What came of many schedules: which failed, and how often each kind of trouble was in them. */

import type { FuzzResult } from './fuzz.ts'
import { missingOf } from './troubles.ts'

interface Kind {
  /** How many schedules had it. */
  seeds: number
  times: number
}

/** A line of progress after so many. */
const PROGRESS_SEEDS = 5_000

/** In so many schedules there is something of everything. */
const ALL_SEEDS = 1_000

export class Tally {
  readonly failed: string[] = []
  readonly #kinds = new Map<string, Kind>()
  readonly #startedMs = performance.now()
  #seeds = 0
  #virtualMs = 0

  /** A failure is printed at once, with what replays it. */
  add({ seed, failure, virtualMs, counts }: FuzzResult): void {
    this.#seeds += 1
    this.#virtualMs += virtualMs
    for (const [name, times] of Object.entries(counts)) {
      const kind = this.#kinds.get(name) ?? { seeds: 0, times: 0 }
      this.#kinds.set(name, kind)
      kind.seeds += 1
      kind.times += times
    }
    if (failure !== undefined) {
      this.failed.push(seed)
      console.error(`seed ${seed}: ${failure}\n  replay: npm run sim -- --seed ${seed}`)
    }
    if (this.#seeds % PROGRESS_SEEDS === 0) console.log(this.#summary())
  }

  /** What ought to have occurred in as many schedules, and has not. */
  get missing(): readonly string[] {
    if (this.#seeds < ALL_SEEDS) return []
    return missingOf([...this.#kinds].map(([name, { times }]) => ({ [name]: times })))
  }

  report(): string {
    const lines = [...this.#kinds]
      .toSorted(([, a], [, b]) => b.seeds - a.seeds)
      .map(([name, { seeds, times }]) => {
        const share = ((100 * seeds) / this.#seeds).toFixed(1)
        return `  ${name.padEnd(16)} ${share.padStart(5)} % of seeds ${String(times).padStart(8)} times`
      })
    const missing = this.missing.map(name => `  ${name} has not occurred, and nothing was checked of it`)
    return [...lines, ...missing, this.#summary()].join('\n')
  }

  #summary(): string {
    const realMs = performance.now() - this.#startedMs
    return (
      `${this.#seeds} seeds, ${this.failed.length} failed; ${Math.round(this.#virtualMs / 1000)} virtual s in ` +
      `${(realMs / 1000).toFixed(1)} s (${Math.round(this.#virtualMs / realMs)} : 1, ${(realMs / this.#seeds).toFixed(1)} ms a seed)`
    )
  }
}
