/** A name with an address of each family, of which the node behind it listens at one, as it does by default. */

import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { COMPLAIN_EVERY_MS, FAILED_DIALS_MIN, FAILED_FOR_MS } from '../../src/node/border.ts'
import { Outside } from './outside.ts'

const NAME = '/dns/gateway.local/tcp/7000'
const IP4 = '/ip4/10.0.0.2/tcp/7000'
const IP6 = '/ip6/fd00::2/tcp/7000'

test('an address of a name is not mentioned for as long as there is a session by the other family of the name', async () => {
  const outside = new Outside()
  for (const seed of [IP4, IP6]) outside.names.set(seed, NAME)
  await outside.node({ discovery: { seeds: [IP4, IP6] } })
  const peer = nodeId('peer')
  const told = (): string[] => outside.warnings.filter(text => text.includes('nobody listens there'))
  const fail = (failure: 'refused' | 'handshake'): void => {
    for (let n = 0; n < FAILED_DIALS_MIN; n++)
      outside.world.onDialFailed(IP6, failure, 'nobody listens there')
  }
  outside.greet(peer)
  outside.world.onDialled(IP4, peer)
  fail('refused')
  expect(told()).toEqual([])
  // Of that, somebody is to blame.
  fail('handshake')
  expect(told()).toHaveLength(1)
  outside.world.onPeerDown(peer, 'it has ended')
  await outside.clock.run(COMPLAIN_EVERY_MS)
  fail('refused')
  expect(told()).toHaveLength(2)
})

test('one of several addresses of one family is mentioned, as each may be of another node', async () => {
  const outside = new Outside()
  const other = '/ip4/10.0.0.3/tcp/7000'
  for (const seed of [IP4, other]) outside.names.set(seed, NAME)
  await outside.node({ discovery: { seeds: [IP4, other] } })
  outside.greet(nodeId('peer'))
  outside.world.onDialled(IP4, nodeId('peer'))
  for (let n = 0; n < FAILED_DIALS_MIN; n++)
    outside.world.onDialFailed(other, 'refused', 'nobody listens there')
  expect(outside.warnings.filter(text => text.startsWith('no session'))).toHaveLength(1)
})

test('the family of a name that nobody listens at is not mentioned at once when the node behind it starts anew', async () => {
  const outside = new Outside()
  for (const seed of [IP4, IP6]) outside.names.set(seed, NAME)
  await outside.node({ discovery: { seeds: [IP4, IP6] } })
  const peer = nodeId('peer')
  const fail = (): void => outside.world.onDialFailed(IP6, 'refused', 'nobody listens there')
  fail()
  outside.greet(peer)
  outside.world.onDialled(IP4, peer)
  await outside.clock.run(2 * FAILED_FOR_MS)
  fail()
  outside.world.onPeerDown(peer, 'it starts anew')
  fail()
  expect(outside.warnings).toEqual([])
})
