/** Options of methods that are none. */

import { expect, test } from 'vitest'

import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

const plain = defineServer('plain', { init: () => ({}) })
const shout = defineStage('shout', (text: string) => text.toUpperCase())

test('what is declared, changed or removed says which acks there are', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [plain, shout] })
  const node = mesh.node('n1')
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'b', run: plain }] }))
  const bad: object = { ack: 'everybody' }
  const asks: (() => Promise<unknown>)[] = [
    () => node.addWorker({ run: plain }, bad),
    () => node.removeGroup(group.id, bad),
    () => node.stopGroup(group.id, bad),
    () => node.restartGroup(group.id, bad),
    () => group.restartMember('b', bad),
  ]
  for (const ask of asks) {
    await expect(mesh.settle(ask())).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [{ path: 'ack', found: '"everybody"', wanted: 'one of local, one, majority, all' }],
    })
  }
})

test('a stage is added in front of another one, or behind the last: any other place is refused, with all else', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [plain, shout] })
  const node = mesh.node('n1')
  const made = await mesh.settle(node.addChain({ id: 'placed', stages: [{ run: shout }] }))
  for (const position of [-7, 2, 99, 0.5, Number.NaN, '0', null]) {
    const options: object = { position, timeoutMs: -1 }
    const place = { path: 'position', wanted: 'a whole number from 0 to 1' }
    const time = { path: 'timeoutMs', found: '-1' }
    await expect(mesh.settle(made.addStage({ id: 'more', run: shout }, options))).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [time, place],
    })
    await expect(
      mesh.settle(made.addStage({ id: 'more', run: shout, workers: 0 }, options)),
    ).rejects.toMatchObject({ name: 'OptionsError', problems: [{ path: 'workers' }, time, place] })
  }
  expect(made.stages()).toHaveLength(1)
  await mesh.settle(made.addStage({ id: 'last', run: shout }, { position: 1 }))
  await mesh.settle(made.addStage({ id: 'first', run: shout }, { position: 0 }))
  expect(made.stages().map(({ id }) => id)).toEqual(['first', 'shout', 'last'])
})

test('a number of nodes that no mesh can have is not waited for', async () => {
  await using mesh = await simulate({ nodes: 1 })
  const node = mesh.node('n1')
  for (const bad of [0, -1, 1.5, Number.NaN, Infinity, 10_001]) {
    await expect(mesh.settle(node.formed(bad, { timeoutMs: -1 }))).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [
        { path: 'count', found: String(bad), wanted: 'a whole number from 1 to 10_000' },
        { path: 'timeoutMs' },
      ],
    })
  }
  const noNumber: unknown[] = ['2', null, undefined, {}]
  for (const bad of noNumber) {
    const asked: Promise<unknown> = Reflect.apply(node.formed, node, [bad])
    await expect(mesh.settle(asked)).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [{ path: 'count' }],
    })
  }
  await mesh.settle(node.formed(1))
})

test('conditions that no network can have are refused, whenever they are set', async () => {
  await using mesh = await simulate({ nodes: 1 })
  const bad = { latencyMs: -1, bytesPerMs: 0, packetLoss: 2 }
  expect(() => mesh.setConditions(bad)).toThrow(/latencyMs.*bytesPerMs.*packetLoss/s)
  mesh.setConditions({ bytesPerMs: 1 })
})
