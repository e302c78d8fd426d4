// pure
/**
 * What workers have left behind, and nobody is to start with any more, as far as the rows say. Where two decide, or take up
 * one worker, at once, a row is overruled by another one within moments, and that may give it to somebody after all: so a
 * loss is told when it has stayed one for a while, and once.
 */

import { type NodeId, type SlotId, specOfSlot } from '../../ids.ts'
import type { Phase, PlacedSlot } from '../../protocol/phase.ts'
import { Deadlines } from '../deadlines.ts'
import type { OnStateLost } from './parting.ts'

/** As long as what somebody has started with is kept for those who overrule that: `HEIR_MS`. */
export const SURE_MS = 2_000

/** A timer that is so late: the node may have stood still meanwhile, and what it has not read yet says whether it is one. */
const LATE_MS = 100

export interface Loss {
  /** Who was to have it last, if that is known. */
  readonly heir?: NodeId | undefined
  /** Whose worker has left it behind, where that was another node. */
  readonly from?: NodeId | undefined
  /** Of the generation whose worker has left it. */
  readonly number: number
  /** Whether whoever is placed so is to start with it, or has left it and may be asked for it. */
  readonly isWith: (placed: PlacedSlot) => boolean
  /** Whether the worker is to run still, as it was: what users have ended, or started anew, is no loss. */
  readonly isWanted: () => boolean
}

/** `dueMs`: when it is to be told; undefined when that has been put off. */
interface Noted {
  readonly loss: Loss
  readonly dueMs: number | undefined
}

export class Losses {
  readonly #onLost: OnStateLost
  readonly #losses = new Map<SlotId, Noted>()
  readonly #deadlines = new Deadlines<SlotId>()

  constructor(onLost: OnStateLost) {
    this.#onLost = onLost
  }

  /** Nobody is to start with it. What was noted of the same slot before is another loss. */
  note(slot: SlotId, loss: Loss, nowMs: number): void {
    this.#tell(slot)
    this.#expect(slot, { loss, dueMs: nowMs + SURE_MS }, nowMs)
  }

  /** Somebody has what the worker of that generation has left behind. */
  onTaken(slot: SlotId, number: number): void {
    if (this.#losses.get(slot)?.loss.number === number) this.forget(slot)
  }

  /** What the row gives to somebody is not lost, nor what has not been given to anybody else. */
  follow({ layout }: Phase): void {
    if (this.#losses.size === 0) return
    for (const placed of layout)
      if (this.#losses.get(placed.slot)?.loss.isWith(placed) === true) this.forget(placed.slot)
  }

  forget(slot: SlotId): void {
    this.#losses.delete(slot)
    this.#deadlines.clear(slot)
  }

  /** The group is gone, or nothing of it is to run. */
  forgetAll({ spec }: Phase): void {
    for (const slot of this.#losses.keys()) if (specOfSlot(slot) === spec) this.forget(slot)
  }

  /** There is no time to wait for what others say. */
  giveUp(): void {
    for (const slot of this.#losses.keys()) this.#tell(slot)
  }

  /** Whoever comes late waits as long again, once: it may stand still now and then, and is to tell all the same. */
  tick(nowMs: number): void {
    for (const slot of this.#deadlines.take(nowMs)) {
      const noted = this.#losses.get(slot)
      const isLate = noted?.dueMs !== undefined && nowMs - noted.dueMs >= LATE_MS
      if (isLate) this.#expect(slot, { loss: noted.loss, dueMs: undefined }, nowMs)
      else this.#tell(slot)
    }
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  #expect(slot: SlotId, noted: Noted, nowMs: number): void {
    this.#losses.set(slot, noted)
    this.#deadlines.set(slot, nowMs + SURE_MS)
  }

  #tell(slot: SlotId): void {
    const loss = this.#losses.get(slot)?.loss
    this.forget(slot)
    if (loss?.isWanted() === true) this.#onLost(slot, loss.heir, loss.from)
  }
}
