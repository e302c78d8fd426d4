// pure
/** Who has taken in what was declared here: a spec that only one node knows is lost with it. */

import type { NodeId, SpecId } from '../ids.ts'

interface Ask {
  readonly specs: readonly SpecId[]
  readonly waiting: Set<NodeId>
}

export class Spreading {
  readonly #asks = new Map<number, Ask>()
  #count = 0

  /** Specs go out to `peers`. @returns the number that their answers will carry */
  begin(specs: readonly SpecId[], peers: readonly NodeId[]): number {
    this.#count += 1
    this.#asks.set(this.#count, { specs, waiting: new Set(peers) })
    return this.#count
  }

  /** @returns the specs that all have taken in now */
  onMerged(ask: number, peer: NodeId): readonly SpecId[] {
    const pending = this.#asks.get(ask)
    if (pending === undefined) return []
    pending.waiting.delete(peer)
    if (pending.waiting.size > 0) return []
    this.#asks.delete(ask)
    return pending.specs
  }

  /** A peer that is gone is not waited for. @returns the specs that all others have taken in now */
  onPeerDown(peer: NodeId): readonly SpecId[] {
    return [...this.#asks.keys()].flatMap(ask => this.onMerged(ask, peer))
  }

  /** Whether some peer has not said yet that it knows the spec. */
  isPending(spec: SpecId): boolean {
    return [...this.#asks.values()].some(({ specs }) => specs.includes(spec))
  }
}
