/** What is kept for a worker that this node cannot reach now. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { type SlotId, type SpecId, nodeId, slotId, specId, specOfSlot } from '../../src/ids.ts'
import { MAILBOX_LIMITS } from '../../src/node/messaging/mailbox.ts'
import { Outbox } from '../../src/node/messaging/outbox.ts'
import type { Packed } from '../../src/node/messaging/packed.ts'
import { Router } from '../../src/node/messaging/router.ts'
import type { SpecStatus } from '../../src/node/supervision/spec-status.ts'
import type { ClaimState } from '../../src/protocol/claim.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const generation = (number: number) => ({ number, tag: 7 })

class WatchedRouter extends Router {
  readonly #waits: Map<string, number>

  constructor(waits: Map<string, number>) {
    super()
    this.#waits = waits
  }

  /** How often somebody has asked whether a worker is pending. */
  asked = 0
  /** How many wait for a change now. */
  watching = 0

  override whyPending(slot: SlotId): string | undefined {
    this.asked += 1
    return super.whyPending(slot)
  }

  override whenChanged(spec: SpecId, action: () => void): () => void {
    this.#waits.set(spec, (this.#waits.get(spec) ?? 0) + 1)
    this.watching += 1
    let isOver = false
    const end = (): void => {
      if (!isOver) this.watching -= 1
      isOver = true
    }
    const cancel = super.whenChanged(spec, () => {
      end()
      action()
    })
    return () => {
      end()
      cancel()
    }
  }
}

class Bench {
  readonly sent: string[] = []
  readonly outbox: Outbox
  /** How often somebody has begun to wait for a change of a spec. */
  readonly waits = new Map<string, number>()
  readonly #router = new WatchedRouter(this.waits)
  readonly full: string[] = []
  dropped = 0
  /** Nodes without a session. */
  readonly apart = new Set<string>()
  /** The session with the node breaks by that which is sent then. */
  breaksAfter = Infinity

  get asked(): number {
    return this.#router.asked
  }

  get watching(): number {
    return this.#router.watching
  }

  constructor() {
    this.declare(ID, { kind: 'starting' })
    this.outbox = new Outbox({
      router: this.#router,
      clock: new VirtualClock().fork(),
      isConnected: ({ id }) => !this.apart.has(id),
      dispatch: (route, slot, each) => {
        const { id } = route.owner
        // As the data plane does.
        if (this.apart.has(id)) return this.outbox.keep(slot, each)
        this.sent.push(`${each.kind} to ${slot} of ${route.generation.number} on ${id}`)
        if (this.sent.length === this.breaksAfter) this.apart.add(id)
        return undefined
      },
      onDropped: () => (this.dropped += 1),
      onFull: slot => this.full.push(slot),
    })
  }

  declare(id: string, status: SpecStatus): SlotId {
    this.#router.followSpec(specId(id), STANDALONE)
    this.#router.followStatus(specId(id), status)
    return slotId(specId(id))
  }

  runs(number: number, owner: string, slot = SLOT, state: ClaimState = 'running'): void {
    const version = { ms: 1, count: 0, node: nodeId('n1') }
    const { tag: score } = generation(number)
    // As the control plane does: a worker that some node has is not pending.
    const spec = specOfSlot(slot)
    if (this.#router.statusOf(spec)?.kind === 'pending')
      this.#router.followStatus(spec, { kind: state === 'running' ? 'running' : 'starting' })
    this.#router.followClaim({
      slot,
      generation: number,
      owner: { id: nodeId(owner), boot: 1 },
      score,
      seq: 1,
      state,
      specVersion: version,
      restarts: [],
      failures: [],
    })
  }

  /** There is a session with it, or others reach it and this node does not. */
  reach(node: string, reachedBy: readonly string[] = []): void {
    if (reachedBy.length === 0) this.apart.delete(node)
    const change = { peer: nodeId(node), reachedBy: reachedBy.map(id => nodeId(id)) }
    this.#router.followReach(change)
    this.outbox.followReach(change)
  }

  end(): void {
    this.#router.followStatus(ID, { kind: 'done', failure: undefined })
  }
}

