// pure
/** Bundles of rows on their way: empty ones, and large ones cut to the size of a frame. */

import { encodeUnbounded, payloadBytesMax } from '../payload.ts'
import { CONTROL_FRAME_BYTES_MAX, CONTROL_MESSAGE_BYTES_MAX, NO_ROWS, type Rows, TABLES } from './messages.ts'

/** What fits beside the rows into a frame: names of fields, kinds, lengths. */
const FRAME_OVERHEAD_BYTES = 16 * 1024

/** So few rows are likely to fit together: more are measured one by one, whatever they come to. */
const ROWS_TOGETHER_MAX = 16

/** Rows that are sent together are no larger, unless a single one is. */
const ROWS_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES

/** No row is larger: it could not be sent. */
export const ROW_BYTES_MAX = CONTROL_MESSAGE_BYTES_MAX / 2

export function isEmpty(rows: Rows): boolean {
  return TABLES.every(table => rows[table].length === 0)
}

/** The same rows in bundles that each fit into a frame, in the same order. A single huge row is a bundle alone. */
export function inFrames(rows: Rows): Rows[] {
  if (isEmpty(rows)) return []
  const count = TABLES.reduce((sum, table) => sum + rows[table].length, 0)
  if (count <= ROWS_TOGETHER_MAX && payloadBytesMax(rows) <= ROWS_BYTES_MAX) return [rows]
  return [
    ...cut(rows.members).map(members => ({ ...NO_ROWS, members })),
    ...cut(rows.specs).map(specs => ({ ...NO_ROWS, specs })),
    ...cut(rows.claims).map(claims => ({ ...NO_ROWS, claims })),
    ...cut(rows.phases).map(phases => ({ ...NO_ROWS, phases })),
  ]
}

function cut<Row>(rows: readonly Row[]): Row[][] {
  const pieces: Row[][] = []
  let piece: Row[] = []
  let size = 0
  for (const row of rows) {
    const rowSize = encodeUnbounded(row).length
    if (piece.length > 0 && size + rowSize > ROWS_BYTES_MAX) {
      pieces.push(piece)
      piece = []
      size = 0
    }
    piece.push(row)
    size += rowSize
  }
  return piece.length > 0 ? [...pieces, piece] : pieces
}
