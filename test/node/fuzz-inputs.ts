/** Inputs for a node that are nearly right: what a node really says, with one place or some bytes of it changed. */

import type { Node } from '../../src/node/node.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import { decodePayload } from '../../src/payload.ts'
import type { Prng } from '../../src/prng.ts'
import { FrameReader } from '../../src/protocol/frames.ts'
import { TABLES } from '../../src/protocol/messages.ts'
import { BUCKET_COUNT } from '../../src/protocol/record-store.ts'
import { Outside, probe } from './outside.ts'

const work = defineStage('work', (n: number) => n + 1)
const server = defineServer('server', {
  init: (_context, n: number) => ({ n }),
  call: {
    get: state => state.n,
    crash: (): number => {
      throw new Error('told to crash')
    },
  },
})
const task = defineTask('task', async context => {
  for await (const message of context.messages) context.log.debug({ message }, 'heard')
})

export interface Busy {
  readonly outside: Outside
  readonly node: Node
  readonly crash: () => Promise<unknown>
  readonly isReplaced: () => boolean
}

/** A node that runs something of everything, with a peer beside it. */
export async function busyNode(): Promise<Busy> {
  const outside = new Outside()
  const node = await outside.node({ behaviours: [{ work, server, task }] })
  const started = Promise.all([
    node.addWorker({ id: 'w', run: server, args: [7] }),
    node.addGroup({
      id: 'g',
      members: [
        { id: 'm', run: server, args: [1] },
        { id: 'n', run: task },
      ],
    }),
    node.addChain({ id: 'c', stages: [{ id: 's', run: work, workers: 2 }] }),
  ])
  await outside.clock.run(2_000)
  const [, group] = await started
  let isOver = false
  node.on('node:replaced', () => (isOver = true))
  return {
    outside,
    node,
    isReplaced: () => isOver,
    crash: () =>
      group
        .member('m')
        .call.crash()
        .catch(() => {}),
  }
}

/** What a node really says, as plain data: right in every place. */
export async function harvest(): Promise<unknown[]> {
  const { outside, node, crash } = await busyNode()
  const peer = outside.greet('listener')
  const crashed = crash()
  await outside.clock.run(5_000)
  await crashed
  const everything = Array.from({ length: BUCKET_COUNT }, (_, bucket) => bucket)
  for (const table of TABLES) outside.say(peer, { kind: 'want', table, buckets: everything })
  await outside.clock.run(100)
  // The listener does not answer to its good-bye.
  const stopping = node.stop()
  await outside.clock.run(2_000)
  await stopping
  const heard: unknown[] = [
    { kind: 'merged', ask: 1 },
    { kind: 'want', table: 'specs', buckets: [0, 63] },
    probe(1),
    { ...probe(2), kind: 'probe-ack' },
    { kind: 'probe-request', n: 3, target: peer },
    { kind: 'probe-report', n: 4, target: peer, isHeard: false },
    {
      kind: 'accusations',
      accusations: [{ run: { id: peer, boot: 1 }, seq: 1, by: peer, evidence: 'refused' }],
    },
  ]
  const reader = new FrameReader(frame => heard.push(decodePayload(frame.rest())))
  for (const { lane, bytes } of outside.sent) if (lane === 'control') reader.push(bytes)
  return heard
}

/** What breaks programs. */
const NASTY: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  2 ** 31,
  10n ** 30n,
  '',
  ' ',
  '/',
  '//',
  'a/b/c/d',
  '__proto__',
  'constructor',
  'toString',
  '\0',
  '\u{10ffff}',
  'x'.repeat(200),
  'x'.repeat(2_000),
  [],
  {},
  [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
  new Map([['kind', 'probe']]),
  new Set([1]),
  new Date(0),
  new Uint8Array(3),
  new Error('x'),
  { kind: 'worker' },
  'b',
  'w',
  'g',
  'self',
]

function nasty(prng: Prng): unknown {
  return NASTY[prng.below(NASTY.length)]
}

