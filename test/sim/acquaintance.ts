/** Which nodes know of which before they have met anybody: of all, of the first one or two, or each of the one before. */

import type { NodeId } from '../../src/ids.ts'
import type { Prng } from '../../src/prng.ts'
import type { SimulationInit } from '../../src/testing.ts'

/** So many schedules have one or two seeds: who comes is told of by others, and most sessions wait for a lull. */
const FEW_SHARE = 0.3
/** So many of the others have a chain of them: n2 knows n1, n3 knows n2, and so on. */
const CHAIN_SHARE = 0.2

type Kind = 'all' | 'few-seeds' | 'seed-chain'

export class Acquaintance {
  readonly kind: Kind
  /** Where there are few: how many. */
  readonly #count: number

  constructor(prng: Prng) {
    const isFew = prng.chance(FEW_SHARE)
    this.#count = isFew ? 1 + prng.below(2) : 0
    if (isFew) this.kind = 'few-seeds'
    else this.kind = prng.chance(CHAIN_SHARE) ? 'seed-chain' : 'all'
  }

  /** For `simulate`, of a mesh of so many nodes. */
  init(nodes: number): Pick<SimulationInit, 'seeds' | 'seedsOf'> {
    if (this.kind === 'few-seeds') return { seeds: this.#count }
    if (this.kind === 'all') return {}
    const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
    return {
      seedsOf: Object.fromEntries(names.map((name, index) => [name, names.slice(0, index).slice(-1)])),
    }
  }

  /** Whom a node knows when it starts, itself included or not. */
  seedsOf(ids: readonly NodeId[], node: NodeId): readonly NodeId[] {
    if (this.kind === 'seed-chain') return ids.slice(0, ids.indexOf(node)).slice(-1)
    return this.kind === 'few-seeds' ? ids.slice(0, this.#count) : ids
  }

  /** Those who must be up for the mesh to be one again: who has met nobody since it started finds it by them only. */
  neededOf(ids: readonly NodeId[]): readonly NodeId[] {
    if (this.kind === 'all') return []
    return this.kind === 'few-seeds' ? ids.slice(0, this.#count) : ids
  }
}
