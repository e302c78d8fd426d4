// pure
/** The rows of all members as this node knows them, and what follows from them: who takes part, who is gone. */

import type { NodeId, Run } from '../ids.ts'
import { Disputes } from './disputes.ts'
import { type MemberRow, compareMembers, isOver, isPresent, memberRows } from './member-row.ts'
import { RecordStore } from './record-store.ts'
import { Refutation, Warnings } from './refutation.ts'
import type { Timings } from './timings.ts'

/** More rows of those who are gone are not kept: the first to have gone are forgotten first. */
export const OVER_MAX = 4096

/** Rows of those who are gone are looked through so often for what can be forgotten. */
export const FORGET_PERIOD_MS = 60_000

/**
 * Of more who live, this node learns by meeting them only: a node has a quarter as many sessions at most, and what others
 * tell of has no end where they are broken.
 */
export const TOLD_MAX = 4096

/** So many of those who are gone have room beyond that, where something names them: that is void, which nothing else tells. */
export const NAMED_MAX = 1024

export interface RosterInit {
  readonly self: MemberRow
  readonly timings: Timings
  /** Whether this node has a session with that one. */
  readonly isMet: (node: NodeId) => boolean
  /** Whether a claim or a phase names the run. */
  readonly isNamed: (run: Run) => boolean
}

export class Roster {
  readonly table = new RecordStore<MemberRow>(memberRows)
  readonly disputes: Disputes
  /** Of what is said of this node. */
  readonly refutation = new Refutation()
  readonly warnings = new Warnings()
  /** So long the rows of those who are gone are kept. */
  readonly #retainMs: number
  /**
   * Rows that were too old to be taken in, `OVER_MAX` at most: a claim or a phase that names one of these runs may come
   * after them, and is void. Nobody is told of them.
   */
  readonly #bygone = new Map<NodeId, MemberRow>()
  readonly #isMet: (node: NodeId) => boolean
  readonly #isNamed: (run: Run) => boolean
  #self: MemberRow
  #present: readonly MemberRow[] | undefined
  #others: readonly NodeId[] | undefined
  /** How many others may answer: asked at each row that comes, it is not counted anew. */
  #othersCount = 0

  constructor({ self, timings, isMet, isNamed }: RosterInit) {
    this.#self = self
    this.#isMet = isMet
    this.#isNamed = isNamed
    this.#retainMs = timings.tombstoneMs
    this.disputes = new Disputes(timings)
    this.table.merge(self)
  }

  /** When something is due of what is said of others or of this node, if nothing happens before. */
  wakeAtMs(): number {
    return Math.min(this.disputes.wakeAtMs(), this.refutation.wakeAtMs())
  }

  get self(): MemberRow {
    return this.#self
  }

  /** Every node that takes part, this one included, in the order in which they became known. */
  present(): readonly MemberRow[] {
    this.#present ??= [...this.table.rows()].filter(isPresent)
    return this.#present
  }

  /** All other nodes that may answer: who takes part, and who is about to. */
  others(): readonly NodeId[] {
    this.#others ??= [...this.table.rows()].flatMap(row =>
      isOver(row) || row.id === this.#self.id ? [] : [row.id],
    )
    return this.#others
  }

  /** How many nodes there are, this one included. */
  get count(): number {
    return this.#othersCount + 1
  }

  /** The row of a node that may answer. */
  find(id: NodeId): MemberRow | undefined {
    const row = this.table.get(id)
    return row === undefined || isOver(row) ? undefined : row
  }

  isPresent(node: NodeId): boolean {
    const row = this.table.get(node)
    return row !== undefined && isPresent(row)
  }

  isGone(run: Run): boolean {
    if (this.disputes.has(run)) return false
    const row = this.table.get(run.id) ?? this.#bygone.get(run.id)
    return row !== undefined && (row.boot > run.boot || (row.boot === run.boot && isOver(row)))
  }

  /** What this node says of itself now. */
  writeSelf(row: MemberRow): void {
    this.#self = row
    this.table.merge(row)
    this.#onChanged()
  }

  /** @returns the row as it is now, or undefined when nothing has changed */
  merge(row: MemberRow, nowMs: number): MemberRow | undefined {
    const before = this.table.get(row.id)
    if (before === undefined && !this.#hasRoomFor(row)) return undefined
    const merged = this.table.merge(row)
    if (merged === undefined) return undefined
    if (row.id !== this.#self.id) this.#othersCount += mayAnswer(merged) - mayAnswer(before)
    this.#bygone.delete(row.id)
    this.disputes.follow(merged, nowMs)
    this.#onChanged()
    return merged
  }

  /**
   * Whether the row tells of the end of somebody whom this node does not know, or not any more, and that long ago.
   * Then it is not taken in, unless something names its run: it would be kept for ever by being told to and fro.
   */
  isStale(row: MemberRow, wallMs: number): boolean {
    if (!isOver(row) || this.table.get(row.id) !== undefined) return false
    return wallMs - (row.endedMs ?? 0) > this.#retainMs / 2
  }

  /** Notes a row that is stale. */
  note(row: MemberRow): void {
    const known = this.#bygone.get(row.id)
    if (known !== undefined && compareMembers(known, row) >= 0) return
    this.#bygone.set(row.id, row)
    const [first] = this.#bygone.keys()
    if (this.#bygone.size > OVER_MAX && first !== undefined) this.#bygone.delete(first)
  }

  /** Takes out those of the noted rows whose runs are named after all. */
  takeNamed(): MemberRow[] {
    const named = [...this.#bygone.values()].filter(this.#isNamed)
    for (const { id } of named) this.#bygone.delete(id)
    return named
  }

  /**
   * Drops the rows of those who are gone for long, and of the first to go where there are too many, those last that
   * something names. @returns whose
   */
  forget(wallMs: number): NodeId[] {
    const over = [...this.table.rows()]
      .filter(row => isOver(row) && row.id !== this.#self.id)
      .map(({ id, boot, endedMs = 0 }) => ({ id, endedMs, isNamed: this.#isNamed({ id, boot }) }))
    const oldest = over.toSorted((a, b) => Number(a.isNamed) - Number(b.isNamed) || a.endedMs - b.endedMs)
    const forgotten = oldest.filter(({ endedMs, isNamed }, index) => {
      const isTooMany = index < oldest.length - OVER_MAX
      return isTooMany || (wallMs - endedMs > this.#retainMs && !isNamed)
    })
    for (const { id } of forgotten) {
      this.table.drop(id)
      this.disputes.forget(id)
    }
    if (forgotten.length > 0) this.#onChanged()
    return forgotten.map(({ id }) => id)
  }

  /** Of those who are gone there may be more than `OVER_MAX` until the next are forgotten, but not without end. */
  #hasRoomFor(row: MemberRow): boolean {
    if (this.#isMet(row.id)) return true
    const max = OVER_MAX + TOLD_MAX
    if (!isOver(row)) return this.table.size < max && this.count < TOLD_MAX
    return this.table.size < max || (this.table.size < max + NAMED_MAX && this.#isNamed(row))
  }

  #onChanged(): void {
    this.#present = undefined
    this.#others = undefined
  }
}

/** 1, or 0: of whom nothing is known, or who is gone. */
function mayAnswer(row: MemberRow | undefined): number {
  return row === undefined || isOver(row) ? 0 : 1
}
