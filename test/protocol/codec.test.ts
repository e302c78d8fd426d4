import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { ID_LENGTH_MAX, type SlotId, nodeId, slotId, specId } from '../../src/ids.ts'
import { encodePayload } from '../../src/payload.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/codec.ts'
import { CAUSES_MAX, ORIGINS_MAX } from '../../src/protocol/failure.ts'
import { MOMENTS_MAX } from '../../src/protocol/hlc.ts'
import { DECLINES_MAX } from '../../src/protocol/member-row.ts'
import { type Message, NO_ROWS } from '../../src/protocol/messages.ts'
import { CHAIN_WORKERS_MAX, STAGE_WORKERS_MAX } from '../../src/protocol/spec-row.ts'
import { row as memberOf } from './bench.ts'
import { CHILD } from './child.ts'

const a = nodeId('a')
const hlc = { ms: 5, count: 1, node: a }
const failure = {
  name: 'Error',
  message: 'boom',
  stack: undefined,
  node: a,
  slot: slotId(specId('g'), 'm'),
  item: undefined,
}

const b = nodeId('b')
const stat = { health: 1, unreachable: [b] }
const accusation = { run: { id: b, boot: 2 }, seq: 4, by: a, evidence: 'refused' } as const

const MESSAGES: readonly Message[] = [
  { kind: 'probe', n: 7, stat, news: { members: [], accusations: [accusation] } },
  { kind: 'probe-ack', n: 7, stat, news: { members: [], accusations: [] } },
  { kind: 'probe-request', n: 7, target: b },
  { kind: 'probe-report', n: 7, target: b, isHeard: false },
  { kind: 'accusations', accusations: [accusation] },
  { kind: 'agree', tables: ['specs', 'claims'] },
  { kind: 'merged', ask: 4 },
  { kind: 'forget', removals: [{ spec: specId('w'), at: hlc }] },
  {
    kind: 'relay',
    from: a,
    to: b,
    hops: 2,
    message: { kind: 'handoff-ask', slot: slotId(specId('w')), generation: 3 },
  },
  { kind: 'digest', roots: { members: '0', specs: '1', claims: '2', phases: '3' } },
  { kind: 'buckets', table: 'claims', digests: Array.from({ length: 64 }, (_, index) => String(index)) },
  { kind: 'want', table: 'phases', buckets: [0, 63] },
  {
    kind: 'hello',
    protocol: { min: 1, max: 2 },
    run: { id: a, boot: 3 },
    profile: 'edge',
    rows: {
      ...NO_ROWS,
      members: [
        {
          id: a,
          boot: 3,
          seq: 1,
          status: 'alive',
          name: 'a',
          addresses: ['/ip4/127.0.0.1/tcp/1'],
          role: 'member',
          weight: 1,
          labels: { zone: 'east' },
          behaviours: ['b@1'],
          protocol: { min: 1, max: 1 },
          placementVersion: 1,
          isDraining: true,
          declines: [slotId(specId('w'))],
        },
      ],
    },
  },
  {
    kind: 'rows',
    rows: {
      ...NO_ROWS,
      specs: [
        { id: specId('gone'), version: hlc, body: undefined, desired: 'stopped' },
        {
          id: specId('there'),
          version: hlc,
          body: {
            kind: 'worker',
            rebalance: 'active',
            child: {
              behaviour: 'b@1',
              args: new Uint8Array([1]),
              restart: 'permanent',
              startTimeoutMs: 1,
              stopTimeoutMs: 1,
              isolation: 'inline',
              limits: { heartbeatMs: 1 },
              placement: { labels: { gpu: 'yes' }, near: 'n', spread: 's' },
            },
            intensity: { restarts: 1, withinMs: 1 },
          },
          desired: 'running',
          content: 2 ** 53 - 1,
          replaces: hlc,
          overtaken: { version: hlc, isRemoval: false },
        },
      ],
      claims: [
        {
          slot: slotId(specId('w')),
          generation: 1,
          owner: { id: a, boot: 3 },
          score: 9,
          seq: 3,
          state: 'failed',
          specVersion: hlc,
          content: 5,
          restarts: [{ atMs: 1, item: '' }],
          failures: [failure],
        },
      ],
      phases: [
        {
          spec: specId('g'),
          specVersion: hlc,
          revision: 7,
          generation: { number: 2, tag: 4 },
          coordinator: { id: a, boot: 3 },
          layout: [
            {
              slot: slotId(specId('g'), 'm'),
              owner: { id: a, boot: 3 },
              since: { number: 1, tag: 3 },
              revision: 7,
              isNew: false,
            },
          ],
          away: [{ slot: slotId(specId('g'), 'n'), revision: 7, why: 'ended', failure }],
          pending: [slotId(specId('g'), 'm')],
          isFirst: false,
          previous: [],
          restarts: [{ atMs: 1, item: '' }],
          failures: [failure],
          since: [a],
          rank: 'failed',
          ready: [],
          exits: [{ slot: slotId(specId('g'), 'm'), at: hlc, kind: 'abnormal', failure, wasReady: true }],
          stopped: [],
          left: [],
        },
      ],
    },
  },
]

