/** Which addresses of a dial are dialled. */

import { expect, test } from 'vitest'

import { elsewhere } from '../../src/io/libp2p/dial-addresses.ts'

const OWN = ['/ip4/10.0.0.1/tcp/7000', '/ip4/172.17.0.1/tcp/7000', '/ip6/::1/tcp/7000']

test.each([
  [
    'of another, where this node listens',
    ['/ip4/172.17.0.1/tcp/7000/p2p/B', '/ip4/10.0.0.2/tcp/7000/p2p/B'],
    [1],
  ],
  ['with another port', ['/ip4/172.17.0.1/tcp/7001/p2p/B', '/ip4/10.0.0.2/tcp/7000/p2p/B'], [0, 1]],
  ['that does not say whose it is', ['/ip4/172.17.0.1/tcp/7000', '/ip4/10.0.0.2/tcp/7000/p2p/B'], [0, 1]],
  ['that is all there is', ['/ip4/172.17.0.1/tcp/7000/p2p/B', '/ip6/::1/tcp/7000/p2p/B'], [0, 1]],
])('an address %s', (_what, addresses, dialled) => {
  expect(elsewhere(addresses, OWN)).toEqual(dialled.map(index => addresses[index]))
})
