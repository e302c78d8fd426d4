/** What becomes of letters for a worker that is not where they come to. */

import { expect, test } from 'vitest'

import { nodeId, slotId, specId } from '../../src/ids.ts'
import type { Letter, Replier } from '../../src/node/messaging/mailbox.ts'
import type { Packed } from '../../src/node/messaging/packed.ts'
import { Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const GENERATION = { number: 3, tag: 7 }
const MESSAGE: Letter = { kind: 'message', message: 'hello', origin: NO_ORIGIN, bytes: undefined }

function postOfNode() {
  const router = new Router()
  router.followSpec(ID, STANDALONE)
  const forwarded: Packed[] = []
  const post = new Post({
    self: nodeId('n1'),
    router,
    find: () => undefined,
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
  return { post, forwarded }
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

test('a call is never sent on: its caller is told to look elsewhere', () => {
  const { post, forwarded } = postOfNode()
  let isToldSo = false
  const nothing = (): void => {}
  const replier: Replier = {
    begin: () => true,
    onResult: nothing,
    onError: nothing,
    onInvalid: nothing,
    onExited: nothing,
    onOverloaded: nothing,
    onDeadlock: nothing,
    onElsewhere: () => {
      isToldSo = true
    },
  }
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