test.each(MESSAGES)('a message of kind $kind arrives as it was sent', message => {
  expect(decodeMessage(encodeMessage(message))).toEqual({ kind: 'message', message })
})

test('a row that declines more than a node may is garbage', () => {
  const hello = MESSAGES.find(({ kind }) => kind === 'hello')
  if (hello?.kind !== 'hello') throw new Error('there is no hello')
  const decodedWith = (count: number): string => {
    const declines = Array.from({ length: count }, (_, index) => slotId(specId(`w${index}`)))
    const members = hello.rows.members.map(row => ({ ...row, declines }))
    return decodeMessage(encodeMessage({ ...hello, rows: { ...hello.rows, members } })).kind
  }
  expect(decodedWith(DECLINES_MAX)).toBe('message')
  expect(decodedWith(DECLINES_MAX + 1)).toBe('garbage')
})

test('a claim of anything but a standalone worker is garbage: of one spec there is one', () => {
  const claims = MESSAGES.flatMap(message => ('rows' in message ? message.rows.claims : []))
  const decodedWith = (slot: SlotId): string => {
    const rows = { ...NO_ROWS, claims: claims.map(claim => ({ ...claim, slot })) }
    return decodeMessage(encodeMessage({ kind: 'rows', rows })).kind
  }
  expect(claims.length).toBeGreaterThan(0)
  expect(decodedWith(slotId(specId('w')))).toBe('message')
  expect(decodedWith(slotId(specId('w'), '1'))).toBe('garbage')
})

test('a failure with more causes, or longer ones, than it may have is garbage', () => {
  const hello = MESSAGES.find(message => 'rows' in message && message.rows.claims.length > 0)
  if (hello === undefined || !('rows' in hello)) throw new Error('there are no claims')
  const decodedWith = (cause: unknown, code: unknown = 'E'): string => {
    const claims = hello.rows.claims.map(row => ({ ...row, failures: [{ ...failure, code, cause }] }))
    return decodeMessage(encodePayload({ ...hello, rows: { ...hello.rows, claims } })).kind
  }
  const causeOf = (count: number): unknown =>
    count === 0 ? undefined : { name: 'Error', message: 'm', code: 5, cause: causeOf(count - 1) }
  expect(decodedWith(causeOf(CAUSES_MAX))).toBe('message')
  expect(decodedWith(causeOf(CAUSES_MAX + 1))).toBe('garbage')
  const errorsOf = (count: number): unknown => ({
    name: 'E',
    message: 'm',
    errors: Array.from({ length: count }, () => causeOf(1)),
  })
  expect(decodedWith(errorsOf(ORIGINS_MAX - 1))).toBe('message')
  expect(decodedWith(errorsOf(ORIGINS_MAX))).toBe('garbage')
  expect(decodedWith({ name: 'E', message: 'm', errors: [causeOf(CAUSES_MAX)] })).toBe('garbage')
  expect(decodedWith({ name: 'E', message: 'm', errors: [causeOf(CAUSES_MAX - 1)] })).toBe('message')
  expect(decodedWith({ name: 'E', message: 'm', errors: causeOf(1) })).toBe('garbage')
  expect(decodedWith({ name: 'Error', message: 'm'.repeat(1_025) })).toBe('garbage')
  expect(decodedWith('a text')).toBe('garbage')
  expect(decodedWith(undefined, { code: 5 })).toBe('garbage')
  expect(decodedWith(undefined, 'E'.repeat(129))).toBe('garbage')
})

