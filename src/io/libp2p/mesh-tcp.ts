// shell
/**
 * TCP, with one limit of time for the connection and another one for the handshake. The kernel of a machine accepts
 * within a round trip, whatever its processes do: where it does not, the next address is tried soon. A handshake takes
 * as long as both processes need to get round to it. Broken off, it would only be begun anew by a machine that had no
 * time for the first one.
 */

import type { Connection, Listener, MultiaddrConnection, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

import { corkedTcp } from './corked-tcp.ts'
import { HandshakeTimeoutError, NoAnswerError } from './dial-failure.ts'
import { HandshakePool } from './handshake-pool.ts'
import { upgradingWith } from './upgrading.ts'

/** One of several addresses that does not answer must not use up the time of the others: SYN is sent three times. */
const CONNECT_TIMEOUT_MS = 4_000

/** A handshake takes milliseconds, and a few seconds where thirty nodes start on two cores at once. */
export const HANDSHAKE_TIMEOUT_MS = 20_000

/**
 * Connections of others that are in their handshake, and new ones in a second from one host. A mesh has many nodes
 * behind one address, and all of them connect at once; more than that is no mesh.
 */
export const HANDSHAKES_MAX = 1_000

/**
 * What this node says before a stranger has shown that it knows the secret. A node needs three answers for its handshake:
 * which version of the negotiation, which encryption, and the message of that. libp2p answers whoever asks for something
 * else as often as it asks, and all that it has been sent in one go: nobody else would have a turn.
 */
export const HANDSHAKE_ANSWERS_MAX = 16

/** How long the dial of one address may take. */
export const ADDRESS_TIMEOUT_MS = CONNECT_TIMEOUT_MS + HANDSHAKE_TIMEOUT_MS

type TcpFactory = ReturnType<typeof corkedTcp>
type Tcp = ReturnType<TcpFactory>

/** Told of somebody who has come, and did not get through: what the upgrade has thrown. */
type OnFailed = (connection: MultiaddrConnection, error: unknown) => void

/** @param init of `tcp`, whose time-outs for dials come from here */
export function meshTcp(init: Parameters<typeof corkedTcp>[0], onFailed: OnFailed): TcpFactory {
  const make = corkedTcp(init)
  return components => {
    const transport = make(components)
    const [dial, createListener] = [transport.dial.bind(transport), transport.createListener.bind(transport)]
    const pool = new HandshakePool(HANDSHAKES_MAX)
    transport.dial = (address, options) => dialInTime(dial, address, options)
    transport.createListener = each =>
      steady(createListener({ ...each, upgrader: pooled(each.upgrader, pool, onFailed) }))
    return transport
  }
}

/**
 * The listener, which names the addresses that it has named last where the system does not say which there are, as when no
 * more files can be opened. libp2p asks in a timer, so that what is thrown there would end the process.
 */
function steady(listener: Listener): Listener {
  const getAddrs = listener.getAddrs.bind(listener)
  let last: Multiaddr[] = []
  listener.getAddrs = () => {
    try {
      last = getAddrs()
    } catch {
      // What was so a moment ago is most likely so now.
    }
    return last
  }
  return listener
}

function pooled(upgrader: Upgrader, pool: HandshakePool, onFailed: OnFailed): Upgrader {
  return upgradingWith(upgrader, {
    upgradeInbound: async (connection, options) => {
      try {
        await pool.hold(connection, () =>
          terse(connection, () => upgrader.upgradeInbound(connection, options)),
        )
      } catch (error) {
        onFailed(connection, error)
        throw error
      }
    },
  })
}

/** Lets the connection send so often at most, until `upgrade` is through: beyond that, the upgrade fails. */
async function terse<Upgraded>(
  connection: MultiaddrConnection,
  upgrade: () => Promise<Upgraded>,
): Promise<Upgraded> {
  const send = connection.send.bind(connection)
  let answers = 0
  connection.send = data => {
    answers += 1
    if (answers > HANDSHAKE_ANSWERS_MAX)
      throw new Error(`more than ${HANDSHAKE_ANSWERS_MAX} answers asked for`)
    return send(data)
  }
  try {
    return await upgrade()
  } finally {
    connection.send = send
  }
}

async function dialInTime(
  dial: Tcp['dial'],
  ...[address, options]: Parameters<Tcp['dial']>
): Promise<Connection> {
  const connecting = new AbortController()
  const timer = setTimeout(() => {
    connecting.abort()
  }, CONNECT_TIMEOUT_MS)
  const signal = AbortSignal.any([options.signal, connecting.signal])
  const upgrader = onConnected(options.upgrader, () => clearTimeout(timer))
  try {
    return await dial(address, { ...options, signal, upgrader })
  } catch (cause) {
    // Whatever the signal says: libp2p tells of any end of a wait as an AbortError.
    if (connecting.signal.aborted) throw new NoAnswerError(CONNECT_TIMEOUT_MS, { cause })
    throw cause
  } finally {
    clearTimeout(timer)
  }
}

/** The upgrader, which is given a connection as soon as it is there. */
function onConnected(upgrader: Upgrader, tell: () => void): Upgrader {
  return upgradingWith(upgrader, {
    upgradeOutbound: async (connection, options) => {
      tell()
      try {
        return await upgrader.upgradeOutbound(connection, options)
      } catch (error) {
        if (options.signal.aborted) throw new HandshakeTimeoutError(HANDSHAKE_TIMEOUT_MS, { cause: error })
        throw error
      }
    },
  })
}
