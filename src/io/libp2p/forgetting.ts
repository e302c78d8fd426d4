// shell
/**
 * Keeps the store of peers of libp2p to those who are connected. libp2p writes down whoever it has dialled, in vain too,
 * and whoever has come, and forgets nobody: each run without a data folder is somebody else, and so is each claim of a
 * stranger that is dialled. The mesh has a list of its own of whom to dial.
 */

import type { Libp2p, PeerId } from '@libp2p/interface'

export function forgetThoseApart(
  libp2p: Pick<Libp2p, 'addEventListener' | 'getConnections' | 'peerStore'>,
): void {
  const look = (peer: PeerId): void => {
    if (libp2p.getConnections(peer).length > 0) return
    // Where that fails, the next news of it is one more occasion.
    Promise.resolve(libp2p.peerStore.delete(peer)).catch(() => {})
  }
  libp2p.addEventListener('peer:update', ({ detail }) => look(detail.peer.id))
  // Whoever tells gossipsub that a peer is gone looks for it in the store at the same moment.
  libp2p.addEventListener('peer:disconnect', ({ detail }) => setImmediate(look, detail))
}
