/** Who is given what a worker has left behind, and when: one node, as long as that one is there. */

import { describe, expect, test } from 'vitest'

import { type NodeId, type SlotId, nodeId, slotId, specId } from '../../../src/ids.ts'
import { HEIR_MS, Handoffs } from '../../../src/node/supervision/handoffs.ts'
import { IN_FLIGHT_BYTES_MAX } from '../../../src/node/supervision/in-flight.ts'
import { SURE_MS } from '../../../src/node/supervision/losses.ts'
import { ASK_MS, KEEP_MS, STATE_MS } from '../../../src/node/supervision/patience.ts'
import type { Claim } from '../../../src/protocol/claim.ts'

const N1 = nodeId('n1')
const N2 = nodeId('n2')
const N3 = nodeId('n3')
const SLOT = slotId(specId('k'))
const STATE = Uint8Array.of(1, 2, 3)
/** The score of a claim that brings what its predecessor has left behind. */
const BRINGS = 2 ** 32 + 7
/** Nobody waits for anything so long. */
const LONG_MS = 3_600_000
const CLAIM: Claim = {
  slot: SLOT,
  generation: 4,
  owner: { id: N1, boot: 1 },
  score: 7,
  seq: 3,
  state: 'draining',
  specVersion: { ms: 1, count: 0, node: N1 },
  restarts: [],
  failures: [],
  heir: N2,
}

/** A node that has just given its worker to `N2`. */
class Owner {
  readonly sent: NodeId[] = []
  readonly present = new Set([N1, N2, N3])
  /** What is told to be lost: `heir slot`. */
  readonly lost: string[] = []
  readonly handoffs = new Handoffs({
    ledger: { membership: { isPresent: node => this.present.has(node) } },
    silentMs: () => 2_000,
    send: (to, message) => {
      if (message.kind === 'handoff-state') this.sent.push(to)
    },
    onLost: (slot, heir) => this.lost.push(`${heir} ${slot}`),
  })

  constructor() {
    this.handoffs.begin(CLAIM, 0)
    this.handoffs.finish(CLAIM, N2, { state: STATE, nowMs: 0 })
  }

  /** @returns whether it has what is asked for; who was sent it then, is in `sent` */
  ask(from: NodeId, nowMs: number, generation = CLAIM.generation): boolean {
    return this.handoffs.repeat({ slot: SLOT, generation }, from, nowMs)
  }

  /** Long after, also for whoever comes late to what is due. */
  later(): void {
    this.handoffs.tick(LONG_MS, 0)
    this.handoffs.tick(2 * LONG_MS, 0)
  }
}

describe('what was left behind', () => {
  test('is sent to its heir, as often as that one asks', () => {
    const owner = new Owner()
    expect(owner.ask(N2, 10)).toBe(true)
    expect(owner.ask(N2, 20)).toBe(true)
    expect(owner.sent).toEqual([N2, N2, N2])
    expect(owner.ask(N2, 30, 3)).toBe(false)
  })

  test('is not sent to another node while the heir may be about to start with it', () => {
    const owner = new Owner()
    expect(owner.ask(N3, HEIR_MS - 1)).toBe(true)
    expect(owner.sent).toEqual([N2])
    // Whoever asks every second has it in time.
    expect(HEIR_MS + 1_000).toBeLessThan(STATE_MS)
    owner.ask(N3, HEIR_MS)
    expect(owner.sent).toEqual([N2, N3])
  })

  test('is then of that other node, for as long', () => {
    const owner = new Owner()
    owner.ask(N3, HEIR_MS)
    owner.ask(N2, HEIR_MS + 10)
    expect(owner.sent).toEqual([N2, N3])
    owner.ask(N2, 2 * HEIR_MS)
    expect(owner.sent).toEqual([N2, N3, N2])
  })

  test('is sent to another node at once when the heir is gone', () => {
    const owner = new Owner()
    owner.present.delete(N2)
    owner.ask(N3, 10)
    expect(owner.sent).toEqual([N2, N3])
  })

  test.each(['k', 'asks'])('is kept until somebody takes it, of whatever name its worker is: "%s"', id => {
    const claim: Claim = { ...CLAIM, slot: slotId(specId(id)) }
    const asked: NodeId[] = []
    const handoffs = new Handoffs({
      ledger: { membership: { isPresent: () => true } },
      silentMs: () => 2_000,
      send: (to, message) => {
        if (message.kind === 'handoff-ask') asked.push(to)
      },
      onLost: () => {},
    })
    handoffs.want({ ...CLAIM, slot: slotId(specId('other')), owner: { id: N3, boot: 1 } }, true, 0)
    handoffs.finish(claim, N2, { state: STATE, nowMs: 0 })
    expect(handoffs.wakeAtMs()).toBe(0)
    handoffs.tick(0, 0)
    expect(asked).toEqual([N3])
    handoffs.tick(LONG_MS, 0)
    expect(handoffs.left(specId(id), claim.generation)).toEqual(STATE)
    handoffs.follow({ ...claim, generation: 5, owner: { id: N3, boot: 1 }, score: BRINGS }, LONG_MS)
    expect(handoffs.outgoingCount).toBe(0)
  })
})

