/** The worker's end of a channel: calls of a peer, and what becomes of the answers that its connection does not carry. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId, slotId, specId } from '../../src/ids.ts'
import type { Letter, Replier } from '../../src/node/messaging/mailbox.ts'
import { Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { Session } from '../../src/node/messaging/session.ts'
import { SlotInlet } from '../../src/node/messaging/slot-channel.ts'
import { encodePayload } from '../../src/payload.ts'
import { FRAME, REPLY } from '../../src/protocol/channel.ts'
import { runTag, tokenOf } from '../../src/protocol/fencing-token.ts'
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts'
import { encodeRequest, NO_ORIGIN } from '../../src/protocol/request.ts'

const MIB = 1024 * 1024
const SLOT = slotId(specId('w'))
const GENERATION = { number: 3, tag: 7 }
const CHANNEL = 1
const TIMEOUT_MS = 2_000
const DURATION_MS = 20_000

/** A worker whose answers have a mebibyte, and a peer that calls it over a connection that it lets through what it likes. */
class Bench {
  readonly clock = new VirtualClock()
  /** What the peer has heard: the outcomes, by the numbers of the calls. */
  readonly heard = new Map<number, number>()
  readonly executed: number[] = []
  /** Calls that the worker has not come to: their numbers, and how large the answers are to be. */
  readonly mailbox: (readonly [number: number, bytes: number, replier: Replier])[] = []
  readonly session: Session
  readonly #nodeClock = this.clock.fork()
  /** Where the worker comes to each call at once. */
  readonly #isQuick: boolean
  readonly #reader = new FrameReader(frame => this.#onReply(frame.u32(), frame.u8()))
  /** When each of them began. */
  readonly #calledMs: number[] = []
  /** Results that have come before the time-out. */
  inTime = 0
  #mayPass = 0

  constructor(isQuick = true) {
    this.#isQuick = isQuick
    const token = tokenOf(GENERATION, runTag({ id: nodeId('n1'), boot: 1 }))
    const post = new Post({
      self: nodeId('n1'),
      router: new Router(),
      find: () => ({
        token,
        recipient: {
          isolation: 'inline',
          isClosing: false,
          isWaitedForBy: () => false,
          callers: () => [],
          deliver: letter => this.#deliver(letter),
        },
      }),
      forward: () => {},
      onFull: () => {},
      whenForwarded: (_slot, action) => action(),
    })
    this.session = new Session({
      peer: nodeId('n2'),
      owner: {
        accept: target => (target.kind === 'slot' ? new SlotInlet(target, post) : undefined),
        onReply: () => undefined,
        onBroadcast: () => undefined,
      },
      clock: this.#nodeClock,
      send: bytes => this.#send(bytes),
    })
    this.#push(writer => {
      const target = encodePayload({ kind: 'slot', slot: SLOT, generation: GENERATION })
      writer
        .begin(FRAME.open, 4 + target.length)
        .u32(CHANNEL)
        .bytes(target)
    })
  }

  /** @returns the number of the call */
  call({ bytes = MIB, timeoutMs = TIMEOUT_MS } = {}): number {
    const number = this.#calledMs.push(this.clock.nowMs) - 1
    const payload = encodeRequest('blob', [number, bytes], NO_ORIGIN)
    this.#push(writer =>
      writer
        .begin(FRAME.call, 12 + payload.length)
        .u32(CHANNEL)
        .u32(number)
        .u32(timeoutMs)
        .bytes(payload),
    )
    return number
  }

  /** The worker comes to what waits in its mailbox. */
  work(): void {
    for (const [number, bytes, replier] of this.mailbox.splice(0)) {
      if (!replier.begin(this.clock.nowMs)) continue
      this.executed.push(number)
      replier.onResult(new Uint8Array(bytes))
    }
  }

  /** The connection lets so much through. */
  pass(bytes: number): void {
    this.#mayPass += bytes
    while (this.#mayPass > 0 && this.session.waitingBytes > 0) this.session.onDrain()
    if (this.#mayPass > 0) this.session.onDrain()
    this.#mayPass = Math.min(0, this.#mayPass)
  }

  /** The event loop of the node stands still for so long. Its timers come after whatever else the test does then. */
  async holdUp(durationMs: number): Promise<void> {
    this.#nodeClock.freeze()
    await this.clock.run(durationMs)
    this.#nodeClock.thaw('stopped')
  }

  outcomes(outcome: number): number[] {
    return [...this.heard].flatMap(([number, each]) => (each === outcome ? [number] : []))
  }

  get callCount(): number {
    return this.#calledMs.length
  }

  #onReply(number: number, outcome: number): void {
    this.heard.set(number, outcome)
    const tookMs = this.clock.nowMs - (this.#calledMs[number] ?? 0)
    if (outcome === REPLY.result && tookMs < TIMEOUT_MS) this.inTime += 1
  }

  #deliver(letter: Letter): boolean {
    if (letter.kind === 'call') {
      const [number, bytes] = letter.args
      this.mailbox.push([Number(number), Number(bytes), letter.replier])
    }
    if (this.#isQuick) this.work()
    return true
  }

  #send(bytes: Uint8Array): boolean {
    expect(this.#reader.push(bytes)).toBeUndefined()
    this.#mayPass -= bytes.length
    return this.#mayPass > 0
  }

  #push(write: (writer: FrameWriter) => void): void {
    const writer = new FrameWriter(bytes => expect(this.session.onBytes(bytes)).toBeUndefined())
    write(writer)
    writer.flush()
  }
}

