// shell
/** Waiting for something to become true of a node: looked at now, and whenever something has happened on it. */

import type { SpecId } from '../ids.ts'
import type { Clock } from '../ports.ts'
import type { EventBus } from './event-bus.ts'

/** How long, and until when, to wait. */
export interface WaitOptions {
  /** In milliseconds. @default what the method says */
  readonly timeoutMs?: number | undefined
  /**
   * Gives up waiting when it aborts: calls, and what goes through a chain, reject with an `AbortError` that says whether
   * the work may have been done; everything else rejects with the reason of the signal.
   */
  readonly signal?: AbortSignal | undefined
}

/** The same, of several waits in a row that take no longer together than one may. */
export interface SharedWait extends WaitOptions {
  /** By the clock of the node; `timeoutMs` is what the errors say. */
  readonly untilMs: number
}

/** How long the methods of a node wait where the caller does not say. */
const WAIT_MS = 30_000

export class Waiting {
  readonly #clock: Clock
  readonly #bus: EventBus
  /** How to end each wait that goes on. */
  readonly #ends = new Set<(error: Error) => void>()
  /** Why nothing is waited for any more. */
  #over: Error | undefined

  constructor(clock: Clock, bus: EventBus) {
    this.#clock = clock
    this.#bus = bus
  }

  /** What several waits in a row may take together, from now on; `beforeMs`: and no longer than until then. */
  share<T extends WaitOptions>(options: T, beforeMs = Infinity): T & SharedWait {
    const { timeoutMs = WAIT_MS } = options
    return { ...options, untilMs: Math.min(beforeMs, this.#clock.nowMs() + timeoutMs) }
  }

  /**
   * Waits until `probe` gives something. With `about`, it is looked at only when something happens to that spec, or a
   * node has ended.
   * @throws what `probe` throws, what `late` makes when time is up, the reason of the signal, what `end` was given
   */
  until<T>(
    probe: () => T | undefined,
    options: WaitOptions & { readonly about?: SpecId; readonly untilMs?: number },
    late: (timeoutMs: number) => Error,
  ): Promise<T> {
    const { timeoutMs = WAIT_MS, signal, about, untilMs } = options
    return new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        cancel()
        stopListening()
        this.#ends.delete(fail)
        signal?.removeEventListener('abort', abort)
        settle()
      }
      const look = (): void => {
        try {
          const found = probe()
          if (found !== undefined) finish(() => resolve(found))
        } catch (error) {
          fail(error)
        }
      }
      const fail = (error: unknown): void => finish(() => reject(error))
      const abort = (): void => fail(signal?.reason)
      const leftMs = untilMs === undefined ? timeoutMs : Math.max(0, untilMs - this.#clock.nowMs())
      const cancel = this.#clock.after(leftMs, () => fail(late(timeoutMs)))
      const stopListening = about === undefined ? this.#bus.onAny(look) : this.#bus.onSpec(about, look)
      signal?.addEventListener('abort', abort, { once: true })
      this.#ends.add(fail)
      if (signal?.aborted === true) abort()
      else look()
      if (this.#over !== undefined) fail(this.#over)
    })
  }

  /** The node has stopped: nothing will become true of it any more, and whoever waits is told why. */
  end(why: Error): void {
    this.#over ??= why
    for (const fail of this.#ends) fail(why)
  }
}
