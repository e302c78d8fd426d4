import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { placeAt, placeBetween, placeOfOne } from '../../src/protocol/place.ts'

test('there is always a place between two others, wherever something was put in before', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5 }),
      fc.array(fc.nat(), { maxLength: 200 }),
      (count, positions) => {
        const places = Array.from({ length: count }, (_, index) => placeAt(index))
        for (const position of positions) {
          const at = position % (places.length + 1)
          places.splice(at, 0, placeBetween(places[at - 1], places[at]))
        }
        expect(places).toEqual([...new Set(places)].toSorted())
      },
    ),
  )
})

test.each(['front', 'end', 'middle'])('a thousand are put in at the %s, one after the other', where => {
  const places = [placeAt(0), placeAt(1)]
  for (let n = 0; n < 1_000; n++) {
    const at = { front: 0, end: places.length, middle: 1 }[where] ?? 0
    places.splice(at, 0, placeBetween(places[at - 1], places[at]))
  }
  expect(places).toEqual([...new Set(places)].toSorted())
  expect(Math.max(...places.map(({ length }) => length))).toBeLessThan(400)
})

test('where two have one place, what comes between them has it as well', () => {
  expect(placeBetween(placeAt(3), placeAt(3))).toBe(placeAt(3))
})

test('between two that were put in one place at once there is room, again and again', () => {
  const at = placeBetween(placeAt(0), placeAt(1))
  const places = [1, 4_294_967_295].map(number => placeOfOne(at, number))
  for (let n = 0; n < 200; n++)
    places.splice(1, 0, placeOfOne(placeBetween(places[0], places[1]), 7 ** (n % 11)))
  expect(places).toEqual([...new Set(places)].toSorted())
})

// A group to which a member is added every second has come that far in a week.
test('a place is no longer after very many were put in at the end', () => {
  const first = placeAt(0)
  let last = first
  for (let n = 0; n < 600_000; n++) {
    const next = placeBetween(last, undefined)
    if (next <= last) throw new Error(`${next} is not after ${last}`)
    last = next
  }
  expect(last).toHaveLength(first.length)
})

test.each([
  ['5', '50', '5'],
  [undefined, '000000000000', '000000000000'],
])('where there is none between %s and %s, it is one of them', (before, after, wanted) => {
  expect(placeBetween(before, after)).toBe(wanted)
})
