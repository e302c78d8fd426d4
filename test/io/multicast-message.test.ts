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

test('a name that goes on at itself is of nobody, one that goes on beyond the end is none', () => {
  const start = shortened(0xc0, 12).indexOf(Buffer.from([1, 97, 0xc0, 12]))
  expect(decodeMulticast(TAG, shortened(0xc0, start))).toEqual({ kind: 'answer', texts: [] })
  expect(decodeMulticast(TAG, shortened(0xff, 0xff))).toBeUndefined()
})

test('whatever is said, it is read or it is not: nothing is thrown, and nothing takes long', () => {
  const good = [encodeQuestion(TAG), encodeAnswer(TAG, ID, ADDRESSES), shortened(0xc0, 12)]
  const damage = fc.record({
    of: fc.constantFrom(...good),
    cut: fc.nat(1_400),
    changes: fc.array(fc.tuple(fc.nat(1_400), fc.nat(255)), { maxLength: 8 }),
  })
  fc.assert(
    fc.property(damage, ({ of, cut, changes }) => {
      const bytes = Uint8Array.from(of.subarray(0, of.length - (cut % 8)))
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      const kinds = ['question', 'answer', undefined]
      expect(kinds).toContain(decodeMulticast(TAG, bytes)?.kind)
    }),
    { numRuns: 5_000 },
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => decodeMulticast(TAG, bytes) === undefined))
})
