/** Behaviours have versions: specs name one, and it runs only where that very version is. */

import { expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'

const older = defineServer('greeter', { init: () => ({}), call: { greet: () => 'hello' } })
const newer = defineServer(
  'greeter',
  { init: () => ({}), call: { greet: () => 'good day' } },
  { version: '2' },
)
const stageOne = defineStage('stage', (n: number) => n + 1)
const stageTwo = defineStage('stage', (n: number) => n + 2, { version: '2' })

test('both versions run side by side, each where it is, and one that nobody has is refused', async () => {
  await using mesh = await simulate({
    behaviours: [older, stageOne],
    behavioursOf: { n2: [newer, stageTwo], n3: [older, newer, stageOne, stageTwo] },
  })
  await allSeeAll(mesh)
  const homesOf = (id: string): string[] =>
    mesh
      .node('n3')
      .snapshot()
      .specs.flatMap(spec => (spec.id === id ? spec.workers.map(({ node }) => node) : []))
  for (let index = 0; index < 12; index++) {
    const from = mesh.node('n3')
    const [one, two] = await mesh.settle(
      Promise.all([
        from.addWorker({ id: `one${index}`, run: older }),
        from.addWorker({ id: `two${index}`, run: newer }),
      ]),
    )
    expect(await mesh.settle(one.call.greet())).toBe('hello')
    expect(await mesh.settle(two.call.greet())).toBe('good day')
    expect(homesOf(`one${index}`)).not.toContain('n2')
    expect(homesOf(`two${index}`)).not.toContain('n1')
  }
  const chain = await mesh.settle(
    mesh.node('n3').addChain({
      id: 'c',
      stages: [
        { id: 'one', run: stageOne, workers: 2 },
        { id: 'two', run: stageTwo, workers: 2 },
      ],
    }),
  )
  expect(await mesh.settle(chain.call(1))).toBe(4)
  const third = defineServer('greeter', { init: () => ({}) }, { version: '3' })
  await expect(mesh.settle(mesh.node('n3').addWorker({ id: 'w', run: third }))).rejects.toMatchObject({
    name: 'BehaviourNotFoundError',
  })
})

test('a worker whose version is gone with its node is pending, and says which it wants', async () => {
  await using mesh = await simulate({ behaviours: [older], behavioursOf: { n2: [newer] } })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: newer }))
  mesh.crash('n2')
  const statusOf = () => mesh.node('n1').snapshot().specs[0]?.status
  await mesh.until('it waits', () => statusOf()?.kind === 'pending', 20_000)
  expect(statusOf()).toMatchObject({ reason: expect.stringContaining('greeter@2') })
  await mesh.start('n2')
  await mesh.until('it runs again', () => statusOf()?.kind === 'running', 20_000)
})
