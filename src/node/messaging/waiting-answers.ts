// pure
/**
 * The answers that wait for a peer, as it takes in less than it asks for. A caller that has given up is gone, and its
 * answer is still there: where calls were never refused, answers would come later and later, until none is in time.
 */

/**
 * So long, what was asked for at once may be more than the connection carries, and how much that is shows only then. Or
 * the peer stands still for a moment: whoever may wait for long is not refused for that.
 */
const LOOK_MS = 250
const LOOK_SHARE_OF_TIMEOUT = 1 / 8

/** While some wait, the session is to look so often. By as much as it comes late, the node was held up. */
export const LOOK_EVERY_MS = 100

/** How much the connection carries is seen from what has left in the last so many milliseconds, or half of that. */
const SPAN_MS = 4_000

/** By then, an answer should be on its way: the rest is for the worker, and for the way. */
const SHARE_OF_TIMEOUT = 1 / 2

/** Beyond this, all are refused, those in a mailbox when their worker comes to them. */
const BYTES_MAX = 128 * 1024 * 1024

export class WaitingAnswers {
  #bytes = 0
  /** Since then, some have waited all the time, and what has left is counted. */
  #sinceMs = 0
  #leftBytes = 0
  /** When some has left last. */
  #leftMs = 0
  /** Of the buffer, whatever is in it, that the connection was given last: some of it may have left. */
  #lastBytes = 0
  /** When the session is to look. Time beyond that does not count: the connection was not given anything to carry. */
  #lookMs = 0

  get bytes(): number {
    return this.#bytes
  }

  add(bytes: number, nowMs: number): void {
    if (this.#bytes === 0) {
      this.#sinceMs = nowMs
      this.#leftBytes = 0
      this.#lookMs = nowMs + LOOK_EVERY_MS
    }
    this.#bytes += bytes
  }

  /** The connection is given a buffer of so many bytes, whatever is in it. */
  onGiven(bytes: number): void {
    this.#lastBytes = bytes
  }

  /** So much of it was answers that had waited. */
  onLeft(bytes: number, nowMs: number): void {
    this.#bytes -= bytes
    this.#leftBytes += bytes
    this.#leftMs = Math.min(nowMs, this.#lookMs)
    const elapsedMs = this.#leftMs - this.#sinceMs
    if (elapsedMs < SPAN_MS) return
    this.#sinceMs += elapsedMs / 2
    this.#leftBytes /= 2
  }

  /** Nobody waits for so much of it any more. */
  onDropped(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Called every `LOOK_EVERY_MS` while some wait. */
  look(nowMs: number): void {
    const lateMs = Math.max(0, nowMs - this.#lookMs)
    this.#sinceMs += lateMs
    this.#leftMs += lateMs
    this.#lookMs = nowMs + LOOK_EVERY_MS
  }

  /** Whether the answer to a call that comes now, and may take `timeoutMs`, would come too late, or too much waits already. */
  isBehind(timeoutMs: number, nowMs: number): boolean {
    const elapsedMs = Math.min(nowMs, this.#lookMs) - this.#sinceMs
    const isSoon = elapsedMs < Math.max(LOOK_MS, timeoutMs * LOOK_SHARE_OF_TIMEOUT)
    if (this.#bytes === 0 || isSoon || this.isFull) return this.isFull
    const mayMs = timeoutMs * SHARE_OF_TIMEOUT
    if (this.#leftBytes === 0) return this.#bytes * elapsedMs > this.#lastBytes * mayMs
    // A connection that stands still may be as fast as before when it goes on, unless that takes too long by itself.
    const movingMs = this.#leftMs - this.#sinceMs
    return elapsedMs - movingMs > mayMs || this.#bytes * movingMs > this.#leftBytes * mayMs
  }

  /** Whether no call of the peer is begun. */
  get isFull(): boolean {
    return this.#bytes > BYTES_MAX
  }
}
