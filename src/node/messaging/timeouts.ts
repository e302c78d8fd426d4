// shell
/**
 * Time-outs of very many short waits: buckets of 16 ms instead of a timer for each, so that a wait costs two
 * operations on a set. A time-out comes up to one bucket late, never early.
 */

import type { Clock } from '../../ports.ts'

const BUCKET_MS = 16

export interface Expiring {
  readonly deadlineMs: number
  onExpired(): void
}

export class Timeouts {
  readonly #clock: Clock
  readonly #buckets = new Map<number, Set<Expiring>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(wait: Expiring): void {
    const index = bucketOf(wait)
    const bucket = this.#buckets.get(index)
    if (bucket === undefined) {
      this.#buckets.set(index, new Set([wait]))
      this.#clock.after(Math.max(0, index * BUCKET_MS - this.#clock.nowMs()), () => this.#expire(index))
    } else {
      bucket.add(wait)
    }
  }

  delete(wait: Expiring): void {
    this.#buckets.get(bucketOf(wait))?.delete(wait)
  }

  #expire(index: number): void {
    const bucket = this.#buckets.get(index)
    this.#buckets.delete(index)
    for (const wait of bucket ?? []) wait.onExpired()
  }
}

/** The first bucket that ends after the deadline. */
function bucketOf(wait: Expiring): number {
  return Math.floor(wait.deadlineMs / BUCKET_MS) + 1
}
