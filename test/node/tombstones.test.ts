/** How long the rows of removed specs are kept, and what is known of them after that. */

import { expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { FORGOTTEN_MAX, Tombstones } from '../../src/node/tombstones.ts'
import type { Hlc } from '../../src/protocol/hlc.ts'
import type { GroupBody, SpecRow } from '../../src/protocol/spec-row.ts'

const KEEP_MS = 1_000
const WALL_MS = 1_000_000
const id = specId('s')

const LINE: GroupBody = {
  kind: 'group',
  strategy: 'one_for_one',
  intensity: { restarts: 1, withinMs: 1 },
  autoShutdown: 'never',
  revision: 1,
  spread: true,
  members: [],
}

const at = (ms: number): Hlc => ({ ms, count: 0, node: nodeId('a') })
const removed = (ms: number): SpecRow => ({ id, version: at(ms), body: undefined, desired: 'stopped' })

test.each([
  ['just now', 0, KEEP_MS],
  ['a quarter of the time ago', -250, 750],
  ['long ago, or by a clock that is behind', -1_000_000, 500],
  ['in a while, by a clock that is ahead', 1_000_000, KEEP_MS],
])('the row of what was removed %s is kept', (_, agoMs, keptMs) => {
  const tombstones = new Tombstones(KEEP_MS)
  tombstones.follow(removed(WALL_MS + agoMs), { ms: 50, wallMs: WALL_MS })
  expect(tombstones.wakeAtMs()).toBe(50 + keptMs)
  expect(tombstones.take(50 + keptMs)).toEqual([id])
})

test('of what is forgotten the latest removal is known', () => {
  const tombstones = new Tombstones(KEEP_MS)
  expect(tombstones.findRemoval(id)).toBeUndefined()
  for (const ms of [5, 7, 6]) tombstones.note(id, at(ms))
  tombstones.note(specId('t'), at(9))
  expect(tombstones.findRemoval(id)).toEqual(at(7))
  expect(tombstones.findRemoval(specId('u'))).toBeUndefined()
})

test('of what is forgotten the latest generation is known, also where others say only that it was removed', () => {
  const tombstones = new Tombstones(KEEP_MS)
  expect(tombstones.findGeneration(id)).toBe(0)
  for (const [ms, generation] of [
    [5, 40],
    [6, 30],
  ] as const)
    tombstones.note(id, at(ms), generation)
  tombstones.note(id, at(7))
  expect(tombstones.findGeneration(id)).toBe(40)
})

test('of more than can be known, the first to be forgotten go first', () => {
  const tombstones = new Tombstones(KEEP_MS)
  const nth = (n: number) => specId(`s${n}`)
  for (let n = 0; n < FORGOTTEN_MAX; n++) tombstones.note(nth(n), at(n))
  tombstones.note(nth(0), at(FORGOTTEN_MAX))
  tombstones.note(id, at(FORGOTTEN_MAX))
  expect(tombstones.findRemoval(nth(0))).toBeDefined()
  expect(tombstones.findRemoval(nth(1))).toBeUndefined()
  expect(tombstones.findRemoval(nth(2))).toBeDefined()
})

test('of more rows than are kept, those that were removed first are dropped at once, or when nothing of them runs', () => {
  const tombstones = new Tombstones(KEEP_MS, 2)
  const now = { ms: 50, wallMs: WALL_MS }
  const ids = ['a', 'b', 'c', 'd'].map(text => specId(text))
  const [a, b, c, d] = ids
  for (const [index, each] of ids.entries())
    tombstones.follow({ ...removed(WALL_MS - 100 * (4 - index)), id: each }, now)
  expect(tombstones.wakeAtMs()).toBe(50)
  expect(tombstones.take(50)).toEqual([a, b])
  if (b !== undefined) tombstones.defer(b, 50)
  expect(tombstones.take(1_049)).toEqual([c, d])
  expect(tombstones.take(1_050)).toEqual([b])
  expect(tombstones.wakeAtMs()).toBe(Infinity)
})

test('what was declared anew is not dropped, though it was among too many that were removed', () => {
  const tombstones = new Tombstones(KEEP_MS, 0)
  const now = { ms: 50, wallMs: WALL_MS }
  tombstones.follow(removed(WALL_MS), now)
  expect(tombstones.wakeAtMs()).toBe(50)
  tombstones.follow({ ...removed(WALL_MS + 1), body: LINE, desired: 'running' }, now)
  expect(tombstones.wakeAtMs()).toBe(Infinity)
})
