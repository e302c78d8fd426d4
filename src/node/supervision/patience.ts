// pure
/**
 * How long a node waits for what workers of others have left behind. What counts is the silence of whoever is to send it:
 * it sends one thing after the other, so over a thin link something large is on its way, and what was asked for later
 * has its turn behind it. To ask again would only make that longer.
 */

import type { NodeId } from '../../ids.ts'

/** Whoever wants a worker, or what one has left behind, asks again after this time in which nothing has come. */
export const ASK_MS = 1_000
/**
 * After so long a silence of its old owner, where that is still there, the worker starts without; or after as long as that
 * one may stand still, and what it takes to answer.
 */
export const STATE_MS = 5_000
/** Nothing is waited for any longer, whatever comes of it meanwhile. */
export const KEEP_MS = 60_000

export class Patience {
  /** When anything has last come of a node. */
  readonly #heardMs = new Map<NodeId, number>()
  readonly #silentMs: () => number

  /** `silentMs`: for how long a node may stand still, and is dead for nobody. */
  constructor(silentMs: () => number) {
    this.#silentMs = silentMs
  }

  /** Some of what is waited for has come. */
  onHeard(from: NodeId, nowMs: number): void {
    this.#heardMs.set(from, nowMs)
  }

  /** When `from` is to be asked again. */
  askAtMs(from: NodeId, askedMs: number): number {
    return this.#silentSinceMs(from, askedMs) + ASK_MS
  }

  /** From when on it is not waited for any more what is known since `sinceMs` that `from` has it. */
  untilMs(from: NodeId, sinceMs: number): number {
    const stateMs = Math.max(STATE_MS, this.#silentMs() + ASK_MS)
    return Math.min(sinceMs + KEEP_MS, this.#silentSinceMs(from, sinceMs) + stateMs)
  }

  /** Nothing is waited for. */
  end(): void {
    this.#heardMs.clear()
  }

  #silentSinceMs(from: NodeId, sinceMs: number): number {
    return Math.max(sinceMs, this.#heardMs.get(from) ?? sinceMs)
  }
}
