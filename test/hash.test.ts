import { expect, test } from 'vitest'

import { HashSum, hash32, hash64, mix, murmur3, toHex } from '../src/hash.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test.each([
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['test', 0, 0xba6bd213],
  ['test', 0x9747b28c, 0x704b81dc],
  ['a', 0x9747b28c, 0x7fa09ea6],
  ['aa', 0x9747b28c, 0x5d211726],
  ['aaa', 0x9747b28c, 0x283e0130],
  ['aaaa', 0x9747b28c, 0x5a97808a],
  ['abc', 0, 0xb3dd93fa],
  ['Hello, world!', 0, 0xc0363e43],
  ['Hello, world!', 0x9747b28c, 0x24884cba],
  ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
])('murmur3 of "%s" with seed %i is the published one', (text, seed, expected) => {
  expect(murmur3(bytes(text), seed)).toBe(expected)
})

test.each([
  '',
  'a',
  'plain',
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(257),
  'größe',
  'x\u0080',
  '\u{1f41d}',
])('a text is hashed as its UTF-8 bytes: %s', text => {
  expect(hash32(text)).toBe(murmur3(bytes(text), 0))
  expect(hash64(text)).toEqual({ high: murmur3(bytes(text), 0x9747b28c), low: murmur3(bytes(text), 0) })
})

test('a pair of 64-bit hashes mixes to a uniform number, for every key anew', () => {
  const nodes = Array.from({ length: 8 }, (_, index) => hash64(`node-${index}`))
  const wins = nodes.map(() => 0)
  const rounds = 40_000
  for (let key = 0; key < rounds; key++) {
    const keyHash = hash64(`key-${key}`)
    const scores = nodes.map(node => mix(keyHash, node))
    const best = scores.indexOf(Math.max(...scores))
    wins[best] = (wins[best] ?? 0) + 1
  }
  const expected = rounds / nodes.length
  const chiSquare = wins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  // 7 degrees of freedom: 24.3 is exceeded once in a thousand times.
  expect(chiSquare).toBeLessThan(24.3)
})

test('a sum of hashes forgets the order, and what was added twice', () => {
  const [a, b, c] = [hash64('a'), hash64('b'), hash64('c')]
  const one = new HashSum()
  for (const hash of [a, b, c]) one.toggle(hash)
  const other = new HashSum()
  for (const hash of [c, a, b, b, b]) other.toggle(hash)
  expect(String(one)).toBe(String(other))
  for (const hash of [a, b, c]) one.toggle(hash)
  expect(String(one)).toBe('0000000000000000')
  expect(toHex(a)).toMatch(/^[0-9a-f]{16}$/)
})
