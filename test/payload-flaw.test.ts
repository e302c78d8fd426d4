/** What bytes would become is known before anything is made of them. */

import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { expect, test } from 'vitest'

import { DEPTH_MAX, findPayloadFlaw } from '../src/payload-flaw.ts'
import { PAYLOAD_LIMITS, PAYLOAD_WEIGHT_MAX, decodePayload, encodePayload } from '../src/payload.ts'
import { MESSAGE_LIMITS } from '../src/protocol/messages.ts'

const LIMITS = { ...PAYLOAD_LIMITS, freeBytes: 0 }

const flawOf = (bytes: readonly number[] | Uint8Array, limits = LIMITS): string | undefined =>
  findPayloadFlaw(bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes), 0, bytes.length, limits)

/** A list of so many of the same. */
function listOf(unit: readonly number[], count: number): Uint8Array {
  const head = Buffer.from([0xdd, 0, 0, 0, 0])
  head.writeUInt32BE(count, 1)
  return Buffer.concat([head, Buffer.alloc(unit.length * count, Buffer.from(unit))])
}

const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(undefined, null, true, false, 2n ** 600n),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 300 }),
  fc.float64Array({ maxLength: 40 }),
  fc.constantFrom(/a+/giu, new Float16Array([1]), Buffer.alloc(300), new ArrayBuffer(3), new Date(NaN)),
)

const { value } = fc.letrec(tie => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('holder')),
  holder: fc.oneof(
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value')),
    fc.array(fc.tuple(tie('value'), tie('value'))).map(entries => new Map(entries)),
    fc.array(tie('value')).map(list => new Set(list)),
    tie('value').map(cause => new RangeError('a', { cause })),
    fc.array(tie('value')).map(errors => new AggregateError(errors)),
  ),
}))

test('nothing is wrong with what is written, and something with each piece of it, and with more', () => {
  fc.assert(
    fc.property(value, fc.nat(), (sent, cut) => {
      const bytes = Uint8Array.from(encodePayload(sent))
      expect(flawOf(bytes)).toBeUndefined()
      expect(flawOf(bytes.subarray(0, cut % bytes.length))).toMatch(/too early|no text|nobody writes/)
      expect(flawOf(Buffer.concat([bytes, bytes]))).toMatch(/behind their end/)
      const inside = Buffer.concat([Buffer.from([0xdd, 0xff]), bytes, Buffer.from([0xc1])])
      expect(findPayloadFlaw(inside, 2, inside.length - 1, LIMITS)).toBeUndefined()
    }),
    { numRuns: 200 },
  )
  const long = [
    'x'.repeat(70_000),
    Buffer.alloc(70_000),
    new Uint8Array(70_000),
    Array.from({ length: 70_000 }, () => 1),
  ]
  for (const sent of [long, Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [n, n]))])
    expect(flawOf(encodePayload(sent))).toBeUndefined()
})

test('bytes with which nothing is wrong are read to their end and not beyond it', () => {
  const token = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.integer({ min: 0x80, max: 0xdf }),
    fc.integer({ min: 0, max: 3 }),
  )
  let readCount = 0
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), bytes => {
      if (flawOf(bytes) !== undefined) return
      readCount += 1
      try {
        decodePayload(Uint8Array.from(bytes))
      } catch (error) {
        // As of a typed array of no known kind, or a regular expression that is none.
        expect(String(error instanceof Error && error.cause)).not.toMatch(/end of (buffer|MessagePack)/)
      }
    }),
    { numRuns: 20_000 },
  )
  expect(readCount).toBeGreaterThan(500)
})

