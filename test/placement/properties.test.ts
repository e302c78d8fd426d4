/**
 * The properties of placement, by the numbers of the list of invariants in the design: here those of one placement, in
 * `movement.test.ts` those of a change (11 to 16, 18). That the engine keeps them all follows from its being equal to
 * the specification: `engine.test.ts`, and 2 here.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { hash64, toHex } from '../../src/hash.ts'
import { boundsOf, firstChoice, place } from '../../src/placement/placement.ts'
import { negativeLog } from '../../src/placement/score.ts'
import type { Unit } from '../../src/placement/unit.ts'
import { type Candidate, viewHash } from '../../src/placement/view.ts'
import {
  BOUNDED,
  type Case,
  UNBOUNDED,
  ableFor,
  anyCase,
  engineOf,
  isBefore,
  loadsOf,
  node,
  nodes,
  pairKey,
  unit,
  units,
} from './arbitrary.ts'
import { ownersText, readGolden } from './golden.ts'
import { SMALL, compare } from './history.ts'

const RUNS = { numRuns: 200 }

const placeCase = (all: Case, options = BOUNDED) => place(all.nodes, all.units, options, all.declines)

describe('1 determinism', () => {
  test('the order of nodes, units and declines does not matter, nor do repetitions', () => {
    fc.assert(
      fc.property(anyCase, all => {
        const other = {
          nodes: [...all.nodes.toReversed(), ...all.nodes],
          units: [...all.units.toReversed(), ...all.units],
          declines: [...all.declines.toReversed(), ...all.declines],
        }
        expect([...placeCase(other)].toSorted()).toEqual([...placeCase(all)].toSorted())
      }),
      RUNS,
    )
  })

  test.each(readGolden().map((vector, line) => ({ line: line + 1, vector })))(
    'golden vector $line, a $vector.kind, is computed as in every release',
    ({ vector }) => {
      switch (vector.kind) {
        case 'hash':
          return expect(toHex(hash64(vector.text))).toBe(vector.hash)
        case 'log':
          return expect(negativeLog(vector.hash)).toBe(vector.value)
        case 'first':
          return expect(firstChoice(vector.key, vector.nodes)).toBe(vector.choice)
        case 'place': {
          const specified = place(vector.nodes, vector.units, vector.options, vector.declines)
          expect(ownersText(specified)).toEqual(vector.owners)
          expect(ownersText(engineOf(vector, vector.options).assignments())).toEqual(vector.owners)
          return expect(viewHash(vector.nodes)).toBe(vector.viewHash)
        }
        default:
          throw new Error('a golden vector of an unknown kind')
      }
    },
  )
})

test('2 path independence: after any history the engine says what the specification says', () => {
  // Far more of it in engine.test.ts.
  expect(compare(SMALL, 20_000, 1_000).checks).toBeGreaterThanOrEqual(20_000)
})

/**
 * The fair share of a node as the design has it, and nothing of the product: of all nodes, and of each set of nodes that
 * some unit is for, the units that can run nowhere else are shared out by weight. The largest of these shares.
 */
function shareIn({ nodes: some, units: wanted }: Case, id: string): number {
  const weights = new Map(
    some.filter(({ draining }) => !draining).map(each => [each.id, Math.round(each.weight * 1024)]),
  )
  const hosts = wanted.map(
    ({ selector = {}, needs }) =>
      new Set(
        some
          .filter(each => weights.has(each.id) && needs.every(need => each.behaviours.includes(need)))
          .filter(({ labels }) => Object.entries(selector).every(([label, value]) => labels[label] === value))
          .map(each => each.id),
      ),
  )
  const shares = [new Set(weights.keys()), ...hosts].map(members => {
    if (!members.has(id)) return 0
    const demand = hosts.filter(own => own.size > 0 && [...own].every(host => members.has(host))).length
    const total = [...members].reduce((sum, member) => sum + (weights.get(member) ?? 0), 0)
    return (demand * (weights.get(id) ?? 0)) / total
  })
  return Math.max(...shares)
}