test.each([
  { mibPerSecond: 2, mibMax: 8 },
  { mibPerSecond: 4, mibMax: 8 },
  { mibPerSecond: 8, mibMax: 12 },
])(
  'of twenty calls a second over a connection that carries the answers of $mibPerSecond, as many are answered in time, and the others refused, unexecuted',
  async ({ mibPerSecond, mibMax }) => {
    const bench = new Bench()
    let waitingBytesMax = 0
    for (let ms = 0; ms < DURATION_MS; ms += 50) {
      bench.call()
      bench.pass((mibPerSecond * MIB) / 20)
      await bench.clock.run(50)
      waitingBytesMax = Math.max(waitingBytesMax, bench.session.waitingBytes)
    }
    expect(waitingBytesMax).toBeLessThan(mibMax * MIB)
    expect(bench.inTime).toBeGreaterThan((0.9 * mibPerSecond * DURATION_MS) / 1_000)
    const refused = new Set(bench.outcomes(REPLY.overloaded))
    expect(bench.executed.filter(number => refused.has(number))).toEqual([])
    // Of what is neither, nobody has been told anything: it has waited beyond its time.
    expect(refused.size + bench.inTime).toBeGreaterThan(0.8 * bench.callCount)
  },
)

test('what is asked for at once is answered, also where it is more than the peer takes at once', async () => {
  const bench = new Bench()
  const numbers = Array.from({ length: 40 }, () => bench.call())
  await Promise.resolve()
  bench.pass(100 * MIB)
  expect(bench.outcomes(REPLY.result)).toEqual(numbers)
})

test('on a connection that carries the answers of all who wait, nobody is refused, however much waits', async () => {
  const bench = new Bench()
  const open = 32
  for (let ms = 0; ms < 5_000; ms += 50) {
    while (bench.callCount - bench.heard.size < open) bench.call()
    await bench.clock.run(50)
    bench.pass((64 * MIB) / 20)
  }
  expect(bench.outcomes(REPLY.overloaded)).toEqual([])
  expect(bench.inTime).toBe(bench.heard.size)
  expect(bench.inTime).toBeGreaterThan(300)
})

test('of a peer that has stood still for a moment, no call is refused', async () => {
  const bench = new Bench()
  const small = { bytes: 10_000, timeoutMs: 5_000 }
  const numbers = Array.from({ length: 200 }, () => bench.call(small))
  await bench.clock.run(500)
  numbers.push(bench.call(small))
  await Promise.resolve()
  bench.pass(100 * MIB)
  expect(bench.outcomes(REPLY.result)).toEqual(numbers)
})

test('for as long as this node was held up itself, the connection is not said to have carried nothing', async () => {
  const bench = new Bench()
  const small = { bytes: 10_000 }
  const numbers = Array.from({ length: 1_000 }, () => bench.call(small))
  await bench.clock.run(20)
  await bench.holdUp(1_500)
  // What has come meanwhile is taken in before and after its timers, and some of what waits leaves.
  numbers.push(bench.call(small))
  bench.pass(MIB)
  numbers.push(bench.call(small))
  await bench.clock.run(0)
  numbers.push(bench.call(small))
  await Promise.resolve()
  bench.pass(100 * MIB)
  expect(bench.outcomes(REPLY.result)).toEqual(numbers)
})

test('a connection that is in the midst of an answer is not taken for one that carries none', async () => {
  const bench = new Bench()
  const numbers: number[] = []
  // Two mebibytes a second; the third call comes when the first answer has half a way to go.
  for (let ms = 0; ms < TIMEOUT_MS; ms += 50) {
    if ([0, 50, 300].includes(ms)) numbers.push(bench.call())
    await bench.clock.run(50)
    bench.pass(MIB / 10)
  }
  expect(bench.outcomes(REPLY.result)).toEqual(numbers)
})

test('an answer that has waited beyond the deadline of its call does not leave', async () => {
  const bench = new Bench()
  const numbers = Array.from({ length: 10 }, () => bench.call())
  await Promise.resolve()
  await bench.clock.run(TIMEOUT_MS)
  const last = bench.call()
  bench.pass(100 * MIB)
  // The first one was given to the connection, which asks to wait since then.
  expect(bench.outcomes(REPLY.result)).toEqual(numbers.slice(0, 1))
  expect(bench.outcomes(REPLY.overloaded)).toEqual([last])
  expect([bench.session.waitingBytes, bench.session.answers.bytes]).toEqual([0, 0])
  expect(bench.executed).toEqual(numbers)
  const next = bench.call()
  await Promise.resolve()
  bench.pass(100 * MIB)
  expect(bench.heard.get(next)).toBe(REPLY.result)
})

test('calls that wait in a mailbox are refused when the answers that wait are very many', async () => {
  const bench = new Bench(false)
  const count = 200
  for (let each = 0; each < count; each++) bench.call()
  bench.work()
  await Promise.resolve()
  expect(bench.session.waitingBytes).toBeLessThan(131 * MIB)
  bench.pass(1_000 * MIB)
  expect(bench.outcomes(REPLY.result)).toEqual(bench.executed)
  expect(bench.executed.length).toBeGreaterThan(120)
  expect(bench.outcomes(REPLY.overloaded)).toHaveLength(count - bench.executed.length)
})
