// pure
/** The rows of all members as this node knows them, and what follows from them: who takes part, who is gone. */

import type { NodeId, Run } from '../ids.ts'
import { type MemberRow, isOver, isPresent, memberRows } from './member-row.ts'
import { RecordStore } from './record-store.ts'

/** More rows of those who are gone are not kept: the first to have gone are forgotten first. */
export const OVER_MAX = 4096

export class Roster {
  readonly table = new RecordStore<MemberRow>(memberRows)
  /** So long the rows of those who are gone are kept. */
  readonly #retainMs: number
  #self: MemberRow
  #present: readonly MemberRow[] | undefined
  #others: readonly NodeId[] | undefined

  constructor(self: MemberRow, retainMs: number) {
    this.#self = self
    this.#retainMs = retainMs
    this.table.merge(self)
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
    return this.others().length + 1
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
    const row = this.table.get(run.id)
    return row !== undefined && (row.boot > run.boot || (row.boot === run.boot && isOver(row)))
  }

  /** What this node says of itself now. */
  writeSelf(row: MemberRow): void {
    this.#self = row
    this.merge(row)
  }

  /** @returns the row as it is now, or undefined when nothing has changed */
  merge(row: MemberRow): MemberRow | undefined {
    const merged = this.table.merge(row)
    if (merged !== undefined) this.#onChanged()
    return merged
  }

  /**
   * Whether the row tells of the end of somebody whom this node does not know, or not any more, and that long ago.
   * Then it is not taken in: otherwise it would be kept for ever by being told to and fro.
   */
  isStale(row: MemberRow, wallMs: number): boolean {
    if (!isOver(row) || this.table.get(row.id) !== undefined) return false
    return wallMs - (row.endedMs ?? 0) > this.#retainMs / 2
  }

  /** Drops the rows of those who are gone for long, and of the first to go where there are too many. @returns whose */
  forget(wallMs: number, isNamed: (run: Run) => boolean): NodeId[] {
    const over = [...this.table.rows()].filter(row => isOver(row) && row.id !== this.#self.id)
    const oldest = over.toSorted((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0))
    const forgotten = oldest.filter((row, index) => {
      const isTooMany = index < oldest.length - OVER_MAX
      return isTooMany || (wallMs - (row.endedMs ?? 0) > this.#retainMs && !isNamed(row))
    })
    for (const { id } of forgotten) this.table.drop(id)
    if (forgotten.length > 0) this.#onChanged()
    return forgotten.map(({ id }) => id)
  }

  #onChanged(): void {
    this.#present = undefined
    this.#others = undefined
  }
}