describe('3 bound', () => {
  test('no node holds more than its fair share times the load factor, rounded up', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 60 }),
        fc.constantFrom(1, 1.1, 1.25, 2),
        (nodeCount, unitCount, loadFactor) => {
          const owners = place(nodes(nodeCount), units(unitCount), { loadFactor, salt: 's' })
          const bound = Math.max(1, Math.ceil((loadFactor * unitCount) / nodeCount))
          for (const load of loadsOf(owners).values()) expect(load).toBeLessThanOrEqual(bound)
          expect([...owners.values()].filter(({ overflow }) => overflow)).toEqual([])
        },
      ),
      RUNS,
    )
  })

  test('a node of more weight has a larger share, in proportion, and nobody more than that', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 9 }),
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom(100, 110, 125, 200),
        (weights, unitCount, percent) => {
          const some = weights.map((weight, index) => node(`n${index}`, { weight }))
          const all = { nodes: some, units: units(unitCount) }
          const options = { loadFactor: percent / 100, salt: 's' }
          const total = weights.reduce((sum, weight) => sum + weight, 0)
          for (const owners of [place(some, all.units, options), engineOf(all, options).assignments()]) {
            expect([...owners.values()].filter(({ overflow }) => overflow)).toEqual([])
            const loads = loadsOf(owners)
            for (const { id, weight } of some) {
              const bound = Math.max(1, Math.ceil((percent * unitCount * weight) / (100 * total)))
              expect(loads.get(id) ?? 0).toBeLessThanOrEqual(bound)
            }
          }
        },
      ),
      RUNS,
    )
  })

  test('where not all can run everything, the share is that of the class that asks most: but for what is flagged', () => {
    fc.assert(
      fc.property(anyCase, all => {
        for (const [id, load] of loadsOf(placeCase(all)))
          expect(load).toBeLessThanOrEqual(Math.max(1, Math.ceil(1.25 * shareIn(all, id))))
      }),
      RUNS,
    )
  })

  test('several kinds of units that only the same nodes can run all fit on them', () => {
    const able = ['a@1', 'b@1', 'c@1']
    const some = [...nodes(7), node('x', { behaviours: able }), node('y', { behaviours: able })]
    const stages = able.flatMap(need =>
      Array.from({ length: 8 }, (_, n) => unit(`${need}/${n}`, { needs: [need] })),
    )
    const owners = place(some, stages, BOUNDED)
    expect([...owners.values()].filter(({ overflow }) => overflow)).toEqual([])
  })
})

test('4 a unit has an owner exactly when some node can run it', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const owners = placeCase(all)
      for (const each of all.units) expect(owners.has(each.id)).toBe(ableFor(all, each).length > 0)
    }),
    RUNS,
  )
})

test('5 labels, behaviours and declines are respected, also by what does not fit', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const owners = placeCase(all)
      for (const each of all.units) {
        const owner = owners.get(each.id)?.node
        if (owner !== undefined) expect(ableFor(all, each).map(({ id }) => id)).toContain(owner)
      }
    }),
    RUNS,
  )
})

test('6 a node that drains, or is not known, owns nothing', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const known = new Map(all.nodes.map(each => [each.id, each]))
      for (const { node: owner } of placeCase(all).values()) expect(known.get(owner)?.draining).toBe(false)
    }),
    RUNS,
  )
})

test('7 spread: of a group no node holds more than its members divided by the nodes, rounded up', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const owners = placeCase(all)
      for (const spread of ['g', 'h']) {
        const group = all.units.filter(each => each.spread === spread)
        const ids = new Set(group.map(({ id }) => id))
        // A decline is not known to last: bounds are those without it.
        const hosts = new Set(group.flatMap(each => ableFor({ ...all, declines: [] }, each)))
        const most = Math.max(1, Math.ceil(group.length / Math.max(1, hosts.size)))
        for (const load of loadsOf(owners, id => ids.has(id)).values()) expect(load).toBeLessThanOrEqual(most)
      }
    }),
    RUNS,
  )
})

test('7 spread: where all nodes run all units it holds of those too that do not fit, however full the nodes are', () => {
  const spreads = fc.array(fc.constantFrom(undefined, 'g', 'h', 'i'), { maxLength: 40 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      spreads,
      fc.constantFrom(1, 1.25),
      (count, kinds, loadFactor) => {
        const wanted = kinds.map((spread, n) => unit(`u${n}`, spread === undefined ? {} : { spread }))
        const owners = place(nodes(count), wanted, { loadFactor, salt: '' })
        for (const members of Map.groupBy(wanted, ({ spread }) => spread ?? '').entries()) {
          if (members[0] === '') continue
          const loads = Map.groupBy(members[1], ({ id }) => owners.get(id)?.node)
          const most = Math.max(...[...loads.values()].map(({ length }) => length))
          expect(most).toBe(Math.ceil(members[1].length / count))
        }
      },
    ),
    RUNS,
  )
})

test('7 spread: a light node does not hold as many as a heavy one, and one in any case', () => {
  const some = [node('light', { weight: 1 }), node('heavy', { weight: 16 })]
  const group = (count: number) => Array.from({ length: count }, (_, n) => unit(`u${n}`, { spread: 'g' }))
  const onLight = (count: number): number =>
    [...place(some, group(count)).values()].filter(({ node: owner }) => owner === 'light').length
  expect(onLight(2)).toBe(1)
  expect(onLight(340)).toBeGreaterThanOrEqual(20)
  // Of those that fit nowhere, some like it best.
  expect(onLight(340)).toBeLessThanOrEqual(40)
})

