// pure
/**
 * The rows of removed specs: kept for as long as a node may be away that has not heard of the removal, then dropped; of
 * many, only the latest for so long. What stays of each is when it was removed, by the hash of its id: so a row from before that is known for what it is however
 * late it comes, and what was merely missed here is no such row.
 */

import { hash64 } from '../hash.ts'
import type { SpecId } from '../ids.ts'
import type { Hlc } from '../protocol/hlc.ts'
import { laterOf } from '../protocol/part-edits.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { Deadlines } from './deadlines.ts'
import type { Now } from './now.ts'

/**
 * So many removed specs have a row, with the claim that goes with it: a kilobyte each, and all of them are compared with
 * every node that comes. Where each job is a worker, twenty thousand of a day would be steps of half a second.
 */
export const TOMBSTONES_MAX = 4_096

/** What is to be dropped and still runs, is looked at again so often. */
const STOPPING_MS = 1_000

/**
 * Of so many removed specs this node knows so much, the first to be forgotten go first: some eight megabytes. A mesh that
 * removes a spec every ten seconds gets there in a week.
 */
export const FORGOTTEN_MAX = 65_536

interface Removed {
  readonly at: Hlc
  readonly generation: number
}

export class Tombstones {
  readonly #keepMs: number
  readonly #max: number
  /** Those that are kept for their time. */
  readonly #due = new Deadlines<SpecId>()
  /** Those that are not, as there are too many, or others have dropped them: as soon as nothing of them runs any more. */
  readonly #early = new Deadlines<SpecId>()
  /** Of those whose rows were dropped, by `keyOf`; those that were noted first come first. */
  readonly #removals = new Map<number, Removed>()

  /** Each is kept for `keepMs` after the removal, but not more than the latest `max`. */
  constructor(keepMs: number, max = TOMBSTONES_MAX) {
    this.#keepMs = keepMs
    this.#max = max
  }

  /**
   * A spec is as `row` says. Where it is removed, that counts from when it was, so that all drop it together; but a clock
   * may be wrong, this one or that of its writer, so no row is dropped in half of its time, nor kept for longer.
   */
  follow(row: SpecRow, now: Now): void {
    this.#early.clear(row.id)
    if (row.body !== undefined) return this.#due.clear(row.id)
    const leftMs = row.version.ms + this.#keepMs - now.wallMs
    this.#due.set(row.id, now.ms + Math.min(Math.max(this.#keepMs / 2, leftMs), this.#keepMs))
    const first = this.#due.size > this.#max ? this.#due.first() : undefined
    return first === undefined ? undefined : this.hasten(first, now.ms)
  }

  /** Not yet: something of it still runs. */
  defer(id: SpecId, nowMs: number): void {
    this.#early.set(id, nowMs + STOPPING_MS)
  }

  /** It is not kept any longer: others have dropped it, or there are too many. */
  hasten(id: SpecId, nowMs: number): void {
    this.#due.clear(id)
    this.#early.set(id, nowMs)
  }

  /** The removed specs that have been kept for long enough. */
  take(nowMs: number): SpecId[] {
    return [...this.#early.take(nowMs), ...this.#due.take(nowMs)]
  }

  wakeAtMs(): number {
    return Math.min(this.#early.wakeAtMs(), this.#due.wakeAtMs())
  }

  /** The spec was removed at that moment, and its row is dropped, here or elsewhere, when it had come to that generation. */
  note(id: SpecId, removedAt: Hlc, generation = 0): void {
    const key = keyOf(id)
    const known = this.#removals.get(key)
    const at = laterOf(known?.at, removedAt) ?? removedAt
    this.#removals.delete(key)
    this.#removals.set(key, { at, generation: Math.max(known?.generation ?? 0, generation) })
    if (this.#removals.size > FORGOTTEN_MAX) this.#dropFirst()
  }

  /** When the spec was removed, where its row was dropped since: what is declared under its id counts if it is later. */
  findRemoval(id: SpecId): Hlc | undefined {
    return this.#removals.get(keyOf(id))?.at
  }

  /**
   * The number of the last generation that this node knows of what was removed: what is declared under its id comes after
   * that, also for a node that has heard of neither, and brings it back. 0: there was none, or it is not known.
   */
  findGeneration(id: SpecId): number {
    return this.#removals.get(keyOf(id))?.generation ?? 0
  }

  #dropFirst(): void {
    const [first] = this.#removals.keys()
    if (first !== undefined) this.#removals.delete(first)
  }
}

/** 53 bits: that a spec is taken for one of those that are forgotten happens once in 10^11. */
function keyOf(id: SpecId): number {
  const { high, low } = hash64(id)
  return (high & 0x1f_ffff) * 2 ** 32 + low
}
