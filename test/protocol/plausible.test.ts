/** What is made up is left out of what a peer says, and the rest of it counts. */

import { describe, expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { type Message, NO_ROWS, type Rows } from '../../src/protocol/messages.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import { countedMax, plausiblePart, plausibleRows } from '../../src/protocol/plausible.ts'
import { firstNumberAt } from '../../src/node/supervision/seniority.ts'
import { row as memberOf } from './bench.ts'

const [a, b, w, g] = [nodeId('a'), nodeId('b'), specId('w'), specId('g')]
const NOW_MS = Date.UTC(2026, 10, 29)
const at = { ms: NOW_MS, count: 3, node: a }
const owner = { id: a, boot: NOW_MS }

const claim: Claim = {
  slot: slotId(w),
  generation: firstNumberAt(NOW_MS),
  owner,
  score: 7,
  seq: 2,
  state: 'running',
  specVersion: at,
  restarts: [],
  failures: [],
}

const phase: Phase = {
  spec: g,
  specVersion: at,
  revision: 1,
  generation: { number: 9, tag: 1 },
  coordinator: owner,
  layout: [{ slot: slotId(g, 'm'), owner, since: { number: 9, tag: 1 }, revision: 1, isNew: false }],
  away: [],
  pending: [],
  isFirst: false,
  previous: [],
  restarts: [],
  failures: [],
  since: [a],
  rank: 'running',
  ready: [],
  exits: [],
  stopped: [],
  left: [],
}

const ROWS: Rows = {
  members: [memberOf(a), memberOf(b)],
  specs: [{ id: w, version: at, body: undefined, desired: 'stopped' }],
  claims: [claim],
  phases: [phase],
}

/** What is left of rows, and what is told of the others. */
function take(rows: Rows, wallMs = NOW_MS): { readonly rows: Rows; readonly told: readonly string[] } {
  const told: string[] = []
  return { rows: plausibleRows(rows, wallMs, what => told.push(what)), told }
}

describe.each<[string, (most: number) => Partial<Rows>]>([
  ['member b: boot', most => ({ members: [memberOf(a), { ...memberOf(b), boot: most }] })],
  ['member b: seq', most => ({ members: [memberOf(a), { ...memberOf(b), seq: most }] })],
  ['spec w: version', most => ({ specs: ROWS.specs.map(row => ({ ...row, version: { ...at, ms: most } })) })],
  ['claim of w: generation', most => ({ claims: [{ ...claim, generation: most }] })],
  ['claim of w: seq', most => ({ claims: [{ ...claim, seq: most }] })],
  ['phase of g: generation', most => ({ phases: [{ ...phase, generation: { number: most, tag: 1 } }] })],
])('%s', (what, change) => {
  test('is taken in up to what grows with the time, and what is beyond that comes to nobody', () => {
    const most = countedMax(NOW_MS)
    const largest = { ...ROWS, ...change(most) }
    expect(take(largest)).toEqual({ rows: largest, told: [] })
    const made = { ...ROWS, ...change(most + 1) }
    const { rows, told } = take(made)
    expect(told).toEqual([expect.stringMatching(new RegExp(`^${what} .*${most + 1}`))])
    expect(rows).toEqual(
      what.startsWith('member') ? { ...ROWS, members: [memberOf(a)] } : { ...ROWS, [tableOf(what)]: [] },
    )
    // Who has gone on from the largest one is heard a moment later.
    expect(take(made, NOW_MS + 1)).toEqual({ rows: made, told: [] })
  })
})

function tableOf(what: string): string {
  return `${what.split(' ', 1).join()}s`
}

test('a generation has no worker that was placed in a later one: no token would be larger', () => {
  const later = phase.layout.map(placed => ({ ...placed, since: { number: 10, tag: 0 } }))
  const made = { ...ROWS, phases: [{ ...phase, layout: later }] }
  expect(take(made)).toEqual({
    rows: { ...ROWS, phases: [] },
    told: ['phase of g: g/m since generation 10'],
  })
})

test.each([0, Date.UTC(2025, 0, 1), NOW_MS + 365 * 86_400_000])(
  'what nodes write is taken in, whatever the clock here shows: %i',
  wallMs => {
    const first = [0, Date.UTC(2025, 0, 1), NOW_MS].map(ms => firstNumberAt(ms) + 1_000_000)
    const rows = { ...ROWS, claims: first.map(generation => ({ ...claim, generation })) }
    expect(take(rows, wallMs).rows).toBe(rows)
  },
)

test('whatever brings rows is looked at, and what brings none is as it was', () => {
  const made = { ...memberOf(b), seq: countedMax(NOW_MS) + 1 }
  const rows = { ...NO_ROWS, members: [memberOf(a), made] }
  const left = { ...NO_ROWS, members: [memberOf(a)] }
  const stat = { health: 0, unreachable: [] }
  const news = { members: rows.members, accusations: [] }
  const removal = { spec: w, at }
  const late = { spec: g, at: { ...at, ms: countedMax(NOW_MS) + 1 } }
  const hello = { kind: 'hello', protocol: { min: 1, max: 1 }, run: owner, profile: 'lan' } as const
  const cases: readonly [Message, Message][] = [
    [
      { kind: 'rows', rows, ask: 4 },
      { kind: 'rows', rows: left, ask: 4 },
    ],
    [
      { ...hello, rows },
      { ...hello, rows: left },
    ],
    [
      { kind: 'relay', from: a, to: b, hops: 1, message: { kind: 'rows', rows } },
      { kind: 'relay', from: a, to: b, hops: 1, message: { kind: 'rows', rows: left } },
    ],
    [
      { kind: 'probe', n: 1, stat, news },
      { kind: 'probe', n: 1, stat, news: { ...news, members: left.members } },
    ],
    [
      { kind: 'probe-ack', n: 1, stat, news },
      { kind: 'probe-ack', n: 1, stat, news: { ...news, members: left.members } },
    ],
    [
      { kind: 'forget', removals: [removal, late] },
      { kind: 'forget', removals: [removal] },
    ],
  ]
  for (const [message, wanted] of cases) {
    const told: string[] = []
    expect(plausiblePart(message, NOW_MS, what => told.push(what))).toEqual(wanted)
    expect(told).toHaveLength(1)
    expect(plausiblePart(wanted, NOW_MS, what => told.push(what))).toBe(wanted)
    expect(told).toHaveLength(1)
  }
})
