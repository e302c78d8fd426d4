// pure
/** Why a dial has failed, told apart as far as the failure detector and people need it. */

import type { DialFailure } from '../../ports.ts'

export interface Diagnosis {
  readonly failure: DialFailure
  /** For people. */
  readonly reason: string
}

/** This node's own gate is closed for the peer; the message says why. */
export class NotLetInError extends Error {
  override readonly name = 'NotLetInError'
}

/** The connection was open, and ended before there was a session. */
export class SessionRefusedError extends Error {
  override readonly name = 'SessionRefusedError'
}

const TWIN = 'another process has the key of this node'

/** Another process has the key of this node. Only its message gets through libp2p. */
export class TwinError extends Error {
  override readonly name = 'TwinError'

  constructor() {
    super(TWIN)
  }
}

/** Somebody listens there, and the handshake was not done in time. */
export class HandshakeTimeoutError extends Error {
  override readonly name = 'HandshakeTimeoutError'

  constructor(timeoutMs: number, options: ErrorOptions) {
    super(`no handshake within ${timeoutMs} ms of the connection`, options)
  }
}

/** What `libp2p.dial` has thrown: one error, or one for each address. */
export function diagnose(error: unknown): Diagnosis {
  const causes = causesOf(error)
  const text = causes.map(textOf).join('; ')
  if (text.includes(TWIN)) {
    return {
      failure: 'handshake',
      reason: `${TWIN}: the one that was started later stays, the other one stops`,
    }
  }
  if (causes.some(isSelf)) return { failure: 'self', reason: 'this node itself' }
  if (error instanceof SessionRefusedError) {
    const reason = `the peer ended the connection before there was a session (${error.message}): this node may not be on its allow-list, or be shut out, or speak another version of the protocol`
    return { failure: 'handshake', reason }
  }
  if (error instanceof NotLetInError) {
    return { failure: 'handshake', reason: `this node does not let it in: ${error.message}` }
  }
  if (causes.some(isDenied)) {
    return {
      failure: 'handshake',
      reason: 'this node does not let it in: not on its allow-list, or shut out',
    }
  }
  for (const [of, diagnosis] of HANDSHAKES) if (causes.some(of)) return diagnosis
  // Refused is evidence only when it holds for every address.
  if (causes.length > 0 && causes.every(isRefused))
    return { failure: 'refused', reason: 'nobody listens there' }
  return { failure: 'unreachable', reason: text }
}

/**
 * What can become of a handshake. That the secret is another one is said only where the peer has answered, and the
 * answer could not be deciphered: whoever is too busy, or ends, says nothing of its secret.
 */
const HANDSHAKES: readonly (readonly [(cause: unknown) => boolean, Diagnosis])[] = [
  [
    cause => cause instanceof HandshakeTimeoutError,
    {
      failure: 'unreachable',
      reason:
        'it takes connections, but did not get round to the handshake in time: frozen, too busy, or no meshvisor',
    },
  ],
  [
    cause => isEncryption(cause) && /chacha20poly1305|unable to authenticate/i.test(textOf(cause)),
    { failure: 'handshake', reason: 'the peer has another cluster name or secret' },
  ],
  [
    cause => /does not match expected remote identity key/i.test(textOf(cause)),
    { failure: 'handshake', reason: 'another node answers there: its key is not that of the address' },
  ],
  [
    isEncryption,
    {
      failure: 'unreachable',
      reason: 'the handshake broke off: the peer ended, or gave up, or is no meshvisor',
    },
  ],
]

function causesOf(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(causesOf)
  return [error]
}

function isSelf(error: unknown): boolean {
  return /dial self/i.test(textOf(error))
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConnectionInterceptedError'
}

function isEncryption(error: unknown): boolean {
  const names = [
    'EncryptionFailedError',
    'InvalidCryptoExchangeError',
    'UnexpectedPeerError',
    'UnsupportedProtocolError',
  ]
  return (
    error instanceof Error && (names.includes(error.name) || /encrypt|handshake|noise/i.test(error.message))
  )
}

function isRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'ECONNREFUSED') || /ECONNREFUSED/.test(error.message)
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
