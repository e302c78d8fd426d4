/** What nodes say by multicast, read by others, also where somebody has written it anew on its way. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { decodeMulticast, encodeAnswer, encodeQuestion } from '../../src/io/libp2p/multicast-message.ts'

const TAG = '_mv-0123456789abcdef._udp.local'
const ID = '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf'
const ADDRESSES = ['/ip4/10.0.0.7/tcp/7000', '/ip6/fd00::7/tcp/7000'].map(address => `${address}/p2p/${ID}`)

test('a question is read by those of the same mesh only', () => {
  expect(decodeMulticast(TAG, encodeQuestion(TAG))).toEqual({ kind: 'question' })
  expect(decodeMulticast('_mv-other._udp.local', encodeQuestion(TAG))).toBeUndefined()
  expect(decodeMulticast(TAG, encodeQuestion('_ipp._tcp.local'))).toBeUndefined()
})

test('an answer is read by those of the same mesh only', () => {
  const answer = encodeAnswer(TAG, ID, ADDRESSES)
  expect(decodeMulticast(TAG, answer)).toEqual({ kind: 'answer', texts: ADDRESSES })
  expect(decodeMulticast('_mv-other._udp.local', answer)).toBeUndefined()
})

test('an answer fits into one packet, with those addresses that come first', () => {
  const many = Array.from({ length: 64 }, (_, index) => `/ip4/10.0.0.${index}/tcp/7000/p2p/${ID}`)
  const answer = encodeAnswer(TAG, ID, many)
  expect(answer.length).toBeLessThanOrEqual(1_400)
  const read = decodeMulticast(TAG, answer)
  const texts = read?.kind === 'answer' ? read.texts : []
  expect(texts.length).toBeGreaterThan(10)
  expect(texts).toEqual(many.slice(0, texts.length))
})

/** `_mv-…` at 12, as the question of the mesh has it, and whatever a name that is written short says of it. */
function shortened(...pointer: readonly number[]): Buffer {
  const [id, flags, counts] = [
    [0, 0],
    [0x84, 0],
    [0, 1, 0, 2, 0, 0, 0, 0],
  ]
  const tag = Buffer.from(encodeQuestion(TAG)).subarray(12, -4)
  const short = [0xc0, 12]
  const text = Buffer.from(`dnsaddr=${ADDRESSES[0]}`)
  const [txt, ptr] = [
    [0, 16, 0x80, 1, 0, 0, 0, 120],
    [0, 12, 0, 1, 0, 0, 0, 120],
  ]
  return Buffer.concat([
    Buffer.from([...id, ...flags, ...counts]),
    tag,
    Buffer.from([0, 12, 0, 1]),
    Buffer.from([1, 97, ...pointer, ...txt, 0, text.length + 1, text.length]),
    text,
    Buffer.from([...short, ...ptr, 0, 4, 1, 97, ...short]),
  ])
}

test('names that are written short, records in another order, and a question that is said again are understood', () => {
  expect(decodeMulticast(TAG, shortened(0xc0, 12))).toEqual({ kind: 'answer', texts: [ADDRESSES[0]] })
})

test('names that go on at themselves or beyond the end are not read', () => {
  const start = shortened(0xc0, 12).indexOf(Buffer.from([1, 97, 0xc0, 12]))
  expect(decodeMulticast(TAG, shortened(0xc0, start))).toBeUndefined()
  expect(decodeMulticast(TAG, shortened(0xff, 0xff))).toBeUndefined()
})

test('of several nodes in one message, all are read; of more than there is room for, none', () => {
  const record = [...encodeAnswer(TAG, ID, ADDRESSES).subarray(12)]
  const [header, two, many] = [(count: number) => [0, 0, 0x84, 0, 0, 0, 0, count, 0, 0, 0, 0], 4, 10]
  const texts = [...ADDRESSES, ...ADDRESSES]
  const read = decodeMulticast(TAG, Buffer.from([...header(two), ...record, ...record]))
  expect(read).toEqual({ kind: 'answer', texts })
  const records = Array.from({ length: many / 2 }, () => record)
  expect(decodeMulticast(TAG, Buffer.from([...header(many), ...records.flat()]))).toBeUndefined()
})

