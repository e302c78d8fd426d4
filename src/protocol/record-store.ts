// pure
/**
 * A replicated table: rows that only ever merge upwards, and digests by which two nodes find what differs
 * without sending what is equal.
 */

import { type Hash64, HashSum, hash64 } from '../hash.ts'

/** How one kind of row is named, merged and compared. */
export interface RecordKind<Row> {
  keyOf(row: Row): string
  /**
   * The least row that is not older than either: commutative, associative, idempotent. Whatever two nodes have
   * seen, in whatever order, they end with the same row.
   */
  join(a: Row, b: Row): Row
  /** A text that is equal for two rows of one key exactly when the rows are. */
  versionOf(row: Row): string
  /** Whether the row counts in digests. @default every row does */
  isCounted?(row: Row): boolean
}

/** Rows are spread over this many buckets by the hash of their key; a digest has one hash for each. */
export const BUCKET_COUNT = 64

/** A row, and the hash of its key and version: all that digests need, for much less than the text that it is made of. */
interface Entry<Row> extends Hash64 {
  readonly row: Row
  readonly bucket: number
}

export class RecordStore<Row> {
  readonly #kind: RecordKind<Row>
  readonly #entries = new Map<string, Entry<Row>>()
  readonly #buckets = Array.from({ length: BUCKET_COUNT }, () => new HashSum())
  readonly #root = new HashSum()
  #changes = 0

  constructor(kind: RecordKind<Row>) {
    this.#kind = kind
  }

  get size(): number {
    return this.#entries.size
  }

  /** Grows whenever the digests may have changed. */
  get changes(): number {
    return this.#changes
  }

  get(key: string): Row | undefined {
    return this.#entries.get(key)?.row
  }

  /** In the order in which their keys were first seen. */
  *rows(): Generator<Row> {
    for (const entry of this.#entries.values()) yield entry.row
  }

  /** Joins `row` into the table. @returns the row as it is now, or undefined when nothing has changed */
  merge(row: Row): Row | undefined {
    const key = this.#kind.keyOf(row)
    const known = this.#entries.get(key)
    const joined = known === undefined ? row : this.#kind.join(known.row, row)
    if (joined === known?.row) return undefined
    const entry = this.#entryOf(key, joined, known?.bucket ?? hash64(key).low % BUCKET_COUNT)
    if (known?.high === entry.high && known.low === entry.low) return undefined
    if (known !== undefined) this.#toggle(known)
    this.#toggle(entry)
    this.#entries.set(key, entry)
    return joined
  }

  /** Forgets a row. */
  drop(key: string): void {
    const known = this.#entries.get(key)
    if (known === undefined) return
    this.#toggle(known)
    this.#entries.delete(key)
  }

  /** 16 hexadecimal digits: equal where all rows are equal. */
  root(): string {
    return this.#root.toString()
  }

  /** The digest of each bucket, `BUCKET_COUNT` of them. */
  bucketDigests(): string[] {
    return this.#buckets.map(String)
  }

  /** The rows of some buckets, in the order in which their keys were first seen. */
  rowsIn(buckets: ReadonlySet<number>): Row[] {
    const rows: Row[] = []
    for (const entry of this.#entries.values()) if (buckets.has(entry.bucket)) rows.push(entry.row)
    return rows
  }

  #entryOf(key: string, row: Row, bucket: number): Entry<Row> {
    const { high, low } = hash64(`${key}\n${this.#kind.versionOf(row)}`)
    // Signed, which is what the engine keeps in place, and does not matter to sums.
    return { row, bucket, high: high | 0, low: low | 0 }
  }

  #toggle(entry: Entry<Row>): void {
    if (this.#kind.isCounted?.(entry.row) === false) return
    this.#changes += 1
    this.#root.toggle(entry)
    this.#buckets[entry.bucket]?.toggle(entry)
  }
}
