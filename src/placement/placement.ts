// pure
/**
 * Where each unit lives: stable bounded rendezvous hashing, as the executable specification.
 *
 * Node and unit rank a pair by the same number, so the smallest pair that still fits is taken in every stable
 * matching: the result is unique, and every node with the same view computes the same one, without history.
 * Cost: O(K M log(K M)) for K units and M nodes.
 */

import { type Hash64, hash32, hash64 } from '../hash.ts'
import { ZONE_PENALTY, score } from './score.ts'
import type { Candidate } from './view.ts'

/** Something that runs on one node: a standalone worker, a group's member, a worker of a stage. */
export interface Unit {
  readonly id: string
  /** Units of one affinity have the same favourite nodes. @default the id */
  readonly affinity?: string
  /** Units of one spread are shared out evenly: none has two on a node while another node has none. */
  readonly spread?: string
  /** `near`: all of one key in one zone; `rotate`: the n-th of a key in the n-th zone of the key's order. */
  readonly zone?: { readonly mode: 'near' | 'rotate'; readonly key: string; readonly ordinal: number }
  /** Only nodes that carry all these labels. */
  readonly selector?: Readonly<Record<string, string>>
  /** Only nodes that can run all of these: `name@version`. */
  readonly needs: readonly string[]
  /** Units of a lower tier choose first. @default 0 */
  readonly tier?: number
}

export interface PlacementOptions {
  /** No node gets more than this times its fair share, rounded up. ≥ 1 @default 1.25 */
  readonly loadFactor: number
  /** Mixed into every hash; equal on all nodes of a mesh. @default '' */
  readonly salt: string
}

export const PLACEMENT_DEFAULTS: PlacementOptions = { loadFactor: 1.25, salt: '' }

export interface Assignment {
  readonly node: string
  /** It did not fit within the bounds and went to its first choice. */
  readonly overflow: boolean
}

/**
 * The owner of every unit that some node can run, keyed by unit id. Units without an eligible node are left out.
 * Repeated ids count once, the first one.
 */
export function place(
  nodes: readonly Candidate[],
  units: readonly Unit[],
  options: PlacementOptions = PLACEMENT_DEFAULTS,
): Map<string, Assignment> {
  const eligible = unique(nodes).filter(node => !node.draining && node.weight > 0)
  const wanted = unique(units)
  const pairs = rankedPairs(eligible, wanted, options)
  const nodeRoom = capacities(eligible, wanted, options)
  const spreadRoom = spreadCapacities(eligible, wanted)
  const spreadLoad = new Map<string, number>()
  const owners = new Map<string, Assignment>()
  for (const { unit, node } of pairs) {
    const room = nodeRoom.get(node.id) ?? 0
    const spreadKey = unit.spread === undefined ? undefined : `${node.id}/${unit.spread}`
    const together = spreadKey === undefined ? 0 : (spreadLoad.get(spreadKey) ?? 0)
    const togetherMax = unit.spread === undefined ? Infinity : (spreadRoom.get(unit.spread) ?? 1)
    if (owners.has(unit.id) || room === 0 || together >= togetherMax) continue
    owners.set(unit.id, { node: node.id, overflow: false })
    nodeRoom.set(node.id, room - 1)
    if (spreadKey !== undefined) spreadLoad.set(spreadKey, together + 1)
  }
  for (const { unit, node } of pairs) {
    if (!owners.has(unit.id)) owners.set(unit.id, { node: node.id, overflow: true })
  }
  return owners
}

/** The node that a key belongs to when only hashing counts: the first of its preference list. */
export function firstChoice(key: string, nodes: readonly string[]): string | undefined {
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
  readonly score: number
}

/** Every pair of a unit and a node that may run it: by tier, then score, then ids. */
function rankedPairs(nodes: readonly Candidate[], units: readonly Unit[], options: PlacementOptions): Pair[] {
  const hashes = new Map(nodes.map(node => [node.id, hash64(options.salt + node.id)]))
  const zones = [...new Set(nodes.map(node => node.zone))]
  const pairs: Pair[] = []
  for (const unit of units) {
    const unitHash = hash64(options.salt + (unit.affinity ?? unit.id))
    // Restricted units choose before free ones, which have more places to go.
    const tier = (unit.tier ?? 0) * 2 + (unit.selector === undefined ? 1 : 0)
    const penalty = zonePenalties(unit, zones, options.salt)
    for (const node of nodes) {
      if (!canRun(node, unit)) continue
      const nodeHash: Hash64 = hashes.get(node.id) ?? { high: 0, low: 0 }
      pairs.push({
        unit,
        node,
        tier,
        score: score(unitHash, nodeHash, node.weight) + (penalty.get(node.zone) ?? 0),
      })
    }
  }
  return pairs.toSorted(
    (a, b) =>
      a.tier - b.tier || a.score - b.score || order(a.unit.id, b.unit.id) || order(a.node.id, b.node.id),
  )
}

