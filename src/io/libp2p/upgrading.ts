// shell
/** The upgrader of libp2p (what makes a secure connection of a socket), with something of it done otherwise. */

import type { Upgrader } from '@libp2p/interface'

/** `upgrader`, but for the methods in `changes`. Its methods are in its prototype, so that a spread would lose them. */
export function upgradingWith(upgrader: Upgrader, changes: Partial<Upgrader>): Upgrader {
  return {
    upgradeOutbound: (connection, options) => upgrader.upgradeOutbound(connection, options),
    upgradeInbound: (connection, options) => upgrader.upgradeInbound(connection, options),
    createInboundAbortSignal: signal => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    ...changes,
  }
}