describe('what was left behind is told to be lost', () => {
  const taken = (change: Partial<Claim>): Claim => ({
    ...CLAIM,
    generation: 5,
    owner: { id: N3, boot: 1 },
    ...change,
  })

  test.each([N2, N3])('where %s takes the worker up, and has not got it: once, after a while', owner => {
    const { handoffs, lost } = new Owner()
    for (const nowMs of [10, 20]) handoffs.follow(taken({ owner: { id: owner, boot: 1 } }), nowMs)
    handoffs.tick(SURE_MS, 0)
    expect(lost).toEqual([])
    for (const nowMs of [10 + SURE_MS, 20 + SURE_MS]) handoffs.tick(nowMs, 0)
    expect(lost).toEqual([`${N2} ${SLOT}`])
    expect(handoffs.outgoingCount).toBe(0)
    expect(handoffs.wakeAtMs()).toBe(Infinity)
  })

  test('at once where the node goes meanwhile', () => {
    const owner = new Owner()
    owner.handoffs.follow(taken({}), 10)
    owner.handoffs.giveUp()
    owner.later()
    expect(owner.lost).toEqual([`${N2} ${SLOT}`])
  })

  test('where nobody has taken it up when the node goes', () => {
    const owner = new Owner()
    expect([...owner.handoffs.slotsLeft()]).toEqual([SLOT])
    owner.handoffs.giveUp()
    expect(owner.lost).toEqual([`${N2} ${SLOT}`])
  })

  test.each<[string, Partial<Claim>]>([
    ['its heir takes it up with it', { owner: { id: N2, boot: 1 }, score: BRINGS }],
    ['another one does, which was given it before', { score: BRINGS }],
    ['the node itself does', { owner: { id: N1, boot: 1 }, score: BRINGS }],
    ['the spec is another one by then', { specVersion: { ms: 2, count: 0, node: N1 } }],
    ['it has come further than can be known', { generation: 6 }],
  ])('and not where %s', (_, change) => {
    const owner = new Owner()
    owner.handoffs.follow(taken(change), 10)
    owner.later()
    expect(owner.lost).toEqual([])
  })

  test.each<[string, (owner: Owner) => void]>([
    ['with it is heard of later, and counts', owner => owner.handoffs.follow(taken({ score: BRINGS }), 20)],
    ['is not to be there any more', owner => owner.handoffs.letGo(specId('k'), 20)],
  ])('and not where one that %s', (_, happens) => {
    const owner = new Owner()
    owner.handoffs.follow(taken({}), 10)
    happens(owner)
    owner.later()
    expect(owner.lost).toEqual([])
  })

  test('and not for what is handed over since, by one that has begun without it', () => {
    const owner = new Owner()
    owner.handoffs.follow(taken({}), 10)
    owner.handoffs.follow(taken({ generation: 6, score: BRINGS }), 20)
    owner.later()
    expect(owner.lost).toEqual([`${N2} ${SLOT}`])
  })

  test('and not where there was nothing', () => {
    const owner = new Owner()
    owner.handoffs.finish(CLAIM, N2, { state: new Uint8Array(), nowMs: 0 })
    owner.handoffs.giveUp()
    owner.handoffs.follow(taken({}), 10)
    owner.later()
    expect(owner.lost).toEqual([])
  })
})

// Its answer would come by as many ways: a large state, three times.
test('whoever gets no answer asks by every way, but not while the worker drains, as its owner has heard then', () => {
  const asks: string[] = []
  const handoffs = new Handoffs({
    ledger: { membership: { isPresent: () => true } },
    silentMs: () => 2_000,
    send: (to, _message, again) => asks.push(`${to} ${again ?? 'directly'}`),
    onLost: () => {},
  })
  handoffs.want({ ...CLAIM, state: 'running' }, true, 0)
  const [asked, repeated] = ['n1 directly', 'n1 again']
  for (const [seconds, state] of (
    ['running', 'running', 'draining', 'draining', 'stopped'] as const
  ).entries()) {
    handoffs.follow({ ...CLAIM, state }, seconds * ASK_MS)
    handoffs.tick(seconds * ASK_MS, 0)
  }
  expect(asks).toEqual([asked, repeated, asked, asked, repeated])
})

