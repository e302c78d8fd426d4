/** Several nodes change the members of one group, or the stages of one chain, at once: none of it is lost. */

import { expect, test } from 'vitest'

import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { double, listener } from './behaviours.ts'

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index + 1}`)

async function meshOf(nodes: number): Promise<SimulatedMesh> {
  const mesh = await simulate({ nodes: ids(nodes), behaviours: [listener, double] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const members = [{ id: 'base', run: listener, args: [] }] as const
  await mesh.settle(node.addGroup({ id: 'line', strategy: 'one_for_one', members }))
  await mesh.settle(
    node.addChain({ id: 'pipe', strategy: 'one_for_one', stages: [{ id: 's0', run: double }] }),
  )
  await mesh.run(3_000)
  return mesh
}

/** The names of the parts, as each node lists them: all the same. */
function listed(mesh: SimulatedMesh, kind: 'group' | 'chain'): string[] {
  const lists = mesh.ids.map(id => {
    const node = mesh.node(id)
    return (kind === 'group' ? node.getGroup('line').members() : node.getChain('pipe').stages()).map(
      part => part.id,
    )
  })
  for (const list of lists) expect(list).toEqual(lists[0])
  return lists[0] ?? []
}

const NAMES = ids(6).flatMap(node => [0, 1, 2, 3].map(n => `${node}-${n}`))
const byOf = (name: string): string => name.split('-')[0] ?? ''

test.each(['declared', 'running'] as const)('what six nodes add at once is there, until %s', async until => {
  await using mesh = await meshOf(6)
  const group = (name: string) => mesh.node(byOf(name)).getGroup('line')
  await mesh.settle(
    Promise.all(NAMES.map(id => group(id).addMember({ id, run: listener, args: [] }, { until }))),
    60_000,
  )
  await mesh.run(2_000)
  expect(listed(mesh, 'group').toSorted()).toEqual(['base', ...NAMES].toSorted())
  await mesh.settle(Promise.all(NAMES.map(id => group(id).removeMember(id))), 60_000)
  await mesh.run(2_000)
  expect(listed(mesh, 'group')).toEqual(['base'])
})

test('stages that six nodes add at once are there, and in one order', async () => {
  await using mesh = await meshOf(6)
  const add = (id: string) =>
    mesh
      .node(byOf(id))
      .getChain('pipe')
      .addStage({ id, run: double }, { position: Number(id.split('-')[1]) % 2 })
  await mesh.settle(Promise.all(NAMES.map(add)), 60_000)
  await mesh.run(2_000)
  expect(listed(mesh, 'chain').toSorted()).toEqual(['s0', ...NAMES].toSorted())
})

// Each side does what it is asked for, and its callers are told so: when they meet, all of it holds.
test('what both sides of a partition have changed holds when they meet', async () => {
  await using mesh = await meshOf(4)
  const group = (node: string) => mesh.node(node).getGroup('line')
  const member = (id: string) => ({ id, run: listener, args: [] as const })
  for (const id of ['a', 'b', 'c', 'd']) await mesh.settle(group('n1').addMember(member(id)))
  await mesh.run(2_000)
  mesh.partition(['n1', 'n2'], ['n3', 'n4'])
  await mesh.until('they are apart', () => mesh.node('n1').members().length === 2, 60_000)
  await mesh.settle(group('n1').removeMember('a'))
  await mesh.settle(group('n3').addMember(member('x')))
  await mesh.settle(group('n4').stopMember('b'))
  await mesh.settle(group('n2').addMember(member('y')))
  await mesh.settle(group('n3').restartMember('c'))
  await mesh.settle(group('n1').restart())
  mesh.heal()
  await mesh.until('they have met', () => mesh.node('n1').members().length === 4, 60_000)
  await mesh.run(20_000)
  expect(listed(mesh, 'group').toSorted()).toEqual(['b', 'base', 'c', 'd', 'x', 'y'])
  for (const id of mesh.ids) {
    const kinds = group(id)
      .members()
      .map(each => [each.id, each.workers[0]?.kind])
    expect(Object.fromEntries(kinds)).toMatchObject({
      b: 'stopped',
      c: 'running',
      x: 'running',
      y: 'running',
    })
  }
})

test.each(['stop', 'remove', 'restart'] as const)(
  'the %s of the whole, and what others do with a part at the same time, are both done',
  async what => {
    await using mesh = await meshOf(3)
    const [one, other] = [mesh.node('n1').getGroup('line'), mesh.node('n2').getGroup('line')]
    const added = other.addMember({ id: 'x', run: listener, args: [] }, { until: 'declared' }).then(
      () => 'added',
      (error: Error) => error.name,
    )
    await mesh.settle(
      what === 'restart' ? one.restart() : what === 'stop' ? one.stop() : mesh.node('n1').removeGroup('line'),
    )
    expect(await mesh.settle(added)).toBe(what === 'remove' ? 'NotFoundError' : 'added')
    await mesh.run(2_000)
    if (what === 'remove') for (const id of mesh.ids) expect(mesh.node(id).findGroup('line')).toBeUndefined()
    else expect(listed(mesh, 'group')).toEqual(['base', 'x'])
    if (what !== 'remove') expect(other.status.kind).toBe(what === 'stop' ? 'stopped' : 'running')
  },
)

test('a chain whose stages are all removed at once keeps one of them, and goes on with it', async () => {
  await using mesh = await meshOf(3)
  const pipe = (node: string) => mesh.node(node).getChain<number, number>('pipe')
  await mesh.settle(pipe('n1').addStage({ id: 's1', run: double }))
  await mesh.run(2_000)
  await mesh.settle(Promise.all([pipe('n1').removeStage('s0'), pipe('n2').removeStage('s1')]), 60_000)
  await mesh.run(2_000)
  expect(listed(mesh, 'chain')).toHaveLength(1)
  for (const id of mesh.ids) expect(await mesh.settle(pipe(id).call(3))).toBe(6)
})

// What is heard in one step is told one after the other: whoever listens may change what has changed, and was not told of.
test('a listener that changes a group undoes nothing that has come with what it is told', async () => {
  await using mesh = await meshOf(3)
  const group = (node: string, id = 'line') => mesh.node(node).getGroup(id)
  const member = (id: string) => ({ id, run: listener, args: [] as const })
  await mesh.settle(
    mesh.node('n1').addGroup({ id: 'bell', strategy: 'one_for_one', members: [member('base')] }),
  )
  await mesh.run(3_000)
  const edits = new Map<string, Promise<unknown>>()
  for (const id of mesh.ids)
    mesh.node(id).on('generation:change', event => {
      if (event.id === 'bell' && !edits.has(id)) edits.set(id, group(id).addMember(member(`by-${id}`)))
    })
  await mesh.settle(Promise.all(['bell', 'line'].map(id => group('n2', id).addMember(member('x')))))
  await mesh.settle(Promise.all(edits.values()))
  await mesh.run(2_000)
  expect(listed(mesh, 'group').toSorted()).toEqual(['base', 'by-n1', 'by-n2', 'by-n3', 'x'])
})

test.each([
  ['stops', undefined],
  ['stops', 'all'],
  ['removes', undefined],
  ['removes', 'all'],
] as const)(
  'a listener that %s a group which was removed in what it is told does not remove what was declared in its place: ack %s',
  async (what, ack) => {
    await using mesh = await meshOf(3)
    const member = (id: string) => ({ id, run: listener, args: [] as const })
    const bell = { id: 'bell', strategy: 'one_for_one', members: [member('base')] } as const
    await mesh.settle(mesh.node('n1').addGroup(bell))
    await mesh.run(3_000)
    // Whoever has removed it has told the others: there is nothing that they could confirm here.
    const end = (node: Node): Promise<void> =>
      what === 'stops' ? node.getGroup('line').stop({ ack }) : node.removeGroup('line', { ack })
    const stops = new Map<string, Promise<void>>()
    for (const id of ['n1', 'n3'])
      mesh.node(id).on('generation:change', event => {
        if (event.id === 'bell' && !stops.has(id)) stops.set(id, end(mesh.node(id)))
      })
    const node = mesh.node('n2')
    const ringing = node.getGroup('bell').addMember(member('x'))
    const removal = node.removeGroup('line')
    await mesh.run(0)
    const again = node.addGroup({ id: 'line', strategy: 'one_for_one', members: [member('again')] })
    await mesh.settle(Promise.all([ringing, removal, again]))
    await mesh.settle(Promise.all(stops.values()))
    await mesh.run(2_000)
    expect(listed(mesh, 'group')).toEqual(['again'])
  },
)

test('a stage that a listener adds behind all others is behind those that it was not told of yet', async () => {
  await using mesh = await meshOf(3)
  const node = mesh.node('n2')
  const group = node.getGroup('line')
  const pipe = (id: string) => mesh.node(id).getChain('pipe')
  const adding = new Map<string, Promise<void>>()
  for (const id of mesh.ids)
    mesh.node(id).on('generation:change', event => {
      if (event.id === 'line' && !adding.has(id))
        adding.set(id, pipe(id).addStage({ id: `by-${id}`, run: double }))
    })
  const stage = { id: 'x', run: double }
  await mesh.settle(
    Promise.all([group.addMember({ id: 'x', run: listener, args: [] }), pipe('n2').addStage(stage)]),
  )
  await mesh.settle(Promise.all(adding.values()))
  await mesh.run(2_000)
  expect(listed(mesh, 'chain').slice(0, 2)).toEqual(['s0', 'x'])
})

test('two stages that were put in one place at once stay in their order, whatever is done to one of them', async () => {
  await using mesh = await meshOf(3)
  const pipe = (node: string) => mesh.node(node).getChain('pipe')
  const add = (node: string, id: string) => pipe(node).addStage({ id, run: double }, { position: 1 })
  await mesh.settle(Promise.all([add('n1', 'a'), add('n2', 'b'), add('n3', 'c')]))
  await mesh.run(2_000)
  const order = listed(mesh, 'chain')
  for (const id of order) {
    await mesh.settle(pipe('n1').restartStage(id))
    await mesh.run(2_000)
    expect(listed(mesh, 'chain')).toEqual(order)
  }
  // And there is room between them.
  await mesh.settle(pipe('n2').addStage({ id: 'd', run: double }, { position: 2 }))
  await mesh.run(2_000)
  expect(listed(mesh, 'chain')).toEqual(order.toSpliced(2, 0, 'd'))
})

test('where so many stages were put in one place that there is none between two any more, who adds one is told', async () => {
  await using mesh = await meshOf(2)
  const pipe = mesh.node('n1').getChain('pipe')
  const how = { until: 'declared', ack: 'local' } as const
  await mesh.settle(pipe.addStage({ id: 'last', run: double }, how))
  // Before the last one, again and again: of those that were added, only the latest stays.
  const refused = new Set<unknown>()
  for (let round = 0; round < 80 && refused.size === 0; round++) {
    const added = Array.from({ length: 50 }, (_, n) => `s-${round}-${n}`)
    const before = pipe.stages().length - 1
    const adding = added.map((id, n) => pipe.addStage({ id, run: double }, { ...how, position: before + n }))
    for (const each of await mesh.settle(Promise.allSettled(adding)))
      if (each.status === 'rejected') refused.add(each.reason)
    const gone = refused.size > 0 ? [] : added.slice(0, -1)
    await mesh.settle(Promise.all(gone.map(id => pipe.removeStage(id, { ack: 'local' }))))
  }
  expect([...refused][0]).toMatchObject({
    name: 'OptionsError',
    problems: [{ wanted: expect.stringMatching('another position') }],
  })
  // What was written before is taken in by others, and elsewhere there is room.
  await mesh.settle(pipe.addStage({ id: 'more', run: double }))
  await mesh.run(5_000)
  expect(listed(mesh, 'chain').at(-1)).toBe('more')
})

// Each is within what is allowed, and what they come to is not: a node that refused the row would be cut off from its mesh.
test('stages of which there are too many only when two sides meet wait until somebody removes one', async () => {
  await using mesh = await simulate({ nodes: ids(2), behaviours: [listener] })
  await mesh.settle(mesh.node('n1').formed(2))
  const stage = (id: string) => ({ id, run: double, workers: 256 })
  const until = { until: 'declared', ack: 'local' } as const
  await mesh.settle(mesh.node('n1').addChain({ id: 'pipe', stages: [stage('s0')] }, { until: 'declared' }))
  await mesh.run(1_000)
  mesh.partition(['n1'], ['n2'])
  await mesh.run(5_000)
  const add = (node: string, id: string) => mesh.node(node).getChain('pipe').addStage(stage(id), until)
  await mesh.settle(Promise.all([add('n1', 'a'), add('n2', 'b')]))
  await mesh.settle(add('n1', 'c'))
  mesh.heal()
  await mesh.run(15_000)
  const stood = () => mesh.ids.map(id => mesh.node(id).getChain('pipe').status)
  const reason = expect.stringMatching(/^it has 196608 ways .* 131072 are allowed/)
  expect(stood()).toEqual([
    { kind: 'pending', reason },
    { kind: 'pending', reason },
  ])
  expect(mesh.ids.map(id => mesh.node(id).snapshot().border.violations)).toEqual([0, 0])
  await mesh.settle(mesh.node('n2').getChain('pipe').removeStage('c'))
  await mesh.run(1_000)
  const lacks = { kind: 'pending', reason: 'no live node has the behaviour "double@1"' }
  expect(stood()).toEqual([lacks, lacks])
})
