// pure
/** The addresses of a dial: whose they are, and which of them can be read. */

import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'

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
