import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type NodeId, nodeId, slotId, specId } from '../../src/ids.ts'
import { Prng } from '../../src/prng.ts'
import { AntiEntropy } from '../../src/protocol/anti-entropy.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { encodeMessage } from '../../src/protocol/codec.ts'
import { type MemberRow, memberRows } from '../../src/protocol/member-row.ts'
import { CONTROL_FRAME_BYTES_MAX, type Message, NO_ROWS } from '../../src/protocol/messages.ts'
import type { Phase } from '../../src/protocol/phase.ts'
import { RecordStore } from '../../src/protocol/record-store.ts'
import { ROW_BYTES_MAX, inFrames } from '../../src/protocol/rows.ts'
import type { SpecRow } from '../../src/protocol/spec-row.ts'
import { Tables } from '../../src/protocol/tables.ts'

const NAMES = ['a', 'b'] as const
type Name = (typeof NAMES)[number]

/** Two nodes that speak to each other without a network. */
class Pair {
  readonly tables = { a: newTables(), b: newTables() }
  readonly sent: Message[] = []
  /** Who has been told by the other one all that it knew. */
  readonly told: Name[] = []
  readonly #queue: { readonly to: Name; readonly message: Message }[] = []
  readonly #ends = { a: this.#end('a'), b: this.#end('b') }

  /** Lets `a` compare with `b`, and both say all they have to say. */
  exchange(): void {
    this.#ends.a.greet(nodeId('b'))
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#deliver(next.to, next.message)
    }
  }

  /** A session begins, and each says what it has to say, at whatever time: `next` says whose turn it is to be heard. */
  meet(next: () => Name): void {
    for (const name of NAMES) this.#ends[name].onPeerUp(otherThan(name))
    for (let nowMs = 0; this.#queue.length > 0 || nowMs < 100; nowMs += 10) {
      for (const name of NAMES) this.#ends[name].tick([otherThan(name)], nowMs)
      const first = next()
      const index = Math.max(
        0,
        this.#queue.findIndex(({ to }) => to === first),
      )
      for (const { to, message } of this.#queue.splice(index, 1)) this.#deliver(to, message)
    }
  }

  hasTold(name: Name): boolean {
    return this.#ends[name].hasTold(otherThan(name))
  }

  #end(name: Name): AntiEntropy {
    return new AntiEntropy({
      self: nodeId(name),
      tables: this.tables[name],
      periodMs: 1_000,
      prng: new Prng(1),
      nowMs: 0,
      send: (_to: NodeId, message) => {
        this.sent.push(message)
        this.#queue.push({ to: name === 'a' ? 'b' : 'a', message })
      },
      isSure: () => true,
      onTold: () => void this.told.push(name),
    })
  }

  #deliver(to: Name, message: Message): void {
    const end = this.#ends[to]
    const from = otherThan(to)
    if (message.kind === 'digest') end.onDigest(from, message.roots)
    else if (message.kind === 'buckets') end.onBuckets(from, message.table, message.digests, 0)
    else if (message.kind === 'want') end.onWant(from, message.table, message.buckets, 0)
    else if (message.kind === 'rows') {
      const { specs, claims, phases } = this.tables[to]
      for (const each of message.rows.specs) specs.merge(each)
      for (const each of message.rows.claims) claims.merge(each)
      for (const each of message.rows.phases) phases.merge(each)
    }
  }
}

function otherThan(name: Name): NodeId {
  return nodeId(name === 'a' ? 'b' : 'a')
}

function newTables(): Tables {
  return new Tables(new RecordStore<MemberRow>(memberRows))
}

function row(id: number, ms: number, size = 0): SpecRow {
  return {
    id: specId(`spec-${id}`),
    desired: 'running',
    version: { ms, count: 0, node: nodeId('a') },
    body: {
      kind: 'worker',
      rebalance: 'passive',
      intensity: { restarts: 1, withinMs: 1 },
      child: {
        behaviour: 'b@1',
        args: new Uint8Array(size),
        restart: 'permanent',
        startTimeoutMs: 1,
        stopTimeoutMs: 1,
        isolation: 'inline',
        limits: { heartbeatMs: 30_000 },
      },
    },
  }
}

const RUN = { id: nodeId('a'), boot: 1 }

function claim(id: number, message = 'why'): Claim {
  const failures = [{ name: 'Error', message, node: nodeId('a'), slot: slotId(specId(`spec-${id}`)) }]
  return {
    slot: slotId(specId(`spec-${id}`)),
    generation: 1,
    owner: RUN,
    score: 1,
    seq: 0,
    state: 'running',
    specVersion: { ms: 1, count: 0, node: nodeId('a') },
    restarts: [],
    failures,
  }
}

