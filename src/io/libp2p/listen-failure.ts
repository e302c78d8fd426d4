// pure
/** Why an address cannot be listened on, for people. */

import { multiaddr } from '@multiformats/multiaddr'

import type { ListenFailure } from '../../errors.ts'

const WANTED = 'wanted one such as /ip4/0.0.0.0/tcp/7000'

/** What a text of the system or of libp2p says → what it means, and what to do. The first that is found counts. */
const REASONS: readonly (readonly [found: string, reason: string])[] = [
  ['EADDRINUSE', 'another process uses the port: choose another one, or 0 for any that is free'],
  ['EADDRNOTAVAIL', 'this machine has no such address: /ip4/0.0.0.0 stands for all that it has'],
  ['EACCES', 'this process may not use the port: choose one above 1023'],
  ['ENOTFOUND', 'nobody knows the name: an address of this machine always does'],
  ['EAI_AGAIN', 'nobody who knows names answers: an address of this machine always does'],
  ['EAFNOSUPPORT', 'this machine does not speak that protocol'],
  ['EINVAL', 'the system refuses it: another address of this machine, or /ip4/0.0.0.0, will do'],
]

/** `  /ip4/203.0.113.1/tcp/0: Error: listen EADDRNOTAVAIL …`: how libp2p tells of each address, with a stack below it. */
const LINE = /^ +(\/\S+): (.+)$/gm

/** The addresses that are none for TCP: libp2p would not say which, or leave them out without a word. */
export function unusable(addresses: readonly string[]): ListenFailure[] {
  return addresses.flatMap(address => {
    try {
      const names = multiaddr(address)
        .getComponents()
        .map(({ name }) => name)
        .filter(name => name !== 'p2p')
      return names.at(-1) === 'tcp' ? [] : [{ address, reason: `that is no address for TCP: ${WANTED}` }]
    } catch (error) {
      return [{ address, reason: `that is no multiaddress (${firstLine(error)}): ${WANTED}` }]
    }
  })
}

/** Of those that libp2p could not listen on: of all of them, where it does not say which. */
export function listenFailures(cause: unknown, addresses: readonly string[]): ListenFailure[] {
  const text = cause instanceof Error ? cause.message : String(cause)
  const told = [...text.matchAll(LINE)].map(([, address = '', what = '']) => ({ address, what }))
  const failures = told.filter(({ address }) => addresses.includes(address))
  if (failures.length > 0) return failures.map(({ address, what }) => ({ address, reason: reasonOf(what) }))
  return addresses.map(address => ({ address, reason: reasonOf(firstLine(cause)) }))
}

function reasonOf(text: string): string {
  return REASONS.find(([found]) => text.includes(found))?.[1] ?? text
}

function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line
}
