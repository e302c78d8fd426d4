/** A machine that loses power closes no session: nobody may wait for it any more when it is known to be dead. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import { simulate } from '../../src/testing.ts'

const plain = defineServer('plain', { init: () => ({}), call: { ping: () => 'pong' } })

test.each([1, 2, 3, 4])('nobody waits for the word of one that has been found dead: seed %d', async seed => {
  const conditions = { latencyMs: 20, jitterMs: 10 }
  await using mesh = await simulate({ seed, nodes: 5, behaviours: [plain], conditions })
  mesh.freeze('n5')
  await mesh.run(4_000)
  for (const name of ['n1', 'n2', 'n3', 'n4']) {
    const sinceMs = mesh.nowMs
    await mesh.settle(mesh.node(name).addWorker({ id: `of-${name}`, run: plain }))
    expect(mesh.nowMs - sinceMs, name).toBeLessThan(200)
  }
})
