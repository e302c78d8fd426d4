// pure
/** In which order a unit likes zones: rendezvous hashing once more, with zones in place of nodes. */

import { hash64 } from '../hash.ts'
import { score } from './score.ts'
import { byCodeUnits } from '../text-order.ts'
import type { ZonePreference } from './unit.ts'

/** The zones in the order of a key, favourite first. */
export function zoneOrder(key: string, zones: Iterable<string>, salt: string): string[] {
  const keyHash = hash64(salt + key)
  return [...zones]
    .map(name => ({ name, score: score(keyHash, hash64(salt + name), 1) }))
    .toSorted((a, b) => a.score - b.score || byCodeUnits(a.name, b.name))
    .map(({ name }) => name)
}

/** How a unit ranks the zone that is at `index` of its key's order of `count` zones: 0 is the favourite. */
export function zoneRank(zone: ZonePreference, index: number, count: number): number {
  return zone.mode === 'near' ? index : (index + count - (zone.ordinal % count)) % count
}
