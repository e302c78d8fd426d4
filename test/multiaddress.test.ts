/** Which addresses are none, held against what libp2p makes of them. */

import { multiaddr } from '@multiformats/multiaddr'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { objectionTo } from '../src/multiaddress.ts'
import { checkOptions } from '../src/node/options.ts'

const ID = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'

const good = [
  '/ip4/10.0.0.7/tcp/7000',
  '/ip4/10.0.0.7/tcp/7000/',
  '/ip4/255.255.255.255/tcp/65535',
  `/ip4/10.0.0.7/tcp/1/p2p/${ID}`,
  '/ip6/::1/tcp/7000',
  '/ip6/::/tcp/7000',
  '/ip6/1:2:3:4:5:6:7::/tcp/7000',
  '/ip6/2001:DB8::8:800:200c:417a/tcp/7000',
  '/ip6/::ffff:10.0.0.7/tcp/7000',
  '/ip6zone/eth0/ip6/fe80::1/tcp/7000',
  '/dns/gateway/tcp/7000',
  '/dns4/gateway.local/tcp/7000',
  '/dns4/gateway.local./tcp/7000',
  `/dns6/gate_way-2.hall-ä.local/tcp/7000/p2p/${ID}`,
]

const bad: readonly (readonly [address: string, wanted: RegExp])[] = [
  ['', /^a multiaddress such as \/ip4\/192\.168\.0\.7\/tcp\/7000$/],
  ['/', /^a multiaddress such as/],
  ['nonsense', /^a multiaddress such as/],
  ['10.0.0.7:7000', /^a multiaddress such as/],
  [' /ip4/10.0.0.7/tcp/7000', /^a multiaddress such as/],
  ['/tcp/7000', /begins with \/ip4, \/ip6, \/dns, \/dns4 or \/dns6/],
  ['/foo/10.0.0.7/tcp/7000', /begins with/],
  ['/unix/tmp/x', /begins with/],
  ['/ip4', /^an IPv4 address after \/ip4/],
  ['/ip4/10.0.0/tcp/7000', /^an IPv4 address/],
  ['/ip4/10.0.0.256/tcp/7000', /^an IPv4 address/],
  ['/ip4/010.0.0.1/tcp/7000', /^an IPv4 address/],
  ['/ip4/gateway.local/tcp/7000', /^an IPv4 address/],
  ['/ip4/::1/tcp/7000', /^an IPv4 address/],
  ['/ip6/10.0.0.7/tcp/7000', /^an IPv6 address/],
  ['/ip6/1::2::3/tcp/7000', /^an IPv6 address/],
  ['/ip6/1:2:3:4:5:6:7:8::/tcp/7000', /^an IPv6 address/],
  ['/ip6/1:2:3/tcp/7000', /^an IPv6 address/],
  ['/ip6/12345::/tcp/7000', /^an IPv6 address/],
  ['/ip6/fe80::1%eth0/tcp/7000', /^an IPv6 address/],
  ['/ip6/::10.0.0.300/tcp/7000', /^an IPv6 address/],
  ['/dns4//tcp/7000', /^a name after \/dns4/],
  ['/dns4/a b/tcp/7000', /^a name/],
  [`/dns4/${'a'.repeat(64)}/tcp/7000`, /^a name/],
  ['/dns4/a..b/tcp/7000', /^a name/],
  ['/ip4/10.0.0.7', /after the host come \/tcp and a port/],
  ['/ip4/10.0.0.7/udp/7000', /after the host come/],
  ['/ip4/10.0.0.7/tcp', /^a port from 1 to 65535 after \/tcp/],
  ['/ip4/10.0.0.7/tcp/0', /^a port/],
  ['/ip4/10.0.0.7/tcp/70000', /^a port/],
  ['/ip4/10.0.0.7/tcp/-1', /^a port/],
  ['/ip4/10.0.0.7/tcp/7000 ', /^a port/],
  ['/ip4/10.0.0.7/tcp/http', /^a port/],
  ['/ip4/10.0.0.7/tcp/7000/ws', /^nothing after the port/],
  [`/ip4/10.0.0.7/tcp/7000/p2p/${ID}/p2p-circuit`, /^nothing after the port/],
  ['/ip4/10.0.0.7/tcp/7000/p2p', /^a node id such as/],
  ['/ip4/10.0.0.7/tcp/7000/p2p/x', /^a node id such as/],
]

/** Whether libp2p takes it for an address of its TCP. */
function isDialable(address: string): boolean {
  try {
    const names = multiaddr(address)
      .getComponents()
      .map(({ name }) => name)
      .filter(name => name !== 'ip6zone')
    return /^(?:ip4|ip6|dns|dns4|dns6),tcp(?:,p2p)?$/.test(names.join())
  } catch {
    return false
  }
}

test.each(good)('%s is an address', address => {
  expect(objectionTo(address)).toBeUndefined()
  expect(isDialable(address)).toBe(true)
})

test('the record of a name says where its nodes are', () => {
  expect(objectionTo(`/dnsaddr/mesh.example/p2p/${ID}`)).toBeUndefined()
})

test.each(bad)('%j is none', (address, wanted) => {
  expect(objectionTo(address)).toMatch(wanted)
})

describe('libp2p agrees', () => {
  const ports = fc.integer({ min: -1, max: 70_000 })
  const tails = fc.constantFrom('', '/', '/p2p/x', `/p2p/${ID}`, '/ws')
  /** What differs by one character from an address, too. */
  const groups = fc.constantFrom('', '0', '1', 'ffff', '10000', 'g', '10.0.0.1')
  const ip6 = fc.array(groups, { minLength: 1, maxLength: 10 }).map(parts => parts.join(':'))

  test('with each address of IPv4 and IPv6 that is taken', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), ip6), ports, tails, (host, port, tail) => {
        for (const kind of ['ip4', 'ip6']) {
          const address = `/${kind}/${host}/tcp/${port}${tail}`
          if (objectionTo(address) === undefined) expect(isDialable(address)).toBe(true)
          // Beyond what libp2p refuses, only what nobody can be reached at: port 0, and ids of no node.
          else if (isDialable(address)) expect(address).toMatch(/\/tcp\/0|\/p2p\/x/)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a seed that is no address', () => {
  test.each(bad)('%j is a bad field of createNode that says what is wanted', (address, wanted) => {
    const init = { discovery: { seeds: ['/dns4/gateway.local/tcp/7000', address] } }
    const refused = (): unknown => checkOptions(init)
    expect(refused).toThrow(
      expect.objectContaining({
        name: 'OptionsError',
        problems: [
          { path: 'discovery.seeds[1]', found: expect.any(String), wanted: expect.stringMatching(wanted) },
        ],
      }),
    )
  })
})
