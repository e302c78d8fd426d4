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

interface Entry<Row> {
  readonly row: Row
  readonly version: string
  readonly bucket: number
}

export class RecordStore<Row> {
  readonly #kind: RecordKind<Row>
  readonly #entries = new Map<string, Entry<Row>>()
  readonly #buckets = Array.from({ length: BUCKET_COUNT }, () => new HashSum())
  readonly #root = new HashSum()

  constructor(kind: RecordKind<Row>) {
    this.#kind = kind
  }

  get size(): number {
    return this.#entries.size
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
    const version = this.#kind.versionOf(joined)
    if (known !== undefined && known.version === version) return undefined
    const bucket = known?.bucket ?? hash64(key).low % BUCKET_COUNT
    const entry = { row: joined, version, bucket }
    if (known !== undefined) this.#toggle(key, known)
    this.#toggle(key, entry)
    this.#entries.set(key, entry)
    return joined
  }

  /** Forgets a row. */
  drop(key: string): void {
    const known = this.#entries.get(key)
    if (known === undefined) return
    this.#toggle(key, known)
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

  #toggle(key: string, { row, version, bucket }: Entry<Row>): void {
    if (this.#kind.isCounted?.(row) === false) return
    const hash = hash64(`${key}\n${version}`)
    this.#root.toggle(hash)
    this.#buckets[bucket]?.toggle(hash)
  }
}
