// pure
/** How large a spec may be: every node holds every spec and where its workers run, and each must fit into one message. */

import { OptionsError, PayloadError } from '../../errors.ts'
import type { SpecId } from '../../ids.ts'
import { encodeUnbounded } from '../../payload.ts'
import { hasParts, partsOf, placesOf } from '../../protocol/part-edits.ts'
import { PLACE_DIGITS_MAX } from '../../protocol/place.ts'
import { ROW_BYTES_MAX } from '../../protocol/rows.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'
import { excessOf } from '../../protocol/spec-size.ts'
import { slotsOfSpec } from '../supervision/units.ts'

/** What a phase says of a worker, besides its id up to three times: a run, and the names of the fields. */
const PLACED_BYTES = 150

/** @throws {PayloadError} when the spec is too large, or has too many workers */
export function refuseHuge(id: SpecId, body: SpecBody): void {
  const bytes = encodeUnbounded(body).length
  if (bytes > ROW_BYTES_MAX) {
    throw new PayloadError(
      `"${id}" has ${bytes} bytes, the limit is ${ROW_BYTES_MAX}: pass the name of what is large, not the thing itself`,
    )
  }
  // Asked before the slots are made: of very many that alone takes seconds.
  const excess = excessOf(body)
  if (excess !== undefined) throw new PayloadError(`"${id}" has ${excess}`)
  if (placedBytesOf(id, body) <= ROW_BYTES_MAX) return
  throw new PayloadError(
    `"${id}" has more workers than one message can tell of: share them out over several specs, or give them shorter ids`,
  )
}

function placedBytesOf(id: SpecId, body: SpecBody): number {
  return slotsOfSpec(id, body).reduce((sum, { slot }) => sum + PLACED_BYTES + 3 * slot.length, 0)
}

/** @throws {OptionsError} when a part that is added to the group or chain has no room between its neighbours */
export function refuseCrowded(id: SpecId, before: SpecBody | undefined, after: SpecBody | undefined): void {
  if (!hasParts(before) || !hasParts(after)) return
  const crowded = placesOf(before, after).findIndex(place => place.length > PLACE_DIGITS_MAX)
  const part = partsOf(after)[crowded]
  if (part === undefined) return
  const wanted = `another position: or remove "${id}", and add it anew`
  throw new OptionsError(`"${id}"`, [
    { path: part.id, found: 'a place in which thousands were put before', wanted },
  ])
}