function phase(id: number): Phase {
  return {
    spec: specId(`spec-${id}`),
    specVersion: { ms: 1, count: 0, node: nodeId('a') },
    revision: 1,
    generation: { number: 1, tag: 1 },
    coordinator: RUN,
    layout: [],
    away: [],
    pending: [],
    isFirst: false,
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
}

const rows = fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 3 })), { maxLength: 120 })

test('two nodes know the same after one exchange, whatever each knew before', () => {
  fc.assert(
    fc.property(rows, rows, (ofA, ofB) => {
      const pair = new Pair()
      for (const [id, ms] of ofA) pair.tables.a.specs.merge(row(id, ms))
      for (const [id, ms] of ofB) pair.tables.b.specs.merge(row(id, ms))
      pair.exchange()
      expect(pair.tables.b.roots()).toEqual(pair.tables.a.roots())
    }),
    { numRuns: 200 },
  )
})

test('whoever has been told of all knows all that the other one knew as they met, and is told so once', () => {
  fc.assert(
    fc.property(rows, rows, fc.array(fc.constantFrom(...NAMES), { maxLength: 60 }), (ofA, ofB, turns) => {
      const pair = new Pair()
      const known = { a: ofA, b: ofB }
      for (const name of NAMES)
        for (const [id, ms] of known[name]) pair.tables[name].specs.merge(row(id, ms, 4_000))
      pair.meet(() => {
        for (const name of NAMES) if (pair.hasTold(name)) expectKnown(pair, name, known)
        return turns.shift() ?? 'a'
      })
      expect(pair.told.toSorted()).toEqual(NAMES)
    }),
    { numRuns: 50 },
  )
})

function expectKnown(
  pair: Pair,
  by: Name,
  known: Record<Name, readonly (readonly [number, number])[]>,
): void {
  for (const [id, ms] of known[by === 'a' ? 'b' : 'a'])
    expect(pair.tables[by].specs.get(specId(`spec-${id}`))?.version.ms).toBeGreaterThanOrEqual(ms)
}

test('nodes that know the same say so in two messages', () => {
  const pair = new Pair()
  for (const tables of [pair.tables.a, pair.tables.b]) tables.specs.merge(row(1, 1))
  pair.exchange()
  expect(pair.sent.map(message => message.kind)).toEqual(['digest', 'agree'])
})

test('however many tables have become alike meanwhile, two compare again once, and not at once', () => {
  const sent: Message[] = []
  const own = newTables()
  const end = new AntiEntropy({
    self: nodeId('a'),
    tables: own,
    periodMs: 1_000,
    prng: new Prng(1),
    nowMs: 0,
    send: (_to, message) => void sent.push(message),
    isSure: () => true,
    onTold: () => {},
  })
  const peer = nodeId('b')
  for (let round = 0; round < 100; round++)
    for (const table of ['members', 'specs', 'claims', 'phases'] as const)
      end.onBuckets(peer, table, own[table].bucketDigests(), round / 10)
  expect(sent).toEqual([])
  expect(end.wakeAtMs()).toBe(20)
  end.tick([peer], 20)
  expect(sent.map(({ kind }) => kind)).toEqual(['digest'])
  expect(end.wakeAtMs()).toBeGreaterThan(500)
})

test('a large difference travels in frames of at most 256 KiB', () => {
  const pair = new Pair()
  for (let id = 0; id < 400; id++) pair.tables.a.specs.merge(row(id, 1, 8_000))
  pair.exchange()
  expect(pair.tables.b.specs.size).toBe(400)
  const sizes = pair.sent.map(message => encodeMessage(message).length)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(CONTROL_FRAME_BYTES_MAX)
  expect(sizes.length).toBeGreaterThan(10)
})

const saidOf = {
  addresses: [],
  role: 'member',
  weight: 1,
  behaviours: [],
  protocol: { min: 1, max: 1 },
} as const

function alive(id: string, labels: MemberRow['labels'] = {}): MemberRow {
  return { ...saidOf, id: nodeId(id), boot: 1, seq: 2, status: 'alive', name: '', labels }
}

/** Of a node that knows `members`. */
function endOf(members: readonly MemberRow[]) {
  const sent: Message[] = []
  const tables = newTables()
  for (const each of members) tables.members.merge(each)
  const end = new AntiEntropy({
    self: nodeId('a'),
    tables,
    periodMs: 1_000,
    prng: new Prng(1),
    nowMs: 0,
    send: (_to, message) => void sent.push(message),
    isSure: () => true,
    onTold: () => {},
  })
  return { end, sent, told: () => sent.flatMap(each => (each.kind === 'rows' ? each.rows.members : [])) }
}