/** The value with one place in it changed. */
export function mutate(value: unknown, prng: Prng): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || prng.chance(0.1))
    return nasty(prng)
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value]
    if (copy.length === 0 || prng.chance(0.1)) copy.push(nasty(prng))
    else {
      const index = prng.below(copy.length)
      copy[index] = mutate(copy[index], prng)
    }
    return copy
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return nasty(prng)
  const index = prng.below(entries.length)
  return Object.fromEntries(
    entries.map(([key, entry], at) => [key, at === index ? mutate(entry, prng) : entry] as const),
  )
}

/** Bytes that begin like something: an array of four billion, a map, a text, extensions of all kinds. */
const BEGINNINGS: readonly (readonly number[])[] = [
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xdc, 0xff, 0xff],
  [0xdf, 0xff, 0xff, 0xff, 0xff],
  [0xdb, 0x7f, 0xff, 0xff, 0xff],
  [0xc6, 0x7f, 0xff, 0xff, 0xff],
  [0xc9, 0x7f, 0xff, 0xff, 0xff, 0x42],
  [0xd4, 0x72, 0x40],
  [0xd5, 0x72, 0x40, 0x01],
  [0xd4, 0x65, 0x00, 0x92],
  [0xd4, 0x78, 0x00, 0x92],
  [0xd4, 0x73, 0x00],
  [0xd4, 0x4d, 0x91],
  [0xd6, 0x62, 0x7f, 0xff, 0xff, 0xff],
  [0xd6, 0x69, 0, 0, 0, 1],
  [0xd6, 0x70, 0, 0, 0, 1],
  [0xc7, 0x05, 0x74, 0x09],
  [0xc1],
  [0xd6, 0x62, 0, 0, 0, 4, 0xa1, 0x61, 0xa0],
  [0xc8, 0, 4, 0x62, 0, 0, 0, 4, 0xa1, 0x61, 0xa0],
  [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61],
]

/** What takes more than its bytes when it is read, if there is much of it. */
const BOMBS: readonly (readonly number[])[] = [
  [0x80],
  [0x91],
  [0xc4, 0],
  [0xd4, 0x73, 0, 0x90],
  [0xd4, 0x4d, 0, 0x90],
  [0xd4, 0x65, 0, 0x90],
  [0xd4, 0x41, 0, 0x90],
  [0xc7, 1, 0x74, 8],
  [0xd4, 0x78, 0, 0x92, 0xa5, 0x5c, 0x70, 0x7b, 0x4c, 0x7d, 0xa1, 0x75],
  [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0xc0],
  [0xd6, 0x62, 0, 0, 0, 4, 0xa1, 0x61, 0xa0],
]

/** A list of up to 64 of one of them. */
function bomb(prng: Prng): Uint8Array {
  const count = prng.below(64)
  return Buffer.concat([
    Buffer.from([0xdc, 0, count]),
    ...Array.from({ length: count }, () => Buffer.from(prng.pick(BOMBS))),
  ])
}

/** Bytes made wrong: cut off, bits flipped, pieces doubled, something huge or expensive put in, or all random. */
export function damage(bytes: Uint8Array, prng: Prng): Uint8Array {
  const copy = Buffer.from(bytes)
  switch (prng.below(6)) {
    case 0:
      return copy.subarray(0, prng.below(copy.length + 1))
    case 1:
      for (let flips = 1 + prng.below(8); flips > 0 && copy.length > 0; flips--) {
        const at = prng.below(copy.length)
        copy[at] = (copy[at] ?? 0) ^ (1 << prng.below(8))
      }
      return copy
    case 2: {
      const at = prng.below(copy.length + 1)
      return Buffer.concat([copy.subarray(0, at), copy.subarray(prng.below(at + 1))])
    }
    case 3: {
      const at = prng.below(copy.length + 1)
      return Buffer.concat([copy.subarray(0, at), Buffer.from(prng.pick(BEGINNINGS)), copy.subarray(at)])
    }
    case 4: {
      const at = prng.below(copy.length + 1)
      return prng.chance(0.5)
        ? bomb(prng)
        : Buffer.concat([copy.subarray(0, at), bomb(prng), copy.subarray(at)])
    }
    default:
      return Uint8Array.from({ length: prng.below(80) }, () => prng.below(256))
  }
}
