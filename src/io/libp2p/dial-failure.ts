// pure
/** Why a dial has failed, told apart as far as the failure detector and people need it. */

import type { DialFailure } from '../../ports.ts'

export interface Diagnosis {
  readonly failure: DialFailure
  /** For people: what was found, what it means, what to do. */
  readonly reason: string
  /** In the words of the system and of libp2p; for whom the reason does not help. */
  readonly cause: string
}

type Verdict = Omit<Diagnosis, 'cause'>

/** This node's own gate is closed for the peer; the message says why. */
export class NotLetInError extends Error {
  override readonly name = 'NotLetInError'
}

/** The connection was open, and ended before there was a session. */
export class SessionRefusedError extends Error {
  override readonly name = 'SessionRefusedError'
  /** Why this node has ended its last session with the peer. */
  readonly before: string | undefined

  constructor(ended: string, before?: string) {
    super(ended)
    this.before = before
  }
}

/** Nothing has come back from an address. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'

  constructor(timeoutMs: number, options?: ErrorOptions) {
    super(`no connection after ${timeoutMs} ms`, options)
  }
}

/** This node has more dials under way than it should ever need. */
export class TooManyDialsError extends Error {
  override readonly name = 'TooManyDialsError'
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
  return { ...verdictOf(error, causes), cause: causes.map(textOf).join('; ') }
}

function verdictOf(error: unknown, causes: readonly unknown[]): Verdict {
  if (causes.some(cause => textOf(cause).includes(TWIN))) {
    const reason = `${TWIN}: the one that was started later stays, the other one stops; give each a data folder of its own`
    return { failure: 'handshake', reason }
  }
  if (causes.some(isSelf)) return { failure: 'self', reason: 'this node itself' }
  if (error instanceof SessionRefusedError) return { failure: 'handshake', reason: refusalOf(error) }
  const objection = causes.find(cause => cause instanceof NotLetInError)
  if (objection !== undefined) {
    return { failure: 'handshake', reason: `this node does not let it in: ${objection.message}` }
  }
  for (const [of, verdict] of HANDSHAKES) if (causes.some(of)) return verdict
  // Refused is evidence only when it holds for every address.
  const isNobody = causes.length > 0 && causes.every(isRefused)
  const reasons = new Set(causes.map(reasonOf))
  return { failure: isNobody ? 'refused' : 'unreachable', reason: [...reasons].join('; ') }
}

/** The other side does not say why it has closed: all that can be is told, unless this node knows better. */
function refusalOf({ message, before }: SessionRefusedError): string {
  if (/UnsupportedProtocol/.test(message)) {
    return 'it knows the secret and speaks none of the protocols of this node: another version of meshvisor; update the older of the two'
  }
  const ended = `the peer ended the connection before there was a session (${message})`
  if (before !== undefined) {
    return `${ended}: it may have shut this node out, which has ended the last session with it: ${before}`
  }
  return `${ended}: this node may not be on its allow-list, or be shut out for a while as it broke a rule, or it has as many sessions as it may; its log says which`
}

/**
 * What can become of a handshake. That the secret is another one is said only where the peer has answered, and the
 * answer could not be deciphered: whoever is too busy, or ends, says nothing of its secret.
 */
const HANDSHAKES: readonly (readonly [of: (cause: unknown) => boolean, verdict: Verdict])[] = [
  [
    cause => cause instanceof HandshakeTimeoutError,
    {
      failure: 'unreachable',
      reason:
        'it takes connections, but did not get round to the handshake in time: frozen, too busy, or no meshvisor',
    },
  ],
  [
    cause => isEncryption(cause) && isUndeciphered(textOf(cause)),
    {
      failure: 'handshake',
      reason: 'the peer has another cluster name or secret: give both the same, or take it off the seeds',
    },
  ],
  [
    cause => /does not match expected remote identity key/i.test(textOf(cause)),
    {
      failure: 'handshake',
      reason:
        'another node answers there: its key is not that of the address; write the address without /p2p, or with its id',
    },
  ],
  [
    isEncryption,
    {
      failure: 'unreachable',
      reason: 'the handshake broke off: the peer ended, or gave up, or is no meshvisor',
    },
  ],
]

const CUT_OFF = 'the connection was cut off: by the peer, which ends or is no meshvisor, or on the way to it'
const NO_ADDRESS = 'that is no address that this node can dial: wanted one such as /ip4/192.168.0.7/tcp/7000'
const NO_ANSWER =
  'nothing has come back: the host is down, or there is none, or a firewall drops what is sent to it; check the address, the host and the firewall'
const UNKNOWN = 'it failed in a way that meshvisor does not know'

/** The code of the system, or the name that libp2p gives an error → what it means, and what to do. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nobody listens there: start the node, or correct the port'],
  ['NoAnswerError', NO_ANSWER],
  ['ETIMEDOUT', NO_ANSWER],
  ['TimeoutError', NO_ANSWER],
  ['AbortError', NO_ANSWER],
  ['ENOTFOUND', 'nobody knows the name: correct it, or see to it that it is known; it is looked up again'],
  ['EAI_AGAIN', 'no name server answers: see to it that one does; the name is looked up again'],
  [
    'EHOSTUNREACH',
    'there is no way to that host: it is down, or in another network; check the address and the routes',
  ],
  ['EHOSTDOWN', 'that host is down: start it, or correct the address'],
  ['ENETUNREACH', 'this machine has no way to that network: check the address and the routes'],
  [
    'EADDRNOTAVAIL',
    'this machine has no address to reach that one from, or no port left: check its interfaces',
  ],
  [
    'EAFNOSUPPORT',
    'this machine does not speak that protocol: use an address of the other one, /ip4 or /ip6',
  ],
  ['EACCES', 'this machine forbids it: check its firewall'],
  ['EPERM', 'this machine forbids it: check its firewall'],
  ['EINVAL', 'the system takes that for no address to connect to: correct it'],
  ['ECONNRESET', CUT_OFF],
  ['EPIPE', CUT_OFF],
  ['ConnectionClosedError', CUT_OFF],
  ['ConnectionFailedError', CUT_OFF],
  ['MuxerUnavailableError', CUT_OFF],
  ['UnexpectedEOFError', CUT_OFF],
  ['StreamResetError', CUT_OFF],
  ['EMFILE', 'this process has too many files open: raise its limit (ulimit -n)'],
  ['ENFILE', 'this machine has too many files open: raise its limit'],
  ['NoValidAddressesError', NO_ADDRESS],
  ['InvalidMultiaddrError', NO_ADDRESS],
  ['UnknownProtocolError', NO_ADDRESS],
  ['ValidationError', NO_ADDRESS],
  ['TransportUnavailableError', NO_ADDRESS],
  ['DialError', NO_ADDRESS],
  ['TooManyDialsError', 'this node has too many dials under way: it tries again'],
])

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return `${UNKNOWN}: ${textOf(cause)}`
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  // Of some errors of the system, only the text is left.
  const told = REASONS.get(code) ?? REASONS.get(/\bE[A-Z]{3,}(?:_[A-Z]+)?\b/.exec(cause.message)?.[0] ?? '')
  return told ?? REASONS.get(cause.name) ?? `${UNKNOWN}: ${textOf(cause)}`
}

function causesOf(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(causesOf)
  return [error]
}

function isSelf(error: unknown): boolean {
  return /dial self/i.test(textOf(error))
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

/** Whether the other side has answered, in a way that this one cannot read: it has another name or secret. */
export function isUndeciphered(text: string): boolean {
  return /chacha20poly1305|unable to authenticate/i.test(text)
}

/** `Name: what it says` */
export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
