/** What the simulated network promises beyond what every transport does: its faults are those of TCP and of a kernel. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { SimulatedNetwork } from '../../src/io/memory/simulated-network.ts'
import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { Prng } from '../../src/prng.ts'
import { Probe } from './harness.ts'

/** Longer than anything is on its way. */
const ON_WAY_MS = 10

class Pair {
  readonly clock = new VirtualClock()
  readonly network = new SimulatedNetwork(this.clock, new Prng('faults'))
  readonly from = nodeId('a')
  readonly to = nodeId('b')
  #sender: Probe | undefined
  #receiver: Probe | undefined

  static async start(): Promise<Pair> {
    const pair = new Pair()
    const sender = await Probe.start(pair.network.transport(pair.from))
    const receiver = await Probe.start(pair.network.transport(pair.to))
    sender.transport.dial('key', receiver.transport.addresses)
    await pair.clock.run(ON_WAY_MS)
    expect(receiver.ups).toEqual([pair.from])
    pair.#sender = sender
    pair.#receiver = receiver
    return pair
  }

  /** What the receiver was told of the ends of sessions. */
  get downs(): readonly string[] {
    return this.#receiver?.downs ?? []
  }

  get received(): string {
    return this.#receiver?.received(this.from, 'data').toString() ?? ''
  }

  get ups(): readonly string[] {
    return this.#receiver?.ups ?? []
  }

  dial(): void {
    this.#sender?.transport.dial('key', [SimulatedNetwork.addressOf(this.to)])
  }

  hangUp(): void {
    this.#sender?.transport.hangUp(this.to, 'enough', 0)
  }

  /** On the other lane. */
  say(text: string): void {
    this.#sender?.transport.send(this.to, 'control', Buffer.from(text))
  }

  get heard(): string {
    return this.#receiver?.received(this.from, 'control').toString() ?? ''
  }

  /** The receiver takes no session with the sender for so long. */
  shutOut(forMs: number): void {
    this.#receiver?.transport.hangUp(this.from, 'it has broken a rule', forMs)
  }

  /** From the receiver. */
  answer(text: string): void {
    this.#receiver?.transport.send(this.from, 'data', Buffer.from(text))
  }

  send(text: string): void {
    this.#sender?.transport.send(this.to, 'data', Buffer.from(text))
  }

  /** The receiver stands still with `1` before it, and `2` waits for the cut to be mended. */
  async holdUp(): Promise<void> {
    this.network.freeze(this.to)
    this.send('1')
    await this.clock.run(ON_WAY_MS)
    this.send('2')
    this.network.cut(this.from, this.to)
    await this.clock.run(ON_WAY_MS)
  }
}

