/** Who waits for what is kept for a worker that is moving. */

import { expect, test } from 'vitest'

import { VirtualClock } from '../../src/io/memory/virtual-clock.ts'
import { nodeId, slotId, specId } from '../../src/ids.ts'
import { MAILBOX_LIMITS } from '../../src/node/messaging/mailbox.ts'
import { Outbox } from '../../src/node/messaging/outbox.ts'
import { pack } from '../../src/node/messaging/packed.ts'
import { Router } from '../../src/node/messaging/router.ts'
import { RUNNING, STARTING } from '../../src/node/supervision/spec-status.ts'
import type { Claim } from '../../src/protocol/claim.ts'
import { NO_ORIGIN } from '../../src/protocol/request.ts'
import { STANDALONE } from './supervision/core-bench.ts'

const ID = specId('w')
const SLOT = slotId(ID)
const CLAIM: Claim = {
  slot: SLOT,
  generation: 2,
  owner: { id: nodeId('n2'), boot: 1 },
  score: 7,
  seq: 1,
  state: 'running',
  specVersion: { ms: 1, count: 0, node: nodeId('n1') },
  restarts: [],
  failures: [],
}

/** One that keeps a message for the worker after the first of its generations, and what it does, as it does it. */
function outboxOfNode() {
  const clock = new VirtualClock()
  const router = new Router()
  router.followSpec(ID, STANDALONE)
  router.followStatus(ID, STARTING)
  const done: string[] = []
  const outbox = new Outbox({
    router,
    clock: clock.fork(),
    isConnected: () => true,
    dispatch: () => done.push('sent'),
    onDropped: () => done.push('dropped'),
    onFull: () => done.push('full'),
  })
  outbox.keep(SLOT, pack({ kind: 'message', message: 'hello', origin: NO_ORIGIN, bytes: undefined }), {
    number: 1,
    tag: 7,
  })
  const wait = (): void => outbox.whenSent(SLOT, () => done.push('told'))
  return { clock, router, outbox, done, wait }
}

test('nobody waits where nothing is kept', () => {
  const { outbox } = outboxOfNode()
  let isTold = false
  outbox.whenSent(slotId(specId('other')), () => (isTold = true))
  expect(isTold).toBe(true)
})

test('whoever waits is told once, after what is kept has been sent', async () => {
  const { clock, router, done, wait } = outboxOfNode()
  wait()
  await clock.run(900)
  expect(done).toEqual([])
  router.followStatus(ID, RUNNING)
  router.followClaim(CLAIM)
  expect(done).toEqual(['sent', 'told'])
  await clock.run(10_000)
  expect(done).toEqual(['sent', 'told'])
})

test('nobody waits for longer than a second, nor is told a second time', async () => {
  const { clock, router, done, wait } = outboxOfNode()
  wait()
  await clock.run(1_000)
  expect(done).toEqual(['told'])
  router.followClaim(CLAIM)
  expect(done).toEqual(['told', 'sent'])
})

test('whoever waits is told when what is kept has nowhere to go', () => {
  const { router, done, wait } = outboxOfNode()
  wait()
  router.followSpec(ID, undefined)
  router.followStatus(ID, { kind: 'stopped' })
  expect(done).toEqual(['dropped', 'told'])
})

test('no more wait than a mailbox has room for', () => {
  const { done, wait } = outboxOfNode()
  for (let n = 0; n < MAILBOX_LIMITS.messages; n++) wait()
  expect(done).toEqual([])
  wait()
  expect(done).toEqual(['told'])
})