// More of them than fit into a message would not have been sent at all.
test('whoever takes many for dead is told of each once that it lives, in frames', () => {
  const members = Array.from({ length: 100 }, (_, id) => alive(`m${id}`, { a: 'x'.repeat(8_000) }))
  const { end, sent, told } = endOf(members)
  const dead = members.map((each): MemberRow => ({ ...each, seq: 1, status: 'dead' }))
  end.onRows(nodeId('b'), { ...NO_ROWS, members: [...dead, ...dead, ...dead] }, 0)
  expect(told()).toEqual(members)
  for (const message of sent) expect(encodeMessage(message).length).toBeLessThan(CONTROL_FRAME_BYTES_MAX)
})

test('whoever takes for dead what is heard is told what that says itself, also where others doubt it first', () => {
  const member = alive('m')
  const { end, told } = endOf([member])
  end.onRows(nodeId('b'), { ...NO_ROWS, members: [{ ...member, status: 'dead' }] }, 0)
  end.onMemberChanged({ ...member, status: 'suspect' })
  expect(told()).toEqual([])
  const refuted = { ...member, seq: 3 }
  for (let count = 0; count < 2; count++) end.onMemberChanged(refuted)
  expect(told()).toEqual([refuted])
})

test('whoever is told of a spec is told in the same message where it runs', () => {
  const pair = new Pair()
  const { a } = pair.tables
  for (let id = 0; id < 400; id++) {
    a.specs.merge(row(id, 1, 2_000))
    if (id % 2 === 0) a.claims.merge(claim(id))
    else a.phases.merge(phase(id))
  }
  pair.exchange()
  expect(pair.tables.b.roots()).toEqual(pair.tables.a.roots())
  const bundles = pair.sent.flatMap(message =>
    message.kind === 'rows' && message.rows.specs.length > 0 ? [message.rows] : [],
  )
  expect(bundles.length).toBeGreaterThan(3)
  for (const { specs, claims, phases } of bundles) {
    const placed = [...claims.map(({ slot }) => slot), ...phases.map(({ spec }) => spec)]
    expect(placed.toSorted()).toEqual(specs.map(({ id }) => id).toSorted())
  }
})

test('what does not fit into one message with its spec goes before it', () => {
  const tables = newTables()
  tables.specs.merge(row(1, 1, ROW_BYTES_MAX - 2_000))
  tables.claims.merge(claim(1, 'why'.repeat(1_000)))
  const bundles = inFrames({ ...NO_ROWS, specs: [...tables.specs.rows()], claims: [...tables.claims.rows()] })
  expect(bundles.map(({ specs, claims }) => [specs.length, claims.length])).toEqual([
    [0, 1],
    [1, 0],
  ])
})

test('one differing row costs the rows of its bucket, not all of them', () => {
  const pair = new Pair()
  for (let id = 0; id < 300; id++)
    for (const tables of [pair.tables.a, pair.tables.b]) tables.specs.merge(row(id, 1))
  pair.tables.a.specs.merge(row(7, 2))
  pair.exchange()
  const carried = pair.sent.flatMap(message => (message.kind === 'rows' ? message.rows.specs : []))
  expect(carried.length).toBeLessThan(40)
  expect(pair.tables.b.roots()).toEqual(pair.tables.a.roots())
})

describe('a node in whose tables nothing changes', () => {
  const tables = newTables()
  const digestsMs: number[] = []
  let nowMs = 0
  const end = new AntiEntropy({
    self: nodeId('a'),
    tables,
    periodMs: 1_000,
    prng: new Prng(1),
    nowMs,
    send: () => digestsMs.push(nowMs),
    isSure: () => true,
    onTold: () => {},
  })
  const pass = (durationMs: number): number => {
    const before = digestsMs.length
    for (const untilMs = nowMs + durationMs; nowMs < untilMs; nowMs += 10) end.tick([nodeId('b')], nowMs)
    return digestsMs.length - before
  }

  test('compares ever more seldom, but never stops', () => {
    pass(10_000)
    const count = pass(60_000)
    expect(count).toBeLessThan(20)
    expect(count).toBeGreaterThan(10)
  })

  test('compares within a period when something has changed, and again soon after', () => {
    tables.specs.merge(row(1, 1))
    expect(pass(2_500)).toBeGreaterThanOrEqual(2)
  })
})
