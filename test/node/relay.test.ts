/** What one member tells another round a link that is missing: over whom it goes, and that it never goes in circles. */

import { describe, expect, test } from 'vitest'

import { type NodeId, nodeId, slotId, specId } from '../../src/ids.ts'
import { REMEMBERED_MAX, Relay } from '../../src/node/relay.ts'
import { CONTROL_MESSAGES, RELAYED } from '../../src/protocol/limits.ts'
import { type CarriedMessage, type Message, NO_ROWS } from '../../src/protocol/messages.ts'

const ASK: CarriedMessage = { kind: 'handoff-ask', slot: slotId(specId('w')), generation: 4 }
const REFUSAL: CarriedMessage = { kind: 'handoff-refuse', slot: slotId(specId('w')), generation: 4 }

/** Nodes that have sessions along these links, and take in what they send each other until nothing is on its way. */
class Links {
  readonly #sessions: ReadonlySet<string>
  readonly #relays = new Map<NodeId, Relay>()
  readonly #moving: { from: NodeId; to: NodeId; message: Message }[] = []
  /** What has come to whom it was for: `to < from kind`. */
  readonly arrived: string[] = []
  /** Over which links something went: `a>b`. */
  readonly hops: string[] = []

  constructor(names: string, links: readonly string[]) {
    this.#sessions = new Set(links.flatMap(link => [link, link.split('').toReversed().join('')]))
    const ids = names.split('').map(nodeId)
    for (const self of ids) {
      const isConnected = (id: NodeId): boolean => this.#sessions.has(self + id)
      const helpersFor = (target: NodeId): readonly NodeId[] => {
        const peers = ids.filter(id => id !== target && isConnected(id))
        const reaching = peers.filter(id => this.#sessions.has(id + target))
        return reaching.length > 0 ? reaching : peers
      }
      const membership = {
        isConnected,
        isPresent: () => true,
        present: () => [],
        reachedBy: () => [],
      }
      const send = (to: NodeId, message: Message): void => {
        if (isConnected(to)) this.#moving.push({ from: self, to, message })
      }
      this.#relays.set(self, new Relay({ self, nowMs: 0, membership, helpersFor, send }))
    }
  }

  send(from: string, to: string, message: CarriedMessage, again?: 'again'): void {
    this.#relays.get(nodeId(from))?.send(nodeId(to), message, again)
    for (let next = this.#moving.shift(); next !== undefined; next = this.#moving.shift()) {
      const { from: peer, to: at, message: moved } = next
      this.hops.push(`${peer}>${at}`)
      const isRelay = moved.kind === 'relay'
      const taken = isRelay ? this.#relays.get(at)?.take(moved, peer, 0) : moved
      if (taken !== undefined) this.arrived.push(`${at} < ${isRelay ? moved.from : peer} ${taken.kind}`)
    }
  }
}

test('what has a session goes over it', () => {
  const links = new Links('abc', ['ab', 'bc', 'ac'])
  links.send('a', 'c', ASK)
  expect(links.hops).toEqual(['a>c'])
  expect(links.arrived).toEqual(['c < a handoff-ask'])
})

test('what has none goes over one that reaches both, and so does the answer', () => {
  const links = new Links('abcd', ['ab', 'bc', 'ad'])
  links.send('a', 'c', ASK)
  links.send('c', 'a', REFUSAL)
  expect(links.hops).toEqual(['a>b', 'b>c', 'c>b', 'b>a'])
  expect(links.arrived).toEqual(['c < a handoff-ask', 'a < c handoff-refuse'])
})

test('it goes over three others in a row, and no further', () => {
  const links = new Links('abcdef', ['ab', 'bc', 'cd', 'de', 'ef'])
  links.send('a', 'e', ASK)
  links.send('e', 'a', REFUSAL)
  expect(links.arrived).toEqual(['e < a handoff-ask', 'a < e handoff-refuse'])
  links.send('a', 'f', ASK)
  expect(links.arrived.length).toBe(2)
})

test('whoever asks again, without an answer, asks by another way', () => {
  const links = new Links('abcd', ['ab', 'ac'])
  for (let n = 0; n < 3; n++) links.send('a', 'd', ASK)
  expect(links.hops).toEqual(['a>b', 'a>c', 'a>b'])
})

test('what has had no answer goes round as well, and its answer takes both ways: once', () => {
  const links = new Links('abc', ['ab', 'bc', 'ac'])
  links.send('a', 'c', ASK, 'again')
  expect(links.arrived).toEqual(['c < a handoff-ask', 'c < a handoff-ask'])
  links.send('c', 'a', REFUSAL)
  links.send('c', 'a', REFUSAL)
  expect(links.arrived.slice(2)).toEqual(Array.from({ length: 3 }, () => 'a < c handoff-refuse'))
  expect(links.hops.filter(hop => hop === 'b>a').length).toBe(1)
})

describe('what leads nowhere', () => {
  test('ends: nobody sends it back to where it has come from', () => {
    const links = new Links('abcz', ['ab', 'bc', 'ac'])
    links.send('a', 'z', ASK)
    expect(links.arrived).toEqual([])
    expect(links.hops.length).toBeLessThanOrEqual(3)
  })

  test('is not sent at all by a node that is alone', () => {
    const links = new Links('ab', [])
    links.send('a', 'b', { kind: 'rows', rows: NO_ROWS })
    expect(links.hops).toEqual([])
  })
})

test('however many ask round, and for whatever, so much is remembered of it', () => {
  const membership = {
    isConnected: () => true,
    isPresent: () => true,
    present: () => [],
    reachedBy: () => [],
  }
  const relay = new Relay({ self: nodeId('a'), nowMs: 0, membership, helpersFor: () => [], send: () => {} })
  for (let n = 0; n < 2 * REMEMBERED_MAX; n++) {
    const message = { ...ASK, slot: slotId(specId(`w${n}`)) }
    relay.take({ kind: 'relay', from: nodeId(`x${n}`), to: nodeId('a'), hops: 0, message }, nodeId('b'), 0)
  }
  expect(relay.size).toBe(2 * REMEMBERED_MAX)
})

test('however much others send by way of a node, it passes on less than makes a peer hang up on it', () => {
  const membership = {
    isConnected: () => true,
    isPresent: () => true,
    present: () => [],
    reachedBy: () => [],
  }
  let count = 0
  const send = (): void => void (count += 1)
  const relay = new Relay({ self: nodeId('a'), nowMs: 0, membership, helpersFor: () => [], send })
  const flood = (nowMs: number): void => {
    for (const from of [nodeId('b'), nodeId('c')]) {
      for (let n = 0; n < CONTROL_MESSAGES.burst; n++)
        relay.take({ kind: 'relay', from, to: nodeId('d'), hops: 0, message: ASK }, from, nowMs)
    }
  }
  flood(0)
  expect(count).toBe(RELAYED.burst)
  expect(count).toBeLessThan(CONTROL_MESSAGES.burst)
  flood(1_000)
  expect(count).toBe(RELAYED.burst + RELAYED.perSecond)
  expect(RELAYED.perSecond).toBeLessThan(CONTROL_MESSAGES.perSecond)
})
