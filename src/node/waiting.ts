// shell
/** Waiting for something to become true of a node: looked at now, and whenever something has happened on it. */

import type { SpecId } from '../ids.ts'
import type { Clock } from '../ports.ts'
import type { EventBus } from './event-bus.ts'

/** How long, and until when, to wait. */
export interface WaitOptions {
  /** In milliseconds. @default what the method says */
  readonly timeoutMs?: number | undefined
  /** Gives up waiting when it aborts: the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** How long the methods of a node wait where the caller does not say. */
const WAIT_MS = 30_000

export class Waiting {
  readonly #clock: Clock
  readonly #bus: EventBus

  constructor(clock: Clock, bus: EventBus) {
    this.#clock = clock
    this.#bus = bus
  }

  /**
   * Waits until `probe` gives something. With `about`, it is looked at only when something happens to that spec.
   * @throws what `probe` throws, what `late` makes when time is up, the reason of the signal
   */
  until<T>(
    probe: () => T | undefined,
    options: WaitOptions & { readonly about?: SpecId },
    late: (timeoutMs: number) => Error,
  ): Promise<T> {
    const { timeoutMs = WAIT_MS, signal, about } = options
    return new Promise<T>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        cancel()
        stopListening()
        signal?.removeEventListener('abort', abort)
        settle()
      }
      const look = (): void => {
        try {
          const found = probe()
          if (found !== undefined) finish(() => resolve(found))
        } catch (error) {
          finish(() => reject(error))
        }
      }
      const abort = (): void => finish(() => reject(signal?.reason))
      const cancel = this.#clock.after(timeoutMs, () => finish(() => reject(late(timeoutMs))))
      const stopListening = about === undefined ? this.#bus.onAny(look) : this.#bus.onSpec(about, look)
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted === true) abort()
      else look()
    })
  }
}
