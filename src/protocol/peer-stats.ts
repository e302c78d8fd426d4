// pure
/** What each peer has last said of itself on its probes and their answers. */

import type { NodeId } from '../ids.ts'
import { isTrusted } from './local-health.ts'
import type { NodeStat } from './messages.ts'

export class PeerStats {
  readonly #stats = new Map<NodeId, NodeStat>()

  set(peer: NodeId, stat: NodeStat): void {
    this.#stats.set(peer, stat)
  }

  forget(peer: NodeId): void {
    this.#stats.delete(peer)
  }

  /** Whether what the peer says against others counts: it is not late itself, as far as is known. */
  isTrusted(peer: NodeId): boolean {
    return isTrusted(this.#stats.get(peer)?.health ?? 0)
  }

  /** How many but `except` say that they have no session with `target`. */
  countApart(target: NodeId, except: ReadonlySet<NodeId>): number {
    let apart = 0
    for (const [peer, { unreachable }] of this.#stats)
      if (unreachable.includes(target) && !except.has(peer)) apart += 1
    return apart
  }

  /** Those of `peers` who do not say that they cannot reach `target`; all of them where each says so. */
  reaching(target: NodeId, peers: readonly NodeId[]): readonly NodeId[] {
    const reaching = peers.filter(id => this.#stats.get(id)?.unreachable.includes(target) !== true)
    return reaching.length > 0 ? reaching : peers
  }
}
