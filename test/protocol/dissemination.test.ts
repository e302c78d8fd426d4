/** How often news of members is told, and what first. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { encodePayload } from '../../src/payload.ts'
import { Dissemination, PIGGYBACK_BYTES_MAX, PIGGYBACK_MAX } from '../../src/protocol/dissemination.ts'
import { a, b, c, row } from './bench.ts'

// The design: 4 · ⌈log10(N + 1)⌉.
test.each([
  [1, 4],
  [9, 4],
  [10, 8],
  [99, 8],
  [100, 12],
  [999, 12],
  [1_000, 16],
])('in a mesh of %i nodes, news rides on %i messages, whoever they are for', (count, times) => {
  const news = new Dissemination()
  news.addRow(row(a), count)
  news.addAccusation({ run: { id: c, boot: 1 }, seq: 1, by: a, evidence: 'silent' }, count)
  const taken = Array.from({ length: times + 1 }, (_, index) => news.take(nodeId(`x${index}`)))
  expect(taken.map(({ members }) => members.length)).toEqual([...taken.slice(1).map(() => 1), 0])
  expect(taken.map(({ accusations }) => accusations.length)).toEqual([...taken.slice(1).map(() => 1), 0])
  expect(news.size).toBe(0)
})

test('what was told least often comes first, and of that the newest', () => {
  const news = new Dissemination()
  const old = Array.from({ length: PIGGYBACK_MAX + 1 }, (_, index) => nodeId(`old${index}`))
  for (const id of old) news.addRow(row(id), 9)
  const idsOf = (): string[] => news.take(b).members.map(({ id }) => id)
  expect(idsOf()).toEqual(old.slice(1).toReversed())
  news.addRow(row(a), 9)
  expect(idsOf().slice(0, 2)).toEqual([a, 'old0'])
})

test('nobody is told of itself, but for what is said against it', () => {
  const news = new Dissemination()
  news.addRow(row(b), 9)
  expect(news.take(b).members).toEqual([])
  news.addRow(row(b, { status: 'suspect' }), 9)
  expect(news.take(b).members.map(({ status }) => status)).toEqual(['suspect'])
})

test('large rows do not go together, each goes as often as others, and small ones go with them', () => {
  const news = new Dissemination()
  const behaviours = Array.from({ length: 1_000 }, (_, n) => `${'x'.repeat(100)}${n}@1`)
  const large = Array.from({ length: 5 }, (_, n) => nodeId(`large${n}`))
  for (const id of large) news.addRow(row(id, { behaviours }), 9)
  news.addRow(row(a), 9)
  news.addRow(row(b), 9)
  const seen = new Map<string, number>()
  for (let n = 0; news.size > 0; n++) {
    expect(n).toBeLessThan(100)
    const { members } = news.take(nodeId('x'))
    expect(members.filter(({ behaviours: ids }) => ids.length > 0).length).toBeLessThan(2)
    for (const { id } of members) seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  expect([...seen]).toHaveLength(7)
  expect(new Set(seen.values())).toEqual(new Set([4]))
})

test('what goes together comes to no more than it may, however large labels are', () => {
  const news = new Dissemination()
  const labels = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`label${n}`, 'x'.repeat(400)]))
  for (let n = 0; n < 100; n++) news.addRow(row(nodeId(`n${n}`), { labels }), 9)
  for (let n = 0; n < 100; n++) {
    const { members } = news.take(nodeId('x'))
    expect(members.length).toBeGreaterThan(1)
    expect(encodePayload(members).length).toBeLessThan(PIGGYBACK_BYTES_MAX)
  }
})
