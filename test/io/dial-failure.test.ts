/** What people are told of a dial that has failed: a wrong secret only on evidence. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

import {
  HandshakeTimeoutError,
  NotLetInError,
  SessionRefusedError,
  diagnose,
} from '../../src/io/libp2p/dial-failure.ts'
import { createNode } from '../../src/node/create-node.ts'
import { overTcp, until } from './harnesses.ts'

function encryptionFailed(message: string): Error {
  return Object.assign(new Error(message), { name: 'EncryptionFailedError' })
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
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
  [
    new AggregateError([refused, refused]),
    'refused',
    /^nobody listens there: start the node, or correct the port$/,
  ],
  [
    named('NoAnswerError', 'no connection after 4000 ms'),
    'unreachable',
    /^nothing has come back: .*firewall/,
  ],
  [named('AbortError', 'The operation was aborted'), 'unreachable', /^nothing has come back/],
  [coded('ENOTFOUND', 'getaddrinfo ENOTFOUND a.local'), 'unreachable', /^nobody knows the name: correct it/],
  [coded('EAI_AGAIN', 'getaddrinfo EAI_AGAIN a.local'), 'unreachable', /^no name server answers/],
  [new Error('connect EHOSTUNREACH 10.0.0.7:7'), 'unreachable', /^there is no way to that host/],
  [
    coded('ENETUNREACH', 'connect ENETUNREACH ::1'),
    'unreachable',
    /^this machine has no way to that network/,
  ],
  [coded('EMFILE', 'too many open files'), 'unreachable', /raise its limit/],
  [coded('ECONNRESET', 'read ECONNRESET'), 'unreachable', /^the connection was cut off/],
  [named('NoValidAddressesError', 'x'), 'unreachable', /^that is no address that this node can dial/],
  [
    new AggregateError([named('UnknownProtocolError', 'foo'), named('InvalidMultiaddrError', 'x')]),
    'unreachable',
    /^that is no address .*7000$/,
  ],
  [
    new AggregateError([refused, coded('EHOSTUNREACH', 'x')]),
    'unreachable',
    /^nobody listens there.*; there is no way to that host/,
  ],
  [named('StrangeError', 'of tomorrow'), 'unreachable', /does not know: StrangeError: of tomorrow$/],
  [new NotLetInError('versions 5 to 6'), 'handshake', /^this node does not let it in: versions 5 to 6$/],
  [new AggregateError([new NotLetInError('versions 5 to 6')]), 'handshake', /does not let it in: versions/],
  [new SessionRefusedError('closed'), 'handshake', /\(closed\): this node may not be on its allow-list/],
  [
    new SessionRefusedError('closed', 'versions 5 to 6'),
    'handshake',
    /has ended the last session .*versions 5 to 6$/,
  ],
  [
    new SessionRefusedError('no stream: UnsupportedProtocolError: /meshvisor/control/1'),
    'handshake',
    /another version of meshvisor; update the older/,
  ],
])('%s is %s', (error, failure, reason) => {
  expect(diagnose(error)).toEqual({
    cause: expect.any(String),
    failure,
    reason: expect.stringMatching(reason),
  })
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

test('what the system has said is kept beside the reason', () => {
  const { reason, cause } = diagnose(new AggregateError([refused, named('AbortError', 'aborted')]))
  expect(reason).not.toMatch(/ECONNREFUSED|AbortError/)
  expect(cause).toBe('Error: connect ECONNREFUSED 127.0.0.1:1; AbortError: aborted')
})

test.runIf(process.platform === 'linux')(
  'an address from which nothing comes back is told of, with what may be wrong',
  async () => {
    const deaf = await startDeaf()
    const told = Promise.withResolvers<object>()
    const note = (facts: object, message: string): void => {
      if (message.startsWith('no session with a node')) told.resolve(facts)
    }
    await using node = await createNode({
      cluster: 'deaf',
      listen: ['/ip4/127.0.0.1/tcp/0'],
      discovery: { mdns: false, seeds: [deaf.address] },
      logger: { debug: () => {}, info: () => {}, warn: note, error: note },
    })
    try {
      await expect(node.formed(2, { timeoutMs: 10 })).rejects.toThrow(`${deaf.address}: no answer yet`)
      expect(await told.promise).toEqual({
        to: deaf.address,
        reason: expect.stringMatching(
          /^nothing has come back: .*check the address, the host and the firewall$/,
        ),
        cause: expect.stringMatching(/^NoAnswerError/),
      })
      await expect(node.formed(2, { timeoutMs: 10 })).rejects.toThrow('nothing has come back')
    } finally {
      await deaf.stop()
    }
  },
  60_000,
)

/** A port that takes no connection any more, and refuses none: its process stands still, and its queue is full. */
async function startDeaf(): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL('deaf-child.ts', import.meta.url)))
  const [port]: unknown[] = await once(child, 'message')
  // With a queue of one, Linux lets in two: the next one gets no answer.
  const sockets = [0, 1].map(() => connect(Number(port), '127.0.0.1').on('error', () => {}))
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  return {
    address: `/ip4/127.0.0.1/tcp/${Number(port)}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
