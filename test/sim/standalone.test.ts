import { expect, test } from 'vitest'

import { nodeId } from '../../src/ids.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, broken, counter, double, echoTask } from './behaviours.ts'

const ownerOf = (mesh: SimulatedMesh, from: string, id: string): string | undefined =>
  mesh
    .node(from)
    .snapshot()
    .specs.find(spec => spec.id === id)?.workers[0]?.node

test('a worker is addressed by its id from any node, and its state is one', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const hits = await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [10] }))
  expect(await mesh.settle(hits.call.add(5))).toBe(15)
  for (const id of mesh.ids) {
    await mesh.until('the node has heard of it', () => ownerOf(mesh, id, 'hits') !== undefined)
    expect(await mesh.settle(mesh.node(id).getWorker('hits', counter).call.add(1))).toBeGreaterThan(15)
  }
  mesh.node('n2').getWorker('hits', counter).cast.reset()
  expect(await mesh.settle(mesh.node('n2').getWorker('hits', counter).call.get())).toBe(0)
})

test('a call that throws tells the caller what and whether it ran, and the worker restarts empty', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const hits = await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [10] }))
  await mesh.settle(hits.call.add(5))
  await expect(mesh.settle(hits.call.fail('too much'))).rejects.toMatchObject({
    name: 'RemoteError',
    maybeExecuted: true,
    message: 'RangeError: too much',
  })
  expect(await mesh.settle(hits.call.get())).toBe(10)
})

test('a function that the server does not have is an error of the caller, not a crash', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [10] }))
  for (const id of mesh.ids) {
    await mesh.until('the node has heard of it', () => ownerOf(mesh, id, 'hits') !== undefined)
    const call: unknown = Reflect.get(mesh.node(id).getWorker('hits').call, 'nope')
    const answer: unknown = typeof call === 'function' ? call() : undefined
    await expect(mesh.settle(Promise.resolve(answer))).rejects.toMatchObject({
      name: 'RemoteError',
      maybeExecuted: false,
    })
  }
  expect(await mesh.settle(mesh.node('n1').getWorker('hits', counter).call.get())).toBe(10)
})

test('when its node dies, a permanent worker runs on another one, a temporary one does not', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'stays', run: counter, args: [1] }))
  await mesh.settle(mesh.node('n1').addWorker({ id: 'goes', run: counter, args: [1], restart: 'temporary' }))
  for (const id of ['stays', 'goes']) {
    await mesh.until('all know where it runs', () =>
      mesh.ids.every(node => ownerOf(mesh, node, id) !== undefined),
    )
  }
  const dying = [ownerOf(mesh, 'n1', 'stays'), ownerOf(mesh, 'n1', 'goes')].filter(id => id !== undefined)
  const [survivor = ''] = mesh.ids.filter(id => !dying.includes(id))
  for (const id of new Set(dying)) mesh.crash(id)
  await mesh.until('the permanent one runs again', () => ownerOf(mesh, survivor, 'stays') === survivor, 5_000)
  expect(await mesh.settle(mesh.node(survivor).getWorker('stays', counter).call.get())).toBe(1)
  await mesh.run(2_000)
  const status = mesh
    .node(survivor)
    .snapshot()
    .specs.find(spec => spec.id === 'goes')?.status
  expect(status).toMatchObject({ kind: 'done', failure: { name: 'NodeLost' } })
})

test.each([0.25, 0.6, 2])(
  'a worker whose only node is gone runs on one that can have it and comes %f lives of a tombstone later',
  async lives => {
    const tombstoneMs = 20_000
    await using mesh = await simulate({
      behaviours: all,
      behavioursOf: { n1: [] },
      timings: { tombstoneMs },
    })
    await allSeeAll(mesh)
    mesh.crash('n3')
    await mesh.settle(mesh.node('n2').addWorker({ id: 'hits', run: counter, args: [10] }))
    await mesh.until('n1 has heard of it', () => ownerOf(mesh, 'n1', 'hits') === 'n2')
    mesh.crash('n2')
    await mesh.run(lives * tombstoneMs)
    await mesh.start('n3')
    await mesh.until('it runs there', () => ownerOf(mesh, 'n1', 'hits') === 'n3', 5_000)
    expect(await mesh.settle(mesh.node('n1').getWorker('hits', counter).call.get())).toBe(10)
  },
)

