/** What people are told of a dial that has failed: a wrong secret only on evidence. */

import { createServer } from 'node:net'
import { expect, test } from 'vitest'

import { HandshakeTimeoutError, diagnose } from '../../src/io/libp2p/dial-failure.ts'
import { overTcp, until } from './harnesses.ts'

function encryptionFailed(message: string): Error {
  return Object.assign(new Error(message), { name: 'EncryptionFailedError' })
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })

test.each([
  [encryptionFailed('Invalid chacha20poly1305 decryption'), 'handshake', /another cluster name or secret/],
  [encryptionFailed('The operation was aborted due to timeout'), 'unreachable', /broke off/],
  [encryptionFailed('read ECONNRESET'), 'unreachable', /broke off/],
  [
    encryptionFailed('Payload identity key x does not match expected remote identity key y'),
    'handshake',
    /another node/,
  ],
  [new HandshakeTimeoutError(20_000, {}), 'unreachable', /frozen, too busy/],
  [new AggregateError([refused, new HandshakeTimeoutError(20_000, {})]), 'unreachable', /too busy/],
  [new AggregateError([refused, refused]), 'refused', /nobody listens/],
])('%s is %s', (error, failure, reason) => {
  expect(diagnose(error)).toEqual({ failure, reason: expect.stringMatching(reason) })
})

test('a peer that ends in the middle of the handshake says nothing of its secret', async () => {
  const harness = overTcp()
  const server = createServer(socket => socket.once('data', () => socket.destroy()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  try {
    const probe = await harness.make()
    probe.transport.dial('key', [`/ip4/127.0.0.1/tcp/${port}`])
    await until('the dial fails', () => probe.failures.length === 1)
    expect(probe.failures[0]?.[1]).toBe('unreachable')
    expect(probe.failures[0]?.[2]).not.toMatch(/secret/)
  } finally {
    server.close()
    await harness.stop()
  }
})
