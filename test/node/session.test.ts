/** What a session writes to a transport that asks to wait. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId, slotId, specId } from '../../src/ids.ts'
import { isCongested, refuseCongestion } from '../../src/node/messaging/congestion.ts'
import { type Incoming, type Outgoing, Session } from '../../src/node/messaging/session.ts'
import { FRAME } from '../../src/protocol/channel.ts'
import { type Frame, FrameReader, FrameWriter } from '../../src/protocol/frames.ts'

const MIB = 1024 * 1024
const SLOT = slotId(specId('w'), 'w')

/** A session over a transport that takes `takes` buffers, then asks to wait until it is said to have drained. */
class Bench {
  /** The numbers of the frames that the transport was given. */
  readonly sent: number[] = []
  readonly clock = new VirtualClock()
  /** Buffers that it was given since it has drained. */
  buffers = 0
  readonly #takes: number
  /** Of what it was given, so much has not left yet. */
  #left = 0
  readonly #reader = new FrameReader(frame => this.sent.push(frame.u32()))
  readonly session = new Session({
    peer: nodeId('n2'),
    owner: { accept: () => undefined, onReply: () => undefined, onBroadcast: () => undefined },
    clock: this.clock.fork(),
    send: bytes => this.#take(bytes),
  })

  constructor(takes = 1) {
    this.#takes = takes
  }

  write(number: number, bytes: number): void {
    this.session.writer
      .begin(FRAME.cast, bytes)
      .u32(number)
      .bytes(new Uint8Array(bytes - 4))
  }

  drain(): void {
    this.buffers = 0
    this.session.onDrain()
  }

