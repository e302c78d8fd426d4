/** What every transport promises: one suite for the simulated one and the real one. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import type { Harness, Probe } from './harness.ts'
import { overTcp, simulated } from './harnesses.ts'

describe.each([
  { name: 'simulated', create: simulated },
  { name: 'libp2p over TCP', create: () => overTcp() },
])('the transport ($name)', ({ create }) => {
  let harness: Harness
  beforeEach(() => {
    harness = create()
  })
  afterEach(async () => {
    await harness.stop()
  })

  async function pair(): Promise<readonly [Probe, Probe]> {
    const [a, b] = [await harness.make(), await harness.make()]
    a.transport.dial('key', [b.address])
    await harness.until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
    return [a, b]
  }

  test('opens one session, which both sides are told of, and then says where the dial has led', async () => {
    const [a, b] = await pair()
    expect(a.ups).toEqual([b.id])
    expect(b.ups).toEqual([a.id])
    await harness.until('the dial is told of', () => a.dialled.length === 1)
    expect(a.dialled).toEqual([['key', b.id]])
    expect(b.dialled).toEqual([])
    expect(a.told).toEqual([`up ${b.id}`, `dialled ${b.id}`])
  })

  test('carries bytes in the order of sending, both ways, on two lanes', async () => {
    const [a, b] = await pair()
    const text = (from: string, lane: string): string =>
      Array.from({ length: 500 }, (_, index) => `${from} ${lane} ${index};`).join('')
    for (const lane of ['control', 'data'] as const) {
      for (let index = 0; index < 500; index++) {
        a.transport.send(b.id, lane, Buffer.from(`a ${lane} ${index};`))
        b.transport.send(a.id, lane, Buffer.from(`b ${lane} ${index};`))
      }
    }
    const isThere = (probe: Probe, peer: Probe, name: string): boolean =>
      (['control', 'data'] as const).every(
        lane => probe.receivedBytes(peer.id, lane) === text(name, lane).length,
      )
    await harness.until('all has come', () => isThere(a, b, 'b') && isThere(b, a, 'a'))
    for (const lane of ['control', 'data'] as const) {
      expect(b.received(a.id, lane).toString()).toBe(text('a', lane))
      expect(a.received(b.id, lane).toString()).toBe(text('b', lane))
    }
  })

  test('asks a sender to wait, says when it may go on, and loses nothing', async () => {
    const [a, b] = await pair()
    const piece = new Uint8Array(256 * 1024).fill(7)
    let sent = 0
    while (sent < 64 * 1024 * 1024) {
      sent += piece.length
      if (!a.transport.send(b.id, 'data', Uint8Array.from(piece))) break
    }
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    await harness.until('it drains', () => a.drains > 0)
    await harness.until('all has come', () => b.receivedBytes(a.id, 'data') === sent)
  })

  test('keeps the session of a sender that waits whenever it is asked to, however much it sends at a time', async () => {
    const [a, b] = await pair()
    const pieces = 24
    const bytes = 4 * 1024 * 1024
    let drains = 0
    for (let sent = 0; sent < pieces; sent++) {
      if (a.transport.send(b.id, 'data', new Uint8Array(bytes))) continue
      await harness.until('it drains', () => a.drains > drains)
      drains = a.drains
    }
    await harness.until('all has come', () => b.receivedBytes(a.id, 'data') === pieces * bytes)
    expect(a.downs).toEqual([])
  })

  test('tells both sides when a session ends, and opens another one afterwards', async () => {
    const [a, b] = await pair()
    a.transport.hangUp(b.id, 'enough', 0)
    await harness.until('both are told', () => a.downs.length === 1 && b.downs.length === 1)
    b.transport.dial('again', [a.address])
    await harness.until('both are up again', () => a.peers.length === 1 && b.peers.length === 1)
    b.transport.send(a.id, 'data', Buffer.from('hello again'))
    await harness.until('it works', () => a.receivedBytes(b.id, 'data') === 11)
    expect(a.received(b.id, 'data').toString()).toBe('hello again')
  })

  test.each([0, 1])(
    'opens another one where the peer is dialled in the turn in which it is hung up: by %i',
    async by => {
      const sides = await pair()
      const [from, to] = by === 0 ? sides : sides.toReversed()
      if (from === undefined || to === undefined) return
      // Later than what crosses.
      harness.pass(60_000)
      from.transport.hangUp(to.id, 'it has been silent for too long', 0)
      from.transport.dial('renewed', [to.address])
      await harness.until('the dial is told of', () => from.dialled.some(([key]) => key === 'renewed'))
      await harness.until('both are up again', () => from.ups.length === 2 && to.ups.length === 2)
      expect([from.peers, to.peers, from.failures]).toEqual([[to.id], [from.id], []])
    },
  )

  test('takes no session with a peer that it has shut out, whoever dials, and says who has come', async () => {
    const [a, b] = await pair()
    a.transport.hangUp(b.id, 'it has broken a rule', 60_000)
    await harness.until('both are told', () => a.downs.length === 1 && b.downs.length === 1)
    b.transport.dial('again', [a.address])
    a.transport.dial('back', [b.address])
    await harness.until('both have failed', () => a.failures.length === 1 && b.failures.length === 1)
    expect([a.failures[0]?.[1], b.failures[0]?.[1]]).toEqual(['handshake', 'handshake'])
    await harness.until('a says so', () => a.refused.length > 0)
    expect(a.refused[0]?.[0]).toBe(b.id)
    expect([a.ups, b.ups]).toEqual([[b.id], [a.id]])
  })

  test('tells of nothing from inside a call: of a session that is hung up, when that is done', async () => {
    const [a, b] = await pair()
    a.transport.hangUp(b.id, 'enough', 0)
    expect(a.downs).toEqual([])
    await harness.until('both are told', () => a.downs.length === 1 && b.downs.length === 1)
  })

  test('tells of nothing from inside a call: of a session that has too much to keep, when it was told so', async () => {
    const [a, b] = await pair()
    const piece = 8 * 1024 * 1024
    for (let count = 0; count < 12; count++) {
      a.transport.send(b.id, 'data', new Uint8Array(piece))
      expect(a.downs).toEqual([])
    }
    await harness.until('both are told', () => a.downs.length === 1 && b.downs.length === 1)
  })

  test('keeps one session when two dials cross', async () => {
    const [a, b] = [await harness.make(), await harness.make()]
    a.transport.dial('to b', [b.address])
    b.transport.dial('to a', [a.address])
    await harness.until('both dials are told of', () => a.dialled.length === 1 && b.dialled.length === 1)
    await harness.until('both are up', () => a.peers.length === 1 && b.peers.length === 1)
    a.transport.send(b.id, 'data', Buffer.from('from a'))
    b.transport.send(a.id, 'data', Buffer.from('from b'))
    // Whichever session has stayed: it is the same one on both sides, or one would not hear the other.
    await harness.until('they hear each other', () => {
      if (a.receivedBytes(b.id, 'data') === 0) b.transport.send(a.id, 'data', Buffer.from('from b'))
      if (b.receivedBytes(a.id, 'data') === 0) a.transport.send(b.id, 'data', Buffer.from('from a'))
      return a.receivedBytes(b.id, 'data') > 0 && b.receivedBytes(a.id, 'data') > 0
    })
    expect(a.peers).toEqual([b.id])
    expect(b.peers).toEqual([a.id])
  })

  test.each([0, 60_000])(
    'keeps the session with a peer that is dialled once more %i ms later, at an address that does not say whose it is',
    async afterMs => {
      const [a, b] = await pair()
      for (const [key, [from, to]] of Object.entries({ 'b to a': [b, a], 'a to b': [a, b] } as const)) {
        harness.pass(afterMs)
        from.transport.dial(key, [to.address.replace(/\/p2p\/.*/, '')])
        await harness.until(`the dial ${key} is told of`, () => from.dialled.at(-1)?.[0] === key)
        expect(from.dialled.at(-1)).toEqual([key, to.id])
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          const before = other.receivedBytes(one.id, 'data')
          one.transport.send(other.id, 'data', Buffer.from(key))
          await harness.until('they hear each other', () => other.receivedBytes(one.id, 'data') > before)
        }
      }
      expect([a.ups, a.downs, a.failures]).toEqual([[b.id], [], []])
      expect([b.ups, b.downs, b.failures]).toEqual([[a.id], [], []])
    },
  )

  test('says why a dial fails: nobody there, or itself', async () => {
    const a = await harness.make()
    a.transport.dial('nobody', [await harness.nowhere()])
    a.transport.dial('self', [a.address])
    await harness.until('both have failed', () => a.failures.length === 2)
    expect(new Map(a.failures.map(([key, failure]) => [key, failure]))).toEqual(
      new Map([
        ['nobody', 'refused'],
        ['self', 'self'],
      ]),
    )
  })

  test('tells the others when it stops, after what it has said last', async () => {
    const [a, b] = await pair()
    a.transport.send(b.id, 'control', Buffer.from('good-bye'))
    const stopped = a.transport.stop()
    await harness.until('b is told', () => b.downs.length === 1)
    await stopped
    expect(b.received(a.id, 'control').toString()).toBe('good-bye')
  })

  test.each(['hangs up', 'stops'] as const)(
    'brings the last words of whoever %s to a peer that is talking, and then it is over',
    async how => {
      const [a, b] = await pair()
      const talk = (): void => {
        for (let count = 0; count < 50; count++) b.transport.send(a.id, 'data', Buffer.from('and then'))
      }
      talk()
      await harness.until('a hears it', () => {
        if (a.receivedBytes(b.id, 'data') === 0) talk()
        return a.receivedBytes(b.id, 'data') > 0
      })
      for (const lane of ['control', 'data'] as const) a.transport.send(b.id, lane, Buffer.from('bye'))
      if (how === 'stops') void a.transport.stop()
      else a.transport.hangUp(b.id, 'enough', 0)
      await harness.until('b is told', () => {
        if (b.downs.length === 0) talk()
        return b.downs.length === 1
      })
      const lastWords = (['control', 'data'] as const).map(lane => b.received(a.id, lane).toString())
      expect(lastWords).toEqual(['bye', 'bye'])
    },
  )

  test('brings hints to those who listen to the topic', async () => {
    const [a, b] = await pair()
    a.transport.subscribe('news')
    b.transport.subscribe('news')
    b.transport.subscribe('other')
    await harness.until('a hint comes through', () => {
      if (b.hints.length === 0) a.transport.publish('news', Buffer.from('first'))
      return b.hints.length > 0
    })
    expect(b.hints[0]).toEqual(['news', 'first'])
    expect(a.hints).toEqual([])
  })

  test('brings hints over each session that follows another', async () => {
    const [a, b] = await pair()
    a.transport.subscribe('news')
    b.transport.subscribe('news')
    for (const times of [1, 2, 3]) {
      const isHeard = (): boolean => b.hints.some(([, text]) => text === `hint ${times}`)
      await harness.until(`hint ${times} comes through`, () => {
        if (!isHeard()) a.transport.publish('news', Buffer.from(`hint ${times}`))
        return isHeard()
      })
      a.transport.hangUp(b.id, 'enough', 0)
      await harness.until('both are told', () => a.downs.length === times && b.downs.length === times)
      b.transport.dial('again', [a.address])
      await harness.until('both are up again', () => a.peers.length === 1 && b.peers.length === 1)
    }
    expect(b.hints.length).toBeGreaterThanOrEqual(3)
  })
})
