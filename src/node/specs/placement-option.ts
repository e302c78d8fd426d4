// pure
/** Where workers may live, as users declare it. */

import * as v from 'valibot'

import { type Breach, fieldOf, fields, mapOf, rule } from '../check.ts'
import { ID_LENGTH_MAX, isPlainId } from '../../ids.ts'
import type { PlacementWish, Sharing } from '../../protocol/placement-wish.ts'

/**
 * Where a worker may live, and beside whom. Names are yours, and mean the same in the whole mesh. No node takes more
 * than a quarter above its fair share of all workers, so in a small mesh there is not much room to be together.
 */
export interface PlacementOption {
  /** Only on nodes that carry all these labels: `{ gpu: 'yes' }`, or `{ zone: 'hall-a' }`. @default any node */
  readonly labels?: Readonly<Record<string, string>>
  /**
   * In the same zone as all others that name the same, as far as it has room. A zone is what nodes say in their label
   * `zone`. @default any zone
   */
  readonly near?: string
  /** On the same node as all others that name the same, as far as it has room. @default any node */
  readonly pack?: string
  /** Shared out evenly with all others that name the same: none has two of them while another has none. @default no */
  readonly spread?: string
}

/** A zone is a label: whoever looks for a field of that name is told so. */
export const ZONE_WRITTEN = 'labels: { zone: … }'

const LABELS_MAX = 32
const LABEL_LENGTH_MAX = 200

const name = v.custom<string>(isPlainId, `a name of 1 to ${ID_LENGTH_MAX} printable characters, without "/"`)
const label = v.pipe(
  v.string(`a text of at most ${LABEL_LENGTH_MAX} characters`),
  v.maxLength(LABEL_LENGTH_MAX, `a text of at most ${LABEL_LENGTH_MAX} characters`),
)

/** Checks the labels of a node, or those that are asked of one. */
export const labels = v.pipe(
  mapOf(label, 'an object of labels'),
  v.check(found => Object.keys(found).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`),
  rule(found =>
    Object.keys({ ...(typeof found === 'object' ? found : {}) })
      .filter(key => key.length > LABEL_LENGTH_MAX)
      .map(key => ({ path: [], found: key, wanted: `names of at most ${LABEL_LENGTH_MAX} characters` })),
  ),
)

/** Checks a `PlacementOption`. */
export const placement = v.optional(
  v.pipe(
    fields(
      {
        labels: v.optional(labels, {}),
        near: v.optional(name),
        pack: v.optional(name),
        spread: v.optional(name),
      },
      { zone: ZONE_WRITTEN },
    ),
    rule(wish => {
      const spread = fieldOf(wish, 'spread')
      if (spread === undefined || fieldOf(wish, 'pack') === undefined) return []
      return [{ path: ['spread'], found: spread, wanted: 'nothing beside pack: together or apart, not both' }]
    }),
  ),
)

/** Checks the `spread` of a group or chain. */
export const sharing = v.optional(v.union([v.boolean(), v.literal('zones')], "true, false or 'zones'"))

/** A group or chain whose workers are to be on one node cannot be shared out as well. */
export function packedApart(spec: unknown): Breach[] {
  const found = fieldOf(spec, 'spread')
  const isPacked = fieldOf(fieldOf(spec, 'placement'), 'pack') !== undefined
  if (!isPacked || (found !== true && found !== 'zones')) return []
  return [{ path: ['spread'], found, wanted: 'false beside placement.pack: together or apart, not both' }]
}

/** How a group or chain is shared out that may not say so: evenly, unless it wants to be together. */
export function sharingOf(checked: {
  readonly spread?: Sharing | undefined
  readonly placement?: PlacementWish | undefined
}): Sharing {
  const { spread, placement: wish } = checked
  return spread ?? (wish?.near === undefined && wish?.pack === undefined)
}