test('what the decoder reads and nobody writes is refused', () => {
  const text = [0xa1, 0x61]
  const strange: Readonly<Record<string, readonly number[]>> = {
    'texts that stand elsewhere': [0xd6, 0x62, 0, 0, 0, 4, ...text, 0xa0],
    'the same with a length': [0xc8, 0, 4, 0x62, 0, 0, 0, 4, ...text, 0xa0],
    'the shape of an object': [0xd4, 0x72, 0x40, 0x91, ...text, 1],
    'the shape of many objects': [0xd5, 0x72, 0x60, 1, 0x91, ...text, 1],
    'what others refer to': [0xd6, 0x69, 0, 0, 0, 1, 0x90],
    'what is another one': [0xd6, 0x70, 0, 0, 0, 1],
    'nothing at all': [0xc1],
    'an extension of nobody': [0xd4, 0x10, 0, 1],
    'a set with a length': [0xc7, 1, 0x73, 0, 0x90],
    'a set of a text': [0xd4, 0x73, 0, ...text],
    'a map of a number': [0xd4, 0x4d, 0, 5],
    'an error of nothing': [0xd4, 0x65, 0, 0xc0],
    'a pattern that is a BigInt': [0xd4, 0x78, 0, 0x92, 0xd4, 0x42, 1, 0xa0],
    'a pattern with three parts': [0xd4, 0x78, 0, 0x93, ...text, 0xa0, 0xa0],
  }
  const other = new Packr({ useRecords: false, bundleStrings: true })
  const bundled = other.pack(Array.from({ length: 40 }, (_, n) => `a longer text ${n}`))
  for (const [what, bytes] of [...Object.entries(strange), ['texts of another encoder', bundled] as const])
    expect([what, flawOf(bytes)]).toEqual([what, expect.stringMatching(/nobody writes/)])
  for (const name of [[5], [0xd4, 0x42, 1], [0x90], [0xc0]])
    expect(flawOf([0x81, ...name, 1])).toBe('the name of a field is no text')
})

test('a message has neither errors, maps, sets, dates, patterns nor large numbers in it', () => {
  const limits = MESSAGE_LIMITS
  const plain = { a: [1, 'b', null, undefined, true, 0.5], bytes: new Uint8Array(3), buffer: Buffer.alloc(3) }
  expect(flawOf(encodePayload(plain), limits)).toBeUndefined()
  for (const strange of [
    new Error('x'),
    new AggregateError([]),
    new Map(),
    new Set(),
    new Date(0),
    /x/,
    2n ** 70n,
  ])
    expect(flawOf(encodePayload({ strange }), limits)).toMatch(/nobody writes/)
})

test('what is as deep as it may be is read, and nothing deeper', () => {
  for (const unit of [[0x91], [0x81, 0xa0]]) {
    const nested = (depth: number): number[] => [...Array.from({ length: depth }, () => unit).flat(), 0xc0]
    for (const limits of [LIMITS, MESSAGE_LIMITS, { ...LIMITS, depthMax: 0 }]) {
      expect(flawOf(nested(limits.depthMax), limits)).toBeUndefined()
      expect(flawOf([...nested(limits.depthMax).slice(0, -1), 0xd9, 1, 0x61], limits)).toBeUndefined()
      expect(flawOf(nested(limits.depthMax + 1), limits)).toMatch(/nested more than/)
    }
  }
  expect(DEPTH_MAX).toBe(LIMITS.depthMax)
})

// Of four bytes, one made errors of 700 bytes, for 10 µs each.
test.each([
  ['objects', [0x80]],
  ['lists', [0x90]],
  ['objects with a field', [0x81, 0xa0, 0xc0]],
  ['bytes', [0xc4, 0]],
  ['sets', [0xd4, 0x73, 0, 0x90]],
  ['maps', [0xd4, 0x4d, 0, 0x90]],
  ['errors', [0xd4, 0x65, 0, 0x90]],
  ['dates', [0xd4, 0xff, 0xff]],
  ['typed arrays', [0xc7, 1, 0x74, 1]],
  ['patterns', [0xd4, 0x78, 0, 0x92, 0xa0, 0xa0]],
  ['large numbers', [0xd4, 0x42, 1]],
] as const)('a payload of nothing but %s is refused before one of them is made', (_what, unit) => {
  const most = Math.floor((4 * 2 ** 20) / unit.length) - 5
  expect(flawOf(listOf(unit, most))).toMatch(/more would come/)
  expect(flawOf(listOf(unit, 10_000))).toBeUndefined()
})

test('a payload may be of numbers all over, and of patterns of 32 KiB', () => {
  expect(flawOf(listOf([1], PAYLOAD_WEIGHT_MAX - 4))).toBeUndefined()
  expect(flawOf(listOf([1], PAYLOAD_WEIGHT_MAX - 3))).toMatch(/more would come/)
  expect(flawOf(encodePayload(new RegExp('a'.repeat(32_000))))).toBeUndefined()
  expect(() => encodePayload(new RegExp('a'.repeat(33_000)))).toThrow(/too many parts/)
})
