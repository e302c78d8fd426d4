// shell
/**
 * Tells gossipsub whom it can speak to. With libp2p that is the job of identify, which opens a stream each way, and
 * signs and checks a record, to find out what a peer speaks; a peer with whom there is a session speaks what this node
 * speaks. So a session costs a third less, which counts where thirty nodes meet on two cores.
 */

import {
  type Connection,
  type Libp2pEvents,
  type PeerStore,
  type TypedEventTarget,
  serviceCapabilities,
} from '@libp2p/interface'

export interface IntroductionComponents {
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly peerStore: PeerStore
}

export class Introduction {
  /** Gossipsub asks for a service that does this. */
  readonly [serviceCapabilities] = ['@libp2p/identify']
  readonly #components: IntroductionComponents

  constructor(components: IntroductionComponents) {
    this.#components = components
  }

  /** There is a session over the connection: its peer speaks `protocol`. */
  async introduce(connection: Connection, protocol: string): Promise<void> {
    const { events, peerStore } = this.#components
    const protocols = [protocol]
    // Where the peer leaves, libp2p looks here for who is to hear of it.
    await peerStore.merge(connection.remotePeer, { protocols })
    if (connection.status !== 'open') return
    const detail = { peerId: connection.remotePeer, protocols, listenAddrs: [], connection }
    events.safeDispatchEvent('peer:identify', { detail })
  }
}
