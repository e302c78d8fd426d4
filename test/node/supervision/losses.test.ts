import { expect, test } from 'vitest'

import { slotId, specId } from '../../../src/ids.ts'
import { type Loss, Losses, SURE_MS } from '../../../src/node/supervision/losses.ts'

const SLOT = slotId(specId('w'))
const LOSS: Loss = { number: 1, isWith: () => true, isWanted: () => true }

test('a loss is told when it has stayed one for a while, and once', () => {
  const told: string[] = []
  const losses = new Losses(slot => told.push(slot))
  losses.note(SLOT, LOSS, 0)
  losses.tick(SURE_MS - 1)
  expect(told).toEqual([])
  expect(losses.wakeAtMs()).toBe(SURE_MS)
  losses.tick(SURE_MS)
  losses.tick(2 * SURE_MS)
  expect(told).toEqual([SLOT])
})

// It was told at once: timers come before what has waited to be read.
test('whoever has stood still meanwhile waits as long again, as what was said meanwhile may give it to somebody', () => {
  const told: string[] = []
  const losses = new Losses(slot => told.push(slot))
  losses.note(SLOT, LOSS, 0)
  losses.tick(10_000)
  expect(told).toEqual([])
  losses.onTaken(SLOT, 1)
  losses.tick(10_000 + SURE_MS)
  expect(told).toEqual([])
  // But only once: it may stand still again and again.
  losses.note(SLOT, LOSS, 20_000)
  losses.tick(30_000)
  losses.tick(40_000)
  expect(told).toEqual([SLOT])
})
