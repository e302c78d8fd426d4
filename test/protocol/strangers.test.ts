/** Of whom a node that starts knows nothing yet, so that there may be a mesh behind them. */

import { beforeEach, expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { Contacts } from '../../src/protocol/contacts.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'

const [self, peer] = [nodeId('m'), nodeId('z')]
const REFUSED = { failure: 'refused', reason: 'refused' } as const
const SEED = '/ip4/10.0.0.2/tcp/7000'
const LOOPBACK = '/ip4/127.0.0.1/tcp/7000'

const contactsAt = (address: string): Contacts =>
  new Contacts({ id: self, addresses: [address] }, LAN_TIMINGS, new Prng(1))

let contacts: Contacts

beforeEach(() => {
  contacts = contactsAt('/ip4/10.0.0.1/tcp/7000')
})

test('a node that dials nobody knows of no stranger', () => {
  expect(contacts.hasStrangers).toBe(false)
})

test('a seed is one until it has said who it is, and not only until there is a session', () => {
  contacts.addSeed(SEED, 0)
  expect(contacts.hasStrangers).toBe(true)
  contacts.onDialled(SEED, peer, 0)
  contacts.onPeerUp(peer)
  expect(contacts.hasStrangers).toBe(true)
  contacts.note(peer, ['/ip4/10.0.0.3/tcp/7000'], 0)
  expect(contacts.hasStrangers).toBe(false)
})

test('a seed that cannot be reached is none, nor is a name that stands for nobody', () => {
  contacts.addSeed(SEED, 0)
  contacts.onDialFailed(SEED, REFUSED, 0)
  expect(contacts.hasStrangers).toBe(false)
  contacts.awaitSeed('/dns4/mesh.local/tcp/7000')
  expect(contacts.hasStrangers).toBe(true)
  contacts.removeSeed('/dns4/mesh.local/tcp/7000')
  expect(contacts.hasStrangers).toBe(false)
})

test('whoever others have told of is none, long before there is a session, nor is a seed that is its address', () => {
  contacts.addSeed(SEED, 0)
  contacts.find(nodeId('y'), ['/ip4/10.0.0.4/tcp/7000'], 0)
  contacts.note(peer, [SEED], 0)
  expect(contacts.hasStrangers).toBe(true)
  contacts.note(nodeId('y'), ['/ip4/10.0.0.4/tcp/7000'], 0)
  expect(contacts.hasStrangers).toBe(false)
})

test.each([
  ['names nobody', SEED],
  ['names who is there', `${SEED}/p2p/${peer}`],
])('nor is one that %s, where its row says who listens there', (_what, seed) => {
  contacts.addSeed(seed, 0)
  contacts.note(peer, [`${SEED}/p2p/${peer}`], 0)
  expect(contacts.hasStrangers).toBe(false)
})

test('one that names somebody else is, as nobody has told of that one', () => {
  contacts.addSeed(`${SEED}/p2p/y`, 0)
  contacts.note(peer, [`${SEED}/p2p/${peer}`], 0)
  expect(contacts.hasStrangers).toBe(true)
})

test.each([
  ['the machine of somebody else', '/ip4/10.0.0.1/tcp/7000', true],
  ['this one, where all are on it', '/ip4/127.0.0.1/tcp/7001', false],
])('an address of loopback that others tell of is of %s', (_what, own, isStranger) => {
  contacts = contactsAt(own)
  contacts.addSeed(LOOPBACK, 0)
  contacts.note(peer, [LOOPBACK], 0)
  expect(contacts.hasStrangers).toBe(isStranger)
})