const packed = (kind: number, bytes = 10): Packed => ({ kind, payload: new Uint8Array(bytes), hops: 0 })

test('what is for the successor of a worker is not sent to that worker, and goes in the order in which it came', () => {
  const bench = new Bench()
  bench.runs(3, 'n2')
  bench.outbox.keep(SLOT, packed(1), generation(3))
  bench.outbox.keep(SLOT, packed(2), generation(3))
  bench.runs(3, 'n2')
  expect(bench.sent).toEqual([])
  bench.runs(4, 'n3')
  expect(bench.sent).toEqual(['1 to w of 4 on n3', '2 to w of 4 on n3'])
  expect(bench.dropped).toBe(0)
})

test('what has a way already goes at once', () => {
  const bench = new Bench()
  bench.runs(4, 'n3')
  bench.outbox.keep(SLOT, packed(1), generation(3))
  bench.outbox.keep(SLOT, packed(2))
  expect(bench.sent).toEqual(['1 to w of 4 on n3', '2 to w of 4 on n3'])
})

test('no more is kept than a mailbox takes, in number and in bytes; there is room again when it has gone', () => {
  for (const size of [1, MAILBOX_LIMITS.bytes / 4]) {
    const bench = new Bench()
    const count = size === 1 ? MAILBOX_LIMITS.messages : 4
    for (let n = 0; n < count; n++) bench.outbox.keep(SLOT, packed(n, size))
    expect(bench.dropped).toBe(0)
    expect(bench.full).toEqual([])
    bench.outbox.keep(SLOT, packed(count, size))
    expect(bench.dropped).toBe(1)
    expect(bench.full).toEqual([SLOT])
    bench.runs(1, 'n2')
    expect(bench.sent).toHaveLength(count)
    for (let n = 0; n < count; n++) bench.outbox.keep(SLOT, packed(n, size), generation(1))
    expect(bench.dropped).toBe(1)
    bench.runs(2, 'n2')
    expect(bench.sent).toHaveLength(2 * count)
  }
})

test('what waits for a node that there may never be gives way to what waits for a moment, the last one first', () => {
  const bench = new Bench()
  const early = bench.declare('early', { kind: 'pending', reason: 'no live node can run it' })
  for (let n = 0; n < MAILBOX_LIMITS.messages; n++) bench.outbox.keep(early, packed(n))
  expect(bench.dropped).toBe(0)
  bench.outbox.keep(early, packed(-1))
  expect([bench.dropped, bench.full]).toEqual([1, [early]])
  for (const n of [1, 2]) bench.outbox.keep(SLOT, packed(n))
  expect([bench.dropped, bench.full]).toEqual([3, [early, early, early]])
  bench.runs(1, 'n2')
  expect(bench.sent).toEqual(['1 to w of 1 on n2', '2 to w of 1 on n2'])
  bench.sent.length = 0
  bench.runs(1, 'n2', early)
  expect(bench.sent).toHaveLength(MAILBOX_LIMITS.messages - 2)
  expect(bench.sent.at(-1)).toBe(`${MAILBOX_LIMITS.messages - 3} to early of 1 on n2`)
})

// It took 13 ms for each: all of them were asked each time.
test('to give way costs the same, for however many workers something waits', () => {
  const bench = new Bench()
  const [workers, casts] = [1_000, 500]
  for (let worker = 0; worker < workers; worker++) {
    const early = bench.declare(`early${worker}`, { kind: 'pending', reason: 'no live node can run it' })
    for (let n = 0; n < MAILBOX_LIMITS.messages / workers; n++) bench.outbox.keep(early, packed(n))
  }
  const { asked } = bench
  for (let n = 0; n < casts; n++) bench.outbox.keep(SLOT, packed(n))
  expect(bench.dropped).toBe(casts)
  expect(bench.asked - asked).toBeLessThan(4 * casts)
})

