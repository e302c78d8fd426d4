// pure
/** The dead who are dialled all the same, and how often: the more there are, the more seldom each of them. */

import type { NodeId } from '../ids.ts'

/** All of them together are dialled so often on average. */
const LOST_EVERY_MS = 500
/** None of them waits longer than that by itself. */
const LOST_REDIAL_MAX_MS = 30_000
/** With more of them the two are at odds, and one of them waits for the other. */
const MANY = LOST_REDIAL_MAX_MS / LOST_EVERY_MS

export class Lost {
  /** Who has died last comes last. */
  readonly #peers = new Set<NodeId>()
  #dialledMs = -Infinity
  #isTurnOfLatest = false

  add(peer: NodeId): void {
    this.#peers.add(peer)
  }

  delete(peer: NodeId | undefined): void {
    if (peer !== undefined) this.#peers.delete(peer)
  }

  has(peer: NodeId | undefined): boolean {
    return peer !== undefined && this.#peers.has(peer)
  }

  /** No more time lies between two dials of one of them. */
  get redialMaxMs(): number {
    return Math.min(LOST_REDIAL_MAX_MS, this.#peers.size * LOST_EVERY_MS)
  }

  /** So many that they have a pace of their own. */
  get areMany(): boolean {
    return this.#peers.size > MANY
  }

  /** From when on there is room for the next of them, where there are many. */
  get readyMs(): number {
    return this.#dialledMs + LOST_EVERY_MS
  }

  onDial(nowMs: number): void {
    this.#dialledMs = nowMs
    this.#isTurnOfLatest = !this.#isTurnOfLatest
  }

  /**
   * Whose turn it is, where there are many: in turn `longest`, who has waited longest, so that none waits for ever, and of
   * those that are ready whoever has died last, as it is the likeliest to come back.
   */
  choose(longest: string, isReady: (peer: NodeId) => boolean): string {
    if (!this.areMany || !this.#isTurnOfLatest) return longest
    return [...this.#peers].findLast(isReady) ?? longest
  }
}
