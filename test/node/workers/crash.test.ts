/** What a node still holds of a worker that has crashed. */

import { expect, test } from 'vitest'

import { defineServer } from '../../../src/index.ts'
import { simulate } from '../../../src/testing.ts'

// On virtual time: on a busy machine the turn of a real loop may be over before the next worker has answered.
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
  await using mesh = await simulate({ nodes: 1, behaviours: [fragile] })
  const node = mesh.node('n1')
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'm', run: fragile }] }))
  const answers: Promise<number>[] = []
  node.on('generation:run', () => answers.push(group.member('m').call.ping()))
  group.member('m').cast.crash()
  await mesh.until('it has started again', () => answers.length === 1)
  const [answer] = answers
  expect(await answer, 'nobody has looked when the next one answers').toBe(0)
  await mesh.until('somebody has looked', () => looks > 0)
  expect(looks).toBe(1)
})