test('what a mended cut lets through to a frozen process waits with the rest, in order (seed 30992)', async () => {
  const pair = await Pair.start()
  await pair.holdUp()
  pair.network.mend(pair.from, pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect(pair.received).toBe('')
  pair.network.thaw(pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect(pair.received).toBe('12')
})

test('a cut that is mended in the moment of a thaw lets nothing overtake what waited', async () => {
  const pair = await Pair.start()
  await pair.holdUp()
  pair.network.thaw(pair.to)
  pair.network.mend(pair.from, pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect(pair.received).toBe('12')
})

test('a process that stands still again before it has taken in everything goes on where it was', async () => {
  const pair = await Pair.start()
  await pair.holdUp()
  pair.network.thaw(pair.to)
  pair.network.freeze(pair.to)
  pair.network.mend(pair.from, pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect(pair.received).toBe('')
  pair.network.thaw(pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect(pair.received).toBe('12')
})

test('what had reached a process that stands still is read when it goes on, and then the end of the session', async () => {
  const pair = await Pair.start()
  pair.network.freeze(pair.to)
  pair.send('1')
  await pair.clock.run(ON_WAY_MS)
  pair.network.detach(pair.from)
  await pair.clock.run(ON_WAY_MS)
  expect([pair.received, pair.downs]).toEqual(['', []])
  pair.network.thaw(pair.to)
  await pair.clock.run(ON_WAY_MS)
  expect([pair.received, pair.downs]).toEqual(['1', [pair.from]])
})

/** Both ways: `a` and `b` of the pair hear nothing of each other. */
function cutBoth({ network, from, to }: Pair): void {
  network.cut(from, to)
  network.cut(to, from)
}

test('the end of a session does not get through a cut: a side that says nothing does not hear of it', async () => {
  const pair = await Pair.start()
  cutBoth(pair)
  pair.hangUp()
  await pair.clock.run(10 * pair.network.conditions.sessionTimeoutMs)
  expect(pair.downs).toEqual([])
})

test('a side that says something over a session that has ended beyond a cut finds out by itself', async () => {
  const pair = await Pair.start()
  cutBoth(pair)
  pair.hangUp()
  pair.answer('anybody?')
  await pair.clock.run(pair.network.conditions.sessionTimeoutMs + ON_WAY_MS)
  expect(pair.downs).toEqual([pair.from])
})

test('once a cut is mended, whoever says something over a session that is over hears that it is', async () => {
  const pair = await Pair.start()
  cutBoth(pair)
  pair.hangUp()
  pair.network.mend(pair.from, pair.to)
  pair.network.mend(pair.to, pair.from)
  pair.answer('anybody?')
  await pair.clock.run(ON_WAY_MS)
  expect(pair.downs).toEqual([pair.from])
})

test('whoever has ended a session beyond a cut, and dials, takes its place on the other side', async () => {
  const pair = await Pair.start()
  cutBoth(pair)
  pair.hangUp()
  pair.network.mend(pair.to, pair.from)
  pair.network.mend(pair.from, pair.to)
  pair.dial()
  await pair.clock.run(ON_WAY_MS)
  expect([pair.ups, pair.downs]).toEqual([[pair.from, pair.from], [pair.from]])
})

test('what a link carries only slowly comes piece by piece, and whatever is sent behind it waits', async () => {
  const pair = await Pair.start()
  pair.network.setConditions({ bytesPerMs: 100 })
  pair.send('x'.repeat(100_000))
  pair.say('are you there?')
  await pair.clock.run(500)
  expect(pair.received.length).toBeGreaterThan(30_000)
  expect(pair.received.length).toBeLessThan(60_000)
  expect(pair.heard).toBe('')
  await pair.clock.run(600)
  expect([pair.received.length, pair.heard]).toEqual([100_000, 'are you there?'])
})

test('beyond what may be on its way unread, data waits, and what is sent on the other lane does not', async () => {
  const pair = await Pair.start()
  pair.network.setConditions({ bytesPerMs: 1_000 })
  pair.send('x'.repeat(1_000_000))
  pair.say('are you there?')
  await pair.clock.run(400)
  expect(pair.heard).toBe('are you there?')
  expect(pair.received.length).toBeLessThan(500_000)
  await pair.clock.run(700)
  expect(pair.received.length).toBe(1_000_000)
})

test('a process that is gone in the midst of a long message has sent some of it, and its end comes after that', async () => {
  const pair = await Pair.start()
  pair.network.setConditions({ bytesPerMs: 1_000 })
  pair.send('x'.repeat(1_000_000))
  await pair.clock.run(100)
  pair.network.detach(pair.from)
  await pair.clock.run(2_000)
  expect(pair.received.length).toBeGreaterThan(0)
  expect(pair.received.length).toBeLessThan(500_000)
  expect(pair.downs).toEqual([pair.from])
})

test('links of different lengths take as long as they do, whoever else there is, in both directions', async () => {
  const arrivalsMs = async (pairs: readonly (readonly [string, string])[]): Promise<Map<string, number>> => {
    const clock = new VirtualClock()
    const network = new SimulatedNetwork(clock, new Prng('far'))
    network.setConditions({ latencyMs: 1, jitterMs: 0, spreadMs: 100 })
    const arrivals = new Map<string, number>()
    for (const [from, to] of pairs) {
      const atMs = clock.nowMs
      const sender = await Probe.start(network.transport(nodeId(from)))
      const receiver = await Probe.start(network.transport(nodeId(to)))
      sender.transport.dial('key', receiver.transport.addresses)
      while (sender.dialled.length === 0) await clock.step()
      arrivals.set([from, to].toSorted().join('-'), Math.round(clock.nowMs - atMs))
      network.detach(sender.id)
      network.detach(receiver.id)
    }
    return arrivals
  }
  const first = await arrivalsMs([
    ['a', 'b'],
    ['a', 'c'],
    ['b', 'c'],
  ])
  const again = await arrivalsMs([
    ['c', 'b'],
    ['c', 'a'],
    ['b', 'a'],
  ])
  expect(new Set(first.values()).size).toBe(3)
  expect(Object.fromEntries(again)).toEqual(Object.fromEntries(first))
})

test('of two sessions that cross, both may be up for a moment, and both sides keep that of the smaller id', async () => {
  let replaced = 0
  for (let seed = 0; seed < 20; seed++) {
    const clock = new VirtualClock()
    const network = new SimulatedNetwork(clock, new Prng(seed))
    const a = await Probe.start(network.transport(nodeId('a')))
    const b = await Probe.start(network.transport(nodeId('b')))
    a.transport.dial('to b', b.transport.addresses)
    b.transport.dial('to a', a.transport.addresses)
    await clock.run(ON_WAY_MS)
    a.transport.send(b.id, 'data', Buffer.from('from a'))
    b.transport.send(a.id, 'data', Buffer.from('from b'))
    await clock.run(ON_WAY_MS)
    expect([a.peers, b.peers], `seed ${seed}`).toEqual([[b.id], [a.id]])
    expect([a.dialled, b.dialled], `seed ${seed}`).toEqual([[['to b', b.id]], [['to a', a.id]]])
    expect([a.received(b.id, 'data').toString(), b.received(a.id, 'data').toString()]).toEqual([
      'from b',
      'from a',
    ])
    replaced += a.downs.length
    // Whoever has the smaller id has dialled what stays.
    expect(b.downs.length).toBe(0)
  }
  expect(replaced).toBeGreaterThan(0)
})

test('a peer that was shut out for a while gets in again when that is over', async () => {
  const pair = await Pair.start()
  pair.shutOut(1_000)
  await pair.clock.run(ON_WAY_MS)
  pair.dial()
  await pair.clock.run(1_000)
  expect(pair.ups).toEqual([pair.from])
  pair.dial()
  await pair.clock.run(ON_WAY_MS)
  expect(pair.ups).toEqual([pair.from, pair.from])
})

test('a process that stands still passes no gossip on', async () => {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork(clock, new Prng('gossip'))
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(id => Probe.start(network.transport(nodeId(id)))))
  for (const probe of [a, b, c]) probe?.transport.subscribe('news')
  b?.transport.dial('to a', [a?.address ?? ''])
  b?.transport.dial('to c', [c?.address ?? ''])
  await clock.run(ON_WAY_MS)
  a?.transport.publish('news', Buffer.from('first'))
  await clock.run(ON_WAY_MS)
  network.freeze(nodeId('b'))
  a?.transport.publish('news', Buffer.from('second'))
  await clock.run(ON_WAY_MS)
  expect(c?.hints).toEqual([['news', 'first']])
  network.thaw(nodeId('b'))
  await clock.run(ON_WAY_MS)
  expect(b?.hints.length).toBe(2)
})
