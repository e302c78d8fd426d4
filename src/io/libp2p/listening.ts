// shell
/**
 * Where this node listens, as others can dial it. libp2p itself names a public address only once a peer has said that it has
 * seen the node there, by identify, which no node of a mesh speaks: a node with nothing but public addresses named none.
 */

import type { PeerId } from '@libp2p/interface'

import { nearestFirst, reachable } from '../../address-scope.ts'

export interface ListeningComponents {
  readonly peerId: PeerId
  readonly transportManager: { readonly getAddrs: () => readonly { readonly toString: () => string }[] }
}

export class Listening {
  readonly #components: ListeningComponents

  constructor(components: ListeningComponents) {
    this.#components = components
  }

  /** As the interfaces of the machine are now. */
  get addresses(): readonly string[] {
    const { peerId } = this.#components
    return nearestFirst(reachable(this.all)).map(address => `${address}/p2p/${peerId.toString()}`)
  }

  /** Those too that lead to this machine only from itself. They do not say whose they are. */
  get all(): readonly string[] {
    return [...new Set(this.#components.transportManager.getAddrs().map(String))]
  }
}
