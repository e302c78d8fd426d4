/** What a node says of where it listens, with interfaces that the test makes up. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'

import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'

import { afterEach, expect, test, vi } from 'vitest'

import { Listening } from '../../src/io/libp2p/listening.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'
import { createNode } from '../../src/index.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})

const lo = { address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', mac: '', internal: true } as const
const eth = { ...lo, netmask: '255.255.255.0', internal: false }

/** The machine has these. */
function interfaces(...addresses: readonly string[]): void {
  const made = { lo: [{ ...lo, cidr: '127.0.0.1/8' }] }
  const others = addresses.map(address => ({ ...eth, address, cidr: `${address}/24` }))
  vi.spyOn(os, 'networkInterfaces').mockReturnValue(others.length === 0 ? made : { ...made, eth0: others })
  syncBuiltinESMExports()
}

test.each([
  ['a public address', ['8.8.4.4'], ['8.8.4.4']],
  [
    'a public one and private ones',
    ['8.8.4.4', '172.31.0.1', '10.0.0.7'],
    ['172.31.0.1', '10.0.0.7', '8.8.4.4'],
  ],
  ['nothing but loopback', [], ['127.0.0.1']],
  ['nothing but a link-local address', ['169.254.7.8'], ['169.254.7.8']],
  ['a private address and a link-local one', ['169.254.7.8', '10.0.0.7'], ['10.0.0.7']],
])('a machine with %s is named by that', async (_what, has, named) => {
  interfaces(...has)
  const options = { cluster: 'listening', discovery: { mdns: false }, logger: silentLogger }
  await using node = await createNode({ ...options, listen: ['/ip4/0.0.0.0/tcp/0'] })
  const hosts = node.addresses.map(address => address.split('/')[2])
  expect(hosts).toEqual(named)
  for (const address of node.addresses) expect(address).toMatch(new RegExp(`/tcp/\\d+/p2p/${node.id}$`))
  expect(node.members()[0]?.addresses).toEqual(node.addresses)
})

test.each([
  ['nothing but loopback, listening by all interfaces', '/ip4/0.0.0.0/tcp/0', '127.0.0.1', 1],
  ['nothing but loopback, as it was told to listen there', '/ip4/127.0.0.1/tcp/0', '127.0.0.1', 0],
  ['another address', '/ip4/0.0.0.0/tcp/0', '10.0.0.7', 0],
])('a node that names %s after a while: it is told once where that is a trouble', async (_what, ...given) => {
  const [listen, host, count] = given
  vi.useFakeTimers()
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (_facts: object, message: string) => warnings.push(message) }
  const peerId = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const transportManager = { getAddrs: () => [`/ip4/${host}/tcp/7000`] }
  const listening = new Listening({ peerId, transportManager }, { listen: [listen], logger })
  interfaces()
  listening.start()
  vi.advanceTimersByTime(60_000)
  expect(warnings).toHaveLength(count)
  for (const warning of warnings) expect(warning).toMatch(/^no other machine can dial this node/)
})
