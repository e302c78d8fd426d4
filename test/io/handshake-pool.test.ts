/** Who makes room where as many connections are in their handshake as may be. */

import { once } from 'node:events'
import { type Server, Socket, connect, createServer } from 'node:net'

import type { MultiaddrConnection } from '@libp2p/interface'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { HandshakePool } from '../../src/io/libp2p/handshake-pool.ts'

/** A connection in its handshake: of whom, whether it has said something, and whether it is still there. */
interface Upgrading {
  readonly name: string
  readonly socket: Socket
  /** Ends its handshake, and leaves the connection open. */
  done(): Promise<void>
}
