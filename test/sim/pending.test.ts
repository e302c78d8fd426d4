/** What is declared before there is a node that can run it. */

import { expect, test } from 'vitest'

import { defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { notebook, reader } from '../input-workers.ts'
import { broken, counter, double, listener, odd, picky, slowly } from './behaviours.ts'
import { comeTo, early, hits, line, newer, statusAt } from './early.ts'

const declared = { until: 'declared' } as const
/** Longer than a node takes to leave that waits for nothing. */
const twoSeconds = defineStage('two-seconds', async (n: number, context) => {
  await context.sleep(2_000)
  return n + 1
})

test('what is declared before its nodes are there is pending, says what it wants, and runs when they come', async () => {
  await using mesh = await early([counter, newer, double])
  const node = mesh.node('n1')
  const atMs = mesh.nowMs
  const ref = await mesh.settle(node.addWorker(hits, declared))
  const group = await mesh.settle(node.addGroup(line, declared))
  const chain = await mesh.settle(node.addChain({ id: 'twice', stages: [{ run: double }] }, declared))
  expect(mesh.nowMs - atMs).toBeLessThan(100)
  expect(statusAt(mesh, 'n1', 'hits')).toEqual({
    kind: 'pending',
    reason: 'no live node has the behaviour "counter@1"',
  })
  expect(group.status).toEqual({
    kind: 'pending',
    reason: 'no live node has the behaviour "counter@1", the behaviour "counter@2"',
  })
  expect(chain.status).toMatchObject({ reason: 'no live node has the behaviour "double@1"' })
  await mesh.start('n2')
  for (const id of ['hits', 'line', 'twice']) await comeTo(mesh, id, 'running')
  expect(await mesh.settle(ref.call.add(2))).toBe(3)
  expect(await mesh.settle(group.member('b').call.get())).toBe(2)
  expect(await mesh.settle(chain.call(4))).toBe(8)
})

test.each(['local', 'one', 'majority', 'all'] as const)(
  'what is declared is acknowledged as it is asked for: %s',
  async ack => {
    await using mesh = await simulate({ behaviours: [], nodes: 4 })
    await allSeeAll(mesh)
    await mesh.settle(mesh.node('n1').addWorker(hits, { ...declared, ack }))
    const holders = mesh.ids.filter(id => statusAt(mesh, id, 'hits')?.kind === 'pending').length
    expect(holders).toBeGreaterThanOrEqual({ local: 1, one: 2, majority: 3, all: 4 }[ack])
    await comeTo(mesh, 'hits', 'pending')
    mesh.partition(['n1'], ['n2', 'n3', 'n4'])
    const adding = mesh
      .node('n1')
      .addWorker({ ...hits, id: 'more' }, { ...declared, ack, timeoutMs: 300 })
      .then(() => 'done')
    if (ack === 'local') return expect(await mesh.settle(adding)).toBe('done')
    await expect(mesh.settle(adding)).rejects.toMatchObject({ name: 'AckError' })
    expect(mesh.node('n1').findWorker('more')).toBeUndefined()
  },
)

test('whoever does not say so is told of a behaviour that nobody has, at once, and how to wait for it', async () => {
  await using mesh = await simulate({ behaviours: [double] })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const atMs = mesh.nowMs
  const refused = {
    name: 'BehaviourNotFoundError',
    message:
      'no live node has the behaviour "counter@1" (known: double@1): register its module with createNode({ behaviours }) of a node that takes work; ' +
      "where a node that can run it comes later, add it with { until: 'declared' }: it is pending until then",
  }
  await expect(mesh.settle(node.addWorker(hits))).rejects.toMatchObject(refused)
  await expect(mesh.settle(node.addWorker(hits, { until: 'running' }))).rejects.toMatchObject(refused)
  await expect(mesh.settle(node.addGroup(line))).rejects.toMatchObject(refused)
  const chain = await mesh.settle(node.addChain({ id: 'twice', stages: [{ run: double }] }))
  await expect(mesh.settle(chain.addStage({ run: odd }))).rejects.toMatchObject({
    name: 'BehaviourNotFoundError',
    behaviour: 'odd@1',
  })
  expect(node.snapshot().specs.map(({ id }) => id)).toEqual(['twice'])
  expect(mesh.nowMs - atMs).toBeLessThan(2_000)
})

test('what waits for a label is declared by the same word, and without it the error says so', async () => {
  await using mesh = await simulate({ behaviours: [counter], labelsOf: { n3: { gpu: 'yes' } } })
  await allSeeAll(mesh)
  mesh.crash('n3')
  const node = mesh.node('n1')
  await mesh.until('it is gone', () => mesh.node('n1').members().length === 2, 20_000)
  const placed = { ...hits, placement: { labels: { gpu: 'yes' } } }
  await expect(mesh.settle(node.addWorker(placed, { timeoutMs: 1_000 }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(
      /^the worker "hits" does not run after 1000 ms: .*gpu=yes.*until: 'declared'/,
    ),
  })
  expect(node.findWorker('hits')).toBeUndefined()
  await mesh.settle(node.addWorker(placed, declared))
  expect(statusAt(mesh, 'n1', 'hits')).toEqual({
    kind: 'pending',
    reason: 'no live node has the label gpu=yes',
  })
  await mesh.start('n3')
  await comeTo(mesh, 'hits', 'running')
})

test('what becomes of what is declared is in its status: also a start that fails', async () => {
  await using mesh = await simulate({ behaviours: [broken, counter] })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker({ id: 'bad', run: broken }, declared))
  await comeTo(mesh, 'bad', 'failed')
  expect(statusAt(mesh, 'n3', 'bad')).toMatchObject({ failure: { message: 'cannot start' } })
  const ref = await mesh.settle(node.addWorker(hits, declared))
  expect(await mesh.settle(ref.call.get())).toBe(1)
})

test('of two who declare one id at once, the one that loses is told', async () => {
  await using mesh = await simulate({ behaviours: [] })
  await allSeeAll(mesh)
  const adding = ['n1', 'n2'].map((name, index) =>
    mesh.node(name).addWorker({ ...hits, args: [index] }, { ...declared, ack: 'all' }),
  )
  expect(await mesh.settle(Promise.allSettled(adding))).toMatchObject([
    { status: 'rejected', reason: { name: 'SupersededError', id: 'hits' } },
    { status: 'fulfilled' },
  ])
})

test('one whose only node is lost is pending, and is not listed there any more, until it runs again', async () => {
  await using mesh = await early([counter])
  await mesh.start('n2')
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker(hits))
  const places = (): unknown[] => [
    node.listWorkers().flatMap(({ workers }) => workers.map(each => each.node)),
    node.snapshot().specs.flatMap(({ workers }) => workers.map(each => each.node)),
  ]
  expect(places()).toEqual([['n2'], ['n2']])
  mesh.crash('n2')
  await comeTo(mesh, 'hits', 'pending')
  expect(places()).toEqual([[], []])
  ref.cast.reset()
  await mesh.start('n2')
  await comeTo(mesh, 'hits', 'running')
  expect(places()).toEqual([['n2'], ['n2']])
  expect(await mesh.settle(ref.call.get())).toBe(0)
})

