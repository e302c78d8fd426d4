import { expect, test } from 'vitest'

import { PLACEMENT_DEFAULTS, type ZonePreference } from '../../src/placement/unit.ts'
import { Site } from '../../src/placement/site.ts'
import { RANKINGS_MAX, ZoneMap } from '../../src/placement/zone-map.ts'

test('what units of specs that are gone have asked for is forgotten, and worked out alike when it is asked for again', () => {
  const { salt } = PLACEMENT_DEFAULTS
  const map = new ZoneMap(salt)
  for (const zone of ['a', 'b', 'c', 'd']) {
    const labels = { zone }
    map.add(new Site({ id: zone, weight: 1, zone, labels, behaviours: [], draining: false }, salt))
  }
  map.renumber()
  const wish: ZonePreference = { mode: 'rotate', key: 'first', ordinal: 2 }
  const first = map.ranksOf(wish)
  expect(map.ranksOf({ ...wish })).toBe(first)
  for (let index = 0; index < RANKINGS_MAX; index++)
    map.ranksOf({ mode: 'near', key: `spec ${index}`, ordinal: 0 })
  const again = map.ranksOf(wish)
  expect(again).toEqual(first)
  expect(again).not.toBe(first)
})
