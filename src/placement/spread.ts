// pure
/** Units that are to be shared out evenly, as the engine counts them. */

import { spreadRoom } from './capacity.ts'
import type { Pool } from './pool.ts'
import type { Site } from './site.ts'

export class Spread {
  readonly key: string
  /** How many of its units one node may hold. */
  room = 1
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

  /** The room on each node when all that can run any of its units hold some. `total`: how many nodes there are. */
  roomNow(total: number): number {
    const pools = [...this.#pools.keys()]
    const largest = Math.max(0, ...pools.map(pool => pool.sites.length))
    if (pools.length <= 1 || largest === total) return spreadRoom(this.#count, largest)
    const hosts = new Set<Site>(pools.flatMap(pool => pool.sites))
    return spreadRoom(this.#count, hosts.size)
  }
}