test('it is removed, stopped and restarted while it is pending', async () => {
  await using mesh = await early([counter, newer])
  const node = mesh.node('n1')
  const group = await mesh.settle(node.addGroup(line, declared))
  await mesh.settle(node.addWorker(hits, declared))
  await mesh.settle(group.stop())
  expect(group.status.kind).toBe('stopped')
  await expect(mesh.settle(group.restart({ timeoutMs: 500 }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringMatching(/no live node has the behaviour "counter@1", the behaviour "counter@2"$/),
  })
  expect(group.status.kind).toBe('pending')
  await mesh.settle(node.removeWorker('hits'))
  await mesh.start('n2')
  await comeTo(mesh, 'line', 'running')
  await mesh.run(2_000)
  expect(mesh.up.map(id => statusAt(mesh, id, 'hits'))).toEqual([undefined, undefined])
})

test('a version that comes with a rolling upgrade is waited for, and the older one goes on', async () => {
  await using mesh = await simulate({ behaviours: [counter], behavioursOf: { n3: [counter, newer] } })
  await allSeeAll(mesh)
  mesh.crash('n3')
  await mesh.until('it is gone', () => mesh.node('n1').members().length === 2, 20_000)
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker(hits))
  await mesh.settle(node.addWorker({ id: 'next', run: newer }, declared))
  expect(statusAt(mesh, 'n1', 'next')).toEqual({
    kind: 'pending',
    reason: 'no live node has the behaviour "counter@2" (but counter@1)',
  })
  await mesh.start('n3')
  await comeTo(mesh, 'next', 'running')
  expect(await mesh.settle(node.getWorker('hits', counter).call.get())).toBe(1)
  expect(await mesh.settle(node.getWorker('next', newer).call.get())).toBe(2)
})

