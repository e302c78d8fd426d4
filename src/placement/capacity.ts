// pure
/** How many units a node may hold, and how many of one spread. */

import { hash32 } from '../hash.ts'
import type { Pool } from './pool.ts'
import type { Site } from './site.ts'

/** From this share on, a node's threshold for rounding may lie anywhere between two whole numbers. */
const WIDE_SHARE = 16
/** Thresholds are at most this at small shares: rounding up early, there is room where a unit more or less is much. */
const NARROW_WIDTH = 0.25

/** Where a node rounds: a number of its own in [0, 1). */
export function roundingOf(salt: string, node: string): number {
  return hash32(`${salt}${node}#cap`) / 0x1_0000_0000
}

/**
 * The fair share times the load factor, rounded up or down by a threshold of the node's own, so that one unit more
 * raises about `loadFactor` capacities and not all of them at once. At least 1, at most ⌈loadFactor · share⌉ or 1.
 */
export function staggeredCapacity(share: number, loadFactor: number, rounding: number): number {
  const exact = loadFactor * share
  const whole = Math.floor(exact)
  const threshold = rounding * Math.min(1, Math.max(NARROW_WIDTH, share / WIDE_SHARE))
  return Math.max(1, exact - whole > threshold ? whole + 1 : whole)
}

/** How many of `count` units that are to be shared out evenly over `hosts` nodes one node may hold. */
export function spreadRoom(count: number, hosts: number): number {
  return Math.max(1, Math.ceil(count / Math.max(1, hosts)))
}

/**
 * How many of them, where `share` would be the node's by its weight, and it is full already: one in any case, so that no
 * node has two while another one has none, but a light node not as many as a heavy one.
 */
export function spreadRoomWhenFull(room: number, share: number): number {
  return Math.min(room, Math.max(1, Math.ceil(share)))
}

/** Plans the capacity of every node from the demand of every pool, as the executable specification does. */
export function planCapacities(sites: readonly Site[], pools: readonly Pool[], loadFactor: number): void {
  for (const site of sites) site.share = 0
  for (const pool of pools) {
    const { weight } = pool
    const demand = pool.demandInside()
    for (const site of pool.sites) site.share = Math.max(site.share, (demand * site.weight) / weight)
  }
  for (const site of sites) site.planned = staggeredCapacity(site.share, loadFactor, site.rounding)
  const short = pools.filter(pool => plannedRoom(pool) < pool.demandInside())
  for (const pool of short) {
    for (const site of pool.sites) site.planned = Math.max(site.planned, Math.ceil(site.share))
  }
}

function plannedRoom(pool: Pool): number {
  let room = 0
  for (const site of pool.sites) room += site.planned
  return room
}
