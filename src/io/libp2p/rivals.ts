// shell
/** Which of several connections with one process is its session: dials may cross, or lead to one node by two addresses. */

import type { Connection } from '@libp2p/interface'

import { type NodeId, nodeId } from '../../ids.ts'
import type { Libp2pSession } from './libp2p-session.ts'
import type { Processes } from './processes.ts'

/** Connections that cross are opened within this time of each other; whoever comes later has lost the first one. */
const CROSSING_MS = 5_000

export interface RivalsInit {
  /** This node. */
  readonly id: NodeId
  readonly processes: Processes
  /** By the ids of their connections: those that are opening, too. */
  readonly all: ReadonlyMap<string, Libp2pSession>
  /** By their peers: those that are open. */
  readonly sessions: ReadonlyMap<NodeId, Libp2pSession>
}

export class Rivals {
  readonly #init: RivalsInit

  constructor(init: RivalsInit) {
    this.#init = init
  }

  /**
   * Whether this node has dialled a peer with whom it has a session, as at an address that does not say whose it is. Calls
   * are under way in that session: it stays, and whoever has dialled closes the connection. If it is stuck, it will be
   * renewed; if the peer has lost it, the peer dials. The same of a session that is about to open, as where two addresses of
   * one peer are dialled at once: but then this connection is kept until there is one.
   */
  isSpare(connection: Connection): boolean {
    const { processes, sessions } = this.#init
    if (connection.direction !== 'outbound') return false
    const known = sessions.get(nodeId(connection.remotePeer.toString()))
    const isKnown = known !== undefined && processes.isSame(known.connection, connection)
    return isKnown || this.findFirst(connection) !== undefined
  }

  /** The session with the same process that this node is opening already, by way of another connection. */
  findFirst(connection: Connection): Libp2pSession | undefined {
    const { processes, all, sessions } = this.#init
    if (all.has(connection.id)) return undefined
    const peer = nodeId(connection.remotePeer.toString())
    return [...all.values()].find(
      each =>
        each.peer === peer &&
        each !== sessions.get(peer) &&
        each.connection.direction === 'outbound' &&
        processes.isSame(each.connection, connection),
    )
  }

  /** Of two connections that cross, the one that the smaller id has dialled stays; otherwise the later one. */
  isPreferred(known: Libp2pSession, later: Libp2pSession): boolean {
    const { id, processes } = this.#init
    if (later.openedMs - known.openedMs > CROSSING_MS) return false
    if (!processes.isSame(known.connection, later.connection)) return false
    const isOurs = known.connection.direction === 'outbound'
    if (isOurs === (later.connection.direction === 'outbound')) return false
    return isOurs === id < known.peer
  }
}
