/** The two ends of a link, with a stream between them that breaks at random. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import { Item, type Parent } from '../../src/node/chain/item.ts'
import { LinkReceiver } from '../../src/node/chain/link-receiver.ts'
import { LinkSender } from '../../src/node/chain/link-sender.ts'
import { FRAME, ORIGINS_MAX, decodeRun } from '../../src/protocol/channel.ts'
import { type Frame, FrameReader, FrameWriter } from '../../src/protocol/frames.ts'

const CHANNEL = 5
/** What a fresh receiver gives credit for, and the most that it ever does. */
const WINDOW_START = 32
const WINDOW_MAX = 2048
const origin = { id: nodeId('o'), boot: 1 }
const target = {
  kind: 'link',
  chain: specId('c'),
  generation: { number: 1, tag: 0 },
  from: 'x',
  to: slotId(specId('c'), 's', 0),
} as const

/** A link over a pair of streams that both keep what they were given until it is delivered, or lost. */
class Bench {
  readonly settled: number[] = []
  readonly received: number[] = []
  readonly waiting: number[] = []
  pushed = 0
  nowMs = 0
  readonly sender = new LinkSender({
    channel: CHANNEL,
    target,
    whenApart: 'wait',
    onRoom: () => {},
    onReset: () => {},
  })
  readonly receiver = new LinkReceiver(0)
  #up: Uint8Array[] = []
  #down: Uint8Array[] = []
  #toReceiver = this.#newReader('receiver')
  #toSender = this.#newReader('sender')
  readonly #forward = new FrameWriter(bytes => this.#up.push(bytes))
  readonly #backward = new FrameWriter(bytes => this.#down.push(bytes))

  connect(): void {
    this.#up = []
    this.#down = []
    this.#toReceiver = this.#newReader('receiver')
    this.#toSender = this.#newReader('sender')
    this.receiver.writeResume(CHANNEL, this.#backward)
    this.#backward.flush()
  }

  /** The streams break: what was on its way is lost. */
  break(): void {
    this.#forward.flush()
    this.#backward.flush()
    this.sender.onPause()
    this.connect()
  }

  push(): void {
    if (!this.sender.hasRoom()) return
    const n = ++this.pushed
    const parent: Parent = { onChildAdded: () => {}, onChildSettled: () => this.settled.push(n) }
    this.sender.push(
      new Item({ origin, n, wantsOutcome: false, attempt: 1 + (n % 2) }, n % 3 === 0 ? [n, 0] : undefined, {
        n,
      }),
      parent,
    )
    this.#forward.flush()
  }

  /** Takes the next item out of the mailbox, and settles the `index`-th of those that were taken before. */
  work(index: number): void {
    const sequence = this.#inMailbox.shift()
    if (sequence !== undefined) {
      this.receiver.onConsumed(10)
      this.waiting.push(sequence)
    }
    const [done] = this.waiting.length === 0 ? [] : this.waiting.splice(index % this.waiting.length, 1)
    if (done !== undefined) this.receiver.onSettled(done)
    this.receiver.writeNews(CHANNEL, this.#backward, ++this.nowMs)
    this.#backward.flush()
  }

  deliver(direction: 'forward' | 'backward'): void {
    const queue = direction === 'forward' ? this.#up : this.#down
    const bytes = queue.shift()
    if (bytes === undefined) return
    const reader = direction === 'forward' ? this.#toReceiver : this.#toSender
    expect(reader.push(bytes)).toBeUndefined()
    this.#forward.flush()
  }

  get isQuiet(): boolean {
    return this.#up.length === 0 && this.#down.length === 0
  }

  readonly #inMailbox: number[] = []

  #newReader(side: 'receiver' | 'sender'): FrameReader {
    return new FrameReader(frame => {
      expect(frame.u32()).toBe(CHANNEL)
      if (side === 'receiver') this.#onItem(frame)
      else this.#onAnswer(frame)
    })
  }

  #onItem(frame: Frame): void {
    if (frame.kind === FRAME.origin) {
      const number = frame.u16()
      const run = decodeRun(frame.rest())
      if (run !== undefined) this.receiver.addOrigin(number, run)
      return
    }
    const item = this.receiver.receive(frame)
    expect(this.receiver.violation).toBeUndefined()
    if (item === undefined) return
    expect(item.value).toEqual({ n: item.head.n })
    expect(item.head.attempt).toBe(1 + (item.head.n % 2))
    expect(item.path).toEqual(item.head.n % 3 === 0 ? [item.head.n, 0] : undefined)
    this.received.push(item.head.n)
    this.#inMailbox.push(this.receiver.lastSequence)
    expect(this.#inMailbox.length).toBeLessThanOrEqual(WINDOW_MAX)
  }

  #onAnswer(frame: Frame): void {
    if (frame.kind === FRAME.resume)
      this.sender.onResume(frame, { writer: this.#forward, takesMore: () => true })
    else if (frame.kind === FRAME.settle) this.sender.onSettle(frame)
    else this.sender.onCredit(frame)
  }
}

type Step = 'push' | 'work' | 'forward' | 'backward' | 'break'

const steps = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant<Step>('push') },
      { weight: 5, arbitrary: fc.constant<Step>('work') },
      { weight: 4, arbitrary: fc.constant<Step>('forward') },
      { weight: 4, arbitrary: fc.constant<Step>('backward') },
      { weight: 1, arbitrary: fc.constant<Step>('break') },
    ),
    fc.nat({ max: 100 }),
  ),
  { maxLength: 300 },
)

