// pure
/**
 * Who takes part, and where they say that they listen. A process that has started anew without its key takes the address of
 * the one before: who is dead is not to be looked for where somebody else answers.
 */

import type { NodeId } from '../ids.ts'
import { bareAddress } from '../multiaddress.ts'

export class Present {
  readonly #addresses = new Map<NodeId, readonly string[]>()
  /** By address without id; several may name one, as that of a bridge which each machine has. Undefined: to be found out. */
  #namedBy: ReadonlyMap<string, readonly NodeId[]> | undefined

  add(peer: NodeId, addresses: readonly string[]): void {
    this.#addresses.set(peer, addresses)
    this.#namedBy = undefined
  }

  delete(peer: NodeId): void {
    this.#addresses.delete(peer)
    this.#namedBy = undefined
  }

  has(peer: NodeId | undefined): boolean {
    return peer !== undefined && this.#addresses.has(peer)
  }

  /** Those of the addresses that nobody but the peer says to be its own. */
  freeFor(peer: NodeId, addresses: readonly string[]): readonly string[] {
    const namedBy = (this.#namedBy ??= this.#findNames())
    const isFree = (address: string): boolean =>
      namedBy.get(bareAddress(address))?.every(each => each === peer) ?? true
    return addresses.filter(isFree)
  }

  #findNames(): ReadonlyMap<string, readonly NodeId[]> {
    const namedBy = new Map<string, NodeId[]>()
    for (const [peer, addresses] of this.#addresses) {
      for (const address of addresses) {
        const named = namedBy.get(bareAddress(address))
        if (named === undefined) namedBy.set(bareAddress(address), [peer])
        else named.push(peer)
      }
    }
    return namedBy
  }
}
