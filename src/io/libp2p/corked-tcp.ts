// shell
/**
 * libp2p's TCP, with one write for all that is said in one go. As it comes, each piece of a Noise message (its length,
 * its text, its tag) is a system call and a packet of its own, and the other side wakes up for each of them.
 */

import { Socket } from 'node:net'

import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { type TCPComponents, type TCPOptions, tcp } from '@libp2p/tcp'

import { upgradingWith } from './upgrading.ts'

/** A transport for `createLibp2p`. */
export function corkedTcp(options: TCPOptions): (components: TCPComponents) => Transport {
  const make = tcp(options)
  return components => {
    const transport = make(components)
    const [dial, createListener] = [transport.dial.bind(transport), transport.createListener.bind(transport)]
    transport.dial = (address, each) => dial(address, { ...each, upgrader: corking(each.upgrader) })
    transport.createListener = each => createListener({ ...each, upgrader: corking(each.upgrader) })
    return transport
  }
}

function corking(upgrader: Upgrader): Upgrader {
  return upgradingWith(upgrader, {
    upgradeOutbound: (connection, options) => upgrader.upgradeOutbound(cork(connection), options),
    upgradeInbound: (connection, options) => upgrader.upgradeInbound(cork(connection), options),
  })
}

/** What is written in one turn leaves at the end of it. A connection that is not of the kind expected stays as it is. */
function cork(connection: MultiaddrConnection): MultiaddrConnection {
  if (!('socket' in connection) || !(connection.socket instanceof Socket)) return connection
  const { socket } = connection
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket.uncork()
  }
  const sendData = (data: Iterable<Uint8Array>): { sentBytes: number; canSendMore: boolean } => {
    if (!isCorked) {
      isCorked = true
      socket.cork()
      process.nextTick(uncork)
    }
    let [sentBytes, canSendMore] = [0, true]
    for (const bytes of data) {
      sentBytes += bytes.byteLength
      canSendMore = socket.write(bytes)
      if (!canSendMore) break
    }
    return { sentBytes, canSendMore }
  }
  return Object.assign(connection, { sendData })
}
