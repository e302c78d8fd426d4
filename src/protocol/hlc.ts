// pure
/**
 * Hybrid logical clocks (Kulkarni et al., 2014): time stamps that follow the wall clock, never run backwards,
 * and put whatever a node has seen before what it writes next.
 */

import type { NodeId } from '../ids.ts'

/** A moment, totally ordered by (ms, count, node). */
export interface Hlc {
  /** Milliseconds since 1970. */
  readonly ms: number
  /** Tells apart what happens within one millisecond. */
  readonly count: number
  readonly node: NodeId
}

/** A clock further ahead than this is taken as wrong, so that it cannot win every conflict for ever. */
export const CLOCK_SKEW_MAX_MS = 60_000

/**
 * So many moments of one millisecond are told apart: more than anybody writes until its own clock is further on. The next
 * one is of the next millisecond, so that none is the last: nobody could change what was written then.
 */
export const MOMENTS_MAX = 2 ** 32

/** < 0 when `a` is earlier, 0 when they are the same moment. */
export function compareHlc(a: Hlc, b: Hlc): number {
  return a.ms - b.ms || a.count - b.count || (a.node < b.node ? -1 : a.node > b.node ? 1 : 0)
}

/** The first moment after another one, as `node` writes it. */
export function momentAfter({ ms, count }: Hlc, node: NodeId): Hlc {
  if (count < MOMENTS_MAX) return { ms, count: count + 1, node }
  // No clock has shown that: it follows another moment, see `see`.
  return { ms: ms + 1, count: 1, node }
}

/** Told of a node whose wall clock is ahead of the one here by so much, more than `CLOCK_SKEW_MAX_MS`. */
export type OnAhead = (node: NodeId, aheadMs: number) => void

/** The clock of one node. */
export class HlcClock {
  readonly #node: NodeId
  readonly #onAhead: OnAhead
  #ms = 0
  #count = 0

  constructor(node: NodeId, onAhead: OnAhead) {
    this.#node = node
    this.#onAhead = onAhead
  }

  /** The next moment: later than every earlier one, and than everything seen. */
  next(wallMs: number): Hlc {
    if (wallMs > this.#ms) {
      this.#ms = wallMs
      this.#count = 0
    } else {
      const { ms, count } = momentAfter(this.#last, this.#node)
      this.#ms = ms
      this.#count = count
    }
    return this.#last
  }

  /**
   * A moment that replaces what was written at `before`: later than that, also where the clock behind it was so wrong
   * that this one has not followed it. Otherwise nobody could change what such a node has written, until its time comes.
   */
  nextAfter(before: Hlc | undefined, wallMs: number): Hlc {
    const next = this.next(wallMs)
    if (before === undefined || compareHlc(next, before) > 0) return next
    return momentAfter(before, this.#node)
  }

  /** Notes a moment that another node has written. */
  see(moment: Hlc, wallMs: number): void {
    if (moment.ms > wallMs + CLOCK_SKEW_MAX_MS) {
      // With a larger count it follows another moment, maybe of another node: it is not what its node's clock has shown.
      if (moment.count === 0 && moment.node !== this.#node) this.#onAhead(moment.node, moment.ms - wallMs)
    } else if (moment.ms > this.#ms || (moment.ms === this.#ms && moment.count > this.#count)) {
      this.#ms = moment.ms
      this.#count = moment.count
    }
  }

  get #last(): Hlc {
    return { ms: this.#ms, count: this.#count, node: this.#node }
  }
}