  /** So much leaves; what the transport was given first. */
  pass(bytes: number): void {
    this.#left -= bytes
    for (; this.#left <= 0 && this.session.waitingBytes > 0; this.drain());
    this.#left = Math.max(0, this.#left)
  }

  /** Until it has been given so many frames, or nothing comes any more. */
  drainOf(count: number): void {
    for (let before = -1; this.sent.length < count && this.sent.length > before; this.drain())
      before = this.sent.length
  }

  #take(bytes: Uint8Array): boolean {
    this.#reader.push(bytes)
    this.buffers += 1
    this.#left += bytes.length
    return this.buffers < this.#takes
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

test('a peer that takes less than is written: what is more waits, and beyond 16 MiB casts and calls are refused', async () => {
  const bench = new Bench()
  for (let number = 0; number < 20; number++) {
    expect(isCongested(bench.session)).toBe(false)
    bench.write(number, MIB)
    await Promise.resolve()
    if (number % 5 === 0) bench.drain()
  }
  for (let number = 20; number < 24; number++) bench.write(number, MIB)
  expect(() => refuseCongestion(bench.session, SLOT)).toThrow(/^\d{8} bytes wait for the node of /)
  bench.drainOf(24)
  expect(bench.sent).toEqual(upTo(24))
  expect(bench.session.waitingBytes).toBe(0)
})

test('of what waits, the transport is given what it takes, in order, and what comes after it behind it', async () => {
  const bench = new Bench(3)
  for (let number = 0; number < 10; number++) bench.write(number, MIB)
  await Promise.resolve()
  expect(bench.sent).toEqual(upTo(3))
  bench.drain()
  expect(bench.sent).toEqual(upTo(6))
  bench.write(10, 100)
  await Promise.resolve()
  expect(bench.sent).toEqual(upTo(6))
  bench.drain()
  bench.write(11, 100)
  bench.drain()
  expect(bench.sent).toEqual(upTo(12))
})

test('small frames that wait leave in few buffers', async () => {
  const bench = new Bench()
  for (let number = 0; number < 1_000; number++) {
    bench.write(number, 20)
    await Promise.resolve()
    await bench.clock.step()
  }
  expect(bench.sent.length).toBeLessThan(10)
  bench.drainOf(1_000)
  expect(bench.sent).toEqual(upTo(1_000))
})

test('news of a channel that comes while the transport asks to wait is written once, behind what waits already', async () => {
  const bench = new Bench()
  bench.write(0, MIB)
  bench.write(1, MIB)
  await Promise.resolve()
  const incoming: Incoming = {
    onFrame: (_frame: Frame) => undefined,
    writeNews: (channel, writer) => writer.begin(FRAME.credit, 4).u32(channel),
  }
  bench.session.addNews(2, incoming, true)
  await Promise.resolve()
  bench.drainOf(3)
  bench.drain()
  expect(bench.sent).toEqual([0, 1, 2])
})

test('a node that goes lets out what waits, in order, and no more than the transport can keep', () => {
  const bench = new Bench()
  for (let number = 0; number < 10; number++) bench.write(number, MIB)
  bench.session.letOut()
  expect(bench.sent).toEqual(upTo(10))
  const other = new Bench()
  for (let number = 0; number < 100; number++) other.write(number, MIB)
  other.session.letOut()
  expect(other.sent.length).toBeGreaterThan(30)
  expect(other.sent).toEqual(upTo(other.sent.length))
  expect(other.sent.length).toBeLessThan(34)
})

/** A channel with `count` frames to write, which are numbered from `from`. */
class Channel implements Outgoing {
  readonly channel: number
  readonly target = { kind: 'slot', slot: SLOT, generation: { number: 1, tag: 0 } } as const
  readonly #bench: Bench
  readonly #bytes: number
  readonly #end: number
  #next: number

  constructor(bench: Bench, from: number, count: number, bytes: number) {
    this.channel = from
    this.#bench = bench
    this.#bytes = bytes
    this.#next = from
    this.#end = from + count
  }

  onDrain(): void {
    while (this.#next < this.#end && this.#bench.session.takesMore(this))
      this.#bench.write(this.#next++, this.#bytes)
  }

  onResume(): void {}

  onSettle(): void {}

  onCredit(): void {}

  onReset(): void {}

  onPause(): void {}
}

test('channels that can wait do so while something waits, and take turns afterwards', async () => {
  const bench = new Bench()
  const [one, other] = [new Channel(bench, 100, 4, MIB / 2), new Channel(bench, 200, 4, MIB / 2)]
  for (let number = 0; number < 3; number++) bench.write(number, MIB / 4)
  await Promise.resolve()
  for (const channel of [one, other]) channel.onDrain()
  expect(bench.session.waitingBytes).toBeLessThan(MIB)
  bench.drainOf(11)
  await Promise.resolve()
  expect(bench.sent).toEqual([0, 1, 2, 100, 200, 201, 101, 102, 202, 203, 103])
})

test.each([
  ['small', 2_000, 400],
  ['large', 4 * MIB, 12],
])(
  'where something waits all the time, %s frames that can wait get their turns, and what waits does not grow by them',
  (_size, bytes, least) => {
    const bench = new Bench()
    const channels = Array.from(
      { length: 20 },
      (_, index) => new Channel(bench, 1_000 * (index + 1), 900, bytes),
    )
    let number = 0
    for (; number < 32; number++) bench.write(number, MIB / 4)
    for (const channel of channels) channel.onDrain()
    for (let drains = 0; drains < 4_000; drains++) {
      bench.pass(MIB / 4)
      // Nine tenths of that.
      if (drains % 10 > 0) bench.write(number++, MIB / 4)
      expect(bench.session.waitingBytes).toBeLessThan(15 * MIB)
      if (number > 900) number = 0
    }
    expect(bench.sent.filter(sent => sent >= 1_000).length).toBeGreaterThan(least)
  },
)

test('a channel that waits gets its turn also where all that waits is in the writer', async () => {
  const bench = new Bench()
  const channel = new Channel(bench, 1_000, 3, 1_000)
  bench.write(0, MIB / 8)
  await Promise.resolve()
  channel.onDrain()
  for (let number = 1; number < 100; number++) {
    bench.write(number, MIB / 8)
    await Promise.resolve()
    bench.drain()
  }
  expect(bench.sent.filter(sent => sent >= 1_000)).toEqual([1_000, 1_001, 1_002])
})

test('a frame of a kind that there is not ends the session; one for a channel that is closed is dropped', () => {
  const ofKind = (kind: number): string | undefined => {
    const pieces: Uint8Array[] = []
    const writer = new FrameWriter(bytes => pieces.push(bytes))
    writer.begin(kind, 8).u32(1).u32(2)
    writer.flush()
    return new Bench().session.onBytes(Buffer.concat(pieces))
  }
  for (const kind of [0, 15, 200, 255]) expect(ofKind(kind)).toBe(`a frame of kind ${kind} on the data lane`)
  for (const kind of [FRAME.item, FRAME.call, FRAME.cast, FRAME.send, FRAME.close])
    expect(ofKind(kind)).toBeUndefined()
})
