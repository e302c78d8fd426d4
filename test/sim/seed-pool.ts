/** Random schedules on all cores: processes that ask for the next few seeds when they are done with theirs. */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import type { FuzzResult } from './fuzz.ts'

const CHILD = fileURLToPath(new URL('seed-child.ts', import.meta.url))

/** So many at a time: few enough that all cores are done at about the same moment. */
const PORTION = 10

/** What a schedule leaves behind is garbage when it is over: with room for some of them, most of it is never copied. */
const NEW_SPACE_MB = 64

export interface SeedPoolInit {
  readonly first: number
  readonly count: number
  /** How many processes. */
  readonly jobs: number
  /** Told as they come, in no order. */
  readonly onResult: (result: FuzzResult) => void
}

/** What a child asks for, and is given: seeds, or the end. */
export type Portion = readonly string[]

export class SeedPool {
  readonly #init: SeedPoolInit
  #next: number

  constructor(init: SeedPoolInit) {
    this.#init = init
    this.#next = init.first
  }

  /** @throws {Error} when a process ends before it is told to */
  async run(): Promise<void> {
    const { jobs, count } = this.#init
    const needed = Math.min(jobs, Math.ceil(count / PORTION))
    await Promise.all(Array.from({ length: needed }, () => this.#employ()))
  }

  #employ(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const child = fork(CHILD, { execArgv: [`--max-semi-space-size=${NEW_SPACE_MB}`] })
    const portion = { seeds: this.#take(), left: 0 }
    const give = (): void => {
      portion.left = portion.seeds.length
      if (portion.left === 0) child.disconnect()
      else child.send(portion.seeds)
    }
    child.on('message', (result: FuzzResult) => {
      this.#init.onResult(result)
      portion.left -= 1
      if (portion.left > 0) return
      portion.seeds = this.#take()
      give()
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      if (code === 0 && portion.left === 0) resolve()
      else
        reject(
          new Error(
            `a process ended with ${code ?? signal}, at one of the seeds ${portion.seeds.join(', ')}`,
          ),
        )
    })
    give()
    return promise
  }

  #take(): Portion {
    const end = Math.min(this.#init.first + this.#init.count, this.#next + PORTION)
    const seeds = Array.from({ length: end - this.#next }, (_, index) => String(this.#next + index))
    this.#next = end
    return seeds
  }
}
