/** Calls that wait for a way to their worker. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId, slotId, specId } from '../../src/ids.ts'
import { Calls } from '../../src/node/messaging/calls.ts'
import { Deadlocks } from '../../src/node/messaging/deadlocks.ts'
import { Post } from '../../src/node/messaging/post.ts'
import { Router } from '../../src/node/messaging/router.ts'
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
  const carried = { isApart: true, tries: 0 }
  const carrier = {
    carry: () => {
      carried.tries += 1
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
