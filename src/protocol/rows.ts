// pure
/** Bundles of rows on their way: empty ones, and large ones cut to the size of a frame. */

import { encodeUnbounded, payloadBytesMax } from '../payload.ts'
import { type SlotId, type SpecId, slotId } from '../ids.ts'
import type { Claim } from './claim.ts'
import { CONTROL_FRAME_BYTES_MAX, CONTROL_MESSAGE_BYTES_MAX, NO_ROWS, type Rows, TABLES } from './messages.ts'
import type { Phase } from './phase.ts'

/** What fits beside the rows into a frame: names of fields, kinds, lengths. */
const FRAME_OVERHEAD_BYTES = 16 * 1024

/** So few rows go together as they are where they fit: of more, each spec goes with what is said of it. */
const ROWS_TOGETHER_MAX = 16

/** So few rows are likely to fit into a frame: more are measured one by one, whatever they come to. */
const ROWS_FITTING_MAX = 64

/** Rows that are sent together are no larger, unless a single one is. */
const ROWS_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES

/** No row is larger: it could not be sent. */
export const ROW_BYTES_MAX = CONTROL_MESSAGE_BYTES_MAX / 2

export function isEmpty(rows: Rows): boolean {
  return TABLES.every(table => rows[table].length === 0)
}

/**
 * The same rows in bundles that each fit into a frame: members first, then each spec together with its claim and its
 * phase, as far as they are among the rows, so that nobody learns of a spec before it learns where it runs. What is too
 * large for a frame is a bundle alone; it is cut only where it would not fit into a message, the spec last.
 */
export function inFrames(rows: Rows): Rows[] {
  if (isEmpty(rows)) return []
  const count = TABLES.reduce((sum, table) => sum + rows[table].length, 0)
  // Whatever its size, it is not cut. Most news is of one row.
  if (count === 1) return [rows]
  const doFit = count <= ROWS_FITTING_MAX && payloadBytesMax(rows) <= ROWS_BYTES_MAX
  if (doFit && count <= ROWS_TOGETHER_MAX) return [rows]
  // What fits anyway is not measured: that is to encode it once more.
  const pieceOf = doFit ? fittingPiece : measuredPiece
  const members = rows.members.map(member => pieceOf({ ...NO_ROWS, members: [member] }))
  return [...cut(members), ...cut(bySpec(rows, pieceOf))]
}

/** Mostly two or three times of what they come to; never infinite, whatever is in them that this version does not know. */
export function estimatedBytes(rows: Rows): number {
  const bytes = payloadBytesMax(rows)
  return Number.isFinite(bytes) ? bytes : encodeUnbounded(rows).length
}

/** Rows that are not parted. */
interface Piece {
  readonly rows: Rows
  readonly size: number
}

/** Each spec with what is said of where it runs; then all that is said of other specs. */
function bySpec({ specs, claims, phases }: Rows, pieceOf: (rows: Rows) => Piece): Piece[] {
  const claimOf = new Map<SlotId, Claim>(claims.map(claim => [claim.slot, claim]))
  const phaseOf = new Map<SpecId, Phase>(phases.map(phase => [phase.spec, phase]))
  const take = (slot: SlotId, id: SpecId): Rows => {
    const claim = claimOf.get(slot)
    const phase = phaseOf.get(id)
    claimOf.delete(slot)
    phaseOf.delete(id)
    return { ...NO_ROWS, claims: optional(claim), phases: optional(phase) }
  }
  const together = specs.flatMap((spec): Piece[] => {
    const places = take(slotId(spec.id), spec.id)
    const whole = pieceOf({ ...places, specs: [spec] })
    if (whole.size <= ROW_BYTES_MAX) return [whole]
    return [places, { ...NO_ROWS, specs: [spec] }].filter(rows => !isEmpty(rows)).map(pieceOf)
  })
  const otherClaims = [...claimOf.values()].map(claim => pieceOf({ ...NO_ROWS, claims: [claim] }))
  const otherPhases = [...phaseOf.values()].map(phase => pieceOf({ ...NO_ROWS, phases: [phase] }))
  return [...together, ...otherClaims, ...otherPhases]
}

function cut(pieces: readonly Piece[]): Rows[] {
  const bundles: Rows[][] = []
  let bundle: Rows[] = []
  let size = 0
  for (const piece of pieces) {
    if (bundle.length > 0 && size + piece.size > ROWS_BYTES_MAX) {
      bundles.push(bundle)
      bundle = []
      size = 0
    }
    bundle.push(piece.rows)
    size += piece.size
  }
  if (bundle.length > 0) bundles.push(bundle)
  return bundles.map(joined)
}

function joined(bundle: readonly Rows[]): Rows {
  return {
    members: bundle.flatMap(({ members }) => members),
    specs: bundle.flatMap(({ specs }) => specs),
    claims: bundle.flatMap(({ claims }) => claims),
    phases: bundle.flatMap(({ phases }) => phases),
  }
}

function fittingPiece(rows: Rows): Piece {
  return { rows, size: 0 }
}

function measuredPiece(rows: Rows): Piece {
  const size = TABLES.flatMap(table => rows[table].map(row => encodeUnbounded(row).length))
  return { rows, size: size.reduce((sum, each) => sum + each, 0) }
}

function optional<Row>(row: Row | undefined): readonly Row[] {
  return row === undefined ? [] : [row]
}
