/** That nobody listens at an address of loopback says something of this machine only. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { Contacts } from '../../src/protocol/contacts.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

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
