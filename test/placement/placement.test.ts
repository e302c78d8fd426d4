import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { firstChoice, place } from '../../src/placement/placement.ts'
import type { Unit } from '../../src/placement/unit.ts'
import { negativeLog } from '../../src/placement/score.ts'
import { type Candidate, viewHash } from '../../src/placement/view.ts'

const UNBOUNDED = { loadFactor: 1e9, salt: '' }
const RUNS = { numRuns: 150 }

function node(id: string, more: Partial<Candidate> = {}): Candidate {
  return { id, weight: 1, zone: '', labels: {}, behaviours: ['b@1'], draining: false, ...more }
}

function unit(id: string, more: Partial<Unit> = {}): Unit {
  return { id, needs: ['b@1'], ...more }
}

const nodes = (count: number): Candidate[] => Array.from({ length: count }, (_, index) => node(`n${index}`))
const units = (count: number): Unit[] => Array.from({ length: count }, (_, index) => unit(`u${index}`))

const anyNodes = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 6 }),
    weight: fc.integer({ min: 1, max: 4 }),
    zone: fc.constantFrom('', 'east', 'west'),
    gpu: fc.constantFrom('yes', 'no'),
    behaviours: fc.subarray(['b@1', 'c@1'], { minLength: 1 }),
    draining: fc.boolean(),
  }),
  { selector: ({ id }) => id, maxLength: 12 },
)
const anyUnits = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 6 }),
    needs: fc.subarray(['b@1', 'c@1']),
    gpu: fc.constantFrom(undefined, 'yes'),
    spread: fc.constantFrom(undefined, 'g', 'h'),
  }),
  { selector: ({ id }) => id, maxLength: 40 },
)
const anyCase = fc.tuple(anyNodes, anyUnits).map(([rawNodes, rawUnits]) => ({
  nodes: rawNodes.map(({ gpu, ...rest }) => node(rest.id, { ...rest, labels: { gpu } })),
  units: rawUnits.map(({ id, needs, gpu, spread }) =>
    unit(id, {
      needs,
      ...(gpu === undefined ? {} : { selector: { gpu } }),
      ...(spread === undefined ? {} : { spread }),
    }),
  ),
}))

const eligible = (candidate: Candidate, wanted: Unit): boolean =>
  !candidate.draining &&
  wanted.needs.every(need => candidate.behaviours.includes(need)) &&
  Object.entries(wanted.selector ?? {}).every(([label, value]) => candidate.labels[label] === value)

