// shell
/**
 * The clock of one node on virtual time: it stops with its process, stands still while the process or the machine is
 * frozen, and its wall clock may be wrong. Its oscillator may be, too.
 */

import type { Cancel, Clock } from '../../ports.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Where the wall clocks of a simulation start: any fixed moment does. */
const WALL_START_MS = Date.UTC(2026, 0, 1)

/**
 * How a process comes back. `stopped`, as by SIGSTOP: time has gone on, and all of its timers are late. `asleep`, with
 * its machine: its timers go on where they were, and only its wall clock tells.
 */
export type Pause = 'stopped' | 'asleep'

/** No wait is shorter, but none at all: sums of fractions may be short of a moment by less than can be added to it. */
const TICK_MS = 1e-6

export class NodeClock implements Clock {
  readonly #world: VirtualClock
  /**
   * Actions that came due while the process was frozen, or were asked for then, from outside: in this order, with when
   * they are due, and how much of their time is left if it is the machine that sleeps.
   */
  readonly #parked: { readonly run: () => void; readonly dueMs: number; readonly leftMs: number }[] = []
  /** How long the machine has slept so far, by its own measure and by that of the world: its rate may change as it sleeps. */
  #slept = { shownMs: 0, worldMs: 0 }
  /** So fast its oscillator goes, since the moment in which it showed so much. */
  #pace = { rate: 1, sinceMs: 0, shownMs: 0 }
  /** Since when the process stands still, by both measures. */
  #frozenAt: { readonly shownMs: number; readonly worldMs: number } | undefined
  #isStopped = false
  /** By how much the wall clock is ahead. */
  skewMs: number

  constructor(world: VirtualClock, skewMs = 0) {
    this.#world = world
    this.skewMs = skewMs
  }

  get isFrozen(): boolean {
    return this.#frozenAt !== undefined
  }

  nowMs(): number {
    return this.#shownMs() - this.#slept.shownMs
  }

  wallMs(): number {
    return WALL_START_MS + Math.floor(this.#shownMs() + this.skewMs)
  }

  after(delayMs: number, action: () => void): Cancel {
    const leftMs = delayMs > 0 ? Math.max(delayMs / this.#pace.rate, TICK_MS) : 0
    let isCancelled = false
    const run = (): void => {
      if (!this.#isStopped && !isCancelled) action()
    }
    const cancel = this.#wait(run, leftMs)
    return () => {
      isCancelled = true
      cancel()
    }
  }

  /** From now on it goes so fast: 1.01 is a hundredth too fast. */
  setRate(rate: number): void {
    this.#pace = { rate, sinceMs: this.#world.nowMs, shownMs: this.#shownMs() }
  }

  /** The process is gone: nothing that it has asked for happens any more. */
  stop(): void {
    this.#isStopped = true
  }

  /** The process stands still, from now on. */
  freeze(): void {
    this.#frozenAt ??= { shownMs: this.#shownMs(), worldMs: this.#world.nowMs }
  }

  /** It goes on: what came due meanwhile is done now, one after the other. */
  thaw(pause: Pause): void {
    const frozenAt = this.#frozenAt
    this.#frozenAt = undefined
    if (pause === 'asleep' && frozenAt !== undefined) {
      const shownMs = this.#slept.shownMs + (this.#shownMs() - frozenAt.shownMs)
      const worldMs = this.#slept.worldMs + (this.#world.nowMs - frozenAt.worldMs)
      this.#slept = { shownMs, worldMs }
    }
    // What was left of a timer when the machine fell asleep is left of it now.
    for (const { run, dueMs, leftMs } of this.#parked.splice(0))
      this.#wait(run, pause === 'asleep' ? leftMs : Math.max(0, dueMs - this.#world.nowMs))
  }

  /** `leftMs`: so much of the time of the world. */
  #wait(run: () => void, leftMs: number): Cancel {
    const askedSleptMs = this.#slept.worldMs
    if (!this.isFrozen) return this.#world.after(leftMs, () => this.#due(run, askedSleptMs))
    this.#parked.push({ run, dueMs: this.#world.nowMs + leftMs, leftMs })
    return () => {}
  }

  /** A timer that was set before the machine slept has as much of its time left as it had then. */
  #due(run: () => void, askedSleptMs: number): void {
    const missingMs = this.#slept.worldMs - askedSleptMs
    const dueMs = this.#world.nowMs + missingMs
    if (this.#frozenAt !== undefined)
      this.#parked.push({ run, dueMs, leftMs: dueMs - this.#frozenAt.worldMs })
    else if (missingMs > 0) this.#wait(run, missingMs)
    else run()
  }

  /** What it would show if it had never slept. */
  #shownMs(): number {
    const { rate, sinceMs, shownMs } = this.#pace
    // Not worked out where it need not be: fractions add up.
    return rate === 1 && sinceMs === shownMs
      ? this.#world.nowMs
      : shownMs + (this.#world.nowMs - sinceMs) * rate
  }
}