test('what was declared by a node that is gone is still waited for, and runs again after its only node has restarted', async () => {
  await using mesh = await simulate({ behaviours: [], behavioursOf: { n3: [counter] } })
  await allSeeAll(mesh)
  mesh.crash('n3')
  await mesh.until('it is gone', () => mesh.node('n1').members().length === 2, 20_000)
  await mesh.settle(mesh.node('n1').addWorker(hits, { ...declared, ack: 'all' }))
  mesh.crash('n1')
  await mesh.start('n3')
  await comeTo(mesh, 'hits', 'running')
  const get = (): Promise<number> => mesh.settle(mesh.node('n2').getWorker('hits', counter).call.get())
  expect(await get()).toBe(1)
  mesh.crash('n3')
  await comeTo(mesh, 'hits', 'pending')
  await expect(get()).rejects.toMatchObject({ name: 'CallTimeoutError', maybeExecuted: false })
  await mesh.start('n3')
  await comeTo(mesh, 'hits', 'running')
  expect(await get()).toBe(1)
})

test('what waits in vain for what no node can run says so: a call, one of a member, an item and its place in a chain', async () => {
  await using mesh = await early([counter, double])
  const node = mesh.node('n1')
  const ref = await mesh.settle(node.addWorker(hits, declared))
  const group = await mesh.settle(node.addGroup(line, declared))
  const stages = [{ run: double }]
  const chain = await mesh.settle(node.addChain({ id: 'twice', windowItems: 1, stages }, declared))
  const limit = { timeoutMs: 200 }
  const lacking = 'no live node has the behaviour "counter@1"'
  await expect(mesh.settle(ref.with(limit).call.get())).rejects.toMatchObject({
    name: 'CallTimeoutError',
    message: `"hits" did not answer in 200 ms: "hits" is pending, ${lacking}`,
    maybeExecuted: false,
    pending: lacking,
  })
  await expect(mesh.settle(group.member('a').with(limit).call.get())).rejects.toMatchObject({
    message: `"line/a" did not answer in 200 ms: "line" is pending, ${lacking}, the behaviour "counter@2"`,
    pending: `${lacking}, the behaviour "counter@2"`,
  })
  await expect(mesh.settle(chain.call(4, limit))).rejects.toMatchObject({
    message:
      'chain "twice": no outcome in 200 ms; the item is still on its way, and "twice" is pending, no live node has the behaviour "double@1"',
    maybeExecuted: true,
    pending: 'no live node has the behaviour "double@1"',
  })
  await expect(mesh.settle(chain.send(5, limit))).rejects.toMatchObject({
    name: 'OverloadedError',
    message: expect.stringContaining(
      'in 200 ms: "twice" is pending, no live node has the behaviour "double@1"',
    ),
  })
  const late = ref.with({ timeoutMs: 60_000 }).call.get()
  await mesh.start('n2')
  expect(await mesh.settle(late)).toBe(1)
})

