/** What becomes of letters for a worker that is not where they come to. */

import { expect, test } from 'vitest'

import { type SlotId, nodeId, slotId, specId } from '../../src/ids.ts'
import type { Letter, Recipient, Replier } from '../../src/node/messaging/mailbox.ts'
import type { Packed } from '../../src/node/messaging/packed.ts'
import { type Addressee, MOVED_MAX, Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { STARTING } from '../../src/node/supervision/spec-status.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { runTag, tokenOf } from '../../src/protocol/fencing-token.ts'
import { type Caller, NO_ORIGIN } from '../../src/protocol/request.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const GENERATION = { number: 3, tag: 7 }
const MESSAGE: Letter = { kind: 'message', message: 'hello', origin: NO_ORIGIN, bytes: undefined }

/** Of the worker that comes to the node of the post. */
const CLAIM: Claim = {
  slot: SLOT,
  generation: GENERATION.number,
  owner: { id: nodeId('n1'), boot: 1 },
  score: GENERATION.tag,
  seq: 1,
  state: 'starting',
  specVersion: { ms: 1, count: 0, node: nodeId('n1') },
  restarts: [],
  failures: [],
}

/** The worker of that claim, as it takes letters. `waitsFor`: the caller that its code waits for. */
function addresseeOf(got: unknown[], waitsFor?: Caller): Addressee {
  const recipient: Recipient = {
    isolation: 'inline',
    isClosing: false,
    isWaitedForBy: caller => caller !== undefined && caller === waitsFor,
    callers: () => [],
    deliver: letter => got.push(letter.kind === 'message' ? letter.message : letter.kind) > 0,
  }
  return { token: tokenOf(GENERATION, runTag(CLAIM.owner)), recipient }
}

function replierWith(onElsewhere: () => void): Replier {
  const nothing = (): void => {}
  return {
    begin: () => true,
    onResult: nothing,
    onError: nothing,
    onInvalid: nothing,
    onExited: nothing,
    onOverloaded: nothing,
    onDeadlock: nothing,
    onElsewhere,
  }
}

function postOfNode() {
  const router = new Router()
  router.followSpec(ID, STANDALONE)
  router.followStatus(ID, STARTING)
  const here = new Map<SlotId, Addressee>()
  const forwarded: Packed[] = []
  const post = new Post({
    self: nodeId('n1'),
    router,
    find: slot => here.get(slot),
    forward: (_slot, packed, after) => {
      expect(after).toEqual(GENERATION)
      forwarded.push(packed)
    },
    onFull: () => {},
    whenForwarded: (slot, action) => {
      expect(slot).toBe(SLOT)
      action()
    },
  })
  return { post, router, here, forwarded }
}

test('a message for a worker that has moved is sent on, and says how often', () => {
  const { post, forwarded } = postOfNode()
  post.deliver(SLOT, GENERATION, MESSAGE)
  post.deliver(SLOT, GENERATION, MESSAGE, 2)
  expect(forwarded.map(({ hops }) => hops)).toEqual([1, 3])
  expect(post.droppedCount).toBe(0)
})

test('I44: one that was sent on three times is dropped, and counted', () => {
  const { post, forwarded } = postOfNode()
  post.deliver(SLOT, GENERATION, MESSAGE, 3)
  expect(forwarded).toEqual([])
  expect(post.droppedCount).toBe(1)
})

test.each(['starting', 'restarting'] as const)(
  'a message for a worker that is %s here is kept for it, and comes before what comes later',
  state => {
    const { post, router, here, forwarded } = postOfNode()
    router.followClaim({ ...CLAIM, state })
    post.deliver(SLOT, GENERATION, MESSAGE)
    expect(forwarded).toEqual([])
    const got: unknown[] = []
    here.set(SLOT, addresseeOf(got))
    post.deliver(SLOT, GENERATION, { ...MESSAGE, message: 'later' })
    expect(got).toEqual([])
    post.onStarted(SLOT)
    expect(got).toEqual(['hello', 'later'])
    expect(post.droppedCount).toBe(0)
  },
)

test('a call that the start of the worker waits for itself does not wait behind what is kept for it', () => {
  const { post, router, here } = postOfNode()
  router.followClaim({ ...CLAIM, state: 'restarting' })
  post.deliver(SLOT, GENERATION, MESSAGE)
  const got: unknown[] = []
  const caller: Caller = { worker: slotId(specId('other')), generation: 1, n: 1, caller: undefined }
  here.set(SLOT, addresseeOf(got, caller))
  const replier = replierWith(() => {})
  const origin = { ...NO_ORIGIN, caller }
  post.deliver(SLOT, GENERATION, { kind: 'call', name: 'get', args: [], origin, bytes: undefined, replier })
  expect(got).toEqual(['call'])
})

test('I44: what was kept for a worker that then starts elsewhere is sent on, and says how often', () => {
  const { post, router, forwarded } = postOfNode()
  router.followClaim(CLAIM)
  post.deliver(SLOT, GENERATION, MESSAGE, 1)
  post.deliver(SLOT, GENERATION, MESSAGE)
  router.followClaim({ ...CLAIM, generation: GENERATION.number + 1, owner: { id: nodeId('n2'), boot: 1 } })
  expect(forwarded.map(({ hops }) => hops)).toEqual([2, 1])
  expect(post.droppedCount).toBe(0)
})

test(`of more than ${MOVED_MAX} members that have moved, the one that left first is forgotten: it has no mail sent on`, () => {
  const { post, forwarded } = postOfNode()
  const slotOf = (n: number): SlotId => slotId(specId('g'), `m${n}`)
  for (let n = 0; n < MOVED_MAX; n++) post.onReleased(slotOf(n), GENERATION)
  // It has come back, and left again.
  post.onReleased(slotOf(0), GENERATION)
  post.deliver(slotOf(1), GENERATION, MESSAGE)
  expect([forwarded.length, post.droppedCount]).toEqual([1, 0])
  post.onReleased(slotOf(MOVED_MAX), GENERATION)
  for (const n of [0, 2, MOVED_MAX]) post.deliver(slotOf(n), GENERATION, MESSAGE)
  expect([forwarded.length, post.droppedCount]).toEqual([4, 0])
  post.deliver(slotOf(1), GENERATION, MESSAGE)
  expect([forwarded.length, post.droppedCount]).toEqual([4, 1])
})

test('I44: a message for a member that had ended before its successor moved is dropped, and counted', () => {
  const { post, forwarded } = postOfNode()
  const slot = slotId(specId('g'), 'm')
  post.onReleased(slot, { ...GENERATION, number: GENERATION.number + 1 })
  post.deliver(slot, GENERATION, MESSAGE)
  expect([forwarded.length, post.droppedCount]).toEqual([0, 1])
})

test('a node that has stopped keeps nothing, and looks no further', () => {
  const { post, router } = postOfNode()
  router.followClaim(CLAIM)
  post.deliver(SLOT, GENERATION, MESSAGE, 3)
  router.end()
  expect(post.droppedCount).toBe(1)
})

test('a call is never sent on: its caller is told to look elsewhere', () => {
  const { post, forwarded } = postOfNode()
  let isToldSo = false
  const replier = replierWith(() => (isToldSo = true))
  post.deliver(SLOT, GENERATION, {
    kind: 'call',
    name: 'get',
    args: [],
    origin: NO_ORIGIN,
    bytes: undefined,
    replier,
  })
  expect(isToldSo).toBe(true)
  expect(forwarded).toEqual([])
})
