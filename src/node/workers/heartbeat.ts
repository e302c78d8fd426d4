// shell
/**
 * Watches over the event loop of a cell: it must show a sign of life within `limitMs`, and is asked for one in good
 * time. This node may itself be held up; then what the cell has said meanwhile waits unread, and it gets more time.
 */

import type { Cancel, Clock } from '../../ports.ts'

/** Looks so often within the limit. */
const LOOKS = 4

export interface HeartbeatInit {
  readonly ping: () => void
  /** It has been silent for so long. Said once. */
  readonly onMissed: (silentMs: number) => void
}

export class Heartbeat {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #init: HeartbeatInit
  #signMs = 0
  #lookMs = 0
  #cancel: Cancel | undefined

  constructor(clock: Clock, limitMs: number, init: HeartbeatInit) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#init = init
  }

  start(): void {
    this.onSign()
    this.#wait()
  }

  stop(): void {
    this.#cancel?.()
  }

  /** The cell has said something. */
  onSign(): void {
    this.#signMs = this.#clock.nowMs()
  }

  #wait(): void {
    this.#init.ping()
    this.#lookMs = this.#clock.nowMs()
    this.#cancel = this.#clock.after(this.#limitMs / LOOKS, () => this.#look())
  }

  #look(): void {
    const nowMs = this.#clock.nowMs()
    // A look that comes late says more about this node than about the cell.
    if (nowMs - this.#lookMs > (2 * this.#limitMs) / LOOKS) this.#signMs = nowMs
    if (nowMs - this.#signMs <= this.#limitMs) return this.#wait()
    // What it has said may be waiting to be read.
    this.#cancel = this.#clock.after(0, () => {
      const silentMs = this.#clock.nowMs() - this.#signMs
      if (silentMs > this.#limitMs) this.#init.onMissed(silentMs)
      else this.#wait()
    })
  }
}
