/** The properties of placement that are about changes, by the numbers of `properties.test.ts`. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { weightOf } from '../../src/placement/eligibility.ts'
import { boundsOf, place } from '../../src/placement/placement.ts'
import { UNBOUNDED, anyCase, engineOf, loadsOf, node, nodes, unit, units } from './arbitrary.ts'

const RUNS = { numRuns: 200 }

describe('11 without a bound', () => {
  const anySize = [fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 })] as const

  test('a join moves units only onto the new node', () => {
    fc.assert(
      fc.property(...anySize, (nodeCount, unitCount) => {
        const before = place(nodes(nodeCount), units(unitCount), UNBOUNDED)
        const after = place([...nodes(nodeCount), node('new')], units(unitCount), UNBOUNDED)
        for (const [id, { node: owner }] of after)
          if (owner !== before.get(id)?.node) expect(owner).toBe('new')
      }),
      RUNS,
    )
  })

  test('a leave moves units only off the node that is gone', () => {
    fc.assert(
      fc.property(...anySize, (nodeCount, unitCount) => {
        const before = place(nodes(nodeCount + 1), units(unitCount), UNBOUNDED)
        const after = place(nodes(nodeCount), units(unitCount), UNBOUNDED)
        for (const [id, { node: owner }] of before) {
          if (owner !== `n${nodeCount}`) expect(after.get(id)?.node).toBe(owner)
        }
      }),
      RUNS,
    )
  })
})

/** Of many sizes near `unitCount`: how much moves at a join and at a leave, beside what has to move anyhow. */
function movement(nodeCount: number, unitCount: number, loadFactor: number) {
  const phases = 12
  const sums = { joined: 0, joinedFor: 0, left: 0, leftFor: 0, worst: 0 }
  for (let phase = 0; phase < phases; phase++) {
    const count = Math.round(unitCount * (1 + phase / (phases * nodeCount)) + phase)
    const engine = engineOf(
      { nodes: nodes(nodeCount), units: units(count) },
      { loadFactor, salt: `p${phase}` },
    )
    engine.settle()
    engine.setNode(node('new'))
    const joined = engine.settle()
    sums.joined += joined.length
    sums.joinedFor += count / (nodeCount + 1)
    engine.deleteNode('new')
    engine.settle()
    const leaving = `n${phase % nodeCount}`
    const lost = [...engine.assignments().values()].filter(({ node: owner }) => owner === leaving).length
    engine.deleteNode(leaving)
    const left = engine.settle().length
    sums.left += left
    sums.leftFor += lost
    const worst = Math.max(left / (count / nodeCount), joined.length / (count / (nodeCount + 1)))
    sums.worst = Math.max(sums.worst, worst)
  }
  return { join: sums.joined / sums.joinedFor, leave: sums.left / sums.leftFor, worst: sums.worst }
}

test.each([
  { nodeCount: 100, unitCount: 10_000, loadFactor: 1.25, most: 1.05 },
  { nodeCount: 100, unitCount: 1_000, loadFactor: 1.25, most: 1.6 },
  { nodeCount: 100, unitCount: 10_000, loadFactor: 1.1, most: 1.45 },
])(
  '12 movement: $unitCount units on $nodeCount nodes, bound $loadFactor: at most $most times what must move',
  ({ nodeCount, unitCount, loadFactor, most }) => {
    const { join, leave, worst } = movement(nodeCount, unitCount, loadFactor)
    expect(join).toBeLessThanOrEqual(most)
    expect(leave).toBeLessThanOrEqual(most)
    if (loadFactor === 1.25) expect(worst).toBeLessThanOrEqual(2.5)
  },
)

test('12 movement: no single event moves many fair shares, also where capacities are about to grow', () => {
  const [nodeCount, loadFactor] = [200, 1.1]
  const shares: number[] = []
  // From 11 units for each node to 11.5: rounded up by all at once, one leave or join moved ten fair shares.
  for (let count = 1_960; count <= 2_100; count += 7) {
    const given = { nodes: nodes(nodeCount), units: units(count) }
    const engine = engineOf(given, { loadFactor, salt: `s${count}` })
    engine.settle()
    engine.deleteNode('n3')
    const left = engine.settle().length
    engine.setNode(node('n3'))
    shares.push(left / (count / nodeCount), engine.settle().length / (count / nodeCount))
  }
  expect(Math.max(...shares)).toBeLessThanOrEqual(5)
})

