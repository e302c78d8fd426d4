/** What a node still holds of a worker that has crashed. */

import { randomUUID } from 'node:crypto'

import { expect, test, vi } from 'vitest'

import { createNode, defineServer } from '../../../src/index.ts'

/** Generous: the machine may be busy. */
const WAIT = { timeout: 10_000 }

test('the stack of a crash is written out soon after the restart, so that nothing holds on to the error', async () => {
  let looks = 0
  const fragile = defineServer('fragile', {
    init: () => ({}),
    call: { ping: () => looks },
    cast: {
      crash: () => {
        throw Object.defineProperty(new Error('told to'), 'stack', { get: () => `look ${++looks}` })
      },
    },
  })
  await using node = await createNode({
    cluster: randomUUID(),
    behaviours: [fragile],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false },
    logger: false,
  })
  const group = await node.addGroup({ id: 'g', members: [{ id: 'm', run: fragile }] })
  const answers: Promise<number>[] = []
  node.on('generation:run', () => answers.push(group.member('m').call.ping()))
  group.member('m').cast.crash()
  await vi.waitFor(() => expect(answers).toHaveLength(1), WAIT)
  expect(await answers[0], 'nobody has looked when the next one answers').toBe(0)
  await vi.waitFor(() => expect(looks).toBe(1), WAIT)
})
