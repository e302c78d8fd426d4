// pure
/**
 * The newest worker of each slot of a group or chain that was to run here: nothing older is started any more, nor is it a
 * second time.
 */

import type { SlotId } from '../../ids.ts'
import { type Generation, type PlacedSlot, type SlotExit, compareGenerations } from '../../protocol/phase.ts'
import { HEIR_MS } from './handoffs.ts'

interface Entry {
  readonly since: Generation
  readonly hasEnded: boolean
  /** Undefined where it was told to stop. */
  readonly exit: SlotExit | undefined
  /** Since when the row has had no place for the slot, and nothing of it is left here; Infinity where that is not so. */
  absentMs: number
}

export class Latest {
  readonly #entries = new Map<SlotId, Entry>()

  /** Whether a worker that is placed so would use a token again, or one that is smaller than the last. */
  isSpent({ slot, since }: PlacedSlot): boolean {
    const entry = this.#entries.get(slot)
    if (entry === undefined) return false
    const order = compareGenerations(entry.since, since)
    return order > 0 || (order === 0 && entry.hasEnded)
  }

  /** How the worker that is placed so has ended. Undefined where it has not, or was told to stop. */
  findExit({ slot, since }: PlacedSlot): SlotExit | undefined {
    const entry = this.#entries.get(slot)
    return entry !== undefined && compareGenerations(entry.since, since) === 0 ? entry.exit : undefined
  }

  /** It is to run here, and is not spent. */
  onPlaced({ slot, since }: PlacedSlot): void {
    if (this.#entries.get(slot)?.since !== since)
      this.#entries.set(slot, { since, hasEnded: false, exit: undefined, absentMs: Infinity })
  }

  onEnded(slot: SlotId, since: Generation, exit: SlotExit | undefined): void {
    const known = this.#entries.get(slot)
    if (known === undefined || compareGenerations(known.since, since) <= 0)
      this.#entries.set(slot, { since, hasEnded: true, exit, absentMs: Infinity })
  }

  /**
   * Forgets slots for which the row has no place any more, and of which nothing is left here: a while after that was first
   * seen, as the row may be overruled by one that has them. `own`: what the row has here, all of which is known.
   */
  tidy(
    { layout, own }: { readonly layout: readonly PlacedSlot[]; readonly own: readonly PlacedSlot[] },
    isOccupied: (slot: SlotId) => boolean,
    nowMs: number,
  ): void {
    if (this.#entries.size <= own.length) return
    const placed = new Set(layout.map(({ slot }) => slot))
    for (const [slot, entry] of this.#entries) {
      const isThere = placed.has(slot) || isOccupied(slot)
      entry.absentMs = isThere ? Infinity : Math.min(entry.absentMs, nowMs)
      if (nowMs >= entry.absentMs + HEIR_MS) this.#entries.delete(slot)
    }
  }
}