describe('13 weight', () => {
  test('the load follows it', () => {
    const weights = [1, 2, 3, 4, 0.5]
    const some = weights.map((weight, index) => node(`n${index}`, { weight }))
    const count = 20_000
    const loads = loadsOf(engineOf({ nodes: some, units: units(count) }, UNBOUNDED).assignments())
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const chiSquare = some.reduce((sum, { id, weight }) => {
      const wanted = (count * weight) / total
      return sum + ((loads.get(id) ?? 0) - wanted) ** 2 / wanted
    }, 0)
    // 4 degrees of freedom: 18.5 is exceeded once in a thousand times.
    expect(chiSquare).toBeLessThan(18.5)
  })

  test('more of it moves units only onto the node that has it', () => {
    const before = place(nodes(6), units(300), UNBOUNDED)
    const after = place([...nodes(6).slice(1), node('n0', { weight: 2 })], units(300), UNBOUNDED)
    const moved = [...after].filter(([id, { node: owner }]) => owner !== before.get(id)?.node)
    expect(moved.length).toBeGreaterThan(0)
    expect(new Set(moved.map(([, { node: owner }]) => owner))).toEqual(new Set(['n0']))
  })

  test('counts in steps, so that sums of it do not depend on the order', () => {
    const some = Array.from({ length: 50 }, (_, index) => weightOf(node('n', { weight: 0.1 + index / 7 })))
    const sum = (weights: readonly number[]): number => weights.reduce((total, weight) => total + weight, 0)
    expect(sum(some.toReversed())).toBe(sum(some))
  })
})

test('14 a node that joins and leaves again leaves everything as it was', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const engine = engineOf(all)
      const before = engine.assignments()
      engine.setNode(node('new', { zone: 'another', labels: { gpu: 'yes' } }))
      engine.settle()
      engine.deleteNode('new')
      expect(engine.assignments()).toEqual(before)
    }),
    RUNS,
  )
})

test('15 what is known already, and what nobody knows, changes nothing', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const engine = engineOf(all)
      engine.settle()
      for (const each of all.nodes) engine.setNode({ ...each, behaviours: each.behaviours.toReversed() })
      for (const each of all.units) engine.setUnit({ ...each, needs: each.needs.toReversed() })
      for (const each of all.declines) engine.decline(each.unit, each.node)
      engine.deleteNode('too long for an id')
      engine.deleteUnit('too long for an id')
      engine.revokeDecline('too long for an id', 'another')
      expect(engine.settle()).toEqual([])
    }),
    RUNS,
  )
})

test('16 one unit more changes few capacities, on average', () => {
  const some = nodes(200)
  const steps = 60
  let changed = 0
  let before = boundsOf(some, units(2_000)).capacityOf
  for (let count = 2_001; count <= 2_000 + steps; count++) {
    const after = boundsOf(some, units(count)).capacityOf
    changed += some.filter(({ id }) => after.get(id) !== before.get(id)).length
    before = after
  }
  expect(changed / steps).toBeLessThanOrEqual(4 * 1.25 + 1)
})

test('16 no unit changes the capacities of many nodes at once', () => {
  const some = nodes(200)
  for (const loadFactor of [1.1, 1.25]) {
    const capacitiesFor = (count: number) => boundsOf(some, units(count), { loadFactor, salt: '' }).capacityOf
    let [before, most] = [capacitiesFor(2_000), 0]
    // At one of these counts, the exact capacity of all passes a whole number.
    for (let count = 2_001; count <= 2_200; count++) {
      const after = capacitiesFor(count)
      most = Math.max(most, some.filter(({ id }) => after.get(id) !== before.get(id)).length)
      before = after
    }
    expect(most, `load factor ${loadFactor}`).toBeLessThanOrEqual(12)
  }
})

test('18 the work of a change is that of what has changed', () => {
  const engine = engineOf({ nodes: nodes(100), units: units(10_000) })
  const work = (change: () => void): { readonly scans: number; readonly moves: number } => {
    const before = engine.scans
    change()
    const moves = engine.settle().length
    return { scans: engine.scans - before, moves }
  }
  // Each unit looks once, and a few once more.
  expect(work(() => {}).scans).toBeLessThanOrEqual(10_500)
  const join = work(() => engine.setNode(node('new')))
  expect(join.scans).toBeLessThanOrEqual(join.moves)
  const leave = work(() => engine.deleteNode('n7'))
  expect(leave.scans).toBeLessThanOrEqual(2 * leave.moves)
  expect(work(() => engine.setUnit(unit('one more'))).scans).toBeLessThanOrEqual(5)
  expect(work(() => engine.deleteUnit('one more')).scans).toBeLessThanOrEqual(5)
})
