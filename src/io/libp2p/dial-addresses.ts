// pure
/** The addresses of a dial: whose they are, which of them can be read, and which lead to the node that dials. */

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

import { bareAddress } from '../../multiaddress.ts'

const OWNER = /\/p2p\/([^/]+)$/

/** Whose the address says that it is. */
export function peerOf(address: string): string | undefined {
  return OWNER.exec(address)?.[1]
}

/** Those that can be read: an address of a kind that is yet unknown must not spoil the others. @throws when none can */
export function readAddresses(addresses: readonly string[]): Multiaddr[] {
  const errors: unknown[] = []
  const targets = addresses.flatMap(address => {
    try {
      return multiaddr(address)
    } catch (error) {
      errors.push(error)
      return []
    }
  })
  if (targets.length === 0) throw new AggregateError(errors, 'no address can be read')
  return targets
}

/**
 * Without those of others at which this node itself would answer, as every machine with Docker has the same address among
 * its interfaces: that others refuse would not be seen for it. All of them, where nothing else is left.
 *
 * @param own where this node listens
 */
export function elsewhere(addresses: readonly string[], own: readonly string[]): readonly string[] {
  const here = new Set(own.map(bareAddress))
  const others = addresses.filter(address => peerOf(address) === undefined || !here.has(bareAddress(address)))
  return others.length > 0 ? others : addresses
}