describe('a link', () => {
  test('delivers every item once and in order, and settles each once, whenever the session breaks', () => {
    fc.assert(
      fc.property(steps, script => {
        const bench = new Bench()
        bench.connect()
        for (const [step, index] of script) {
          if (step === 'push') bench.push()
          else if (step === 'work') bench.work(index)
          else if (step === 'break') bench.break()
          else bench.deliver(step)
        }
        for (let round = 0; bench.settled.length < bench.pushed; round++) {
          expect(round).toBeLessThan(5_000)
          bench.deliver('backward')
          bench.deliver('forward')
          bench.work(round)
        }
        const all = Array.from({ length: bench.pushed }, (_, index) => index + 1)
        expect(bench.received).toEqual(all)
        expect(bench.settled.toSorted((x, y) => x - y)).toEqual(all)
      }),
      { numRuns: 300 },
    )
  })

  test('numbers more origins than a channel knows at once, and mixes up none of them', () => {
    const sent: string[] = []
    const numbers = new Set<number>()
    const receiver = new LinkReceiver(0)
    const sender = new LinkSender({
      channel: CHANNEL,
      target,
      whenApart: 'wait',
      onRoom: () => {},
      onReset: () => {},
    })
    const received: string[] = []
    const toSender = new FrameReader(frame => {
      frame.u32()
      if (frame.kind === FRAME.resume) sender.onResume(frame, { writer: forward, takesMore: () => true })
      else if (frame.kind === FRAME.settle) sender.onSettle(frame)
      else sender.onCredit(frame)
    })
    const backward = new FrameWriter(bytes => toSender.push(bytes))
    const toReceiver = new FrameReader(frame => {
      frame.u32()
      if (frame.kind === FRAME.origin) {
        const number = frame.u16()
        numbers.add(number)
        const run = decodeRun(frame.rest())
        if (run !== undefined) receiver.addOrigin(number, run)
        return
      }
      const item = receiver.receive(frame)
      if (item === undefined) throw new Error(receiver.violation)
      received.push(item.head.origin.id)
      receiver.onConsumed(10)
      receiver.onSettled(receiver.lastSequence)
    })
    const forward = new FrameWriter(bytes => toReceiver.push(bytes))
    receiver.writeResume(CHANNEL, backward)
    backward.flush()
    const parent: Parent = { onChildAdded: () => {}, onChildSettled: () => {} }
    const runs = Array.from({ length: ORIGINS_MAX + 100 }, (_, n) => ({ id: nodeId(`o${n}`), boot: 1 }))
    for (const from of [...runs, ...runs]) {
      sent.push(from.id)
      sender.push(new Item({ origin: from, n: 1, wantsOutcome: false, attempt: 1 }, undefined, 0), parent)
      forward.flush()
      receiver.writeNews(CHANNEL, backward, sent.length)
      backward.flush()
    }
    expect(received.join()).toBe(sent.join())
    expect(Math.max(...numbers)).toBe(ORIGINS_MAX - 1)
  })

  test('has no room before the receiver has answered, nor beyond its credit', () => {
    const bench = new Bench()
    expect(bench.sender.hasRoom()).toBe(false)
    bench.connect()
    bench.deliver('backward')
    while (bench.sender.hasRoom()) bench.push()
    expect(bench.pushed).toBe(WINDOW_START)
  })

  test('that keeps what comes while there is no session, sends it within the credit afterwards', () => {
    const kept: number[] = []
    const sender = new LinkSender({
      channel: CHANNEL,
      target,
      whenApart: 'keep',
      onRoom: () => {},
      onReset: () => {},
    })
    const receiver = new LinkReceiver(0)
    for (let n = 1; n <= WINDOW_START + 40; n++) {
      expect(sender.hasRoom()).toBe(true)
      const head = { origin, n, wantsOutcome: true, attempt: 1 }
      sender.push(new Item(head, undefined, n), { onChildAdded: () => {}, onChildSettled: () => {} })
    }
    receiver.addOrigin(0, origin)
    const toReceiver = new FrameReader(frame => {
      frame.u32()
      if (frame.kind === FRAME.origin) receiver.addOrigin(frame.u16(), origin)
      else kept.push(receiver.receive(frame)?.head.n ?? 0)
      frame.rest()
    })
    const forward = new FrameWriter(bytes => toReceiver.push(bytes))
    const toSender = new FrameReader(frame => {
      frame.u32()
      if (frame.kind === FRAME.resume) sender.onResume(frame, { writer: forward, takesMore: () => true })
      else sender.onCredit(frame)
    })
    const backward = new FrameWriter(bytes => toSender.push(bytes))
    receiver.writeResume(CHANNEL, backward)
    backward.flush()
    forward.flush()
    expect(kept).toHaveLength(WINDOW_START)
    expect(sender.hasRoom()).toBe(false)
    for (let count = 0; count < WINDOW_START; count++) receiver.onConsumed(1)
    receiver.writeNews(CHANNEL, backward, 1)
    backward.flush()
    forward.flush()
    expect(kept).toEqual(Array.from({ length: WINDOW_START + 40 }, (_, index) => index + 1))
    expect(receiver.violation).toBeUndefined()
  })

  const keeping = (): LinkSender =>
    new LinkSender({ channel: CHANNEL, target, whenApart: 'keep', onRoom: () => {}, onReset: () => {} })
  const outcome = (n: number, value: unknown): Item =>
    new Item({ origin, n, wantsOutcome: true, attempt: 1 }, undefined, value)
  const parent: Parent = { onChildAdded: () => {}, onChildSettled: () => {} }

  test.each([
    ['many small ones', 'x', 65_536],
    ['large ones', 'x'.repeat(1024 * 1024), 32],
  ])(
    'that keeps what comes while there is no session, keeps no more of one item than a bound: %s',
    (_, value, most) => {
      const sender = keeping()
      // There are some from before anybody asks.
      for (let n = 2; n < 5; n++) sender.push(outcome(n, value), parent)
      let count = 0
      for (; count <= most && sender.hasRoom(outcome(1, value)); count++)
        sender.push(outcome(1, value), parent)
      expect(count).toBe(most)
      expect(sender.hasRoom(outcome(2, value))).toBe(true)
    },
  )

  // A sender that had died with more than that on its way held up everybody else, for ever.
  test('that keeps what comes while there is no session, keeps all that comes of many items', () => {
    const sender = keeping()
    for (let n = 1; n <= 100; n++) {
      expect(sender.hasRoom(outcome(n, 0))).toBe(true)
      sender.push(outcome(n, 'x'.repeat(1024 * 1024)), parent)
    }
  })

  test('whose receiver will never be there again settles all that is kept for it', () => {
    let settledCount = 0
    const sender = keeping()
    for (let n = 1; n <= 3; n++) {
      sender.push(outcome(n, 'x'), { ...parent, onChildSettled: () => void (settledCount += 1) })
    }
    sender.giveUp()
    expect([settledCount, sender.debt]).toEqual([3, 0])
  })

  test.each([
    ['the session ends', (sender: LinkSender) => sender.onPause(), 1],
    ['the receiver is not there any more', (sender: LinkSender) => sender.onReset(), 1],
    ['nothing is to go this way any more', (sender: LinkSender) => sender.detach(), 0],
  ] as const)('that keeps what comes, and is out of credit when %s', (_name, lose, wantedCount) => {
    let roomCount = 0
    const sender = new LinkSender({
      channel: CHANNEL,
      target,
      whenApart: 'keep',
      onRoom: () => void (roomCount += 1),
      onReset: () => {},
    })
    const toSender = new FrameReader(frame => {
      frame.u32()
      sender.onResume(frame, { writer: new FrameWriter(() => {}), takesMore: () => true })
    })
    const backward = new FrameWriter(bytes => toSender.push(bytes))
    new LinkReceiver(0).writeResume(CHANNEL, backward)
    backward.flush()
    for (let n = 1; sender.hasRoom(); n++) {
      const head = { origin, n, wantsOutcome: true, attempt: 1 }
      sender.push(new Item(head, undefined, n), { onChildAdded: () => {}, onChildSettled: () => {} })
    }
    roomCount = 0
    // Said once for each time: there was room before the second one.
    for (let time = 0; time < 2; time++) lose(sender)
    expect(roomCount).toBe(wantedCount)
  })
})