const zoned = (zones: number, each: number): Candidate[] =>
  Array.from({ length: zones * each }, (_, index) => node(`n${index}`, { zone: `zone ${index % zones}` }))
const anyZoned = fc.record({ zones: fc.integer({ min: 1, max: 5 }), each: fc.integer({ min: 1, max: 3 }) })

function inZones(some: readonly Candidate[], owners: ReturnType<typeof place>): number[] {
  const zoneOf = new Map(some.map(({ id, zone }) => [id, zone]))
  const loads = new Map([...new Set(zoneOf.values())].map(zone => [zone, 0]))
  for (const { node: owner } of owners.values()) {
    const zone = zoneOf.get(owner) ?? ''
    loads.set(zone, (loads.get(zone) ?? 0) + 1)
  }
  return [...loads.values()].toSorted((a, b) => a - b)
}

/** Without a bound, and with one that leaves each of five zones room for all that there is. */
const ROOMY = [UNBOUNDED, { loadFactor: 12, salt: '' }]

test.each(ROOMY)('8 rotate: zones differ by one at most: bound $loadFactor', options => {
  fc.assert(
    fc.property(anyZoned, fc.integer({ min: 1, max: 20 }), ({ zones, each }, count) => {
      const some = zoned(zones, each)
      const group = units(count).map((wanted, ordinal) => ({
        ...wanted,
        zone: { mode: 'rotate', key: 'k', ordinal } as const,
      }))
      const loads = inZones(some, place(some, group, options))
      expect((loads.at(-1) ?? 0) - (loads[0] ?? 0)).toBeLessThanOrEqual(1)
    }),
    RUNS,
  )
})

test.each(ROOMY)('9 near: all units of a key are in one zone: bound $loadFactor', options => {
  fc.assert(
    fc.property(anyZoned, fc.integer({ min: 1, max: 20 }), ({ zones, each }, count) => {
      const some = zoned(zones, each)
      const group = units(count).map(wanted => ({
        ...wanted,
        zone: { mode: 'near', key: 'k', ordinal: 0 } as const,
      }))
      expect(inZones(some, place(some, group, options)).filter(load => load > 0)).toEqual([count])
    }),
    RUNS,
  )
})

test('10 stability: where a unit would rather be, there is no room, and nobody who would have to go for it', () => {
  fc.assert(
    fc.property(anyCase, all => {
      const owners = placeCase(all)
      const { capacityOf, roomOf } = boundsOf(all.nodes, all.units, BOUNDED)
      const byId = new Map(all.nodes.map(each => [each.id, each]))
      const keyOf = (wanted: Unit, id: string) => pairKey(all, wanted, byId.get(id) ?? node(''))
      for (const wanted of all.units) {
        const assignment = owners.get(wanted.id)
        for (const candidate of ableFor(all, wanted)) {
          const key = keyOf(wanted, candidate.id)
          const isSettled = assignment !== undefined && !assignment.overflow
          if (isSettled && !isBefore(key, keyOf(wanted, assignment.node))) continue
          const held = all.units.filter(other => {
            const its = owners.get(other.id)
            return its?.node === candidate.id && !its.overflow
          })
          const kin = held.filter(other => wanted.spread !== undefined && other.spread === wanted.spread)
          const isKinFull = kin.length >= (roomOf.get(wanted.spread ?? '') ?? Infinity)
          const isFull = held.length >= (capacityOf.get(candidate.id) ?? 0)
          expect(isKinFull || isFull).toBe(true)
          const isWorseThanAll = (others: readonly Unit[]): boolean =>
            others.every(other => isBefore(keyOf(other, candidate.id), key))
          expect((isKinFull && isWorseThanAll(kin)) || (isFull && isWorseThanAll(held))).toBe(true)
        }
      }
    }),
    RUNS,
  )
})

test('17 the logarithm falls all the way, and is as exact as the built-in one', () => {
  let last = Infinity
  for (let hash = 0; hash <= 0xffff_ffff; hash += 65_537) {
    const value = negativeLog(hash)
    if (!(value < last) || Math.abs(value - -Math.log((hash + 0.5) / 2 ** 32)) >= 1e-13) {
      throw new Error(`at ${hash}: ${value}, after ${last}`)
    }
    last = value
  }
  for (let hash = 0xffff_ff00; hash < 0xffff_ffff; hash++) {
    expect(negativeLog(hash + 1)).toBeLessThan(negativeLog(hash))
  }
})
