/** What it costs to be asked: whoever asks for whole tables again and again is told them as often as others can afford. */

import { expect, test } from 'vitest'

import { type NodeId, nodeId, specId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { ANSWERED } from '../../src/protocol/answers.ts'
import { AntiEntropy } from '../../src/protocol/anti-entropy.ts'
import { type MemberRow, memberRows } from '../../src/protocol/member-row.ts'
import { type Message, type Rows, TABLES, type Table } from '../../src/protocol/messages.ts'
import { BUCKET_COUNT, RecordStore } from '../../src/protocol/record-store.ts'
import { estimatedBytes } from '../../src/protocol/rows.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { Tables } from '../../src/protocol/tables.ts'

const b = nodeId('b')
const c = nodeId('c')
const EVERYTHING = Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket)
/** Of a peer that has nothing. */
const NOTHING = EVERYTHING.map(() => '')
const ROW_BYTES = 100_000

function spec(id: string, more: object = {}): SpecRow {
  const version = { ms: 1, count: 0, node: nodeId('a') }
  const limits = { heartbeatMs: 1_000 }
  const child = { behaviour: 'b@1', args: new Uint8Array(ROW_BYTES), limits, ...more }
  const times = { startTimeoutMs: 1, stopTimeoutMs: 1 }
  const how = { restart: 'permanent', isolation: 'inline' } as const
  const intensity = { restarts: 1, withinMs: 1 }
  const body = {
    kind: 'worker',
    rebalance: 'active',
    intensity,
    child: { ...child, ...times, ...how },
  } as const
  return { id: specId(id), desired: 'stopped', version, body }
}

/** A node that has so many specs. */
class End {
  readonly tables = new Tables(new RecordStore<MemberRow>(memberRows))
  readonly told: { readonly to: NodeId; readonly rows: Rows }[] = []
  nowMs = 0
  readonly end = new AntiEntropy({
    self: nodeId('a'),
    tables: this.tables,
    periodMs: 1e9,
    prng: new Prng(1),
    nowMs: 0,
    send: (to: NodeId, message: Message) => {
      if (message.kind === 'rows') this.told.push({ to, rows: message.rows })
    },
    isSure: () => true,
    onTold: () => {},
  })

  constructor(specs: number, more: object = {}) {
    for (let n = 0; n < specs; n++) this.tables.specs.merge(spec(`s${n}`, more))
  }

  want(peer: NodeId, table: Table = 'specs', buckets: readonly number[] = EVERYTHING): void {
    this.end.onWant(peer, table, buckets, this.nowMs)
  }

  /** As a node does: whenever something is due. */
  pass(durationMs: number, peers: readonly NodeId[] = [b, c]): void {
    const untilMs = this.nowMs + durationMs
    for (let atMs = this.end.wakeAtMs(); atMs <= untilMs; atMs = this.end.wakeAtMs()) {
      this.nowMs = Math.max(atMs, this.nowMs)
      this.end.tick(peers, this.nowMs)
    }
    this.nowMs = untilMs
  }

  bytesTo(peer: NodeId): number {
    return this.told.reduce((sum, { to, rows }) => sum + (to === peer ? estimatedBytes(rows) : 0), 0)
  }

  /** How often it was told of a spec. */
  timesTold(peer: NodeId, id: string): number {
    const ids = this.told.flatMap(({ to, rows }) => (to === peer ? rows.specs.map(row => row.id) : []))
    return ids.filter(each => each === specId(id)).length
  }
}

test.each([
  ['want', (node: End) => node.want(b)],
  ['buckets', (node: End) => node.end.onBuckets(b, 'specs', NOTHING, node.nowMs)],
] as const)(
  'a peer that says "%s" 1,000 times in ten seconds is told no more than its rate',
  (_kind, ask) => {
    const node = new End(50)
    for (let n = 0; n < 1_000; n++) {
      ask(node)
      node.pass(10)
    }
    const whole = 50 * (ROW_BYTES + 1_000)
    const bytes = node.bytesTo(b)
    expect(bytes).toBeLessThan(ANSWERED.burstBytes + 10 * ANSWERED.bytesPerSecond + whole)
    expect(bytes).toBeGreaterThan(10 * ANSWERED.bytesPerSecond)
  },
)

test('the first answer is given at once, however large, and all that is asked for after it in one', () => {
  const node = new End(400)
  node.want(b)
  expect(node.timesTold(b, 's7')).toBe(1)
  const before = node.told.length
  for (const bucket of EVERYTHING) node.want(b, 'specs', [bucket])
  expect(node.told.length).toBe(before)
  // What comes meanwhile is in it.
  node.tables.specs.merge(spec('late'))
  node.pass(10_000)
  expect([node.timesTold(b, 's7'), node.timesTold(b, 'late')]).toEqual([2, 1])
  expect(node.end.wakeAtMs()).toBeGreaterThan(1e8)
})

test('what one has asked for holds up nobody else, and of no other table', () => {
  const node = new End(400)
  for (let n = 0; n < 3; n++) node.want(b)
  node.want(c)
  expect([node.timesTold(b, 's7'), node.timesTold(c, 's7')]).toEqual([1, 1])
  for (const table of TABLES.filter(each => each !== 'specs')) {
    const before = node.told.length
    node.want(b, table)
    expect([table, node.told.length]).toEqual([table, before + 1])
  }
})

test('whoever waits for an answer gets one though there is nothing to tell, and who does not, none', () => {
  const node = new End(0)
  node.end.onBuckets(b, 'specs', NOTHING, 0)
  expect(node.told).toEqual([])
  node.want(b)
  expect(node.told.map(({ rows }) => rows.specs)).toEqual([[]])
})

test('what a peer has asked for that goes is forgotten', () => {
  const node = new End(400)
  for (let n = 0; n < 2; n++) node.want(b)
  node.end.tick([c], 1)
  expect(node.end.wakeAtMs()).toBeGreaterThan(1e8)
  node.pass(60_000)
  expect(node.timesTold(b, 's7')).toBe(1)
})

test('a field of a newer version, of which nobody can say how large it is, stops no answers', () => {
  const node = new End(10, { hue: new Map([['a', 1]]) })
  for (let n = 0; n < 5; n++) node.want(b)
  expect(node.timesTold(b, 's7')).toBe(5)
})