/** What comes of the row of a group with one member, of which something is otherwise. */
function decodedGroup(row: object, member: object = {}): string {
  const part = { id: 'm', child: CHILD, revision: 1, isStopped: false, isSignificant: false, ...member }
  const how = { strategy: 'one_for_one', intensity: { restarts: 1, withinMs: 1 }, autoShutdown: 'never' }
  const body = { kind: 'group', ...how, revision: 1, spread: true, members: [part] }
  const specs = [{ id: 'g', version: hlc, body, desired: 'running', ...row }]
  return decodeMessage(encodePayload({ kind: 'rows', rows: { ...NO_ROWS, specs } })).kind
}

test('a member whose place is not a text of digits is garbage', () => {
  expect(decodedGroup({}, { place: '500000000000' })).toBe('message')
  for (const place of ['', 'x', '5.0', 5, '5'.repeat(1_025)])
    expect(decodedGroup({}, { place })).toBe('garbage')
})

// What follows from such a row could not be worked out: each step of the node that has taken it in would end with an error.
test('a member that has no id, and stages of more workers than they may have, are garbage', () => {
  for (const id of ['m', 'ä', 'm'.repeat(ID_LENGTH_MAX)]) expect(decodedGroup({}, { id })).toBe('message')
  for (const id of ['', ' m', 'm/n', 'm\n', 'm'.repeat(ID_LENGTH_MAX + 1), 5])
    expect([id, decodedGroup({}, { id })]).toEqual([id, 'garbage'])
  expect(decodedGroup({ edits: { declared: hlc, removed: [{ id: 'm/n', at: hlc }] } })).toBe('garbage')
  const flow = { emission: 'one', route: 'key', onItemError: 'crash', queueItems: 1 }
  const stage = { id: 's', child: CHILD, revision: 1, isStopped: false, ...flow }
  const decodedWith = (workers: number, count = 1): string => {
    const how = { strategy: 'one_for_one', intensity: { restarts: 1, withinMs: 1 }, revision: 1 }
    const most = { emission: 'maybe', windowItems: 1, attemptsMax: 1 }
    const stages = Array.from({ length: count }, (_, n) => ({ ...stage, id: `s${n}`, workers }))
    return decodedGroup({ body: { kind: 'chain', ...how, ...most, stages } })
  }
  expect(decodedWith(STAGE_WORKERS_MAX)).toBe('message')
  for (const workers of [0, STAGE_WORKERS_MAX + 1, 2 ** 40]) expect(decodedWith(workers)).toBe('garbage')
  const most = CHAIN_WORKERS_MAX / STAGE_WORKERS_MAX
  expect([most, most + 1].map(count => decodedWith(STAGE_WORKERS_MAX, count))).toEqual(['message', 'garbage'])
})

// A change is later than the version that it replaces: nobody could change a part that says that it was changed after that.
test('a spec that says of anything that it was later than the whole is garbage', () => {
  const edits = { declared: hlc, removed: [] }
  const nextOf = [{ ms: hlc.ms + 1 }, { count: hlc.count + 1 }, { node: b }]
  for (const at of [hlc, ...nextOf.map(next => ({ ...hlc, ...next }))]) {
    const wanted = at === hlc ? 'message' : 'garbage'
    expect(decodedGroup({}, { at })).toBe(wanted)
    expect(decodedGroup({ replaces: at })).toBe(wanted)
    expect(decodedGroup({ overtaken: { version: at, isRemoval: false } })).toBe(wanted)
    for (const name of ['declared', 'origin', 'replaces', 'desired', 'renewed', 'forgotten'])
      expect([name, decodedGroup({ edits: { ...edits, [name]: at } })]).toEqual([name, wanted])
    expect(decodedGroup({ edits: { ...edits, removed: [{ id: 'gone', at }] } })).toBe(wanted)
  }
})

