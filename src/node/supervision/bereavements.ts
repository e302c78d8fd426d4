// pure
/**
 * Workers whose node is gone: whoever holds a part of the same whole says so, and the coordinator places them anew. Where it
 * gives them to that node again, having been told, it may hear it, or find out itself in a while: it is not told again at once.
 * Otherwise the whole would start anew as fast as messages go, for as long as the two differ.
 */

import type { Run, SlotId, SpecId } from '../../ids.ts'
import {
  type Generation,
  type Phase,
  type PlacedSlot,
  type SlotExit,
  compareGenerations,
} from '../../protocol/phase.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'
import { isNodeLost, nodeLost } from './exit.ts'
import { heldBy } from './outlook.ts'

/** Who decides has found out itself by then, in a small mesh with the profile `lan`; elsewhere it may be told once more. */
const AGAIN_MS = 2_000

interface Hold {
  readonly generation: Generation
  readonly untilMs: number
}

export class Bereavements {
  readonly #ledger: Ledger
  readonly #holds = new Map<SpecId, Hold>()
  readonly #deadlines = new Deadlines<SpecId>()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** What is to be said now of the workers that go on, and are lost with those of their `owners` who are gone. */
  lossesOf(phase: Phase, kept: readonly PlacedSlot[], owners: readonly Run[], now: Now): SlotExit[] {
    const gone = this.#goneOf(phase, owners, now.ms)
    for (const { id } of gone) this.#ledger.passOn(id)
    return gone.flatMap(owner => heldBy(kept, owner)).map(placed => this.#lossOf(phase, placed, now))
  }

  forget(spec: SpecId): void {
    this.#holds.delete(spec)
    this.#deadlines.clear(spec)
  }

  tick(nowMs: number): void {
    for (const spec of this.#deadlines.take(nowMs)) this.#ledger.touch(spec)
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  /** Those of whose end the coordinator is to be told now. */
  #goneOf(phase: Phase, owners: readonly Run[], nowMs: number): Run[] {
    const { membership } = this.#ledger
    const gone = owners.filter(owner => membership.isGone(owner))
    if (gone.length === 0) {
      this.forget(phase.spec)
      return gone
    }
    // Who decides does not tell itself.
    if (this.#ledger.isCoordinator(phase.spec)) return gone
    return this.#isHeld(phase, gone, nowMs) ? gone.filter(owner => !isGivenAgain(phase, owner)) : gone
  }

  /** From when this node sees that a generation gives something again to somebody who is gone. */
  #isHeld({ spec, generation, ...phase }: Phase, gone: readonly Run[], nowMs: number): boolean {
    const known = this.#holds.get(spec)
    if (known !== undefined && compareGenerations(known.generation, generation) === 0)
      return nowMs < known.untilMs
    if (!gone.some(owner => isGivenAgain(phase, owner))) return false
    const untilMs = nowMs + AGAIN_MS
    this.#holds.set(spec, { generation, untilMs })
    this.#deadlines.set(spec, untilMs)
    return true
  }

  /**
   * Its node is gone. Where it had not started there, and what it was to start with is elsewhere, it is still on its
   * way; and where the node has left in good order, it went before it had heard that it was to start something.
   */
  #lossOf(phase: Phase, { slot, owner, legacy }: PlacedSlot, now: Now): SlotExit {
    const loss = lossOf(this.#ledger, { phase, slot, failure: nodeLost(owner.id, slot), now })
    const isOnItsWay = legacy !== undefined || this.#ledger.hasLeft(owner)
    return isOnItsWay && !loss.wasReady ? { ...loss, kind: 'moved' } : loss
  }
}

interface Loss extends Pick<SlotExit, 'slot' | 'failure'> {
  readonly phase: Phase
  readonly now: Now
}

/** A worker has ended that nobody has seen end. */
export function lossOf(ledger: Ledger, { phase, slot, failure, now }: Loss): SlotExit {
  return { slot, at: ledger.moment(now.wallMs), kind: 'abnormal', failure, wasReady: isStarted(phase, slot) }
}

/** Whether the worker of the slot has started, as far as the row knows. */
export function isStarted(phase: Phase, slot: SlotId): boolean {
  return !phase.pending.includes(slot) || phase.ready.includes(slot)
}

/** Whether whoever has made the generation knew that the node is said to be gone. */
function isGivenAgain({ previous }: Pick<Phase, 'previous'>, { id }: Run): boolean {
  return previous.some(({ failure }) => isNodeLost(failure) && failure.node === id)
}