test('what has given way leaves nobody behind who waits, however often', () => {
  const bench = new Bench()
  const early = bench.declare('early', { kind: 'pending', reason: 'no live node can run it' })
  bench.outbox.keep(SLOT, packed(0, MAILBOX_LIMITS.bytes - 10))
  for (let times = 0; times < 100; times++) {
    bench.outbox.keep(early, packed(1))
    bench.outbox.keep(SLOT, packed(0, 10), generation(times))
    bench.runs(times + 1, 'n2')
    bench.outbox.keep(SLOT, packed(0, MAILBOX_LIMITS.bytes - 10), generation(times + 1))
  }
  expect(bench.waits.get('early')).toBe(1)
  bench.sent.length = 0
  bench.outbox.keep(SLOT, packed(0, 10), generation(0))
  bench.runs(101, 'n2')
  bench.outbox.keep(early, packed(7))
  bench.sent.length = 0
  bench.runs(1, 'n2', early)
  expect(bench.sent).toEqual(['7 to early of 1 on n2'])
})

test('what is for a worker that will not come is dropped: what comes later, and what was kept', async () => {
  const bench = new Bench()
  bench.outbox.keep(SLOT, packed(1))
  bench.outbox.keep(SLOT, packed(2))
  let isEmpty = false
  const emptied = bench.outbox.emptied().then(() => (isEmpty = true))
  await Promise.resolve()
  expect([bench.dropped, isEmpty]).toEqual([0, false])
  bench.end()
  expect(bench.dropped).toBe(2)
  await emptied
  bench.outbox.keep(SLOT, packed(3))
  expect(bench.dropped).toBe(3)
  expect(bench.full).toEqual([])
  await bench.outbox.emptied()
  expect(bench.sent).toEqual([])
})

// It was lost after a second, which is less than a thread may take to start.
test('what is for a worker that starts goes there when this node goes, and not before', async () => {
  const bench = new Bench()
  bench.runs(4, 'n3', SLOT, 'starting')
  bench.outbox.keep(SLOT, packed(1), generation(3))
  expect(bench.sent).toEqual([])
  await bench.outbox.emptied()
  expect(bench.sent).toEqual(['1 to w of 4 on n3'])
  bench.outbox.keep(SLOT, packed(2), generation(3))
  expect(bench.sent).toEqual(['1 to w of 4 on n3', '2 to w of 4 on n3'])
  bench.outbox.keep(SLOT, packed(3), generation(4))
  bench.runs(5, 'n2', SLOT, 'starting')
  expect(bench.sent.slice(2)).toEqual(['3 to w of 5 on n2'])
  expect(bench.dropped).toBe(0)
})

// It was dropped by whoever was to send it.
test('what is for a node without a session goes when there is one, in order, and nobody waits for anything then', () => {
  const bench = new Bench()
  bench.apart.add('n2').add('n3')
  bench.runs(1, 'n2')
  const other = bench.declare('other', { kind: 'running' })
  bench.runs(1, 'n3', other)
  for (const n of [1, 2]) bench.outbox.keep(SLOT, packed(n))
  bench.outbox.keep(other, packed(7))
  bench.runs(1, 'n2')
  expect([bench.sent, bench.outbox.count, bench.watching]).toEqual([[], 3, 2])
  bench.reach('n2')
  expect(bench.sent).toEqual(['1 to w of 1 on n2', '2 to w of 1 on n2'])
  expect([bench.outbox.count, bench.watching]).toEqual([1, 1])
  bench.runs(2, 'n2', other)
  expect(bench.sent.slice(2)).toEqual(['7 to other of 2 on n2'])
  expect([bench.dropped, bench.outbox.count, bench.watching]).toEqual([0, 0, 0])
})