test('a call on its way when the node dies fails at once, and says that it may have run', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  const owner = ownerOf(mesh, 'n1', 'hits') ?? ''
  const [caller = ''] = mesh.ids.filter(id => id !== owner)
  await mesh.until('the caller knows it', () => ownerOf(mesh, caller, 'hits') === owner)
  const startMs = mesh.nowMs
  const call = mesh.node(caller).getWorker('hits', counter).call.get()
  mesh.crash(owner)
  await expect(mesh.settle(call)).rejects.toMatchObject({ name: 'NodeLostError', maybeExecuted: true })
  expect(mesh.nowMs - startMs).toBeLessThan(100)
})

test('a worker that cannot start is an error, and nothing is left of it', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await expect(mesh.settle(node.addWorker({ id: 'broken', run: broken, args: [] }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('cannot start'),
  })
  expect(() => node.getWorker('broken')).toThrow(/no worker "broken"/)
  await mesh.settle(node.addWorker({ id: 'broken', run: counter, args: [3] }))
  expect(await mesh.settle(node.getWorker('broken', counter).call.get())).toBe(3)
})

test('a worker that crashes again and again is given up, with the reason', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const intensity = { restarts: 3, withinMs: 60_000 }
  const hits = await mesh.settle(node.addWorker({ id: 'hits', run: counter, args: [1], intensity }))
  for (let times = 0; times < 4; times++) {
    await expect(mesh.settle(hits.call.fail('again'))).rejects.toMatchObject({ name: 'RemoteError' })
  }
  await mesh.run(100)
  const [spec] = node.snapshot().specs
  expect(spec?.status).toMatchObject({
    kind: 'gave-up',
    failure: { name: 'RangeError', message: 'again' },
  })
  await expect(mesh.settle(hits.call.get())).rejects.toMatchObject({
    name: 'WorkerExitedError',
    maybeExecuted: false,
  })
})

test('an id is taken once in the whole mesh; removed, it is free again', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  await mesh.until('n2 has heard of it', () => ownerOf(mesh, 'n2', 'hits') !== undefined)
  await expect(
    mesh.settle(mesh.node('n2').addChain({ id: 'hits', stages: [{ run: double }] })),
  ).rejects.toMatchObject({
    name: 'AlreadyExistsError',
  })
  await mesh.settle(mesh.node('n2').removeWorker('hits'))
  expect(() => mesh.node('n2').getWorker('hits')).toThrow(/no worker "hits"/)
  const chain = await mesh.settle(mesh.node('n2').addChain({ id: 'hits', stages: [{ run: double }] }))
  expect(await mesh.settle(chain.call(4))).toBe(8)
})

test('a behaviour that nobody has is refused, with what there is', async () => {
  await using mesh = await simulate({ behaviours: [counter] })
  await allSeeAll(mesh)
  await expect(
    mesh.settle(mesh.node('n1').addChain({ id: 'c', stages: [{ run: double }] })),
  ).rejects.toMatchObject({
    name: 'BehaviourNotFoundError',
    message: expect.stringContaining('counter@1'),
  })
})

test('a worker is only placed where its behaviour is', async () => {
  await using mesh = await simulate({ behaviours: [double], behavioursOf: { n3: [double, counter] } })
  await allSeeAll(mesh)
  for (let index = 0; index < 8; index++) {
    await mesh.settle(mesh.node('n1').addWorker({ id: `w${index}`, run: counter, args: [0] }))
    expect(ownerOf(mesh, 'n1', `w${index}`)).toBe(nodeId('n3'))
  }
})

test('a task reads its messages, and ends when it is removed', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: all })
  const heard: string[] = []
  const task = await mesh.settle(mesh.node('n1').addWorker({ id: 'task', run: echoTask, args: ['hello'] }))
  task.send({ to: heard })
  await mesh.until('it has answered', () => heard.length === 1)
  expect(heard).toEqual(['hello'])
  await mesh.settle(mesh.node('n1').removeWorker('task'))
})

test('a node that leaves says so: its work is taken over without suspicion', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  const owner = ownerOf(mesh, 'n1', 'hits') ?? ''
  const [other = ''] = mesh.ids.filter(id => id !== owner)
  const seen: string[] = []
  for (const kind of ['member:suspect', 'member:dead', 'member:leave'] as const) {
    mesh.node(other).on(kind, () => seen.push(kind))
  }
  await mesh.stop(owner)
  await mesh.until('it runs elsewhere', () => (ownerOf(mesh, other, 'hits') ?? owner) !== owner, 1_000)
  expect(seen).toEqual(['member:leave'])
})
