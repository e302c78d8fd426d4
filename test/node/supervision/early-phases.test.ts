import { beforeEach, expect, test } from 'vitest'

import { nodeId, specId } from '../../../src/ids.ts'
import { EarlyPhases } from '../../../src/node/supervision/early-phases.ts'
import { memberRows } from '../../../src/protocol/member-row.ts'
import type { Phase } from '../../../src/protocol/phase.ts'
import { RecordStore } from '../../../src/protocol/record-store.ts'
import type { SpecRow } from '../../../src/protocol/spec-row.ts'
import { Tables } from '../../../src/protocol/tables.ts'
import { group, member } from './core-bench.ts'

const id = specId('g')
const node = nodeId('n')
const WAIT_MS = 10_000

const version = (ms: number) => ({ ms, count: 0, node })

const row = (ms: number): SpecRow => ({
  id,
  version: version(ms),
  body: group('one_for_one', [member('a', 'permanent')]),
  desired: 'running',
})

const phase = (ms: number): Phase => ({
  spec: id,
  specVersion: version(ms),
  revision: 1,
  generation: { number: ms, tag: 1 },
  coordinator: { id: node, boot: 1 },
  layout: [],
  away: [],
  pending: [],
  isFirst: true,
  previous: [],
  restarts: [],
  failures: [],
  since: [node],
  rank: 'running',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
})

let tables: Tables
let touched: string[]
let early: EarlyPhases

beforeEach(() => {
  tables = new Tables(new RecordStore(memberRows))
  touched = []
  early = new EarlyPhases({ tables, touch: spec => void touched.push(spec) })
})

// Seed 7034: a chain was wired by a phase that came before its spec, without the workers of a stage that had a new
// revision in it, and stayed so.
test('a phase that was made for a spec that has not come yet waits for it', () => {
  tables.phases.merge(phase(1))
  expect(early.find(row(1), 0)).toMatchObject({ specVersion: version(1) })
  tables.phases.merge(phase(2))
  expect(early.find(row(1), 0)).toBeUndefined()
  expect(early.wakeAtMs()).toBe(WAIT_MS)
  expect(early.find(row(2), 1)).toMatchObject({ specVersion: version(2) })
})

test('where the spec never comes, the phase is taken as it is when its time is over, and the spec is looked at again', () => {
  tables.specs.merge(row(1))
  tables.phases.merge(phase(2))
  expect(early.isEarly(row(1), 0)).toBe(true)
  early.tick(WAIT_MS - 1)
  expect([early.isEarly(row(1), WAIT_MS - 1), touched]).toEqual([true, []])
  early.tick(WAIT_MS)
  expect([early.isEarly(row(1), WAIT_MS), touched]).toEqual([false, [id]])
})

test('each version is waited for anew', () => {
  tables.phases.merge(phase(2))
  expect(early.isEarly(row(1), 0)).toBe(true)
  tables.phases.merge(phase(3))
  expect(early.isEarly(row(1), WAIT_MS)).toBe(true)
  expect(early.isEarly(row(1), 2 * WAIT_MS)).toBe(false)
})
