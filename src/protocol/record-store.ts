// pure
/**
 * A replicated table: rows that only ever merge upwards, and digests by which two nodes find what differs
 * without sending what is equal.
 */

import { HashSum, hash64 } from '../hash.ts'

/** How one kind of row is named, merged and compared. */
export interface RecordKind<Row> {
  keyOf(row: Row): string
  /**
   * The least row that is not older than either: commutative, idempotent, and associative but for some cases of specs
   * (`spec-join.ts`). Whatever two nodes have seen, in whatever order, they end with the same row. `a` itself where `b` tells nothing new.
   */
  join(a: Row, b: Row): Row
  /** A text that is equal for two rows of one key exactly when the rows are. */
  versionOf(row: Row): string
  /** Whether the row counts in digests. @default every row does */
  isCounted?(row: Row): boolean
}

/** Rows are spread over this many buckets by the hash of their key; a digest has one hash for each. */
export const BUCKET_COUNT = 64

/**
 * So many changed rows wait to be added to the sums: enough that a row that changes often is hashed once for all of it,
 * and so few that they cost next to nothing.
 */
const UNSUMMED_MAX = 256

export class RecordStore<Row> {
  readonly #kind: RecordKind<Row>
  readonly #rows = new Map<string, Row>()
  /** Of what has changed since the sums were made: the rows as they are in the sums. */
  readonly #summed = new Map<string, Row | undefined>()
  readonly #buckets = Array.from({ length: BUCKET_COUNT }, () => new HashSum())
  readonly #root = new HashSum()
  #changes = 0

  constructor(kind: RecordKind<Row>) {
    this.#kind = kind
  }

  get size(): number {
    return this.#rows.size
  }

  /** Grows whenever the digests may have changed. */
  get changes(): number {
    return this.#changes
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  /** In the order in which their keys were first seen. */
  rows(): MapIterator<Row> {
    return this.#rows.values()
  }

  /** Joins `row` into the table. @returns the row as it is now, or undefined when nothing has changed */
  merge(row: Row): Row | undefined {
    const key = this.#kind.keyOf(row)
    const known = this.#rows.get(key)
    const joined = known === undefined ? row : this.#kind.join(known, row)
    if (joined === known) return undefined
    this.#onChange(key, known)
    this.#rows.set(key, joined)
    return joined
  }

  /** Forgets a row. */
  drop(key: string): void {
    const known = this.#rows.get(key)
    if (known === undefined) return
    this.#onChange(key, known)
    this.#rows.delete(key)
  }

  /** 16 hexadecimal digits: equal where all rows are equal. */
  root(): string {
    this.#sum()
    return this.#root.toString()
  }

  /** The digest of each bucket, `BUCKET_COUNT` of them. */
  bucketDigests(): string[] {
    this.#sum()
    return this.#buckets.map(String)
  }

  /** The rows of some buckets, in the order in which their keys were first seen. */
  rowsIn(buckets: ReadonlySet<number>): Row[] {
    const rows: Row[] = []
    for (const [key, row] of this.#rows) if (buckets.has(bucketOf(key))) rows.push(row)
    return rows
  }

  #onChange(key: string, before: Row | undefined): void {
    this.#changes += 1
    if (this.#summed.has(key)) return
    if (this.#summed.size === UNSUMMED_MAX) this.#sum()
    this.#summed.set(key, before)
  }

  #sum(): void {
    for (const [key, before] of this.#summed) {
      this.#toggle(key, before)
      this.#toggle(key, this.#rows.get(key))
    }
    this.#summed.clear()
  }

  #toggle(key: string, row: Row | undefined): void {
    if (row === undefined || this.#kind.isCounted?.(row) === false) return
    const hash = hash64(`${key}\n${this.#kind.versionOf(row)}`)
    this.#root.toggle(hash)
    this.#buckets[bucketOf(key)]?.toggle(hash)
  }
}

function bucketOf(key: string): number {
  return hash64(key).low % BUCKET_COUNT
}
