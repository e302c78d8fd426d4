/** The incremental engine says what the executable specification says, after any history. */

import { describe, expect, test } from 'vitest'

import { PlacementEngine } from '../../src/placement/engine.ts'
import { place } from '../../src/placement/placement.ts'
import type { Unit } from '../../src/placement/unit.ts'
import type { Candidate } from '../../src/placement/view.ts'
import { LARGE, MIDDLE, SMALL, compare } from './history.ts'

const node = (id: string, more: Partial<Candidate> = {}): Candidate => ({
  id,
  weight: 1,
  zone: '',
  labels: {},
  behaviours: ['b@1'],
  draining: false,
  ...more,
})
const unit = (id: string, more: Partial<Unit> = {}): Unit => ({ id, needs: ['b@1'], ...more })

function engineOf(nodes: readonly Candidate[], units: readonly Unit[]): PlacementEngine {
  const engine = new PlacementEngine()
  for (const each of nodes) engine.setNode(each)
  for (const each of units) engine.setUnit(each)
  engine.settle()
  return engine
}

const nodes = (count: number): Candidate[] => Array.from({ length: count }, (_, index) => node(`n${index}`))
const units = (count: number): Unit[] => Array.from({ length: count }, (_, index) => unit(`u${index}`))

// A million units compared in all. `npm run placement -- --checks N` goes on from there.
test.each([
  ['small', SMALL, 200_000],
  ['middle', MIDDLE, 400_000],
  ['large', LARGE, 400_000],
])('after any history the engine says what the specification says: %s meshes', (_name, size, checks) => {
  expect(compare(size, checks).checks).toBeGreaterThanOrEqual(checks)
})

describe('the engine', () => {
  test('takes what it knows already as no news', () => {
    const engine = engineOf(nodes(3), units(9))
    for (const each of nodes(3)) engine.setNode({ ...each, behaviours: [...each.behaviours] })
    for (const each of units(9)) engine.setUnit({ ...each, needs: [...each.needs] })
    engine.deleteNode('nobody')
    engine.deleteUnit('nothing')
    expect(engine.settle()).toEqual([])
  })

  test('a node that leaves and comes back between two looks moves nothing', () => {
    const engine = engineOf(nodes(5), units(50))
    engine.deleteNode('n2')
    engine.setNode(node('n2'))
    expect(engine.settle()).toEqual([])
  })

  test('says which units have moved, from where to where', () => {
    const engine = engineOf(nodes(3), units(30))
    const before = engine.assignments()
    engine.setNode(node('new'))
    const moves = engine.settle()
    expect(moves.length).toBeGreaterThan(0)
    const after = new Map([...before].map(([id, assignment]) => [id, assignment.node]))
    for (const { unit: id, from, to } of moves) {
      expect(after.get(id)).toBe(from)
      if (to !== undefined) after.set(id, to)
    }
    expect(after).toEqual(new Map([...engine.assignments()].map(([id, assignment]) => [id, assignment.node])))
  })

  test('a draining node owns nothing from then on, and all of it again when it stops draining', () => {
    const engine = engineOf(nodes(4), units(40))
    const before = engine.assignments()
    engine.setNode(node('n1', { draining: true }))
    expect([...engine.assignments().values()].map(assignment => assignment.node)).not.toContain('n1')
    engine.setNode(node('n1'))
    expect(engine.assignments()).toEqual(before)
  })

  test('a unit that a node declines goes elsewhere, and comes back when that is over', () => {
    const engine = engineOf(nodes(3), units(6))
    const before = engine.ownerOf('u0') ?? ''
    engine.decline('u0', before)
    expect(engine.ownerOf('u0')).not.toBe(before)
    engine.revokeDecline('u0', before)
    expect(engine.ownerOf('u0')).toBe(before)
  })

  test('a unit that all nodes decline has no owner', () => {
    const engine = engineOf(nodes(2), units(2))
    for (const { id } of nodes(2)) engine.decline('u0', id)
    expect(engine.ownerOf('u0')).toBeUndefined()
    expect(engine.ownerOf('u1')).toBeDefined()
  })

  test('may be told of a decline before it is told of the unit', () => {
    const engine = engineOf(nodes(2), [])
    engine.decline('u0', 'n0')
    engine.setUnit(unit('u0'))
    expect(engine.ownerOf('u0')).toBe('n1')
  })

  test('has an owner for a unit as soon as a node can run it', () => {
    const engine = engineOf(nodes(2), [unit('u', { needs: ['other@1'] })])
    expect(engine.ownerOf('u')).toBeUndefined()
    engine.setNode(node('able', { behaviours: ['b@1', 'other@1'] }))
    expect(engine.ownerOf('u')).toBe('able')
    engine.setNode(node('able'))
    expect(engine.ownerOf('u')).toBeUndefined()
  })

  test('of many nodes of several weights says what the specification says', () => {
    const many = Array.from({ length: 300 }, (_, index) => node(`n${index}`, { weight: 1 + (index % 3) }))
    const engine = engineOf(many, units(3_000))
    expect(engine.assignments()).toEqual(place(many, units(3_000)))
  })
})
