// pure
/** The zones of the nodes by number, and how units rank them. */

import type { Site } from './site.ts'
import type { ZonePreference } from './unit.ts'
import { zoneOrder, zoneRank } from './zones.ts'

/** So many orders and rankings are remembered; beyond that, they are worked out again where they are asked for. */
export const RANKINGS_MAX = 4096

export class ZoneMap {
  readonly #salt: string
  readonly #sites = new Map<string, Set<Site>>()
  #numbers = new Map<string, number>()
  /** Of each key: the numbers of the zones, favourite first. */
  readonly #orders = new Map<string, number[]>()
  /** Of each way to rank them: by the number of the zone. Shared by all units that do it alike. */
  readonly #ranks = new Map<string, Int32Array>()
  #isChanged = false

  constructor(salt: string) {
    this.#salt = salt
  }

  add(site: Site): void {
    const sites = this.#sites.get(site.candidate.zone)
    site.zone = this.#numbers.get(site.candidate.zone) ?? 0
    if (sites === undefined) {
      this.#sites.set(site.candidate.zone, new Set([site]))
      this.#isChanged = true
    } else {
      sites.add(site)
    }
  }

  delete(site: Site): void {
    const sites = this.#sites.get(site.candidate.zone)
    sites?.delete(site)
    if (sites?.size !== 0) return
    this.#sites.delete(site.candidate.zone)
    this.#isChanged = true
  }

  /** @returns whether there are other zones now than the last time, so that every node may have another number */
  renumber(): boolean {
    if (!this.#isChanged) return false
    this.#isChanged = false
    const numbers = new Map([...this.#sites.keys()].map((zone, index) => [zone, index]))
    const isOther =
      numbers.size !== this.#numbers.size || [...numbers.keys()].some(zone => !this.#numbers.has(zone))
    if (isOther) {
      this.#numbers = numbers
      this.#orders.clear()
      this.#ranks.clear()
    }
    for (const [zone, sites] of this.#sites) {
      for (const site of sites) site.zone = this.#numbers.get(zone) ?? 0
    }
    return isOther
  }

  /** How the unit ranks each zone, by the number of the zone; undefined when it does not care. */
  ranksOf(zone: ZonePreference | undefined): Int32Array | undefined {
    if (zone === undefined) return undefined
    const order = this.#orderOf(zone.key)
    const turn = zone.mode === 'near' ? 'near' : String(zone.ordinal % Math.max(1, order.length))
    const key = JSON.stringify([zone.key, turn])
    const known = this.#ranks.get(key)
    if (known !== undefined) return known
    const ranks = new Int32Array(order.length)
    for (const [index, number] of order.entries()) ranks[number] = zoneRank(zone, index, order.length)
    if (this.#ranks.size >= RANKINGS_MAX) this.#ranks.clear()
    this.#ranks.set(key, ranks)
    return ranks
  }

  #orderOf(key: string): number[] {
    const known = this.#orders.get(key)
    if (known !== undefined) return known
    const order = zoneOrder(key, this.#numbers.keys(), this.#salt).map(zone => this.#numbers.get(zone) ?? 0)
    if (this.#orders.size >= RANKINGS_MAX) this.#orders.clear()
    this.#orders.set(key, order)
    return order
  }
}
