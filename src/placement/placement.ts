// pure
/**
 * Where each unit lives: stable bounded rendezvous hashing, as the executable specification.
 *
 * Node and unit rank a pair by the same key, so the smallest pair that still fits is taken in every stable matching:
 * the result is unique, and every node with the same view computes the same one, without history. This says what is
 * right in as few words as possible; `engine.ts` says the same, and quickly.
 * Cost: O(K M log(K M)) for K units and M nodes.
 */

import { hash64 } from '../hash.ts'
import { roundingOf, spreadRoom, spreadRoomWhenFull, staggeredCapacity } from './capacity.ts'
import { canRun, restrictionKey, restrictionOf, weightOf } from './eligibility.ts'
import { score } from './score.ts'
import { byCodeUnits } from '../text-order.ts'
import {
  type Assignment,
  type Decline,
  PLACEMENT_DEFAULTS,
  type PlacementOptions,
  type Unit,
  tierOf,
} from './unit.ts'
import type { Candidate } from './view.ts'
import { zoneOrder, zoneRank } from './zones.ts'

/**
 * The owner of every unit that some node can run, keyed by unit id. Units without an eligible node are left out.
 * Repeated ids count once, the first one.
 */
export function place(
  nodes: readonly Candidate[],
  units: readonly Unit[],
  options: PlacementOptions = PLACEMENT_DEFAULTS,
  declines: readonly Decline[] = [],
): Map<string, Assignment> {
  const eligible = unique(nodes).filter(node => weightOf(node) > 0)
  const wanted = unique(units)
  const pairs = rankedPairs(eligible, wanted, options.salt).filter(
    ({ unit, node }) => !declines.some(decline => decline.unit === unit.id && decline.node === node.id),
  )
  const bounds = boundsOf(eligible, wanted, options)
  const nodeRoom = new Map(bounds.capacityOf)
  const spreadLoad = new Map<string, number>()
  const owners = new Map<string, Assignment>()
  const take = (
    fits: (pair: Pair, roomLeft: number, kinLoad: number) => boolean,
    overflow: boolean,
  ): void => {
    for (const pair of pairs) {
      const { unit, node } = pair
      if (owners.has(unit.id)) continue
      const roomLeft = nodeRoom.get(node.id) ?? 0
      const kin = JSON.stringify([node.id, unit.spread])
      const kinLoad = spreadLoad.get(kin) ?? 0
      if (!fits(pair, roomLeft, kinLoad)) continue
      owners.set(unit.id, { node: node.id, overflow })
      nodeRoom.set(node.id, roomLeft - 1)
      spreadLoad.set(kin, kinLoad + 1)
    }
  }
  const kinMaxOf = ({ unit }: Pair): number => bounds.roomOf.get(unit.spread ?? '') ?? Infinity
  const kinShareOf = ({ unit, node }: Pair): number => {
    if (unit.spread === undefined) return Infinity
    const kin = wanted.filter(({ spread }) => spread === unit.spread)
    const hosts = eligible.filter(host => kin.some(each => canRun(host, restrictionOf(each))))
    return (kin.length * weightOf(node)) / hosts.reduce((sum, host) => sum + weightOf(host), 0)
  }
  take((pair, roomLeft, kinLoad) => roomLeft > 0 && kinLoad < kinMaxOf(pair), false)
  // Who does not fit: rather one more on a node than two of a spread; and rather both than none.
  take((pair, _, kinLoad) => kinLoad < spreadRoomWhenFull(kinMaxOf(pair), kinShareOf(pair)), true)
  take(() => true, true)
  return owners
}

/** What nodes may hold. */
export interface Bounds {
  /** How many units each node may hold, by its id. Only of nodes that are given anything. */
  readonly capacityOf: ReadonlyMap<string, number>
  /** How many units of each spread one node may hold, by the spread. */
  readonly roomOf: ReadonlyMap<string, number>
}

/** The bounds that `place` keeps. */
export function boundsOf(
  nodes: readonly Candidate[],
  units: readonly Unit[],
  options: PlacementOptions = PLACEMENT_DEFAULTS,
): Bounds {
  const eligible = unique(nodes).filter(node => weightOf(node) > 0)
  const wanted = unique(units)
  return {
    capacityOf: capacities(eligible, wanted, options),
    roomOf: spreadCapacities(eligible, wanted),
  }
}

/** The node that a key belongs to when only hashing counts: the first of its preference list. */
export function firstChoice(key: string, nodes: Iterable<string>): string | undefined {
  const keyHash = hash64(key)
  let best: { node: string; score: number } | undefined
  for (const node of nodes) {
    const candidate = { node, score: score(keyHash, hash64(node), 1) }
    if (
      best === undefined ||
      candidate.score < best.score ||
      (candidate.score === best.score && node < best.node)
    ) {
      best = candidate
    }
  }
  return best?.node
}

