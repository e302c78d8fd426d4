// pure
/** Standalone workers of a node that leaves: how long it keeps each for its heir, and which it stops without one. */

import type { NodeId, SlotId } from '../../ids.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { WorkerBody } from '../../protocol/spec-row.ts'
import { HANDOVER_MS } from '../departure.ts'
import type { Ledger } from '../ledger.ts'

/**
 * Nobody has started with what a worker has left behind, or had to, and nobody will. `heir`: who was to have it, if that is
 * known. `from`: whose worker has left it, where that was another node.
 */
export type OnStateLost = (slot: SlotId, heir: NodeId | undefined, from?: NodeId) => void

export class Parting {
  readonly #ledger: Ledger
  readonly #onLost: OnStateLost
  readonly #givenUp = new Set<SlotId>()
  #untilMs = Infinity

  constructor(ledger: Ledger, onLost: OnStateLost) {
    this.#ledger = ledger
    this.#onLost = onLost
  }

  /** Heirs are waited for until then: counted from when this is first asked. */
  untilMs(nowMs: number): number {
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + HANDOVER_MS
    return this.#untilMs
  }

  /** Whether the worker of the claim goes on until somebody takes it. Where it does not, that is told: once. */
  keeps(claim: Claim, body: WorkerBody, nowMs: number): boolean {
    const { slot, state } = claim
    const isPlaceable = this.#ledger.isPlaceable(slot)
    if (state === 'draining' || (isPlaceable && nowMs < this.untilMs(nowMs))) return true
    // Where it can run nowhere else, it is no news that it does not, but for what it might have taken along.
    const isLoss = this.#hasOthers() && (isPlaceable || body.rebalance === 'active')
    if (!isLoss || this.#givenUp.has(slot)) return false
    this.#givenUp.add(slot)
    this.#onLost(slot, this.#ledger.ownerOf(slot))
    return false
  }

  /** Whether anybody stays who takes work: where a whole mesh is stopped, nobody goes on with anything. */
  #hasOthers(): boolean {
    const { membership, run } = this.#ledger
    return membership.present().some(({ id }) => id !== run.id && this.#ledger.isTaking(id))
  }
}