/** Bytes of a name. */
function written(name: string): Buffer {
  return Buffer.concat([encodeQuestion(name).subarray(12, -4)])
}

/** Two bytes each. */
function words(...numbers: readonly number[]): Buffer {
  return Buffer.from(numbers.flatMap(number => [number >> 8, number & 0xff]))
}

/**
 * The dearest messages that are known: of as many records as are announced, each reads all of it. The start is read as the
 * head of a record, which is where the library goes on behind one that ends beyond the end.
 */
function dear(records: number, bytes: number): Buffer {
  const end = Buffer.concat([written(TAG), words(16, 1, 0, 120, 50), Buffer.alloc(3)])
  const types: number[] = []
  for (let left = bytes - 12 - 12 - end.length; left > 4;) {
    const length = Math.min(255, left - 2)
    types.push(200, length, ...Array.from({ length }, () => 0xff))
    left -= length + 2
  }
  const head = Buffer.concat([words(0x0b00, 0x84_00, 0, records, 0, 0), Buffer.of(0)])
  return Buffer.concat([head, words(47, 1, 0, 120, types.length + 1), Buffer.from([0, ...types]), end])
}

/** Names that go on at names that go on, as often as there is room for. */
function chained(records: number, bytes: number): Buffer {
  const [tag, links] = [written(TAG), Math.floor((bytes - 12 - written(TAG).length - 10 - 12 * records) / 2)]
  const start = 12 + tag.length + 10
  const chain = words(
    ...Array.from({ length: links }, (_, at) => 0xc0_00 + (at === 0 ? 12 : start + 2 * at - 2)),
  )
  const more = Array.from({ length: records - 1 }, () =>
    words(0xc0_00 + start + 2 * links - 2, 1_000, 1, 0, 120, 0),
  )
  const head = words(0, 0x84_00, 0, records, 0, 0)
  return Buffer.concat([head, tag, words(1_000, 1, 0, 120, 2 * links), chain, ...more])
}

test('however a message is made, reading it takes some milliseconds at most', () => {
  const limits = [
    [8, 1_500],
    [64, 9_000],
    [64, 65_000],
  ] as const
  const made = limits.flatMap(([records, bytes]) => [dear(records, bytes), chained(records, bytes)])
  const announced = Buffer.concat([words(0, 0x84_00, 0xffff, 0xffff, 0xffff, 0xffff), written(TAG)])
  for (const bytes of [...made, announced]) {
    const before = process.cpuUsage()
    for (let times = 0; times < 20; times++) decodeMulticast(TAG, bytes)
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 20).toBeLessThan(20_000)
  }
})

test('whatever is said, it is read or it is not: nothing is thrown, and nothing takes long', () => {
  const good = [encodeQuestion(TAG), encodeAnswer(TAG, ID, ADDRESSES), shortened(0xc0, 12), dear(8, 600)]
  const damage = fc.record({
    of: fc.constantFrom(...good),
    cut: fc.nat(1_400),
    changes: fc.array(fc.tuple(fc.nat(1_400), fc.nat(255)), { maxLength: 8 }),
  })
  const kinds = ['question', 'answer', undefined]
  fc.assert(
    fc.property(damage, ({ of, cut, changes }) => {
      const bytes = Uint8Array.from(of.subarray(0, of.length - (cut % (cut % 2 === 0 ? 8 : of.length))))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      expect(kinds).toContain(decodeMulticast(TAG, bytes)?.kind)
    }),
    { numRuns: 12_000 },
  )
  // The counts are small, so that what comes after them is read.
  const counts = fc.tuple(...Array.from({ length: 4 }, () => fc.nat(2)))
  const random = fc.tuple(
    counts,
    fc.nat(0xffff),
    fc.uint8Array({ maxLength: 64 }),
    fc.uint8Array({ maxLength: 64 }),
  )
  fc.assert(
    fc.property(random, ([numbers, flags, before, after]) => {
      const bytes = Buffer.concat([words(0, flags, ...numbers), before, written(TAG), after])
      expect(kinds).toContain(decodeMulticast(TAG, bytes)?.kind)
    }),
    { numRuns: 8_000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => decodeMulticast(TAG, bytes) === undefined))
})
