import { beforeEach, expect, test } from 'vitest'

import { nodeId, specId } from '../../src/ids.ts'
import { LateSpecs } from '../../src/protocol/late-specs.ts'
import { memberRows } from '../../src/protocol/member-row.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import { RecordStore } from '../../src/protocol/record-store.ts'
import { Tables } from '../../src/protocol/tables.ts'

const [teller, other, node] = [nodeId('teller'), nodeId('other'), nodeId('n')]
const LATE_MS = 100

const version = (ms: number) => ({ ms, count: 0, node })

let tables: Tables
let late: LateSpecs

beforeEach(() => {
  tables = new Tables(new RecordStore(memberRows))
  late = new LateSpecs(tables)
})

function learn(spec: string, ms: number): void {
  tables.specs.merge({ id: specId(spec), version: version(ms), body: undefined, desired: 'running' })
}

/** A peer tells of a phase that was made for the version of the spec that is named. */
function tell(peer: typeof node, spec: string, at: { readonly ms: number; readonly nowMs?: number }): void {
  const phase: Phase = {
    spec: specId(spec),
    specVersion: version(at.ms),
    revision: 1,
    generation: { number: at.ms, tag: 1 },
    coordinator: { id: node, boot: 1 },
    layout: [],
    away: [],
    pending: [],
    isFirst: true,
    previous: [],
    restarts: [],
    failures: [],
    since: [],
    rank: 'running',
    ready: [],
    exits: [],
    stopped: [],
    left: [],
  }
  tables.phases.merge(phase)
  late.note(peer, [phase], at.nowMs ?? 0)
}

test('who has told of a phase is compared with when its spec has not come some time later, once', () => {
  learn('older', 1)
  tell(teller, 'older', { ms: 2 })
  tell(teller, 'unknown', { ms: 1, nowMs: 10 })
  expect([late.wakeAtMs(), [...late.take(LATE_MS - 1)]]).toEqual([LATE_MS, []])
  expect([...late.take(LATE_MS)]).toEqual([teller])
  expect(late.wakeAtMs()).toBe(LATE_MS + 10)
  expect([...late.take(LATE_MS + 10)]).toEqual([teller])
  expect([late.wakeAtMs(), [...late.take(10 * LATE_MS)]]).toEqual([Infinity, []])
})

test('phases of one peer are one comparison, and nobody is asked for a spec that has come meanwhile', () => {
  for (const spec of ['a', 'b']) tell(teller, spec, { ms: 1 })
  tell(other, 'c', { ms: 1 })
  learn('c', 1)
  expect([...late.take(LATE_MS)]).toEqual([teller])
})

test('a phase of a version that is known, or of one that a later phase has overtaken, is no reason to ask', () => {
  learn('known', 2)
  tell(teller, 'known', { ms: 2 })
  expect(late.wakeAtMs()).toBe(Infinity)
  tell(teller, 'late', { ms: 3 })
  tell(other, 'late', { ms: 2 })
  expect([...late.take(LATE_MS)]).toEqual([teller])
})

test('of several who tell of it, the last one is asked, and none is waited for longer', () => {
  tell(teller, 'a', { ms: 1 })
  tell(other, 'a', { ms: 1, nowMs: LATE_MS - 1 })
  expect([late.wakeAtMs(), [...late.take(LATE_MS)]]).toEqual([LATE_MS, [other]])
})

test('who goes on telling of a phase, and has no spec of it, is asked once; others are asked as well', () => {
  const ask = (peer: typeof node, nowMs: number) => {
    tell(peer, 'unknown', { ms: 1, nowMs })
    return [...late.take(nowMs + LATE_MS)]
  }
  expect([ask(teller, 0), ask(teller, 1_000), ask(other, 2_000), ask(other, 3_000)]).toEqual([
    [teller],
    [],
    [other],
    [],
  ])
})