test('the input of a task waits with it', async () => {
  await using mesh = await early([reader], { of: { n1: [notebook] } })
  const node = mesh.node('n1')
  const book = await mesh.settle(node.addWorker({ id: 'book', run: notebook }))
  const input = (async function* () {
    yield* [1, 2, 3]
  })()
  await mesh.settle(node.addWorker({ id: 'import', run: reader, args: [-1, 0], input }, declared))
  await mesh.run(120_000)
  expect(await mesh.settle(book.call.notes())).toEqual([])
  await mesh.start('n2')
  await comeTo(mesh, 'import', 'done')
  expect(await mesh.settle(book.call.notes())).toEqual([1, 2, 3, 'end'])
})

test('a member that nobody can run yet waits, and its siblings go on, also through a crash of one', async () => {
  await using mesh = await early([listener, counter], { of: { n1: [listener] } })
  const siblings = ['x', 'y'].map(id => ({ id, run: listener }))
  const group = await mesh.settle(
    mesh.node('n1').addGroup({ id: 'line', strategy: 'one_for_all', members: siblings }),
  )
  const late = { id: 'late', run: counter, args: [1] } as const
  await expect(mesh.settle(group.addMember(late))).rejects.toMatchObject({ name: 'BehaviourNotFoundError' })
  expect(group.members().map(({ id }) => id)).toEqual(['x', 'y'])
  const ref = await mesh.settle(group.addMember(late, declared))
  expect(group.status).toEqual({ kind: 'pending', reason: 'no live node has the behaviour "counter@1"' })
  const kinds = (): string[] => group.members().flatMap(({ workers }) => workers.map(({ kind }) => kind))
  expect(kinds()).toEqual(['running', 'running', 'pending'])
  await mesh
    .settle(mesh.node('n1').getGroup<typeof siblings>('line').member('x').call.crash())
    .catch(() => {})
  await mesh.until('they are back', () => kinds().join() === 'running,running,pending', 5_000)
  await mesh.start('n2')
  await comeTo(mesh, 'line', 'running')
  expect(await mesh.settle(ref.call.get())).toBe(1)
})

test('a group starts as a whole: with a member that nobody can run yet, a restart waits for it', async () => {
  await using mesh = await early([listener, counter], { of: { n1: [listener] } })
  const members = [{ id: 'x', run: listener }] as const
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members }))
  await mesh.settle(group.addMember({ id: 'late', run: counter, args: [1] }, declared))
  await expect(mesh.settle(group.restart({ timeoutMs: 500 }))).rejects.toMatchObject({ name: 'StartError' })
  expect(group.members().map(({ workers }) => workers[0]?.kind)).toEqual(['pending', 'pending'])
  await mesh.start('n2')
  await comeTo(mesh, 'line', 'running')
})

test('without the member that nobody can run, the rest runs, whether that one is stopped or removed', async () => {
  await using mesh = await early([], { of: { n1: [counter] } })
  const group = await mesh.settle(mesh.node('n1').addGroup(line, declared))
  expect(group.status.kind).toBe('pending')
  await mesh.settle(group.removeMember('b'))
  await comeTo(mesh, 'line', 'running')
  await mesh.settle(group.addMember({ id: 'c', run: newer }, declared))
  await mesh.settle(group.stopMember('c'))
  await comeTo(mesh, 'line', 'running')
  await expect(mesh.settle(group.restartMember('c', { timeoutMs: 300 }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('no live node has the behaviour "counter@2" (but counter@1)'),
  })
  expect(group.members().map(({ id, workers }) => `${id} ${workers[0]?.kind}`)).toEqual([
    'a running',
    'c pending',
  ])
})

test('a member that is declared in a group that was given up starts with the group', async () => {
  await using mesh = await simulate({ behaviours: [listener] })
  await allSeeAll(mesh)
  const members = [{ id: 'x', run: listener }] as const
  const intensity = { restarts: 0, withinMs: 60_000 }
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'line', intensity, members }))
  await mesh.settle(group.member('x').call.crash()).catch(() => {})
  await comeTo(mesh, 'line', 'gave-up')
  await mesh.settle(group.addMember({ id: 'y', run: listener }, declared))
  expect(group.status.kind).toBe('gave-up')
  await mesh.settle(group.restart())
  expect(group.members().map(({ workers }) => workers[0]?.kind)).toEqual(['running', 'running'])
})