function canRun(node: Candidate, unit: Unit): boolean {
  const labelled = Object.entries(unit.selector ?? {}).every(([label, value]) => node.labels[label] === value)
  return labelled && unit.needs.every(behaviour => node.behaviours.includes(behaviour))
}

function zonePenalties(unit: Unit, zones: readonly string[], salt: string): Map<string, number> {
  const { zone } = unit
  if (zone === undefined) return new Map()
  const key = hash64(salt + zone.key)
  const ranked = zones
    .map(name => ({ name, score: score(key, hash64(salt + name), 1) }))
    .toSorted((a, b) => a.score - b.score || order(a.name, b.name))
  const rankOf = (index: number): number =>
    zone.mode === 'near' ? index : (index - zone.ordinal + zone.ordinal * zones.length) % zones.length
  return new Map(ranked.map(({ name }, index) => [name, ZONE_PENALTY * rankOf(index)]))
}

/**
 * How many units each node may hold: its fair share times the load factor, rounded up or down by a threshold of
 * its own, so that one unit more raises about `loadFactor` capacities and not all of them at once.
 */
function capacities(
  nodes: readonly Candidate[],
  units: readonly Unit[],
  options: PlacementOptions,
): Map<string, number> {
  const classes = demandClasses(nodes, units)
  const shares = new Map<string, number>()
  for (const { members, demand } of classes) {
    const weights = members.reduce((sum, node) => sum + node.weight, 0)
    for (const node of members) {
      shares.set(node.id, Math.max(shares.get(node.id) ?? 0, (demand * node.weight) / weights))
    }
  }
  const caps = new Map<string, number>()
  for (const [id, share] of shares) {
    const exact = options.loadFactor * share
    const whole = Math.floor(exact)
    const threshold =
      (hash32(`${options.salt}${id}#cap`) / 0x1_0000_0000) * Math.min(1, Math.max(0.25, share / 16))
    caps.set(id, Math.max(1, exact - whole > threshold ? whole + 1 : whole))
  }
  for (const { members, demand } of classes) {
    const room = members.reduce((sum, node) => sum + (caps.get(node.id) ?? 0), 0)
    if (room >= demand) continue
    for (const node of members) {
      caps.set(node.id, Math.max(caps.get(node.id) ?? 0, Math.ceil(shares.get(node.id) ?? 0)))
    }
  }
  return caps
}

interface DemandClass {
  readonly members: readonly Candidate[]
  readonly demand: number
}

/** All units on all nodes, and the units of each set of restrictions on the nodes that fulfil it. */
function demandClasses(nodes: readonly Candidate[], units: readonly Unit[]): DemandClass[] {
  const byRestriction = new Map<string, Unit[]>()
  for (const unit of units) {
    const key = JSON.stringify([Object.entries(unit.selector ?? {}).toSorted(byLabel), unit.needs.toSorted()])
    const same = byRestriction.get(key)
    if (same === undefined) byRestriction.set(key, [unit])
    else same.push(unit)
  }
  const classes: DemandClass[] = [{ members: nodes, demand: units.length }]
  for (const same of byRestriction.values()) {
    const [first] = same
    if (first === undefined) continue
    const members = nodes.filter(node => canRun(node, first))
    if (members.length > 0) classes.push({ members, demand: same.length })
  }
  return classes
}

/** How many units of each spread one node may hold. */
function spreadCapacities(nodes: readonly Candidate[], units: readonly Unit[]): Map<string, number> {
  const counts = new Map<string, number>()
  const hosts = new Map<string, Set<string>>()
  for (const unit of units) {
    if (unit.spread === undefined) continue
    counts.set(unit.spread, (counts.get(unit.spread) ?? 0) + 1)
    const able = hosts.get(unit.spread) ?? new Set()
    hosts.set(unit.spread, able)
    if (able.size === nodes.length) continue
    for (const node of nodes) if (canRun(node, unit)) able.add(node.id)
  }
  const room = new Map<string, number>()
  for (const [spread, count] of counts) {
    room.set(spread, Math.max(1, Math.ceil(count / (hosts.get(spread)?.size ?? 1))))
  }
  return room
}

function unique<T extends { readonly id: string }>(items: readonly T[]): T[] {
  const byId = new Map<string, T>()
  for (const item of items) if (!byId.has(item.id)) byId.set(item.id, item)
  return [...byId.values()]
}

function byLabel(a: readonly [string, string], b: readonly [string, string]): number {
  return order(a[0], b[0])
}

/** By code units, the same on every machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
