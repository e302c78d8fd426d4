/**
 * A million different inputs that are nearly right: whatever comes from outside, a node neither falls over nor grows. One
 * that several decoders read is one.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'

import { type NodeId, nodeId } from '../../src/ids.ts'
import { LinkReceiver } from '../../src/node/chain/link-receiver.ts'
import { decodePart, decodePayload, encodePayload } from '../../src/payload.ts'
import { Prng } from '../../src/prng.ts'
import { FRAME, decodeBroadcast, decodeRun, decodeTarget } from '../../src/protocol/channel.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/codec.ts'
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts'
import { compareMembers } from '../../src/protocol/member-row.ts'
import { type Message, NO_ROWS, PROTOCOL, TABLES } from '../../src/protocol/messages.ts'
import { readRequest } from '../../src/protocol/request.ts'
import { busyNode, damage, harvest, mutate } from './fuzz-inputs.ts'
import { framed, probe } from './outside.ts'

const SEED = 'border'
/** Of one test, after a collection: what the engine keeps for itself (1 MiB has been seen), with room for its moods. */
const GROWTH_BYTES_MAX = 8 * 1024 * 1024
/** Of the node, over `AT_ONE_NODE` inputs: seventy bytes each. 0.5 to 0.7 MiB have been seen. */
const NODE_GROWTH_BYTES_MAX = 2 * 1024 * 1024
const AT_ONE_NODE = 30_000
/** After so many inputs, what is to be made wrong is drawn anew: few of a million are equal. */
const DRAWN_ANEW = 1_000

setFlagsFromString('--expose-gc')
// Code that has not run for some collections would be given back, and hide what has grown.
setFlagsFromString('--no-flush-bytecode')
const collect: unknown = runInNewContext('gc')

/** What is in use. Buffers are given back a little after what has held them. */
async function heapBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    if (typeof collect === 'function') collect()
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const originals = await harvest()
/** Those with rows: they are what a node acts on. */
const withRows = originals.filter(value => typeof value === 'object' && value !== null && 'rows' in value)

const a = nodeId('a')
const run = { id: a, boot: 3 }
const generation = { number: 1, tag: 0 }

/** Each different for each number. */
function payloadsOf(number: number): readonly unknown[] {
  return [
    ['add', number, 'two', { three: [3, 3n, undefined] }],
    new Map<unknown, unknown>([
      ['a', new Set([1, number])],
      [new Date(0), /x/u],
    ]),
    {
      bytes: new Uint8Array(40),
      floats: new Float64Array(3),
      error: new TypeError('no'),
      big: 2n ** 70n,
      number,
    },
    [number, ...Array.from({ length: 30 }, (_, n) => ({ n, text: 'x'.repeat(n) }))],
  ]
}

const PAYLOADS = payloadsOf(1)

const TARGETS: readonly unknown[] = [
  { kind: 'slot', slot: 'w', generation },
  { kind: 'link', chain: 'c', generation, from: 'peer1.1', to: 'c/s/0' },
  { kind: 'return', chain: 'c', generation, from: 'x', boot: 1 },
]

const BROADCAST = { group: 'g', generation, sender: run, n: 4, message: { hello: 1 } }

test('what is to be made wrong is right, and there is something of everything', () => {
  const kinds = originals.map(value =>
    typeof value === 'object' && value !== null && 'kind' in value ? value.kind : '',
  )
  expect([...new Set(kinds)]).toEqual(expect.arrayContaining(['hello', 'rows', 'digest', 'probe']))
  for (const table of TABLES) expect(JSON.stringify(originals)).toMatch(new RegExp(`"${table}":\\[\\{`))
  for (const original of originals)
    expect(decodeMessage(encodePayload(original))).toMatchObject({ kind: 'message' })
  for (const target of TARGETS) expect(decodeTarget(encodePayload(target))).toEqual(target)
  expect(decodeBroadcast(encodePayload(BROADCAST))).toEqual(BROADCAST)
})

