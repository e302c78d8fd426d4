// shell
/**
 * Time that passes when it is told to. Due actions run one by one, in the order of their times and then of being
 * asked for; after each one the microtask queue is drained, so that promises of user code have done what they can.
 */

import type { Cancel, Clock } from '../../ports.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
  isCancelled: boolean
}

/** Where the wall clocks of a simulation start: any fixed moment does. */
const WALL_START_MS = Date.UTC(2026, 0, 1)

export class VirtualClock {
  readonly #heap: Timer[] = []
  #nowMs = 0
  #orders = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** How many actions have been asked for: a measure of what a simulation has done. */
  get scheduledCount(): number {
    return this.#orders
  }

  /** A clock for one node, whose wall clock is off by `skewMs`. Its timers stop with `stop`. */
  fork(skewMs = 0): Clock & { stop(): void } {
    let isStopped = false
    return {
      nowMs: () => this.#nowMs,
      wallMs: () => WALL_START_MS + Math.floor(this.#nowMs) + skewMs,
      after: (delayMs, action) =>
        this.after(delayMs, () => {
          if (!isStopped) action()
        }),
      stop: () => {
        isStopped = true
      },
    }
  }

  after(delayMs: number, action: () => void): Cancel {
    const timer: Timer = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#orders++,
      action,
      isCancelled: false,
    }
    this.#push(timer)
    return () => {
      timer.isCancelled = true
    }
  }

  /** Lets `durationMs` pass. */
  async run(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs
    await this.drain()
    while ((this.#heap[0]?.dueMs ?? Infinity) <= untilMs) await this.step()
    this.#nowMs = untilMs
  }

  /** Runs the next action that is due, at its time. @returns false when there is none */
  async step(): Promise<boolean> {
    const timer = this.#pop()
    if (timer === undefined) return false
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    if (timer.isCancelled) return true
    timer.action()
    await this.drain()
    return true
  }

  /** Lets every promise go on that can, without time passing: by the time an immediate runs, they all have. */
  drain(): Promise<void> {
    return new Promise(resolve => {
      setImmediate(resolve)
    })
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(timer)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, timer)) break
      heap[at] = above
      at = parent
    }
    heap[at] = timer
  }

  #pop(): Timer | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const child = isRight ? right : left
      if (isBefore(last, child)) break
      heap[at] = child
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
    return top
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}
