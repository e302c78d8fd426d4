/** How fast placement says where things live, and follows a node that joins. */

import { PlacementEngine } from '../src/placement/engine.ts'
import type { Unit } from '../src/placement/unit.ts'
import type { Candidate } from '../src/placement/view.ts'
import type { Bench, Measurement } from './bench.ts'

const MANY = { nodes: 1_000, units: 100_000 }
const SOME = { nodes: 100, units: 10_000 }
const LOOKUPS = 2_000_000
/** Joins of one round: the median of them is its figure, as a single one is at the mercy of the garbage collector. */
const JOINS = 15
const ROUNDS = 7

function node(index: number): Candidate {
  return { id: `node-${index}`, weight: 1, zone: '', labels: {}, behaviours: ['b@1'], draining: false }
}

function unit(index: number): Unit {
  return { id: `group-${index % 97}/worker-${index}`, needs: ['b@1'] }
}

function fill(engine: PlacementEngine, size: { readonly nodes: number; readonly units: number }): void {
  for (let index = 0; index < size.nodes; index++) engine.setNode(node(index))
  for (let index = 0; index < size.units; index++) engine.setUnit(unit(index))
  engine.settle()
}

/** Nanoseconds for each owner that is looked up, in no order; beside a bare `Map.get`. */
function lookup(): readonly Measurement[] {
  const engine = new PlacementEngine()
  fill(engine, SOME)
  const ids = Array.from({ length: 4_096 }, (_, index) => unit((index * 7_919) % SOME.units).id)
  const bare = new Map(
    Array.from({ length: SOME.units }, (_, index) => [unit(index).id, `node-${index % 100}`]),
  )
  const value = timeOfLookups(ids, id => engine.ownerOf(id))
  return [{ value, baseline: timeOfLookups(ids, id => bare.get(id)) }]
}

function timeOfLookups(ids: readonly string[], find: (id: string) => string | undefined): number {
  let found = 0
  const startMs = performance.now()
  for (let index = 0; index < LOOKUPS; index++) if (find(ids[index & 4_095] ?? '') !== undefined) found += 1
  const tookMs = performance.now() - startMs
  if (found !== LOOKUPS) throw new Error(`${LOOKUPS - found} owners were not found`)
  return (tookMs * 1e6) / LOOKUPS
}

/** Milliseconds from nothing known to every owner known. */
function full(): readonly Measurement[] {
  const engine = new PlacementEngine()
  const startMs = performance.now()
  fill(engine, SOME)
  const value = performance.now() - startMs
  if (engine.ownerOf(unit(0).id) === undefined) throw new Error('nothing was placed')
  return [{ value }]
}

/** Milliseconds of one node joining, and of its leaving, with the moves known. */
function joins(engine: PlacementEngine): readonly Measurement[] {
  const joinsMs: number[] = []
  const leavesMs: number[] = []
  for (let index = 0; index < JOINS; index++) {
    const joining = node(MANY.nodes + index)
    const startMs = performance.now()
    engine.setNode(joining)
    const came = engine.settle()
    const joinedMs = performance.now()
    engine.deleteNode(joining.id)
    const went = engine.settle()
    leavesMs.push(performance.now() - joinedMs)
    joinsMs.push(joinedMs - startMs)
    if (came.length === 0 || came.length !== went.length)
      throw new Error('a join must move, and a leave undo it')
  }
  return [{ value: middle(joinsMs) }, { value: middle(leavesMs) }]
}

/** Milliseconds of one unit coming, and of its going. */
function singles(engine: PlacementEngine): readonly Measurement[] {
  const startMs = performance.now()
  const count = 200
  for (let index = 0; index < count; index++) {
    engine.setUnit(unit(MANY.units + index))
    engine.settle()
  }
  const addedMs = performance.now()
  for (let index = 0; index < count; index++) {
    engine.deleteUnit(unit(MANY.units + index).id)
    engine.settle()
  }
  return [{ value: (addedMs - startMs) / count }, { value: (performance.now() - addedMs) / count }]
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}

const nothing = async (): Promise<void> => {}

function large(round: (engine: PlacementEngine) => readonly Measurement[]): Bench['start'] {
  return async () => {
    const engine = new PlacementEngine()
    fill(engine, MANY)
    return { round: async () => round(engine), stop: nothing }
  }
}

export const placementLookup: Bench = {
  rounds: ROUNDS,
  figures: [{ name: 'placement-lookup', unit: 'ns', goal: 150, better: 'less', beside: 'a bare Map.get' }],
  start: async () => ({ round: async () => lookup(), stop: nothing }),
}

export const placementFull: Bench = {
  rounds: ROUNDS,
  figures: [{ name: 'placement-full', unit: 'ms', goal: 25, better: 'less' }],
  start: async () => ({ round: async () => full(), stop: nothing }),
}

export const placementJoin: Bench = {
  rounds: ROUNDS,
  figures: [
    { name: 'placement-join', unit: 'ms', goal: 4, better: 'less' },
    { name: 'placement-leave', unit: 'ms', goal: 2, better: 'less' },
  ],
  start: large(joins),
}

export const placementUnit: Bench = {
  rounds: ROUNDS,
  figures: [
    { name: 'placement-add', unit: 'ms', goal: 0.25, better: 'less' },
    { name: 'placement-remove', unit: 'ms', goal: 0.25, better: 'less' },
  ],
  start: large(singles),
}