test('150,000 payloads and 50,000 headers of the data lane are values, or refused', async () => {
  const prng = new Prng(`${SEED} payloads`)
  let payloads: readonly Uint8Array[] = []
  const headers = [...TARGETS, BROADCAST, run].map(encodePayload)
  const seen = { values: 0, refused: 0 }
  const before = await heapBytes()
  for (let count = 0; count < 150_000; count++) {
    if (count % DRAWN_ANEW === 0) payloads = payloadsOf(prng.below(2 ** 31)).map(encodePayload)
    try {
      decodePayload(damage(prng.pick(payloads), prng))
      seen.values += 1
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'PayloadError') throw error
      seen.refused += 1
    }
  }
  for (let count = 0; count < 50_000; count++) {
    const bytes = damage(prng.pick(headers), prng)
    for (const found of [
      decodeTarget(bytes),
      decodeBroadcast(bytes),
      decodeRun(bytes),
      readRequest({ payload: () => decodePart(bytes, 0, bytes.length) }),
    ]) {
      if (found === undefined) seen.refused += 1
      else seen.values += 1
    }
  }
  expect((await heapBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)
  expect(seen.values).toBeGreaterThan(10_000)
  expect(seen.refused).toBeGreaterThan(100_000)
})

test('200,000 messages of the control lane are messages, or refused with a reason', async () => {
  const prng = new Prng(`${SEED} messages`)
  const wholes = originals.map(encodePayload)
  const seen = { message: 0, garbage: 0, incompatible: 0 }
  const before = await heapBytes()
  for (let count = 0; count < 200_000; count++) {
    const isDeep = prng.chance(0.3)
    const bytes = isDeep ? encodePayload(mutate(prng.pick(originals), prng)) : damage(prng.pick(wholes), prng)
    const decoded = decodeMessage(bytes)
    seen[decoded.kind] += 1
    // What is let in can be told on.
    if (decoded.kind === 'message') encodeMessage(decoded.message)
    else if (decoded.reason === '') throw new Error(`no reason (seed ${SEED}, ${count})`)
  }
  expect((await heapBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)
  expect(seen.message).toBeGreaterThan(5_000)
  expect(seen.garbage).toBeGreaterThan(100_000)
})

/** Frames of all kinds. */
function drawStream(prng: Prng): Uint8Array {
  const pieces: Uint8Array[] = []
  const writer = new FrameWriter(bytes => pieces.push(bytes))
  for (let kind = 0; kind < 14; kind++) {
    const body = encodePayload(prng.pick(PAYLOADS)).subarray(0, prng.below(60))
    writer
      .begin(kind, 6 + body.length)
      .u48(prng.below(2 ** 31))
      .bytes(body)
  }
  writer.flush()
  return Buffer.concat(pieces)
}

test('750,000 streams of frames, cut anywhere, are frames or a violation', async () => {
  const prng = new Prng(`${SEED} frames`)
  let whole = drawStream(prng)
  const seen = { frames: 0, violations: 0 }
  const before = await heapBytes()
  for (let count = 0; count < 750_000; count++) {
    if (count % DRAWN_ANEW === 0) whole = drawStream(prng)
    const reader = new FrameReader(frame => {
      seen.frames += 1
      frame.u48()
      frame.u16()
      frame.rest()
    }, 4_096)
    let rest = damage(whole, prng)
    while (rest.length > 0) {
      const size = 1 + prng.below(rest.length)
      if (reader.push(rest.subarray(0, size)) !== undefined) {
        seen.violations += 1
        break
      }
      rest = rest.subarray(size)
    }
  }
  expect((await heapBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)
  expect(seen.frames).toBeGreaterThan(100_000)
  expect(seen.violations).toBeGreaterThan(10_000)
})

test('30,000 items of a link are items, or a violation', async () => {
  const prng = new Prng(`${SEED} items`)
  const before = await heapBytes()
  const seen = { items: 0, refused: 0 }
  for (let count = 0; count < 30_000; count++) {
    const receiver = new LinkReceiver(0)
    receiver.addOrigin(0, run)
    const body = Buffer.alloc(4 + 6 + 2 + 6 + 1)
    body.writeUInt32LE(1)
    body.writeUIntLE(1 + prng.below(2), 4, 6)
    body.writeUInt16LE(prng.below(2), 10)
    body.writeUIntLE(1 + prng.below(100), 12, 6)
    body[18] = prng.below(4)
    const bytes = Buffer.concat([body, damage(encodePayload(prng.pick(PAYLOADS)), prng)])
    const reader = new FrameReader(frame => {
      frame.u32()
      if (receiver.receive(frame) === undefined) seen.refused += 1
      else seen.items += 1
    })
    reader.push(framed(bytes, FRAME.item))
  }
  expect((await heapBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)
  expect(seen.items).toBeGreaterThan(1_000)
  expect(seen.refused).toBeGreaterThan(10_000)
})

function onChannel(body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([1, 0, 0, 0]), body])
}

test('35,000 inputs do not bring down a node: it goes on working, and holds no more than before', async () => {
  const prng = new Prng(`${SEED} node`)
  let { outside, node, isReplaced } = await busyNode()
  let violations = 0
  const faults: string[] = []
  const control = originals.map(value => framed(encodePayload(value)))
  const openings = TARGETS.map(encodePayload)
  const enter = (): NodeId => {
    const peer = outside.greet(`peer${prng.below(20)}`)
    outside.sent.length = 0
    return peer
  }
  /** Whether a row in it is a later one of the node than its own: of another run, it seems, which ends this one. */
  const isReplacing = (bytes: Uint8Array): boolean => {
    const { self } = node.inspect().core
    let isSo = false
    const reader = new FrameReader(frame => {
      const decoded = decodeMessage(frame.rest())
      if (decoded.kind !== 'message' || !('rows' in decoded.message)) return
      const { members } = decoded.message.rows
      isSo ||= members.some(row => row.id === self.id && compareMembers(row, self) > 0)
    })
    reader.push(bytes)
    return isSo
  }
  let inputs = 0
  let isToStay = false
  const sayControl = (peer: NodeId, bytes: Uint8Array): void => {
    if (!isToStay || !isReplacing(bytes)) outside.world.onBytes(peer, 'control', bytes)
  }
  /** One thing that a peer may send, wrong in most cases. */
  const speak = (peer: NodeId): void => {
    switch (prng.below(6)) {
      case 0:
        return sayControl(peer, damage(prng.pick(control), prng))
      case 1:
      case 2: {
        // Most of all the rows: they are what a node acts on.
        const original = prng.chance(0.7) ? prng.pick(withRows) : prng.pick(originals)
        return sayControl(peer, framed(encodePayload(mutate(original, prng))))
      }
      case 3: {
        const target = prng.chance(0.3) ? prng.pick(TARGETS) : mutate(prng.pick(TARGETS), prng)
        return outside.world.onBytes(peer, 'data', framed(onChannel(encodePayload(target)), FRAME.open))
      }
      case 4: {
        const body = prng.chance(0.5) ? encodePayload(prng.pick(PAYLOADS)) : damage(prng.pick(openings), prng)
        return outside.world.onBytes(peer, 'data', framed(onChannel(body), prng.below(15)))
      }
      default:
        return outside.world.onHint(prng.pick(['rows', 'broadcast']), damage(encodePayload(BROADCAST), prng))
    }
  }
  const speakUntil = async (inputsMin: number): Promise<void> => {
    for (let count = 0; inputs < inputsMin; count++) {
      const refusals = outside.hungUp.length
      const peer = enter()
      while (outside.hungUp.length === refusals && prng.chance(0.8)) {
        inputs += 1
        speak(peer)
      }
      if (outside.hungUp.length === refusals) outside.world.onPeerDown(peer, 'broken')
      outside.warnings.length = 0
      // That another process has its key, it has been told.
      faults.push(...outside.errors.splice(0).filter(error => !error.startsWith('another process')))
      outside.hungUp.length = 0
      if (count % 1_000 === 0) await outside.clock.run(200)
      // A row that says that there is a later run of the node is right, and ends this one.
      if (isReplaced()) {
        violations += node.snapshot().border.violations
        ;({ outside, node, isReplaced } = await busyNode())
      }
    }
  }
  await speakUntil(5_000)
  // From now on it is one node: of one that is over, nothing would be left to be seen.
  isToStay = true
  const last = node
  const before = await heapBytes()
  await speakUntil(5_000 + AT_ONE_NODE)
  expect((await heapBytes()) - before).toBeLessThan(NODE_GROWTH_BYTES_MAX)
  expect(node).toBe(last)
  const friend = nodeId('friend')
  outside.world.onPeerUp(friend)
  const hello: Message = {
    kind: 'hello',
    protocol: PROTOCOL,
    run: { id: friend, boot: 1 },
    profile: 'lan',
    rows: NO_ROWS,
  }
  outside.say(friend, hello)
  outside.sent.length = 0
  outside.say(friend, probe(77))
  await outside.clock.run(100)
  const answers = outside.sent
    .filter(({ peer }) => peer === friend)
    .map(({ bytes }) => Buffer.from(bytes).toString('latin1'))
  expect(answers.join()).toContain('probe-ack')
  expect(faults).toEqual([])
  expect(violations + node.snapshot().border.violations).toBeGreaterThan(3_000)
})