test('what is no message is refused with the place that is wrong', () => {
  const reason = (value: unknown): string => {
    const decoded = decodeMessage(encodePayload(value))
    return decoded.kind === 'garbage' ? decoded.reason : 'a message'
  }
  expect(reason({ kind: 'probe', n: -1 })).toMatch(/^n: /)
  expect(reason({ kind: 'shutdown' })).toMatch(/^kind: /)
  expect(reason(null)).toMatch(/object/i)
  expect(reason({ kind: 'want', table: 'secrets', buckets: [] })).toMatch(/^table: /)
  expect(reason({ kind: 'want', table: 'specs', buckets: [64] })).toMatch(/^buckets/)
  expect(reason({ kind: 'rows', rows: { ...NO_ROWS, members: [{ id: 'a' }] } })).toMatch(/^rows\.members\.0/)
})

test('what goes by way of others is neither something that must not, nor on its way without end', () => {
  const ask = { kind: 'handoff-ask', slot: slotId(specId('w')), generation: 3 }
  const relay = { kind: 'relay', from: a, to: b, hops: 2, message: ask }
  const isMessage = (value: unknown): boolean => decodeMessage(encodePayload(value)).kind === 'message'
  expect(isMessage(relay)).toBe(true)
  expect(isMessage({ ...relay, message: relay })).toBe(false)
  expect(isMessage({ ...relay, message: { kind: 'merged', ask: 1 } })).toBe(false)
  expect(isMessage({ ...relay, hops: 3 })).toBe(false)
})

test('fields of a newer version of the protocol are kept', () => {
  const decoded = decodeMessage(encodePayload({ kind: 'merged', ask: 1, hue: 'green' }))
  expect(decoded).toEqual({ kind: 'message', message: { kind: 'merged', ask: 1, hue: 'green' } })
})

test('random and truncated bytes are garbage, never a throw', () => {
  const whole = MESSAGES.map(encodeMessage)
  const damaged = fc
    .tuple(fc.constantFrom(...whole), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([bytes, end, at, value]) => {
      const cut = Uint8Array.from(bytes.subarray(0, 1 + (end % bytes.length)))
      cut[at % cut.length] = value
      return cut
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), damaged), bytes => {
      expect(['message', 'garbage']).toContain(decodeMessage(bytes).kind)
    }),
    { numRuns: 5_000 },
  )
})

test('a moment that no clock writes is garbage', () => {
  const isRefused = (count: number): boolean => {
    const version = { ...hlc, count }
    const specs = [{ id: specId('gone'), version, body: undefined, desired: 'stopped' as const }]
    return decodeMessage(encodeMessage({ kind: 'rows', rows: { ...NO_ROWS, specs } })).kind === 'garbage'
  }
  expect([MOMENTS_MAX, MOMENTS_MAX + 1].map(isRefused)).toEqual([false, true])
})

test('a reason is short, however long the names are that something has in it', () => {
  const labels = { ['k'.repeat(200_000)]: 5 }
  const rows = { ...NO_ROWS, members: [{ ...memberOf(a), labels }] }
  const decoded = decodeMessage(encodePayload({ kind: 'rows', rows }))
  expect(decoded).toEqual({
    kind: 'garbage',
    reason: expect.stringMatching(/^rows\.members\.0\.labels\.k{100}: /),
  })
})

// Errors can be read that cannot be written: no message with such a row would leave the node any more.
test('a message with an error in it is garbage: what is taken in can be passed on', () => {
  const error = new Error('x', { cause: new TypeError('y') })
  const strange: unknown[] = [error, [error], { error }, new Set([error]), new Map([[1, error]])]
  for (const extra of [...strange, new AggregateError([error], 'z')]) {
    const rows = { ...NO_ROWS, members: [{ ...memberOf(a), extra }] }
    const decoded = decodeMessage(encodePayload({ kind: 'rows', rows }))
    expect(decoded).toEqual({ kind: 'garbage', reason: expect.stringMatching(/or an error in it/) })
  }
})
