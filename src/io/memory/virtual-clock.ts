// shell
/**
 * Time that passes when it is told to. Due actions run one by one, in the order of their times and then of being
 * asked for; after each one the microtask queue is drained, so that promises of user code have done what they can.
 */

import type { Cancel } from '../../ports.ts'
import { NodeClock } from './node-clock.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
  isCancelled: boolean
}

/** The event loop has a turn after so many steps: user code may wait for what is not simulated. */
const STEPS_A_TURN = 64

/** So many actions at one moment are no work any more: something asks to go on at once, whenever it has gone on. */
const STEPS_AT_ONCE_MAX = 1_000_000

/** Virtual time does not get any further: what is due goes on being due, without end. */
export class StandstillError extends Error {
  override readonly name = 'StandstillError'
}

export class VirtualClock {
  readonly #heap: Timer[] = []
  #nowMs = 0
  #orders = 0
  #steps = 0
  /** How many since time has last gone on. */
  #stepsNow = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** A clock for one node, whose wall clock is ahead by `skewMs`. */
  fork(skewMs = 0): NodeClock {
    return new NodeClock(this, skewMs)
  }

  after(delayMs: number, action: () => void): Cancel {
    return this.at(this.#nowMs + Math.max(0, delayMs), action)
  }

  /**
   * At that very moment, or now where it is over: of two actions for one moment, the one asked for first is first. A
   * delay that was worked out from the moment would be rounded, and could lead to another one.
   */
  at(dueMs: number, action: () => void): Cancel {
    const timer: Timer = {
      dueMs: Math.max(this.#nowMs, dueMs),
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

  /** Runs the next action that is due, at its time. @returns false when there is none @throws {StandstillError} */
  async step(): Promise<boolean> {
    const timer = this.#pop()
    if (timer === undefined) return false
    this.#stepsNow = timer.dueMs > this.#nowMs ? 0 : this.#stepsNow + 1
    if (this.#stepsNow > STEPS_AT_ONCE_MAX)
      throw new StandstillError(
        `virtual time stands still at ${this.#nowMs} ms: after ${STEPS_AT_ONCE_MAX} actions, another one is due at once`,
      )
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    if (timer.isCancelled) return true
    timer.action()
    this.#steps += 1
    if (this.#steps % STEPS_A_TURN === 0) await this.drain()
    else await settled()
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

/**
 * Lets every promise go on that can, as `drain` does, without a turn of the event loop, which takes ten times as long:
 * what waits for the next tick comes after all microtasks.
 */
function settled(): Promise<void> {
  return new Promise(resolve => {
    process.nextTick(resolve)
  })
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order)
}
