/** What a holder knows of the newest worker of each slot. */

import { expect, test } from 'vitest'

import { slotId } from '../../../src/ids.ts'
import { HEIR_MS } from '../../../src/node/supervision/handoffs.ts'
import { Latest } from '../../../src/node/supervision/latest.ts'
import type { PlacedSlot } from '../../../src/protocol/phase.ts'
import { GROUP, SUCCESSOR } from './heirs.ts'

const slot = slotId(GROUP, 'passing')
const ended: PlacedSlot = { ...SUCCESSOR, slot }
const lasting = [SUCCESSOR]
const free = (): boolean => false

function withEnded(): Latest {
  const latest = new Latest()
  for (const placed of [SUCCESSOR, ended]) latest.onPlaced(placed)
  latest.onEnded(slot, ended.since, undefined)
  return latest
}

test('what has ended is not run again while rows may be overruled, and then it is forgotten', () => {
  const latest = withEnded()
  for (const nowMs of [0, HEIR_MS - 1]) {
    latest.tidy({ layout: lasting, own: lasting }, free, nowMs)
    expect(latest.isSpent(ended)).toBe(true)
  }
  latest.tidy({ layout: lasting, own: lasting }, free, HEIR_MS)
  expect(latest.isSpent(ended)).toBe(false)
})

test('what has a place in the row, or is not through, is known for as long', () => {
  const latest = withEnded()
  for (const nowMs of [0, HEIR_MS, 2 * HEIR_MS])
    latest.tidy({ layout: [SUCCESSOR, ended], own: lasting }, free, nowMs)
  for (const nowMs of [3 * HEIR_MS, 4 * HEIR_MS])
    latest.tidy({ layout: lasting, own: lasting }, each => each === slot, nowMs)
  expect(latest.isSpent(ended)).toBe(true)
})

test('the while begins anew when it has had a place again', () => {
  const latest = withEnded()
  latest.tidy({ layout: lasting, own: lasting }, free, 0)
  const again: PlacedSlot = { ...ended, since: { number: 9, tag: 1 } }
  latest.onPlaced(again)
  latest.onEnded(slot, again.since, undefined)
  latest.tidy({ layout: lasting, own: lasting }, free, HEIR_MS)
  expect(latest.isSpent(again)).toBe(true)
})
