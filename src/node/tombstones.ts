// pure
/**
 * The rows of removed specs: kept for as long as a node may be away that has not heard of the removal, then dropped. What
 * stays of each is when it was removed, by the hash of its id: so a row from before that is known for what it is however
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
 * Of so many removed specs this node knows so much, the first to be forgotten go first: some six megabytes. A mesh that
 * removes a spec every ten seconds gets there in a week.
 */
export const FORGOTTEN_MAX = 65_536

export class Tombstones {
  readonly #keepMs: number
  readonly #due = new Deadlines<SpecId>()
  /** When they were removed, by `keyOf`; those that were noted first come first. */
  readonly #removals = new Map<number, Hlc>()

  /** Each is kept for `keepMs` after the removal. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  /**
   * A spec is as `row` says. Where it is removed, that counts from when it was, so that all drop it together; but a clock
   * may be wrong, this one or that of its writer, so no row is dropped in half of its time, nor kept for longer.
   */
  follow(row: SpecRow, now: Now): void {
    if (row.body !== undefined) return this.#due.clear(row.id)
    const leftMs = row.version.ms + this.#keepMs - now.wallMs
    return this.#due.set(row.id, now.ms + Math.min(Math.max(this.#keepMs / 2, leftMs), this.#keepMs))
  }

  /** Not yet: something of it still runs. */
  defer(id: SpecId, nowMs: number): void {
    this.#due.set(id, nowMs + Math.max(1_000, this.#keepMs / 100))
  }

  /** Others have dropped it. */
  hasten(id: SpecId, nowMs: number): void {
    this.#due.set(id, nowMs)
  }

  /** The removed specs that have been kept for long enough. */
  take(nowMs: number): SpecId[] {
    return this.#due.take(nowMs)
  }

  wakeAtMs(): number {
    return this.#due.wakeAtMs()
  }

  /** The spec was removed at that moment, and its row is dropped, here or elsewhere. */
  note(id: SpecId, removedAt: Hlc): void {
    const key = keyOf(id)
    const latest = laterOf(this.#removals.get(key), removedAt) ?? removedAt
    this.#removals.delete(key)
    this.#removals.set(key, latest)
    if (this.#removals.size > FORGOTTEN_MAX) this.#dropFirst()
  }

  /** When the spec was removed, where its row was dropped since: what is declared under its id counts if it is later. */
  findRemoval(id: SpecId): Hlc | undefined {
    return this.#removals.get(keyOf(id))
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
