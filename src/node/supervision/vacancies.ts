// pure
/** Workers that nobody runs: since when that is known, and what a claim of one is worth that nobody has had before. */

import { hash64, mix } from '../../hash.ts'
import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import { type Claim, isActiveClaim, isOwner } from '../../protocol/claim.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import type { SpecRow } from '../../protocol/spec-row.ts'
import type { Ledger } from '../ledger.ts'
import { awayUntilMs } from './absence.ts'
import { acquaintanceOf, firstNumberAt, firstTag } from './seniority.ts'
import type { Settling } from './settling.ts'
import { type Tenure, isCurrent } from './tenure.ts'

/** Scores of placement have 32 bits. */
const SCORES = 2 ** 32

/** Sides that meet hear of each other's claims within this time. */
const REGAIN_MS = 2_000

/** Whether its owner has claimed it with what its predecessor has left behind: see `scoreOf`. */
export function bringsLegacy({ score }: Claim): boolean {
  return score >= SCORES
}

/** What is known of a worker that nobody runs. */
export interface Vacancy {
  readonly before: Claim | undefined
  /** What its last owner has left behind for the next one. */
  readonly legacy?: Uint8Array | undefined
}

export class Vacancies {
  readonly #ledger: Ledger
  readonly #settling: Settling
  /** Since when claims are known to be up that are meant for another node, or whose legacy has not come. */
  readonly #since = new Map<SpecId, { readonly generation: number; readonly sinceMs: number }>()

  constructor(ledger: Ledger, settling: Settling) {
    this.#ledger = ledger
    this.#settling = settling
  }

  sinceMs(id: SpecId, claim: Claim, nowMs: number): number {
    const known = this.#since.get(id)
    if (known?.generation === claim.generation) return known.sinceMs
    this.#since.set(id, { generation: claim.generation, sinceMs: nowMs })
    return nowMs
  }

  forget(id: SpecId): void {
    this.#since.delete(id)
  }

  /**
   * Whoever has just stood still, reads first what has come meanwhile, before it claims what nobody has had: the claim of
   * another one may be right behind the spec. What others have had, may have been taken over meanwhile, while this node
   * was taken for dead: nobody has told it, until there are sessions again.
   */
  untilMs(before: Claim | undefined, nowMs: number): number {
    const { run, membership } = this.#ledger
    if (isOwner(before, run)) return -Infinity
    const { listenUntilMs, reunitedFromMs } = membership.wakefulness
    if (before === undefined) return listenUntilMs
    return Math.max(listenUntilMs, reunitedFromMs, awayUntilMs(membership, nowMs))
  }

  /**
   * Where sides meet that have each declared or restarted it, whoever has run it for the row that counts may not have heard
   * of the other claim yet, and is to go on: see `regainedClaim`. In a mesh that nobody has come to there is nobody like that,
   also where it has lost some.
   */
  regainedUntilMs(row: SpecRow, before: Claim | undefined, nowMs: number): number {
    if (before === undefined || !isActiveClaim(before) || isCurrent(before, row)) return -Infinity
    // What was written on this side, of a worker of this side, runs nowhere else.
    const isWithin = [row.version.node, before.owner.id].every(id => this.#settling.wasThere(id))
    if (isWithin) return -Infinity
    // Whoever has written the row here knew of the claim; on another side, only what it is for, where it was moved since.
    const isOfHere = row.version.ms > this.#settling.metWallMs
    const isNext = row.replaces !== undefined && compareHlc(row.replaces, before.specVersion) === 0
    if (isOfHere && isNext) return -Infinity
    return Math.min(this.#settling.meetingUntilMs, this.sinceMs(row.id, before, nowMs) + REGAIN_MS)
  }

  /**
   * Whether nobody goes on with what `tenure` was to start with, though the worker is to run as it was: another node has
   * taken it up with nothing, or it was given up.
   */
  isOver(id: SpecId, { madeFor }: Pick<Tenure, 'madeFor'>): boolean {
    const { tables, run } = this.#ledger
    const [row, claim] = [tables.specs.get(id), tables.claims.get(slotId(id))]
    if (row?.body === undefined || row.desired !== 'running' || claim === undefined) return false
    if (!isCurrent(madeFor, row) || !isCurrent(claim, row)) return false
    if (isOwner(claim, run)) return claim.state === 'gave-up' || claim.state === 'failed'
    return !bringsLegacy(claim)
  }

  /** The number of the next claim; without one before, that of a lineage that begins. */
  generationAfter(before: Claim | undefined, id: SpecId, wallMs: number): number {
    if (before !== undefined) return before.generation + 1
    return firstNumberAt(wallMs, this.#ledger.tombstones.findGeneration(id))
  }

  /**
   * Of two who claim at once, the one counts that placement wants more; of what nobody has had before, the one that knows
   * more of the mesh. Whoever brings what the worker has left behind comes before all who do not.
   */
  scoreOf(slot: SlotId, context: Vacancy): number {
    const { before, legacy } = context
    const { run, membership } = this.#ledger
    const score = mix(hash64(slot), hash64(run.id))
    if (before === undefined) return firstTag(acquaintanceOf(membership), score >>> 1)
    return legacy === undefined ? score : SCORES + score
  }
}
