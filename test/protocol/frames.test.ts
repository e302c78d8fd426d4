import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts'

interface Seen {
  readonly kind: number
  readonly small: number
  readonly large: number
  readonly body: Uint8Array
}

const frame = fc.record({
  kind: fc.integer({ min: 0, max: 255 }),
  small: fc.integer({ min: 0, max: 0xffff_ffff }),
  large: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  body: fc.uint8Array({ maxLength: 300 }),
})

test('frames arrive as they were written, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 400 })),
      (frames, cuts) => {
        const seen: Seen[] = []
        const reader = readerInto(seen)
        for (const piece of cut(bytesOf(frames), cuts)) expect(reader.push(piece)).toBeUndefined()
        expect(seen).toEqual(frames)
      },
    ),
    { numRuns: 300 },
  )
})

test('a frame larger than a buffer travels whole', () => {
  const large = { kind: 9, small: 1, large: 2, body: new Uint8Array(1_000_000).fill(7) }
  const seen: Seen[] = []
  const reader = readerInto(seen)
  for (const piece of cut(bytesOf([large, large]), [65_000])) reader.push(piece)
  expect(seen).toEqual([large, large])
})

test('a writer that says little at a time keeps a small buffer, and one that says much sends few pieces', () => {
  const sent: Uint8Array[] = []
  const writer = new FrameWriter(bytes => sent.push(bytes))
  const say = (times: number): void => {
    for (let time = 0; time < times; time++) writer.begin(1, 200).bytes(new Uint8Array(200))
    writer.flush()
  }
  const largest = (): number => Math.max(...sent.map(({ buffer }) => buffer.byteLength))
  for (let turn = 0; turn < 1_000; turn++) say(1)
  expect(largest()).toBeLessThanOrEqual(8 * 1024)
  sent.length = 0
  // A megabyte in 20 turns.
  for (let turn = 0; turn < 20; turn++) say(250)
  expect(sent.length).toBeLessThan(45)
  // And small again, after the buffer that is begun.
  for (let turn = 0; turn < 1_000; turn++) say(1)
  expect(sent.at(-1)?.buffer.byteLength).toBeLessThanOrEqual(8 * 1024)
})

test('random bytes never throw: they are frames, or a violation', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), pieces => {
      const reader = new FrameReader(received => {
        received.u48()
        received.rest()
      }, 1024)
      const said = pieces.map(piece => reader.push(piece)).find(violation => violation !== undefined)
      expect(typeof said).toBe(said === undefined ? 'undefined' : 'string')
    }),
    { numRuns: 2000 },
  )
})

test('a frame that says it is huge, empty or complete when it is not, is a violation', () => {
  const reader = (): FrameReader => new FrameReader(received => void received.u32(), 1024)
  expect(reader().push(new Uint8Array([0, 0, 1, 0, 1]))).toMatch(/65536 bytes, allowed are 1 to 1024/)
  expect(reader().push(new Uint8Array([0, 0, 0, 0, 1]))).toMatch(/0 bytes/)
  expect(reader().push(new Uint8Array([2, 0, 0, 0, 1, 5]))).toMatch(/kind 1 that is too short/)
})

function bytesOf(frames: readonly Seen[]): Uint8Array {
  const chunks: Uint8Array[] = []
  const writer = new FrameWriter(bytes => chunks.push(bytes))
  for (const { kind, small, large, body } of frames) {
    writer
      .begin(kind, 10 + body.length)
      .u32(small)
      .u48(large)
      .bytes(body)
  }
  writer.flush()
  return Buffer.concat(chunks)
}

function readerInto(seen: Seen[]): FrameReader {
  return new FrameReader(received => {
    const small = received.u32()
    const large = received.u48()
    seen.push({ kind: received.kind, small, large, body: Uint8Array.from(received.rest()) })
  })
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let index = 0
  for (let at = 0; at < bytes.length;) {
    const size = sizes[index++ % Math.max(1, sizes.length)] ?? bytes.length
    yield bytes.subarray(at, at + size)
    at += size
  }
}