interface Pair {
  readonly unit: Unit
  readonly node: Candidate
  readonly tier: number
  /** Of the node's zone for the unit. */
  readonly rank: number
  readonly score: number
}

/** Every pair of a unit and a node that may run it: by tier, then the rank of the zone, then score, then ids. */
function rankedPairs(nodes: readonly Candidate[], units: readonly Unit[], salt: string): Pair[] {
  const zones = new Set(nodes.map(node => node.zone))
  const hashed = nodes.map(node => ({ node, hash: hash64(salt + node.id) }))
  const pairs: Pair[] = []
  for (const unit of units) {
    const { zone } = unit
    const unitHash = hash64(salt + (unit.affinity ?? unit.id))
    const order = zone === undefined ? [] : zoneOrder(zone.key, zones, salt)
    for (const { node, hash } of hashed) {
      if (!canRun(node, restrictionOf(unit))) continue
      pairs.push({
        unit,
        node,
        tier: tierOf(unit),
        rank: zone === undefined ? 0 : zoneRank(zone, order.indexOf(node.zone), order.length),
        score: score(unitHash, hash, weightOf(node)),
      })
    }
  }
  return pairs.toSorted(
    (a, b) =>
      a.tier - b.tier ||
      a.rank - b.rank ||
      a.score - b.score ||
      byCodeUnits(a.unit.id, b.unit.id) ||
      byCodeUnits(a.node.id, b.node.id),
  )
}

/**
 * How many units each node may hold, by node id: its fair share of the most demanding class that it belongs to, with
 * slack. Where that leaves a class without room for all of its units, its nodes get the share rounded up.
 */
function capacities(
  nodes: readonly Candidate[],
  units: readonly Unit[],
  options: PlacementOptions,
): Map<string, number> {
  const classes = demandClasses(nodes, units)
  const shares = new Map<string, number>()
  for (const { members, demand } of classes) {
    const weights = members.reduce((sum, node) => sum + weightOf(node), 0)
    for (const node of members) {
      shares.set(node.id, Math.max(shares.get(node.id) ?? 0, (demand * weightOf(node)) / weights))
    }
  }
  const capacityOf = new Map(
    [...shares].map(([id, share]) => [
      id,
      staggeredCapacity(share, options.loadFactor, roundingOf(options.salt, id)),
    ]),
  )
  // All classes are looked at before any capacity is raised, so that their order does not matter.
  const short = classes.filter(({ members, demand }) => {
    return members.reduce((sum, node) => sum + (capacityOf.get(node.id) ?? 0), 0) < demand
  })
  for (const { id } of short.flatMap(({ members }) => members)) {
    capacityOf.set(id, Math.max(capacityOf.get(id) ?? 0, Math.ceil(shares.get(id) ?? 0)))
  }
  return capacityOf
}

interface DemandClass {
  readonly members: readonly Candidate[]
  readonly demand: number
}

/**
 * All nodes, and the nodes that fulfil each restriction: each set with the number of units that can run nowhere else.
 * Units that no node can run count nowhere.
 */
function demandClasses(nodes: readonly Candidate[], units: readonly Unit[]): DemandClass[] {
  const restricted = new Map<string, { readonly members: readonly Candidate[]; count: number }>()
  for (const unit of units) {
    const restriction = restrictionOf(unit)
    const key = restrictionKey(restriction)
    const same = restricted.get(key) ?? {
      members: nodes.filter(node => canRun(node, restriction)),
      count: 0,
    }
    same.count += 1
    restricted.set(key, same)
  }
  const groups = [...restricted.values()].filter(({ members }) => members.length > 0)
  return [nodes, ...groups.map(({ members }) => members)].map(members => {
    const inside = groups.filter(group => group.members.every(node => members.includes(node)))
    return { members, demand: inside.reduce((sum, { count }) => sum + count, 0) }
  })
}

/** How many units of each spread one node may hold: as many as it takes when all that can run any of them do. */
function spreadCapacities(nodes: readonly Candidate[], units: readonly Unit[]): Map<string, number> {
  const spreads = Map.groupBy(
    units.filter(unit => unit.spread !== undefined),
    unit => unit.spread ?? '',
  )
  return new Map(
    [...spreads].map(([spread, members]) => {
      const hosts = nodes.filter(node => members.some(unit => canRun(node, restrictionOf(unit))))
      return [spread, spreadRoom(members.length, hosts.length)]
    }),
  )
}

function unique<T extends { readonly id: string }>(items: readonly T[]): T[] {
  const byId = new Map<string, T>()
  for (const item of items) if (!byId.has(item.id)) byId.set(item.id, item)
  return [...byId.values()]
}
