/** That nobody listens at an address of loopback says something of this machine only. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { Contacts } from '../../src/protocol/contacts.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import { Bench } from './bench.ts'

const REFUSED = { failure: 'refused', reason: 'refused' } as const
const [self, peer] = [nodeId('m'), nodeId('z')]
const ELSEWHERE = ['/ip4/10.0.0.1/tcp/1']

test.each([
  ['nothing of a node elsewhere', ELSEWHERE, false, undefined],
  ['something of one that has answered there', ELSEWHERE, true, peer],
  ['something, where this node itself is on loopback', ['/ip4/127.0.0.1/tcp/1'], false, peer],
])('it says %s', (_what, addresses, hasAnswered, said) => {
  const contacts = new Contacts({ id: self, addresses }, LAN_TIMINGS, new Prng(1))
  contacts.note(peer, ['/ip4/127.0.0.1/tcp/7000'], 0)
  if (hasAnswered) contacts.onDialled(peer, peer, 0)
  expect(contacts.onDialFailed(peer, REFUSED, 1_000)).toBe(said)
  contacts.note(peer, ['/ip4/127.0.0.1/tcp/7001'], 0)
  expect(contacts.onDialFailed(peer, REFUSED, 2_000)).toBe(addresses === ELSEWHERE ? undefined : peer)
})

test('it says nothing any more to a node that was up before its router, as soon as that has an address', () => {
  const bench = new Bench({ self: { id: self, addresses: ['/ip4/127.0.0.1/tcp/1'] } })
  const { contacts } = bench.membership
  contacts.note(peer, ['/ip4/127.0.0.1/tcp/7000'], 0)
  expect(contacts.onDialFailed(peer, REFUSED, 1_000)).toBe(peer)
  bench.membership.declareSelf({ isDraining: true }, bench.now)
  expect(contacts.onDialFailed(peer, REFUSED, 2_000)).toBe(peer)
  bench.membership.declareSelf({ addresses: ELSEWHERE }, bench.now)
  expect(contacts.onDialFailed(peer, REFUSED, 3_000)).toBeUndefined()
})

test('whoever listens from now on leaves the dialling to the smaller id, also where it did not before', () => {
  const smaller = nodeId('b')
  const contacts = new Contacts({ id: self, addresses: [] }, LAN_TIMINGS, new Prng(1))
  contacts.note(smaller, ['/ip4/10.0.0.2/tcp/7000'], 0)
  expect(contacts.wakeAtMs()).toBe(0)
  contacts.onPeerUp(smaller)
  contacts.listenAt(ELSEWHERE)
  contacts.onPeerDown(smaller, 1_000)
  expect(contacts.wakeAtMs()).toBeGreaterThan(1_000)
})
