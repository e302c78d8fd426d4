/** Nodes and units for the tests of placement: plain ones by number, and wild ones by lot. */

import * as fc from 'fast-check'

import { hash64 } from '../../src/hash.ts'
import { canRun, restrictionOf, weightOf } from '../../src/placement/eligibility.ts'
import { PlacementEngine } from '../../src/placement/engine.ts'
import type { place } from '../../src/placement/placement.ts'
import { score } from '../../src/placement/score.ts'
import type { Decline, PlacementOptions, Unit } from '../../src/placement/unit.ts'
import type { Candidate } from '../../src/placement/view.ts'
import { zoneOrder, zoneRank } from '../../src/placement/zones.ts'

export function node(id: string, more: Partial<Candidate> = {}): Candidate {
  return { id, weight: 1, zone: '', labels: {}, behaviours: ['b@1'], draining: false, ...more }
}

export function unit(id: string, more: Partial<Unit> = {}): Unit {
  return { id, needs: ['b@1'], ...more }
}

/** n0, n1, n2 … */
export function nodes(count: number): Candidate[] {
  return Array.from({ length: count }, (_, index) => node(`n${index}`))
}

/** u0, u1, u2 … */
export function units(count: number): Unit[] {
  return Array.from({ length: count }, (_, index) => unit(`u${index}`))
}

/** A mesh with everything that placement knows. */
export interface Case {
  readonly nodes: readonly Candidate[]
  readonly units: readonly Unit[]
  readonly declines: readonly Decline[]
}

const anyId = fc.string({ minLength: 1, maxLength: 6 })
const anyNode = fc.record({
  id: anyId,
  weight: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.double({ min: 0.1, max: 16, noNaN: true })),
  zone: fc.constantFrom('', 'east', 'west'),
  labels: fc.constantFrom({ gpu: 'yes' }, { gpu: 'no' }, {}),
  behaviours: fc.subarray(['b@1', 'c@1'], { minLength: 1 }),
  draining: fc.boolean(),
})
const anyUnit = fc
  .record({
    id: anyId,
    needs: fc.subarray(['b@1', 'c@1']),
    selector: fc.constantFrom(undefined, { gpu: 'yes' }),
    spread: fc.constantFrom(undefined, 'g', 'h'),
    affinity: fc.constantFrom(undefined, undefined, 'p'),
    mode: fc.constantFrom(undefined, 'near' as const, 'rotate' as const),
    ordinal: fc.nat(9),
    tier: fc.constantFrom(undefined, undefined, 1),
  })
  .map(({ id, needs, selector, spread, affinity, mode, ordinal, tier }): Unit => ({
    id,
    needs,
    ...(selector === undefined ? {} : { selector }),
    ...(spread === undefined ? {} : { spread }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(mode === undefined ? {} : { zone: { mode, key: 'k', ordinal } }),
    ...(tier === undefined ? {} : { tier }),
  }))

export const anyCase: fc.Arbitrary<Case> = fc
  .tuple(
    fc.uniqueArray(anyNode, { selector: ({ id }) => id, maxLength: 12 }),
    fc.uniqueArray(anyUnit, { selector: ({ id }) => id, maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 }),
  )
  .map(([someNodes, someUnits, someDeclines]) => ({
    nodes: someNodes,
    units: someUnits,
    declines: someDeclines.flatMap(([unitIndex, nodeIndex]) => {
      const declined = someUnits[unitIndex % Math.max(1, someUnits.length)]
      const declining = someNodes[nodeIndex % Math.max(1, someNodes.length)]
      return declined === undefined || declining === undefined
        ? []
        : [{ unit: declined.id, node: declining.id }]
    }),
  }))

/** The nodes that may run a unit. */
export function ableFor({ nodes: some, declines }: Case, wanted: Unit): Candidate[] {
  return some.filter(
    candidate =>
      weightOf(candidate) > 0 &&
      canRun(candidate, restrictionOf(wanted)) &&
      !declines.some(decline => decline.unit === wanted.id && decline.node === candidate.id),
  )
}

/** How a unit ranks the nodes that may run it, and they rank it: smaller goes first. */
export function pairKey(all: Case, wanted: Unit, candidate: Candidate): readonly (number | string)[] {
  const zones = new Set(all.nodes.filter(each => weightOf(each) > 0).map(each => each.zone))
  const { zone } = wanted
  const order = zone === undefined ? [] : zoneOrder(zone.key, zones, '')
  const rank = zone === undefined ? 0 : zoneRank(zone, order.indexOf(candidate.zone), order.length)
  const tier = (wanted.tier ?? 0) * 2 + (wanted.selector === undefined ? 1 : 0)
  const value = score(hash64(wanted.affinity ?? wanted.id), hash64(candidate.id), weightOf(candidate))
  return [tier, rank, value, wanted.id, candidate.id]
}

/** Whether pair key `a` goes before `b`. */
export function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index]
    if (other !== undefined && value !== other) return value < other
  }
  return false
}

/** As meshes are. */
export const BOUNDED: PlacementOptions = { loadFactor: 1.25, salt: '' }
/** Only the hashes decide. */
export const UNBOUNDED: PlacementOptions = { loadFactor: 1e9, salt: '' }

/** An engine that has been told of everything, and has placed nothing yet. */
export function engineOf(
  all: Pick<Case, 'nodes' | 'units'> & Partial<Case>,
  options?: PlacementOptions,
): PlacementEngine {
  const engine = new PlacementEngine(options)
  for (const each of all.nodes) engine.setNode(each)
  for (const each of all.units) engine.setUnit(each)
  for (const each of all.declines ?? []) engine.decline(each.unit, each.node)
  return engine
}

/** How many units each node holds, without those that did not fit. */
export function loadsOf(owners: ReturnType<typeof place>, isMeant: (unitId: string) => boolean = () => true) {
  const loads = new Map<string, number>()
  for (const [id, assignment] of owners) {
    if (assignment.overflow || !isMeant(id)) continue
    loads.set(assignment.node, (loads.get(assignment.node) ?? 0) + 1)
  }
  return loads
}
