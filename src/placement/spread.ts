// pure
/** Units that are to be shared out evenly, as the engine counts them. */

import { spreadRoom, spreadRoomWhenFull } from './capacity.ts'
import type { Pool } from './pool.ts'
import type { Site } from './site.ts'

export class Spread {
  readonly key: string
  /** How many of its units one node may hold. */
  room = 1
  /** Of all nodes that can run any of its units. */
  weight = 1
  /** How many of its units there are in each pool. */
  readonly #pools = new Map<Pool, number>()
  #count = 0

  constructor(key: string) {
    this.key = key
  }

  get count(): number {
    return this.#count
  }

  /** A unit of `pool` joins it (1), or is gone (-1). */
  change(pool: Pool, difference: 1 | -1): void {
    const count = (this.#pools.get(pool) ?? 0) + difference
    if (count === 0) this.#pools.delete(pool)
    else this.#pools.set(pool, count)
    this.#count += difference
  }

  /** The room on each node when all that can run any of its units hold some, and what these nodes weigh together. */
  measure(total: number): { readonly room: number; readonly weight: number } {
    const pools = [...this.#pools.keys()]
    const largest = pools.toSorted((a, b) => b.sites.length - a.sites.length)[0]
    if (largest === undefined) return { room: spreadRoom(this.#count, 0), weight: 0 }
    if (pools.length === 1 || largest.sites.length === total)
      return { room: spreadRoom(this.#count, largest.sites.length), weight: largest.weight }
    const hosts = new Set<Site>(pools.flatMap(pool => pool.sites))
    let weight = 0
    for (const host of hosts) weight += host.weight
    return { room: spreadRoom(this.#count, hosts.size), weight }
  }

  /** How many of its units a node may hold that is to hold more than fits. */
  roomWhenFull(site: Site): number {
    return spreadRoomWhenFull(this.room, (this.#count * site.weight) / this.weight)
  }
}
