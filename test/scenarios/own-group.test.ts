/** What a worker can do to its own group, and where it has none. */

import { expect, test } from 'vitest'

import { defineServer } from '../../src/index.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const member = defineServer('member', {
  init: context => ({ context, heard: new Array<unknown>() }),
  call: {
    where: ({ context }) => ({
      node: context.node,
      group: context.group?.id,
      members: context.group?.members(),
    }),
    tellAll: (state, text: string) => state.context.getGroup().broadcast(text),
    tell: (state, other: string, text: string) => state.context.getGroup().send(other, text),
    tellAny: (state, text: string, group?: string) => state.context.getGroup(group).sendRandom(text),
    tellWorker: (state, id: string, text: string) => state.context.getWorker(id).send(text),
    ask: (state, other: string): Promise<unknown> =>
      state.context.getGroup().getMember(other, askable).call.heard(),
    heard: state => state.heard,
  },
  info: (state, message) => {
    state.heard.push(message)
  },
})
const askable = defineServer('askable', { init: () => ({}), call: { heard: (): unknown[] => [] } })

const IDS = ['a', 'b', 'c']

async function start(nodes: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes, behaviours: [member] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const members = IDS.map(id => ({ id, run: member }))
  await mesh.settle(node.addGroup({ id: 'line', members }))
  await mesh.settle(node.addGroup({ id: 'other', members }))
  await mesh.settle(node.addWorker({ id: 'alone', run: member }))
  return mesh
}

const heardBy = (mesh: SimulatedMesh, node: Node, id: string): Promise<unknown[]> =>
  mesh.settle(node.getWorker(id, member).call.heard())

const of = (node: Node, group: string, id: string) =>
  node.getGroup<{ readonly id: string; readonly run: typeof member }[]>(group).member(id)

test.each([1, 3])(
  '48: a member knows its group, sends to it, to any of it, and broadcasts, on %i nodes',
  async nodes => {
    await using mesh = await start(nodes)
    const node = mesh.node('n1')
    const a = of(node, 'line', 'a')
    const owner = node.getGroup('line').members()[0]?.workers[0]?.node
    expect(await mesh.settle(a.call.where())).toEqual({ node: owner, group: 'line', members: IDS })
    await mesh.settle(a.call.tell('b', 'to b'))
    await mesh.run(50)
    expect(await mesh.settle(of(node, 'line', 'b').call.heard())).toEqual(['to b'])
    expect(await mesh.settle(a.call.ask('b'))).toEqual(['to b'])
    await mesh.settle(a.call.tellAll('to all'))
    await mesh.run(50)
    const heard = await mesh.settle(Promise.all(IDS.map(id => of(node, 'line', id).call.heard())))
    expect(heard).toEqual([['to all'], ['to b', 'to all'], ['to all']])
    for (let n = 0; n < 50; n++) await mesh.settle(a.call.tellAny('to any'))
    await mesh.run(50)
    const counts = await mesh.settle(Promise.all(IDS.map(id => of(node, 'line', id).call.heard())))
    const any = counts.map(list => list.filter(text => text === 'to any').length)
    expect(any.reduce((sum, count) => sum + count)).toBe(50)
    expect(any.every(count => count > 0)).toBe(true)
    // Nobody else has heard anything of it.
    for (const id of IDS) expect(await mesh.settle(of(node, 'other', id).call.heard())).toEqual([])
    expect(await heardBy(mesh, node, 'alone')).toEqual([])
  },
)

test('48: outside of a group there is none, and asking for it is a clear error', async () => {
  await using mesh = await start(1)
  const node = mesh.node('n1')
  const alone = node.getWorker('alone', member)
  expect(await mesh.settle(alone.call.where())).toEqual({
    node: 'n1',
    group: undefined,
    members: undefined,
  })
  await expect(mesh.settle(alone.call.tellAll('x'))).rejects.toMatchObject({
    name: 'RemoteError',
    message: expect.stringContaining('NotInGroupError: "alone" is not the member of a group'),
  })
  await expect(mesh.settle(alone.call.tell('b', 'x'))).rejects.toMatchObject({
    message: expect.stringContaining('NotInGroupError'),
  })
  await expect(mesh.settle(alone.call.tellAny('x'))).rejects.toMatchObject({
    message: expect.stringContaining('NotInGroupError'),
  })
  await mesh.run(50)
  for (const id of IDS) expect(await mesh.settle(of(node, 'line', id).call.heard())).toEqual([])
  // It may name one, all the same.
  await mesh.settle(alone.call.tellAny('hello', 'line'))
  await mesh.settle(alone.call.tellWorker('line/b', 'by its id'))
  const heard = await mesh.settle(Promise.all(IDS.map(id => of(node, 'line', id).call.heard())))
  expect(heard.flat().toSorted()).toEqual(['by its id', 'hello'])
})

test('48: a message to a member or group that does not exist is an error of the sender', async () => {
  await using mesh = await start(1)
  const node = mesh.node('n1')
  await expect(mesh.settle(of(node, 'line', 'a').call.tell('nobody', 'x'))).rejects.toMatchObject({
    message: expect.stringContaining('NotFoundError: there is no member "line/nobody"'),
  })
  await expect(
    mesh.settle(node.getWorker('alone', member).call.tellAny('x', 'nowhere')),
  ).rejects.toMatchObject({
    message: expect.stringContaining('NotFoundError: there is no group "nowhere"'),
  })
})

// A group whose supervisor there is none of is, here, one of a node that has stopped.
test('48: once its node has stopped, a group that is known still is no way to anybody', async () => {
  await using mesh = await start(1)
  const node = mesh.node('n1')
  const line = node.getGroup('line')
  await mesh.settle(node.stop())
  const stopped = expect.objectContaining({ name: 'NodeStoppedError' })
  expect(() => node.getGroup('line')).toThrow(stopped)
  expect(() => line.broadcast('x')).toThrow(stopped)
  expect(() => line.sendRandom('x')).toThrow(stopped)
  expect(() => line.member('a').send('x')).toThrow(stopped)
})
