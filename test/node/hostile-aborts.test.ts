/** Whatever a signal aborts with: whoever waits is told at once, by an `AbortError`, and nothing else happens. */

import { afterAll, beforeAll, expect, test } from 'vitest'

import { AbortError, type Node, defineServer, defineStage } from '../../src/index.ts'
import { localNode } from '../local-node.ts'

const slow = defineServer('slow', {
  init: context => ({ context }),
  call: { wait: ({ context }) => context.sleep(60_000) },
})
const stuck = defineStage('stuck', (_item: number, context) => context.sleep(60_000))

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const reasons: [string, () => unknown][] = [
  ['a revoked proxy', revoked],
  [
    'a proxy without a prototype to look at',
    () =>
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error('hostile')
          },
        },
      ),
  ],
  [
    'an error whose message throws',
    () =>
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('hostile')
        },
      }),
  ],
]

const waits: [string, (node: Node, signal: AbortSignal) => Promise<unknown>][] = [
  ['a call', (node, signal) => node.getWorker('w', slow).with({ signal }).call.wait()],
  ['an item', (node, signal) => node.getChain('c').call(1, { signal })],
  [
    'a run',
    async (node, signal) => {
      for await (const _ of node.getChain('c').run([1], { signal }));
    },
  ],
]

const cases = reasons.flatMap(([reason, make]) =>
  waits.flatMap(([what, wait]) => [true, false].map(isBefore => ({ reason, what, isBefore, make, wait }))),
)

let node: Node

beforeAll(async () => {
  node = await localNode({ behaviours: [slow, stuck] })
  await node.addWorker({ id: 'w', run: slow, stopTimeoutMs: 0 })
  await node.addChain({ id: 'c', stages: [{ run: stuck, stopTimeoutMs: 0 }] })
})

afterAll(async () => {
  // What is on its way through it would be waited for.
  await node.removeChain('c')
  await node.stop()
})

test.each(cases)('$what, aborted with $reason, before: $isBefore', async ({ isBefore, make, wait }) => {
  const controller = new AbortController()
  if (isBefore) controller.abort(make())
  const waiting = expect(wait(node, controller.signal)).rejects.toBeInstanceOf(AbortError)
  if (!isBefore) setImmediate(() => controller.abort(make()))
  await waiting
})
