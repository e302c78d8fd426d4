// pure
/**
 * The rows of removed specs: kept for as long as a node may be away that has not heard of the removal, then dropped.
 * The latest moment among the dropped ones is the floor: what is older, and unknown here, was removed.
 */

import type { SpecId } from '../ids.ts'
import { type Hlc, compareHlc } from '../protocol/hlc.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { Deadlines } from './deadlines.ts'
import type { Now } from './now.ts'

export class Tombstones {
  readonly #keepMs: number
  readonly #due = new Deadlines<SpecId>()
  #floor: Hlc | undefined

  /** Each is kept for `keepMs` after the removal. */
  constructor(keepMs: number) {
    this.#keepMs = keepMs
  }

  /** Undefined while none was dropped. */
  get floor(): Hlc | undefined {
    return this.#floor
  }

  /** A spec is as `row` says. */
  follow(row: SpecRow, now: Now): void {
    if (row.body !== undefined) this.#due.clear(row.id)
    else this.#due.set(row.id, now.ms + Math.max(0, row.version.ms + this.#keepMs - now.wallMs))
  }

  /** Not yet: something of it still runs. */
  defer(id: SpecId, nowMs: number): void {
    this.#due.set(id, nowMs + Math.max(1_000, this.#keepMs / 100))
  }

  /** The removed specs that have been kept for long enough. */
  take(nowMs: number): SpecId[] {
    return this.#due.take(nowMs)
  }

  wakeAtMs(): number {
    return this.#due.wakeAtMs()
  }

  /** The row of a removed spec was dropped. */
  onDropped(version: Hlc): void {
    if (this.#floor === undefined || compareHlc(version, this.#floor) > 0) this.#floor = version
  }

  /** Whether a row of a spec that is not known here is older than what was dropped: it was removed, and must not return. */
  covers(version: Hlc): boolean {
    return this.#floor !== undefined && compareHlc(version, this.#floor) <= 0
  }
}
