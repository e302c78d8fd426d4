/** Calls that wait for a way to their worker. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId, slotId, specId } from '../../src/ids.ts'
import type { Call } from '../../src/node/messaging/call.ts'
import { Calls } from '../../src/node/messaging/calls.ts'
import { Deadlocks } from '../../src/node/messaging/deadlocks.ts'
import { Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { encodePayload } from '../../src/payload.ts'
import { FRAME, REPLY } from '../../src/protocol/channel.ts'
import { FrameReader, FrameWriter } from '../../src/protocol/frames.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const OWNER = nodeId('n2')

class WatchedRouter extends Router {
  /** How many wait for a change now. */
  watching = 0

  override whenChanged(...[spec, action]: Parameters<Router['whenChanged']>): () => void {
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

function bench() {
  const router = new WatchedRouter()
  router.followSpec(ID, STANDALONE)
  router.followStatus(ID, { kind: 'running' })
  router.followClaim({
    slot: slotId(ID),
    generation: 1,
    owner: { id: OWNER, boot: 1 },
    score: 7,
    seq: 1,
    state: 'running',
    specVersion: { ms: 1, count: 0, node: OWNER },
    restarts: [],
    failures: [],
  })
  const find = (): undefined => undefined
  const nothing = (): void => {}
  const post = new Post({
    self: nodeId('n1'),
    router,
    find,
    forward: nothing,
    whenForwarded: nothing,
    onFull: nothing,
  })
  const carried = { isApart: true, tries: 0, number: -1 }
  const carrier = {
    carry: (each: Call) => {
      carried.tries += 1
      if (!carried.isApart) carried.number = calls.enter(each, OWNER)
      return !carried.isApart
    },
  }
  const deadlocks = new Deadlocks(find, router, post)
  const calls = new Calls(new VirtualClock().fork(), router, carrier, deadlocks)
  const call = (signal?: AbortSignal): Promise<unknown> =>
    calls.start({
      slot: slotId(ID),
      name: 'ask',
      args: [],
      origin: NO_ORIGIN,
      timeoutMs: undefined,
      signal,
    })
  return { router, calls, carried, call }
}

// Each time one more waited for it, and all of them tried at each change.
test('however often sessions come and go, a call waits once for a change, and tries once for each', async () => {
  const { router, calls, carried, call } = bench()
  const end = new AbortController()
  const failed = expect(call(end.signal)).rejects.toThrow('ask')
  for (let times = 0; times < 100; times++) calls.followReach({ peer: OWNER, reachedBy: [] })
  expect([carried.tries, router.watching]).toEqual([101, 1])
  for (let times = 0; times < 10; times++) router.followStatus(ID, { kind: 'running' })
  expect([carried.tries, router.watching]).toEqual([111, 1])
  end.abort()
  await failed
  expect(router.watching).toBe(0)
})

test('a call that waits for a session with one node does not try whenever there is one with another', () => {
  const { calls, carried, call } = bench()
  void call()
  for (let n = 3; n < 100; n++) calls.followReach({ peer: nodeId(`n${n}`), reachedBy: [] })
  expect(carried.tries).toBe(1)
  carried.isApart = false
  calls.followReach({ peer: OWNER, reachedBy: [] })
  calls.followReach({ peer: OWNER, reachedBy: [] })
  expect(carried.tries).toBe(2)
})

test('I42: a call that has found a way is not made once more when its spec changes', () => {
  const { router, calls, carried, call } = bench()
  void call()
  carried.isApart = false
  calls.followReach({ peer: OWNER, reachedBy: [] })
  router.followStatus(ID, { kind: 'running' })
  expect(carried.tries).toBe(2)
})

test('I43: the answer of a node that was not asked settles no call', async () => {
  const { calls, carried, call } = bench()
  carried.isApart = false
  const answer = call()
  for (const peer of [nodeId('n3'), OWNER]) {
    const reader = new FrameReader(frame => expect(calls.onReply(frame, peer)).toBeUndefined())
    const writer = new FrameWriter(bytes => expect(reader.push(bytes)).toBeUndefined())
    const payload = encodePayload(`from ${peer}`)
    writer
      .begin(FRAME.reply, 5 + payload.length)
      .u32(carried.number)
      .u8(REPLY.result)
      .bytes(payload)
    writer.flush()
  }
  expect(await answer).toBe(`from ${OWNER}`)
})
