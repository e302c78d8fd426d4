// shell
/** The one timer of a node. It rings when the core wants to be called, and not before: each time would wake up an idle node. */

import type { Cancel, Clock } from '../ports.ts'
import type { Stalls } from './stalls.ts'

export interface AlarmInit {
  readonly clock: Clock
  /** Told when the timer is set, and when it fires. */
  readonly stalls: Stalls | undefined
  readonly onRing: () => void
}

export class Alarm {
  readonly #init: AlarmInit
  #timer: { readonly atMs: number; readonly cancel: Cancel } | undefined

  constructor(init: AlarmInit) {
    this.#init = init
  }

  /** It rings then, and at no other time. In the past: at once; Infinity: not at all. */
  set(atMs: number): void {
    if (this.#timer?.atMs === atMs) return
    this.cancel()
    if (atMs === Infinity) return
    const { clock, stalls, onRing } = this.#init
    const nowMs = clock.nowMs()
    const cancel = clock.after(Math.max(0, atMs - nowMs), () => {
      this.#timer = undefined
      stalls?.onTimer()
      onRing()
    })
    this.#timer = { atMs, cancel }
    stalls?.onTimerSet(Math.max(atMs, nowMs))
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
