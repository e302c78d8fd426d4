/** How much of everything one message of the control lane may have. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { checkOptions } from '../../src/node/options.ts'
import { encodePayload } from '../../src/payload.ts'
import { ACCUSATIONS_MAX, HANDOFF_PARTS_MAX, LIST_MAX, decodeMessage } from '../../src/protocol/codec.ts'
import { PIGGYBACK_MAX } from '../../src/protocol/dissemination.ts'
import { FAILURES_KEPT_MAX } from '../../src/protocol/failure.ts'
import { ADDRESSES_MAX, BEHAVIOURS_MAX, DECLINES_MAX, MORE_BYTES_MAX } from '../../src/protocol/member-row.ts'
import { HANDOFF_PART_BYTES_MAX, NO_ROWS, TABLES } from '../../src/protocol/messages.ts'
import { UNREACHABLE_MAX } from '../../src/protocol/reach.ts'
import { BUCKET_COUNT } from '../../src/protocol/record-store.ts'
import { row } from './bench.ts'

const a = nodeId('a')
const run = { id: a, boot: 1 }
const hlc = { ms: 1, count: 0, node: a }

const CLAIM = {
  slot: slotId(specId('w')),
  generation: 1,
  owner: run,
  score: 1,
  seq: 1,
  state: 'running',
  specVersion: hlc,
  restarts: [],
  failures: [],
}

const PHASE = {
  spec: specId('g'),
  specVersion: hlc,
  revision: 1,
  generation: { number: 1, tag: 1 },
  coordinator: run,
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

const rowsWith = (table: string, some: unknown) => ({ kind: 'rows', rows: { ...NO_ROWS, [table]: some } })
const memberWith = (field: string) => (list: unknown) => rowsWith('members', [{ ...row(a), [field]: list }])
const claimWith = (field: string) => (list: unknown) => rowsWith('claims', [{ ...CLAIM, [field]: list }])
const phaseWith = (field: string) => (list: unknown) => rowsWith('phases', [{ ...PHASE, [field]: list }])
const newsWith = (field: string) => (list: unknown) => ({
  kind: 'probe',
  n: 1,
  stat: { health: 0, unreachable: [] },
  news: { members: [], accusations: [], [field]: list },
})

const reasonOf = (message: unknown): string => {
  const decoded = decodeMessage(encodePayload(message))
  return decoded.kind === 'garbage' ? decoded.reason : decoded.kind
}

const ofPhase = ['layout', 'away', 'pending', 'previous', 'since', 'ready', 'exits', 'stopped', 'left']

test.each([
  ...TABLES.map(table => [`rows.${table}`, LIST_MAX, (list: unknown) => rowsWith(table, list)] as const),
  ...ofPhase.map(field => [`rows.phases.0.${field}`, LIST_MAX, phaseWith(field)] as const),
  ['removals', LIST_MAX, (list: unknown) => ({ kind: 'forget', removals: list })],
  ['accusations', ACCUSATIONS_MAX, (list: unknown) => ({ kind: 'accusations', accusations: list })],
  ['news.members', PIGGYBACK_MAX, newsWith('members')],
  ['news.accusations', PIGGYBACK_MAX, newsWith('accusations')],
  [
    'stat.unreachable',
    UNREACHABLE_MAX,
    (list: unknown) => ({ kind: 'probe', n: 1, stat: { health: 0, unreachable: list } }),
  ],
  ['rows.members.0.addresses', ADDRESSES_MAX, memberWith('addresses')],
  ['rows.members.0.behaviours', BEHAVIOURS_MAX, memberWith('behaviours')],
  ['rows.members.0.declines', DECLINES_MAX, memberWith('declines')],
  ['rows.claims.0.restarts', 1024, claimWith('restarts')],
  ['rows.claims.0.failures', FAILURES_KEPT_MAX, claimWith('failures')],
  ['rows.phases.0.restarts', 1024, phaseWith('restarts')],
  ['rows.phases.0.failures', FAILURES_KEPT_MAX, phaseWith('failures')],
  ['tables', TABLES.length, (list: unknown) => ({ kind: 'agree', tables: list })],
  ['buckets', BUCKET_COUNT, (list: unknown) => ({ kind: 'want', table: 'specs', buckets: list })],
] as const)(
  'a message with more %s than %i is garbage before any of them is looked at',
  (path, max, make) => {
    const nothings = (length: number): unknown => make(Array.from({ length }, () => null))
    expect(reasonOf(nothings(max))).toMatch(new RegExp(`^${path}\\.0: `))
    expect(reasonOf(nothings(max + 1))).toBe(`${path}: a list of at most ${max} was expected`)
  },
)

test(`what is handed over comes in ${HANDOFF_PARTS_MAX} parts at most`, () => {
  const partOf = (count: number): string => {
    const whose = { slot: CLAIM.slot, generation: 1 }
    return reasonOf({ kind: 'handoff-state', ...whose, index: 0, count, bytes: new Uint8Array(1) })
  }
  expect(partOf(HANDOFF_PARTS_MAX)).toBe('message')
  expect(partOf(HANDOFF_PARTS_MAX + 1)).toMatch(/^count: /)
})

test(`a part of what is handed over has ${HANDOFF_PART_BYTES_MAX} bytes at most, also by way of others`, () => {
  const partOf = (size: number) => ({
    kind: 'handoff-state',
    slot: CLAIM.slot,
    generation: 1,
    index: 0,
    count: 1,
    bytes: new Uint8Array(size),
  })
  const by = (message: unknown) => ({ kind: 'relay', from: a, to: a, hops: 0, message })
  expect(reasonOf(partOf(HANDOFF_PART_BYTES_MAX))).toBe('message')
  expect(reasonOf(by(partOf(HANDOFF_PART_BYTES_MAX)))).toBe('message')
  expect(reasonOf(partOf(HANDOFF_PART_BYTES_MAX + 1))).toMatch(/^bytes: at most /)
  expect(reasonOf(by(partOf(HANDOFF_PART_BYTES_MAX + 1)))).toMatch(/^message\.bytes: at most /)
})

test.each([
  ['labels', (count: number) => ({ labels: Object.fromEntries(textsOf(count).map(text => [text, text])) })],
  ['fields of newer nodes', (count: number) => ({ more: textsOf(2 * count) })],
  [
    'fields and labels',
    (count: number) => ({
      more: textsOf(count),
      labels: Object.fromEntries(textsOf(count).map(text => [text, ''])),
    }),
  ],
] as const)(`a row of a member has no more than ${MORE_BYTES_MAX} bytes of %s`, (_, make) => {
  const reasonFor = (count: number): string => reasonOf(rowsWith('members', [{ ...row(a), ...make(count) }]))
  expect(reasonFor(300)).toBe('message')
  expect(reasonFor(340)).toBe(
    `rows.members.0: a row with at most ${MORE_BYTES_MAX} bytes of labels and of fields of newer nodes was expected`,
  )
})

/** Of 98 characters each. */
function textsOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n).padStart(98, 'x'))
}

test('a node gives itself no more labels than fit', () => {
  const text = (n: number): string => String(n).padStart(200, '\u{4e16}')
  const labels = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [text(n), text(n)]))
  expect(
    reasonOf(rowsWith('members', [{ ...row(a), labels: checkOptions({ labels: labels(32) }).labels }])),
  ).toBe('message')
  expect(() => checkOptions({ labels: labels(33) })).toThrow('at most 32 labels')
})