describe('placement', () => {
  test('does not depend on the order of nodes and units, nor on repetitions', () => {
    fc.assert(
      fc.property(anyCase, ({ nodes: some, units: wanted }) => {
        const one = place(some, wanted)
        const other = place([...some.toReversed(), ...some], [...wanted.toReversed(), ...wanted])
        expect([...other].toSorted()).toEqual([...one].toSorted())
      }),
      RUNS,
    )
  })

  test('places a unit exactly when some node can run it, and only there', () => {
    fc.assert(
      fc.property(anyCase, ({ nodes: some, units: wanted }) => {
        const owners = place(some, wanted)
        for (const each of wanted) {
          const able = some.filter(candidate => eligible(candidate, each)).map(candidate => candidate.id)
          const owner = owners.get(each.id)?.node
          if (owner === undefined) expect(able).toEqual([])
          else expect(able).toContain(owner)
        }
      }),
      RUNS,
    )
  })

  test('gives no node more than its fair share times the load factor, rounded up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 }), (nodeCount, unitCount) => {
        const owners = place(nodes(nodeCount), units(unitCount), { loadFactor: 1.25, salt: 's' })
        const loads = Map.groupBy(owners.values(), assignment => assignment.node)
        const bound = Math.ceil((1.25 * unitCount) / nodeCount)
        for (const held of loads.values()) expect(held.length).toBeLessThanOrEqual(bound)
        expect([...owners.values()].filter(({ overflow }) => overflow)).toEqual([])
      }),
      RUNS,
    )
  })

  test('shares the units of a spread out evenly', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 20 }),
        (nodeCount, memberCount) => {
          const members = Array.from({ length: memberCount }, (_, index) =>
            unit(`g/${index}`, { spread: 'g' }),
          )
          const owners = place(nodes(nodeCount), members)
          const most = Math.ceil(memberCount / nodeCount)
          for (const held of Map.groupBy(owners.values(), assignment => assignment.node).values()) {
            expect(held.length).toBeLessThanOrEqual(most)
          }
        },
      ),
      RUNS,
    )
  })

  test('without a bound, a join moves units only onto the new node, and its leaving moves them back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 }), (nodeCount, unitCount) => {
        const before = place(nodes(nodeCount), units(unitCount), UNBOUNDED)
        const after = place([...nodes(nodeCount), node('new')], units(unitCount), UNBOUNDED)
        for (const [id, { node: owner }] of after)
          if (owner !== before.get(id)?.node) expect(owner).toBe('new')
        expect(place(nodes(nodeCount), units(unitCount), UNBOUNDED)).toEqual(before)
      }),
      RUNS,
    )
  })

  test('is stable: nobody would rather be on a node that has room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 30 }), (nodeCount, unitCount) => {
        const some = nodes(nodeCount)
        const free = place(some, units(unitCount), UNBOUNDED)
        const bounded = place(some, units(unitCount))
        const load = Map.groupBy(bounded.values(), assignment => assignment.node)
        for (const [id, { node: owner }] of bounded) {
          const favourite = free.get(id)?.node ?? ''
          if (owner === favourite) continue
          // It is not on its favourite: then that one holds as many as any node may, rounded down at least.
          expect(load.get(favourite)?.length ?? 0).toBeGreaterThanOrEqual(
            Math.max(1, Math.floor((1.25 * unitCount) / nodeCount)),
          )
        }
      }),
      RUNS,
    )
  })

  test('follows the weights', () => {
    const owners = place([node('light'), node('heavy', { weight: 3 })], units(4_000), UNBOUNDED)
    const heavy = [...owners.values()].filter(assignment => assignment.node === 'heavy').length
    expect(heavy / 4_000).toBeGreaterThan(0.72)
    expect(heavy / 4_000).toBeLessThan(0.78)
  })

  test('keeps neighbours of a key in one zone, and rotates the others through all', () => {
    const zoned = ['east', 'west', 'south'].flatMap(zone => [
      node(`${zone}1`, { zone }),
      node(`${zone}2`, { zone }),
    ])
    const near = Array.from({ length: 4 }, (_, ordinal) =>
      unit(`near${ordinal}`, { zone: { mode: 'near', key: 'k', ordinal } }),
    )
    const rotated = Array.from({ length: 6 }, (_, ordinal) =>
      unit(`turn${ordinal}`, { zone: { mode: 'rotate', key: 'k', ordinal } }),
    )
    const zoneOf = (id: string): string => zoned.find(candidate => candidate.id === id)?.zone ?? ''
    const nearZones = [...place(zoned, near, UNBOUNDED).values()].map(assignment => zoneOf(assignment.node))
    expect(new Set(nearZones).size).toBe(1)
    const turns = Map.groupBy(place(zoned, rotated, UNBOUNDED).values(), assignment =>
      zoneOf(assignment.node),
    )
    expect([...turns.values()].map(held => held.length)).toEqual([2, 2, 2])
  })

  test('is the same on every machine and in every release: golden vectors', () => {
    const owners = place([...nodes(4), node('big', { weight: 2 })], units(12), {
      loadFactor: 1.25,
      salt: 'golden',
    })
    expect(Object.fromEntries([...owners].map(([id, { node: owner }]) => [id, owner])))
      .toMatchInlineSnapshot(`
      {
        "u0": "big",
        "u1": "n1",
        "u10": "n0",
        "u11": "n2",
        "u2": "big",
        "u3": "n3",
        "u4": "n1",
        "u5": "big",
        "u6": "n0",
        "u7": "n3",
        "u8": "n0",
        "u9": "n1",
      }
    `)
    expect(viewHash(nodes(3))).toMatchInlineSnapshot(`"812fc17d50844faa"`)
    expect(['a', 'b', 'c', 'd'].map(key => firstChoice(key, ['n0', 'n1', 'n2']))).toMatchInlineSnapshot(`
      [
        "n1",
        "n2",
        "n0",
        "n1",
      ]
    `)
    expect([0, 1, 0x7fffffff, 0x80000000, 0xffffffff].map(negativeLog)).toMatchInlineSnapshot(`
      [
        22.873856958478193,
        21.775244669810085,
        0.6931471807927759,
        0.6931471803271146,
        1.1641532183371108e-10,
      ]
    `)
  })
})

test('the logarithm falls all the way, and is as exact as the built-in one', () => {
  let last = Infinity
  for (let hash = 0; hash <= 0xffff_ffff; hash += 65_537) {
    const value = negativeLog(hash)
    expect(value).toBeLessThan(last)
    expect(Math.abs(value - -Math.log((hash + 0.5) / 2 ** 32))).toBeLessThan(1e-13)
    last = value
  }
})

test('a view hash tells views apart, whatever their order', () => {
  const [a, b] = [node('a'), node('b')]
  expect(viewHash([a, b])).toBe(viewHash([b, a]))
  expect(viewHash([a, b])).not.toBe(viewHash([a, node('b', { weight: 2 })]))
  expect(viewHash([a, b])).not.toBe(viewHash([a, node('b', { draining: true })]))
})
