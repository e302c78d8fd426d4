/** The dead are dialled on: not too often, however many they are, and not where somebody else answers. */

import { beforeEach, expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { Desk } from './desk.ts'

const UNREACHABLE = { failure: 'unreachable', reason: 'no answer' } as const
const REFUSED = { failure: 'refused', reason: 'nobody listens' } as const

let desk: Desk

beforeEach(() => {
  desk = new Desk()
})

/** A member that was there, and is dead. */
function loseAt(name: string, ...addresses: readonly string[]): NodeId {
  const id = nodeId(name)
  desk.contacts.note(id, addresses, desk.nowMs)
  desk.contacts.lose(id)
  return id
}

/** Who is dialled until then: all refuse. */
function refuseUntil(untilMs: number): string[] {
  return desk.until(untilMs, (key, nowMs) => desk.contacts.onDialFailed(key, REFUSED, nowMs))
}

test('however many are dead, two of them are dialled a second: each of them, and who has died last soon', () => {
  const lost = Array.from({ length: 400 }, (_, index) =>
    loseAt(`n${index}`, `/ip4/10.0.0.5/tcp/${1_000 + index}`),
  )
  expect(refuseUntil(60_000).length).toBeLessThanOrEqual(2 * 60 + 1)
  const last = loseAt('z', '/ip4/10.0.0.6/tcp/7000')
  expect(refuseUntil(70_000)).toContain(last)
  const dialled = new Set(refuseUntil(70_000 + 2 * 400 * 500))
  expect(lost.filter(id => !dialled.has(id))).toEqual([])
})

test.each([
  { count: 61, silentMs: 4_000 },
  { count: 100, silentMs: 4_000 },
  { count: 400, silentMs: 24_000 },
])(
  'a seed is dialled every few seconds, also where $count are dead, and a dial of them takes $silentMs ms',
  given => {
    const seed = '/ip4/10.0.0.6/tcp/7000'
    for (let index = 0; index < given.count; index++)
      loseAt(`n${index}`, `/ip4/10.0.0.5/tcp/${1_000 + index}`)
    desk.contacts.addSeed(seed, 0)
    const seedMs = [0]
    /** Dials of the dead, each with when it is given up; oldest first. */
    const open: { readonly key: string; readonly endMs: number }[] = []
    for (let nowMs = 0; nowMs <= 300_000; nowMs += 50) {
      for (; open[0] !== undefined && open[0].endMs <= nowMs; open.shift())
        desk.contacts.onDialFailed(open[0].key, UNREACHABLE, nowMs)
      for (const { key } of desk.contacts.take(nowMs)) {
        if (key !== seed) open.push({ key, endMs: nowMs + given.silentMs })
        else {
          seedMs.push(nowMs)
          desk.contacts.onDialFailed(seed, REFUSED, nowMs)
        }
      }
      // libp2p has 64 dials under way at most: there is room for others beside them.
      expect(open.length).toBeLessThanOrEqual(48)
    }
    const gapsMs = [...seedMs.slice(1), 300_000].map((ms, index) => ms - (seedMs[index] ?? 0))
    expect(Math.max(...gapsMs)).toBeLessThanOrEqual(6_000)
  },
)

test('a few are dialled as often as any other', () => {
  loseAt('n', '/ip4/10.0.0.5/tcp/7000')
  expect(refuseUntil(10_000).length).toBeGreaterThan(5)
})

// Without a seed on the other side, nothing else would bring the sides of a partition together again.
test('who is dead is dialled every few seconds for as long as it is remembered, however often that was in vain', () => {
  const id = loseAt('n', '/ip4/10.0.0.5/tcp/7000')
  const dialledMs: number[] = []
  desk.until(24 * 60 * 60 * 1_000, (key, nowMs) => {
    expect(key).toBe(id)
    dialledMs.push(nowMs)
    desk.contacts.onDialFailed(key, UNREACHABLE, nowMs)
  })
  const gapsMs = [...dialledMs.slice(1), 24 * 60 * 60 * 1_000].map(
    (ms, index) => ms - (dialledMs[index] ?? 0),
  )
  expect(Math.max(...gapsMs)).toBeLessThanOrEqual(5_000)
})

test('a dead member that turns out to be this node is none of the dead', () => {
  for (let index = 0; index < 100; index++) {
    const id = loseAt(`n${index}`, `/ip4/10.0.0.5/tcp/${1_000 + index}`)
    desk.contacts.onDialFailed(id, { failure: 'self', reason: 'it is this node' }, 0)
  }
  loseAt('z', '/ip4/10.0.0.6/tcp/7000')
  expect(refuseUntil(60_000).length).toBeGreaterThan(14)
})

test('who is dead is not dialled where a member or this node is, and again when that has gone', () => {
  desk = new Desk(['/ip4/10.0.0.1/tcp/7000/p2p/m'])
  const old = loseAt('a', '/ip4/10.0.0.5/tcp/7000/p2p/a')
  const own = loseAt('b', '/ip4/10.0.0.1/tcp/7000/p2p/b')
  const moved = loseAt('c', '/ip4/10.0.0.5/tcp/7000/p2p/c', '/ip4/10.0.0.7/tcp/7000/p2p/c')
  const living = nodeId('l')
  desk.contacts.note(living, ['/ip4/10.0.0.5/tcp/7000/p2p/l'], 0)
  desk.contacts.onPeerUp(living)
  const dials = desk.contacts.take(5_000)
  expect(dials).toEqual([{ key: moved, addresses: ['/ip4/10.0.0.7/tcp/7000/p2p/c'] }])
  expect(new Set(refuseUntil(60_000))).toEqual(new Set())
  desk.contacts.onDialFailed(moved, REFUSED, 60_000)
  expect(desk.contacts.problems().map(({ address }) => address)).toEqual(['/ip4/10.0.0.7/tcp/7000/p2p/c'])
  desk.contacts.onPeerDown(living, 60_000)
  desk.contacts.lose(living)
  const dialled = refuseUntil(120_000)
  expect(dialled).toContain(old)
  expect(dialled).not.toContain(own)
})

test('that somebody else answers where a dead or a missing member was, is no news', () => {
  const { contacts } = desk
  const missing = nodeId('a')
  contacts.note(missing, ['/ip4/10.0.0.5/tcp/7000/p2p/a'], 0)
  expect(contacts.isNews(missing, 'handshake')).toBe(true)
  contacts.note(nodeId('b'), ['/ip4/10.0.0.5/tcp/7000/p2p/b'], 0)
  expect(contacts.isNews(missing, 'handshake')).toBe(false)
  const dead = loseAt('c', '/ip4/10.0.0.6/tcp/7000/p2p/c')
  expect(contacts.isNews(dead, 'handshake')).toBe(false)
  contacts.addSeed('/ip4/10.0.0.7/tcp/7000', 0)
  expect(contacts.isNews('/ip4/10.0.0.7/tcp/7000', 'handshake')).toBe(true)
  expect(contacts.isNews('/ip4/10.0.0.7/tcp/7000', 'self')).toBe(false)
})
