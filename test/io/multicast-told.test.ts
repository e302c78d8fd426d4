/** Who of those that multicast has found is remembered. The test says what is heard, without a network. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { expect, test, vi } from 'vitest'

import { encodeAnswer } from '../../src/io/libp2p/multicast-message.ts'
import type { MulticastSocketsInit } from '../../src/io/libp2p/multicast-sockets.ts'
import { Multicast, TOLD_MAX } from '../../src/io/libp2p/multicast.ts'
import { silentLogger } from '../../src/io/system/loggers.ts'

const made = vi.hoisted((): MulticastSocketsInit[] => [])

vi.mock(import('../../src/io/libp2p/multicast-sockets.ts'), async original => {
  const real = await original()
  class MulticastSockets extends real.MulticastSockets {
    constructor(init: MulticastSocketsInit) {
      super(init)
      made.push(init)
    }
  }
  return { ...real, MulticastSockets }
})

const TAG = '_mv-0123456789abcdef._udp.local'
/** So many fit into one message. */
const AT_ONCE = 12

const idOf = (n: number): string => `12D3KooW${String(n).replaceAll('0', 'z').padStart(44, 'a')}`

test(`of more than ${TOLD_MAX} nodes that were found, the one that was told of the longest ago is forgotten`, async () => {
  const found: string[] = []
  const components = {
    peerId: peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    transportManager: { getAddrs: () => [] },
  }
  const multicast = new Multicast(TAG, components, {
    listen: [],
    logger: silentLogger,
    onFound: peer => found.push(peer) > 0,
    onFault: error => expect.unreachable(String(error)),
    onTrouble: () => {},
  })
  const hear = (from: number, count: number): void => {
    const addresses = Array.from({ length: count }, (_, n) => `/ip4/10.0.0.7/tcp/7000/p2p/${idOf(from + n)}`)
    made[0]?.onMessage(encodeAnswer(TAG, 'somebody', addresses))
  }
  for (let n = 0; n < TOLD_MAX; n += AT_ONCE) hear(n, Math.min(AT_ONCE, TOLD_MAX - n))
  hear(0, 1)
  expect(found).toHaveLength(TOLD_MAX)
  hear(TOLD_MAX, 1)
  expect(found).toHaveLength(TOLD_MAX + 1)
  // What is said again, and has not changed, is told of only where it is forgotten.
  hear(1, 1)
  expect(found).toHaveLength(TOLD_MAX + 1)
  hear(0, 1)
  expect(found.slice(TOLD_MAX)).toEqual([idOf(TOLD_MAX), idOf(0)])
  await multicast.stop()
})