describe('over a thin link', () => {
  const other: Claim = { ...CLAIM, slot: slotId(specId('other')) }
  const part = (slot: SlotId, index: number) =>
    ({ kind: 'handoff-state', slot, generation: CLAIM.generation, index, count: 20, bytes: STATE }) as const

  function heirOf(...claims: readonly Claim[]) {
    const asks: string[] = []
    const handoffs = new Handoffs({
      ledger: { membership: { isPresent: () => true } },
      silentMs: () => 2_000,
      send: (_, { slot }) => asks.push(slot),
      onLost: () => {},
    })
    for (const claim of claims) handoffs.want(claim, true, 0)
    handoffs.tick(0, 0)
    return { asks, handoffs }
  }

  test('what comes bit by bit is neither asked for again nor given up, nor what waits behind it', () => {
    const { asks, handoffs } = heirOf(CLAIM, other)
    expect(asks).toEqual([SLOT, other.slot])
    for (let index = 0; index < 15; index++) {
      const nowMs = (index + 1) * 0.9 * ASK_MS
      expect(handoffs.onState(part(SLOT, index), N1, nowMs)).toBeUndefined()
      handoffs.tick(nowMs, 0)
      for (const claim of [CLAIM, other]) expect(handoffs.untilMs(claim, 0)).toBe(nowMs + STATE_MS)
    }
    expect(asks).toEqual([SLOT, other.slot])
  })

  test('what comes no further is asked for again after a second', () => {
    const { asks, handoffs } = heirOf(CLAIM)
    handoffs.onState(part(SLOT, 0), N1, 500)
    handoffs.tick(ASK_MS, 0)
    expect(handoffs.wakeAtMs()).toBe(500 + ASK_MS)
    handoffs.tick(500 + ASK_MS, 0)
    expect(asks).toEqual([SLOT, SLOT])
  })

  test('it is waited for no longer than a minute, whatever comes', () => {
    const { handoffs } = heirOf(CLAIM)
    handoffs.onState(part(SLOT, 0), N1, KEEP_MS - 1)
    expect(handoffs.untilMs(CLAIM, 0)).toBe(KEEP_MS)
  })
})

test('a worker that has ended for good is not asked for any more', () => {
  const asks: string[] = []
  const handoffs = new Handoffs({
    ledger: { membership: { isPresent: () => true } },
    silentMs: () => 2_000,
    send: (_, { slot }) => asks.push(slot),
    onLost: () => {},
  })
  const claim: Claim = { ...CLAIM, state: 'running', heir: undefined }
  handoffs.want(claim, false, 0)
  handoffs.tick(0, 0)
  handoffs.onRefuse({ kind: 'handoff-refuse', slot: SLOT, generation: claim.generation }, N1, 10)
  handoffs.follow({ ...claim, state: 'done' }, 20)
  for (let seconds = 1; seconds < 10; seconds++) handoffs.tick(seconds * ASK_MS + 10, 0)
  expect(asks).toEqual([SLOT])
  expect(handoffs.wakeAtMs()).toBe(Infinity)
})

test('so much is on its way to a node at once, and the rest when that one has taken something up', () => {
  const sent: SlotId[] = []
  const handoffs = new Handoffs({
    ledger: { membership: { isPresent: () => true } },
    silentMs: () => 2_000,
    send: (_, { slot }) => {
      if (sent.at(-1) !== slot) sent.push(slot)
    },
    onLost: () => {},
  })
  const state = new Uint8Array(IN_FLIGHT_BYTES_MAX / 4)
  const leaving = Array.from({ length: 6 }, (_, n): Claim => ({ ...CLAIM, slot: slotId(specId(`w${n}`)) }))
  const slots = leaving.map(({ slot }) => slot)
  for (const claim of leaving) handoffs.begin(claim, 0)
  for (const claim of leaving) handoffs.finish(claim, N2, { state, nowMs: 0 })
  expect(sent).toEqual(slots.slice(0, 4))
  // It has asked in vain: this node has it all the same.
  expect(handoffs.repeat({ slot: slots[5] ?? SLOT, generation: CLAIM.generation }, N2, 10)).toBe(true)
  expect(sent).toEqual(slots.slice(0, 4))
  // Another one has room.
  handoffs.begin(CLAIM, 0)
  handoffs.finish(CLAIM, N3, { state, nowMs: 0 })
  expect(sent).toEqual([...slots.slice(0, 4), SLOT])
  for (const claim of leaving.slice(0, 2))
    handoffs.follow({ ...claim, generation: 5, owner: { id: N2, boot: 1 } }, 20)
  expect(sent).toEqual([...slots.slice(0, 4), SLOT, ...slots.slice(4)])
})