test('what is for a node that only others reach is dropped: what was kept, and what comes until that is over', () => {
  const bench = new Bench()
  bench.apart.add('n2')
  bench.runs(1, 'n2')
  bench.outbox.keep(SLOT, packed(1), generation(1))
  for (const n of [2, 3]) bench.outbox.keep(SLOT, packed(n))
  bench.reach('n2', ['n3'])
  expect([bench.dropped, bench.outbox.count]).toEqual([2, 1])
  bench.outbox.keep(SLOT, packed(4))
  expect([bench.dropped, bench.outbox.count]).toEqual([3, 1])
  bench.runs(2, 'n4')
  expect([bench.sent, bench.watching]).toEqual([['1 to w of 2 on n4'], 0])
  bench.runs(3, 'n2')
  bench.reach('n2')
  bench.outbox.keep(SLOT, packed(5))
  expect(bench.sent.slice(1)).toEqual(['5 to w of 3 on n2'])
  expect([bench.dropped, bench.full]).toEqual([3, []])
})

test('however often sessions come and go, one waits for a change of each worker', () => {
  const bench = new Bench()
  bench.runs(1, 'n2')
  bench.outbox.keep(SLOT, packed(0), generation(1))
  for (let times = 0; times < 100; times++) {
    bench.apart.add('n2')
    bench.outbox.keep(SLOT, packed(1))
    bench.reach('n2')
  }
  expect([bench.sent.length, bench.outbox.count, bench.watching, bench.waits.get(ID)]).toEqual([100, 1, 1, 1])
  bench.end()
  expect([bench.dropped, bench.outbox.count, bench.watching]).toEqual([1, 0, 0])
})

test('there is no more room for what waits for a session than for anything else', () => {
  const bench = new Bench()
  bench.apart.add('n2')
  bench.runs(1, 'n2')
  for (let n = 0; n < MAILBOX_LIMITS.messages; n++) bench.outbox.keep(SLOT, packed(n))
  expect([bench.dropped, bench.full]).toEqual([0, []])
  bench.outbox.keep(SLOT, packed(-1))
  expect([bench.dropped, bench.full]).toEqual([1, [SLOT]])
  bench.reach('n2')
  expect(bench.sent).toHaveLength(MAILBOX_LIMITS.messages)
  expect(bench.sent.at(-1)).toBe(`${MAILBOX_LIMITS.messages - 1} to w of 1 on n2`)
})

// It was put back while it was taken out, and nobody waited for a change any more, or it was forgotten, and its room with it.
test('what a session does not take that breaks meanwhile goes on waiting, for the next one or for a successor', () => {
  const bench = new Bench()
  bench.apart.add('n2')
  bench.runs(1, 'n2')
  bench.breaksAfter = 2
  for (const n of [1, 2, 3]) bench.outbox.keep(SLOT, packed(n))
  bench.outbox.keep(SLOT, packed(8), generation(1))
  bench.outbox.keep(SLOT, packed(4))
  bench.reach('n2')
  expect(bench.sent).toEqual(['1 to w of 1 on n2', '2 to w of 1 on n2'])
  expect([bench.outbox.count, bench.watching]).toEqual([3, 1])
  bench.runs(2, 'n3')
  expect(bench.sent.slice(2)).toEqual(['3 to w of 2 on n3', '8 to w of 2 on n3', '4 to w of 2 on n3'])
  expect([bench.dropped, bench.outbox.count, bench.watching]).toEqual([0, 0, 0])
})

test('what a session does not take that breaks meanwhile goes to a successor, where nothing else is kept', () => {
  const bench = new Bench()
  bench.apart.add('n2')
  bench.runs(1, 'n2')
  bench.breaksAfter = 1
  for (const n of [1, 2, 3]) bench.outbox.keep(SLOT, packed(n))
  bench.reach('n2')
  expect([bench.sent, bench.outbox.count, bench.watching]).toEqual([['1 to w of 1 on n2'], 2, 1])
  bench.runs(2, 'n3')
  expect(bench.sent.slice(1)).toEqual(['2 to w of 2 on n3', '3 to w of 2 on n3'])
  expect([bench.dropped, bench.outbox.count, bench.watching]).toEqual([0, 0, 0])
})
