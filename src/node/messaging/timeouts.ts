// shell
/**
 * Time-outs of very many short waits: buckets of 16 ms instead of a timer for each, so that a wait costs two
 * operations on a set. A time-out comes up to one bucket late, never early. Of long waits, which may be over soon all the
 * same, no bucket stays when it is empty: there would be one, and a timer, for each 16 ms of them.
 */

import type { Clock } from '../../ports.ts'

const BUCKET_MS = 16
/** More than a call takes by default: for those, a bucket that is empty costs less than to take it back. */
const SHORT_MS = 10_000

export interface Expiring {
  readonly deadlineMs: number
  onExpired(): void
}

interface Bucket {
  readonly waits: Set<Expiring>
  /** Takes back its timer; undefined: it stays until its time has come. */
  readonly cancel: (() => void) | undefined
}

export class Timeouts {
  readonly #clock: Pick<Clock, 'nowMs' | 'after'>
  readonly #buckets = new Map<number, Bucket>()

  constructor(clock: Pick<Clock, 'nowMs' | 'after'>) {
    this.#clock = clock
  }

  add(wait: Expiring): void {
    const index = bucketOf(wait)
    const bucket = this.#buckets.get(index)
    if (bucket !== undefined) {
      bucket.waits.add(wait)
      return
    }
    const delayMs = Math.max(0, index * BUCKET_MS - this.#clock.nowMs())
    const cancel = this.#clock.after(delayMs, () => this.#expire(index))
    this.#buckets.set(index, { waits: new Set([wait]), cancel: delayMs > SHORT_MS ? cancel : undefined })
  }

  delete(wait: Expiring): void {
    const index = bucketOf(wait)
    const bucket = this.#buckets.get(index)
    if (bucket === undefined) return
    bucket.waits.delete(wait)
    if (bucket.cancel === undefined || bucket.waits.size > 0) return
    bucket.cancel()
    this.#buckets.delete(index)
  }

  #expire(index: number): void {
    const bucket = this.#buckets.get(index)
    this.#buckets.delete(index)
    for (const wait of bucket?.waits ?? []) wait.onExpired()
  }
}

/** The first bucket that ends after the deadline. */
function bucketOf(wait: Expiring): number {
  return Math.floor(wait.deadlineMs / BUCKET_MS) + 1
}
