/** What is said of specs that a node does not know: kept beside its tables, until the spec comes or for a while. */

import { beforeEach, describe, expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { nodeLost } from '../../src/node/supervision/exit.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { memberRows } from '../../src/protocol/member-row.ts'
import type { Phase, SlotExit } from '../../src/protocol/phase.ts'
import { RecordStore } from '../../src/protocol/record-store.ts'
import { ROW_BYTES_MAX } from '../../src/protocol/rows.ts'
import { STRAYS_BYTES_MAX, STRAYS_MAX, STRAY_MS, Strays } from '../../src/protocol/strays.ts'
import { Tables } from '../../src/protocol/tables.ts'
import { PHASE } from '../node/supervision/heirs.ts'

const a = nodeId('a')
const version = { ms: 1, count: 0, node: a }
const [W, G] = [specId('w'), specId('g')]

const claim = (spec: string, generation = 1): Claim => ({
  slot: slotId(specId(spec)),
  generation,
  owner: { id: a, boot: 1 },
  score: 1,
  seq: 0,
  state: 'running',
  specVersion: version,
  restarts: [],
  failures: [],
})
const phase = (more: Partial<Phase> = {}): Phase => ({ ...PHASE, spec: G, ...more })

describe('strays', () => {
  let strays: Strays

  beforeEach(() => {
    strays = new Strays()
  })

  test('are kept for a while from when they came first: who repeats or adds something does not prolong it', () => {
    expect(strays.wakeAtMs()).toBe(Infinity)
    strays.mergeClaim(claim('w'), 0)
    expect(strays.mergeClaim(claim('w'), 10)).toBeUndefined()
    expect(strays.mergeClaim(claim('w', 2), 20)?.generation).toBe(2)
    strays.mergePhase(phase(), 30)
    strays.tick(STRAY_MS - 1)
    expect([strays.size, strays.wakeAtMs()]).toEqual([2, STRAY_MS])
    strays.tick(STRAY_MS)
    expect([strays.find(W), strays.find(G), strays.wakeAtMs()]).toEqual([
      undefined,
      { claim: undefined, phase: phase(), bytes: strays.bytes, untilMs: STRAY_MS + 30 },
      STRAY_MS + 30,
    ])
    strays.tick(STRAY_MS + 30)
    expect([strays.size, strays.bytes]).toEqual([0, 0])
  })

  test(`are of ${STRAYS_MAX} specs at most: the first to have come stay`, () => {
    for (let index = 0; index < STRAYS_MAX + 100; index++) strays.mergeClaim(claim(`w${index}`), index)
    expect(strays.size).toBe(STRAYS_MAX)
    const last = `w${STRAYS_MAX}`
    expect([strays.find(specId('w0'))?.claim, strays.find(specId(last))]).toEqual([claim('w0'), undefined])
    // What is said of those goes on.
    expect(strays.mergeClaim(claim('w0', 2), 0)?.generation).toBe(2)
    strays.tick(STRAY_MS)
    expect(strays.mergeClaim(claim(last), STRAY_MS)).toBeDefined()
  })

  test('have a size all together, and the largest that may come has room', () => {
    const failure = { ...nodeLost(a, slotId(W)), message: 'x'.repeat(ROW_BYTES_MAX) }
    for (let index = 0; index < 10; index++) {
      strays.mergePhase(phase({ spec: specId(`g${index}`), failures: [failure] }), index)
      expect(strays.bytes).toBeLessThanOrEqual(STRAYS_BYTES_MAX)
    }
    expect(strays.find(specId('g0'))?.phase).toBeDefined()
    expect(strays.find(specId('g9'))).toBeUndefined()
  })

  // Newer nodes may say more of a row, of whatever type.
  test('have a size that can be told: what has none is not kept, and does not harm the others', () => {
    strays.mergeClaim(claim('w'), 0)
    const { bytes } = strays
    const huge = { ...claim('odd'), more: 2n ** 64n }
    expect(strays.mergeClaim(huge, 0)).toBeUndefined()
    const odd = { ...claim('odd'), more: new Map([['m', 1]]) }
    expect([strays.mergeClaim(odd, 0), strays.mergeClaim({ ...odd, slot: slotId(W), seq: 1 }, 0)]).toEqual([
      undefined,
      undefined,
    ])
    expect([strays.size, strays.bytes, strays.find(W)?.claim]).toEqual([1, bytes, claim('w')])
  })
})

describe('the tables', () => {
  let tables: Tables

  beforeEach(() => {
    tables = new Tables(new RecordStore(memberRows))
  })

  const learn = (id: typeof W): void => {
    tables.specs.merge({ id, version, body: undefined, desired: 'running' })
    tables.adopt(id)
  }

  test('have neither rows nor digests of what is said of unknown specs, until these are known', () => {
    const before = tables.roots()
    expect(tables.mergeClaim(claim('w', 3), 0)).toEqual(claim('w', 3))
    expect(tables.mergePhase(phase(), 0)).toEqual(phase())
    expect([tables.roots(), tables.rowsOf([W, G]).claims, tables.phases.size]).toEqual([before, [], 0])
    // Whoever declares it, comes after that.
    expect([tables.lastGenerationOf(W), tables.lastGenerationOf(G)]).toEqual([3, phase().generation.number])
    learn(W)
    learn(G)
    expect([tables.claims.get('w'), tables.phases.get('g'), tables.strays.size]).toEqual([
      claim('w', 3),
      phase(),
      0,
    ])
    expect(tables.mergeClaim(claim('w', 2), 0)).toBeUndefined()
  })

  test('know nothing any more of where a spec runs that is dropped', () => {
    learn(W)
    for (const id of ['w', 'x']) {
      tables.mergeClaim(claim(id), 0)
      tables.dropPlaces(specId(id))
    }
    expect([tables.claims.size, tables.strays.size]).toEqual([0, 0])
  })

  const stopped = (...names: string[]): Phase => phase({ stopped: names.map(name => slotId(G, name)) })

  test('leave out what a phase says of slots that its generation has not, and take in the rest', () => {
    learn(G)
    expect(tables.mergePhase(stopped('zzz'), 0)).toEqual(phase())
    expect(tables.mergePhase(stopped('zzz'), 0)).toBeUndefined()
    expect(tables.mergePhase(stopped('m', 'zzz'), 0)).toEqual(stopped('m'))
    const layout = [...phase().layout, ...phase().layout.map(each => ({ ...each, slot: slotId(G, 'zzz') }))]
    expect(tables.mergePhase({ ...stopped('m', 'zzz'), layout }, 0)).toBeUndefined()
    // Another generation has slots of its own.
    const next = { ...stopped('zzz'), layout, generation: { number: 100, tag: 1 } }
    expect(tables.mergePhase(next, 0)).toEqual(next)
  })

  test('do so also where the spec is not known yet', () => {
    expect(tables.mergePhase(stopped('zzz'), 0)).toEqual(phase())
    expect(tables.mergePhase(stopped('m', 'zzz'), 0)).toEqual(stopped('m'))
    learn(G)
    expect(tables.phases.get('g')).toEqual(stopped('m'))
  })

  test('have each slot once, whoever says it twice; of its ends, the one that counts', () => {
    learn(G)
    const slot = slotId(G, 'm')
    const exit = (ms: number): SlotExit => ({
      slot,
      at: { ...version, ms },
      kind: 'abnormal',
      failure: nodeLost(a, slot),
      wasReady: true,
    })
    const twice = phase({ ready: [slot, slot], stopped: [slot, slot], exits: [exit(2), exit(1)] })
    const once = phase({ ready: [slot], stopped: [slot], exits: [exit(1)] })
    expect(tables.mergePhase(twice, 0)).toEqual(once)
    expect(tables.mergePhase(twice, 0)).toBeUndefined()
  })
})
