/** What may come of a message of the control lane, and what never does. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { findPayloadFlaw } from '../../src/payload-flaw.ts'
import { encodeUnbounded, isTooMuch } from '../../src/payload.ts'
import { decodeMessage, isOversize } from '../../src/protocol/codec.ts'
import {
  CONTROL_FRAME_BYTES_MAX,
  CONTROL_MESSAGE_BYTES_MAX,
  MESSAGE_LIMITS,
  NO_ROWS,
} from '../../src/protocol/messages.ts'
import { row } from './bench.ts'
import { CHILD } from './child.ts'

/** A list of so many of the same. */
function listOf(unit: readonly number[], count: number): Uint8Array {
  const head = Buffer.from([0xdd, 0, 0, 0, 0])
  head.writeUInt32BE(count, 1)
  return Buffer.concat([head, Buffer.alloc(unit.length * count, Buffer.from(unit))])
}

// Some of them took a node 44 s and 3 GB before it refused them.
test.each([
  ['objects', [0x80], /more would come/],
  ['bytes', [0xc4, 0], /more would come/],
  ['errors', [0xd4, 0x65, 0, 0x90], /nobody writes/],
  ['sets', [0xd4, 0x73, 0, 0x90], /nobody writes/],
  ['shapes of objects', [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0xc0], /nobody writes/],
  ['texts that stand elsewhere', [0xd6, 0x62, 0, 0, 0, 4, 0xa1, 0x61, 0xa0], /nobody writes/],
] as const)('a message that is full of %s is refused before one of them is made', (_what, unit, reason) => {
  const bytes = listOf(unit, Math.floor((CONTROL_MESSAGE_BYTES_MAX - 5) / unit.length))
  expect(decodeMessage(bytes)).toEqual({ kind: 'garbage', reason: expect.stringMatching(reason) })
})

test('a message that others would refuse for what comes of it is not sent, and whatever fits into a frame is', () => {
  const more = Array.from({ length: 2_200_000 }, () => ({}))
  const heavy = encodeUnbounded({ kind: 'merged', ask: 1, more })
  expect([isOversize(heavy), decodeMessage(heavy).kind]).toEqual([true, 'garbage'])
  for (const part of [{}, [], new Uint8Array(), Buffer.alloc(0)]) {
    const unit = encodeUnbounded(part)
    const full = listOf([...unit], Math.floor((CONTROL_FRAME_BYTES_MAX - 5) / unit.length))
    expect(isTooMuch(full, MESSAGE_LIMITS)).toBe(false)
  }
})

const a = nodeId('a')
const at = { ms: 1, count: 1, node: a }
const owner = { id: a, boot: 1 }
/** With the shortest names. */
const slots = Array.from({ length: 1_000 }, (_, n) => slotId(specId('g'), n.toString(36)))
const ids = slots.map(slot => slot.slice(2))
const restarts = Array.from({ length: 1_000 }, () => ({ atMs: 1, item: '' }))
const since = { number: 1, tag: 1 }
const failure = { name: '', message: '', node: a, slot: 'g' }

const body = {
  kind: 'group',
  strategy: 'one_for_one',
  intensity: { restarts: 1, withinMs: 1 },
  autoShutdown: 'never',
  revision: 1,
  spread: true,
  members: ids.map(id => ({ id, child: CHILD, revision: 1, isStopped: false, isSignificant: false })),
}

const claimOf = (slot: string) => ({
  slot,
  generation: 1,
  owner,
  score: 1,
  seq: 1,
  state: 'running',
  specVersion: at,
  restarts: [],
  failures: [],
})

/** With nothing in all of its lists, so that it is of as few bytes as one may be. */
const phaseOf = (spec: string) => ({
  spec,
  specVersion: at,
  revision: 1,
  generation: since,
  coordinator: owner,
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
})

const full = {
  ...phaseOf('g'),
  layout: slots.map(slot => ({ slot, owner, since, revision: 1, isNew: true })),
  away: slots.map(slot => ({ slot, revision: 1, why: 'ended' })),
  pending: slots,
  restarts,
  since: ids,
  ready: slots,
  exits: slots.map(slot => ({ slot, at, kind: 'normal', failure, wasReady: true })),
  stopped: slots,
  left: slots,
}

test.each([
  ['specs', [{ id: 'g', version: at, body, desired: 'running' }]],
  ['claims', ids.map(claimOf)],
  ['phases', [full]],
  ['phases', ids.map(phaseOf)],
  ['members', ids.map(id => ({ ...row(a), id: nodeId(id) }))],
] as const)('%s weigh less than half of their bytes, with the shortest names and numbers', (table, rows) => {
  const bytes = encodeUnbounded({ kind: 'rows', rows: { ...NO_ROWS, [table]: rows } })
  expect(decodeMessage(bytes)).not.toHaveProperty('reason')
  const limits = { ...MESSAGE_LIMITS, weightMax: bytes.length / 2 }
  expect(findPayloadFlaw(bytes, 0, bytes.length, limits)).toBeUndefined()
})