test.each([0, 1])(
  'items flow past a stage that nobody can run yet (at %i), and through it when it has come',
  async position => {
    await using mesh = await early([double, slowly], { of: { n1: [slowly] } })
    const node = mesh.node('n1')
    const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ id: 'one', run: slowly }] }))
    await expect(mesh.settle(chain.addStage({ id: 'two', run: double }))).rejects.toMatchObject({
      name: 'BehaviourNotFoundError',
    })
    await mesh.settle(chain.addStage({ id: 'two', run: double }, { ...declared, position }))
    expect(chain.status.kind).toBe('pending')
    const waiting = node.getChain<number>('c').call(3, { to: 'two' })
    expect(await mesh.settle(chain.call(1))).toBe(2)
    await mesh.start('n2')
    await comeTo(mesh, 'c', 'running')
    const outcomes = position === 0 ? [3, 7] : [4, 6]
    expect(await mesh.settle(Promise.all([chain.call(1), waiting]))).toEqual(outcomes)
  },
)

test('items wait in front of such a stage once another worker of the chain has started anew', async () => {
  await using mesh = await early([double, picky], { of: { n1: [picky] } })
  const node = mesh.node('n1')
  const spec = { id: 'c', attemptsMax: 1, stages: [{ id: 'one', run: picky }] } as const
  const chain = await mesh.settle(node.addChain(spec))
  await mesh.settle(chain.addStage({ id: 'two', run: double }, declared))
  await expect(mesh.settle(chain.call(13))).rejects.toThrow('not thirteen')
  const outcome = chain.call(2)
  let isDone = false
  void outcome.then(() => (isDone = true))
  await mesh.run(20_000)
  expect(isDone).toBe(false)
  await mesh.start('n2')
  expect(await mesh.settle(outcome)).toBe(4)
})

test('a node that stops while a stage of its chain is waited for loses nothing that flows', async () => {
  await using mesh = await simulate({ behaviours: [twoSeconds] })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ id: 'one', run: twoSeconds }] }))
  await mesh.settle(chain.addStage({ id: 'two', run: double }, declared))
  const outcome = chain.call(1)
  await mesh.run(5)
  const leaving = mesh.leave('n1')
  expect(await mesh.settle(outcome)).toBe(2)
  await mesh.settle(leaving)
})

test('what is none of the words, or is said of something else, is refused', async () => {
  await using mesh = await simulate({ behaviours: [counter, double] })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.addWorker(hits))
  const group = await mesh.settle(node.addGroup({ id: 'line', members: [{ ...hits, id: 'a' }] }))
  const chain = await mesh.settle(node.addChain({ id: 'twice', stages: [{ run: double }] }))
  const bad: object = { until: 'later' }
  const problems = [{ path: 'until', found: '"later"', wanted: 'one of running, declared' }]
  const adding = [
    node.addWorker({ ...hits, id: 'more' }, bad),
    group.addMember({ ...hits, id: 'b' }, bad),
    chain.addStage({ id: 'more', run: double }, bad),
  ]
  const refused = { status: 'rejected', reason: { name: 'OptionsError', problems } }
  expect(await mesh.settle(Promise.allSettled(adding))).toMatchObject(adding.map(() => refused))
  const good: object = declared
  const changing = [node.stopWorker('hits', good), group.restart(good), node.removeChain('twice', good)]
  expect(await mesh.settle(Promise.allSettled(changing))).toMatchObject(
    changing.map(() => ({ reason: { name: 'OptionsError', problems: [{ path: 'until' }] } })),
  )
  expect(node.snapshot().specs.map(({ status }) => status.kind)).toEqual(['running', 'running', 'running'])
})
