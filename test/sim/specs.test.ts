/** The store of specs: who has taken in what, two who declare at once, and what was removed and must stay so. */

import { expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { allSeeAll } from './all-see-all.ts'
import { all, counter, double } from './behaviours.ts'

const specAt = (mesh: SimulatedMesh, node: string, id: string) =>
  mesh
    .node(node)
    .snapshot()
    .specs.find(spec => spec.id === id)

const rowsOf = (mesh: SimulatedMesh, node: string) => mesh.node(node).inspect().core.ledger.tables

test('I13: what is declared is known to another node, and outlives the one that declared it', async () => {
  // Some of them belong to the node that declares them: those run there as soon as it says so.
  for (const seed of [1, 2, 3, 4, 5]) {
    await using mesh = await simulate({ seed, behaviours: all })
    await allSeeAll(mesh)
    const id = `hits${seed}`
    await mesh.settle(mesh.node('n1').addWorker({ id, run: counter, args: [1] }, { ack: 'one' }))
    mesh.crash('n1')
    const runs = (): boolean => {
      const { status, workers } = specAt(mesh, 'n2', id) ?? {}
      return status?.kind === 'running' && workers?.[0]?.node !== 'n1'
    }
    await mesh.until('it runs', runs, 5_000)
    expect(await mesh.settle(mesh.node('n2').getWorker(id, counter).call.get())).toBe(1)
  }
})

test('I13: a node that hears nothing from the others for a while waits until one of them has it', async () => {
  await using mesh = await simulate({ behaviours: all, labelsOf: { n1: { home: 'yes' } } })
  await allSeeAll(mesh)
  // Nothing is lost, but everything takes 300 ms: half a second is over before anybody has answered.
  mesh.setConditions({ latencyMs: 300, jitterMs: 0 })
  // Where it runs is not waited for.
  const placement = { labels: { home: 'yes' } }
  const adding = mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1], placement })
  let isDone = false
  void adding.then(() => (isDone = true))
  await mesh.run(550)
  expect(isDone).toBe(false)
  await mesh.settle(adding)
  expect(mesh.ids.filter(id => rowsOf(mesh, id).specs.get('hits') !== undefined).length).toBeGreaterThan(1)
})

test('ack: all waits no longer for one that is dead', async () => {
  await using mesh = await simulate({ seed: 7, behaviours: all })
  await allSeeAll(mesh)
  mesh.freeze('n3')
  const adding = ['w0', 'w1', 'w2', 'w3'].map(id =>
    mesh.node('n1').addWorker({ id, run: counter, args: [1] }, { ack: 'all', timeoutMs: 20_000 }),
  )
  await mesh.run(500)
  mesh.crash('n3')
  await mesh.until('n3 is dead', () => mesh.node('n1').members().length === 2, 10_000)
  const atMs = mesh.nowMs
  await mesh.settle(Promise.all(adding))
  expect(mesh.nowMs - atMs).toBeLessThan(1_000)
})

test('ack: local waits for nobody, a minority never has a majority, all means all', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  mesh.partition(['n1'], ['n2', 'n3'])
  const node = mesh.node('n1')
  const atMs = mesh.nowMs
  for (const ack of ['majority', 'all'] as const) {
    const adding = node.addWorker({ id: ack, run: counter, args: [1] }, { ack, timeoutMs: 300 })
    await expect(mesh.settle(adding)).rejects.toMatchObject({
      name: 'AckError',
      message: `only 0 other nodes have confirmed "${ack}" within 300 ms, not: ${ack}; what was to be added was taken back`,
    })
    expect(node.findWorker(ack)).toBeUndefined()
  }
  expect(mesh.nowMs - atMs).toBeLessThan(1_000)
  mesh.heal()
  await mesh.until('all are connected', () =>
    mesh.ids.every(id =>
      mesh
        .node(id)
        .members()
        .every(member => (member.isSelf || member.isConnected) && member.status === 'alive'),
    ),
  )
  await mesh.settle(node.addWorker({ id: 'everywhere', run: counter, args: [1] }, { ack: 'all' }))
  expect(mesh.ids.every(id => rowsOf(mesh, id).specs.get('everywhere') !== undefined)).toBe(true)
  await mesh.settle(node.addWorker({ id: 'here', run: counter, args: [1] }, { ack: 'local' }))
})

test('ack: where too few have confirmed it, what was added is taken back, and what was changed stays: the error says so', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const members = [{ id: 'a', run: counter, args: [1] }] as const
  const group = await mesh.settle(node.addGroup({ id: 'line', members }))
  await mesh.settle(node.addWorker({ id: 'w', run: counter, args: [1] }))
  const options = { ack: 'all', timeoutMs: 300 } as const
  const ids = (): string[] => group.members().map(({ id }) => id)
  const errorOf = async (change: Promise<unknown>): Promise<string> => {
    const error: unknown = await mesh.settle(change.catch((thrown: unknown) => thrown))
    return String(error)
  }
  mesh.partition(['n1'], ['n2', 'n3'])
  const lack = (id: string): string =>
    `AckError: only 0 other nodes have confirmed "${id}" within 300 ms, not: all`
  const taken = '; what was to be added was taken back'
  const stays = '; what was changed stays written, and goes on to the others'
  const added = await errorOf(group.addMember({ id: 'b', run: counter, args: [1] }, options))
  expect([added, ids()]).toEqual([lack('line') + taken, ['a']])
  const stopped = await errorOf(group.stopMember('a', options))
  expect(stopped).toBe(lack('line') + stays)
  expect(group.members()[0]?.workers[0]?.kind).toMatch(/^(stopping|stopped)$/)
  const removed = await errorOf(node.removeWorker('w', options))
  expect([removed, node.findWorker('w')]).toEqual([lack('w') + stays, undefined])
  // Somebody has asked for it since: then it is not taken back.
  const adding = errorOf(node.addWorker({ id: 'v', run: counter, args: [1] }, options))
  const restarting = errorOf(node.restartWorker('v', { ack: 'local', timeoutMs: 200 }))
  expect([await adding, node.findWorker('v')?.id]).toEqual([lack('v') + stays, 'v'])
  await restarting
})

test('ack: one that has confirmed it is counted as one', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  mesh.partition(['n1', 'n2'], ['n3'])
  const adding = mesh
    .node('n1')
    .addWorker({ id: 'w', run: counter, args: [1] }, { ack: 'all', timeoutMs: 300 })
  await expect(mesh.settle(adding)).rejects.toThrow(
    'only 1 other node has confirmed "w" within 300 ms, not: all',
  )
})

test('ack: of several who wait at once for one group, each hears what it has asked for', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const members = [{ id: 'a', run: counter, args: [1] }] as const
  await mesh.settle(node.addGroup({ id: 'line', members }))
  const group = node.getGroup('line')
  const brief = { timeoutMs: 5_000 }
  const local = group.addMember({ id: 'b', run: counter, args: [1] }, { ...brief, ack: 'local' })
  const everybody = group.addMember({ id: 'c', run: counter, args: [1] }, { ...brief, ack: 'all' })
  await mesh.settle(Promise.all([local, everybody]))
  await mesh.settle(group.stopMember('b', brief))
  // Nothing is to be changed: who knows of it, is found out all the same.
  await mesh.settle(group.stopMember('b', { ...brief, ack: 'all' }))
  expect(group.members().map(member => [member.id, member.workers[0]?.kind])).toEqual([
    ['a', 'running'],
    ['b', 'stopped'],
    ['c', 'running'],
  ])
})

test('ack: one waits for one other node, where there are any, and local for none', async () => {
  await using mesh = await simulate({ behaviours: all, labelsOf: { n1: { home: 'yes' } } })
  await allSeeAll(mesh)
  mesh.partition(['n1'], ['n2', 'n3'])
  const node = mesh.node('n1')
  const more = { run: counter, args: [1], placement: { labels: { home: 'yes' } } } as const
  const adding = node.addWorker({ id: 'one', ...more }, { ack: 'one', timeoutMs: 300 })
  await expect(mesh.settle(adding)).rejects.toMatchObject({ name: 'AckError' })
  await mesh.settle(node.addWorker({ id: 'local', ...more }, { ack: 'local', timeoutMs: 300 }))
  for (const other of ['n2', 'n3']) expect(rowsOf(mesh, other).specs.get('local')).toBeUndefined()
  // Nobody can answer by now, so nobody is waited for.
  await mesh.until('it is alone', () => node.members().every(member => member.isSelf || !member.isConnected))
  await mesh.settle(node.addWorker({ id: 'alone', ...more }, { ack: 'one', timeoutMs: 300 }))
})

test('ack: a node that is alone is the whole mesh, and waits for nobody, whatever is asked', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: all })
  const node = mesh.node('n1')
  for (const ack of ['local', 'one', 'majority', 'all'] as const) {
    const options = { ack, until: 'declared', timeoutMs: 1 } as const
    await mesh.settle(node.addWorker({ id: ack, run: counter, args: [1] }, options))
    await mesh.settle(node.removeWorker(ack, { ack }))
  }
  expect(node.listWorkers()).toEqual([])
})

test('ack: a majority is more than half of the mesh, and all is every node of it', async () => {
  await using mesh = await simulate({ nodes: 5, behaviours: all, labelsOf: { n1: { home: 'yes' } } })
  await allSeeAll(mesh)
  const node = mesh.node('n1')
  const placement = { labels: { home: 'yes' } }
  const add = (id: string, ack: 'majority' | 'all') =>
    mesh.settle(node.addWorker({ id, run: counter, args: [1], placement }, { ack, timeoutMs: 300 }))
  const holders = (id: string): number =>
    mesh.ids.filter(each => rowsOf(mesh, each).specs.get(id) !== undefined).length
  mesh.cut('n1', 'n5')
  for (const other of ['n2', 'n3', 'n4']) mesh.cut(other, 'n5')
  await expect(add('all', 'all')).rejects.toMatchObject({ message: expect.stringContaining('only 3 other') })
  await add('most', 'majority')
  expect(holders('most')).toBeGreaterThanOrEqual(3)
  for (const other of ['n3', 'n4']) for (const each of ['n1', 'n2']) mesh.cut(other, each)
  await expect(add('few', 'majority')).rejects.toMatchObject({
    message: expect.stringContaining('only 1 other'),
  })
})

test('of two who declare one id at once, the later wins, and both learn of it', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const seen: string[] = []
  for (const id of mesh.ids) {
    mesh.node(id).on('spec:superseded', event => seen.push(`${id}: ${event.winner} over ${event.loser}`))
  }
  const outcomes = await mesh.settle(
    Promise.allSettled([
      mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }),
      mesh.node('n2').addWorker({ id: 'hits', run: counter, args: [2] }),
    ]),
  )
  // Written in the same millisecond: the larger name counts.
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { name: 'SupersededError', id: 'hits' } },
    { status: 'fulfilled' },
  ])
  expect(new Set(seen)).toEqual(new Set(['n1: n2 over n1', 'n2: n2 over n1']))
  for (const id of mesh.ids) {
    await mesh.until('it is known', () => specAt(mesh, id, 'hits')?.status.kind === 'running')
    expect(await mesh.settle(mesh.node(id).getWorker('hits', counter).call.get())).toBe(2)
  }
})

// Who is dialled first after the heal, and so whose row replaces whose, is a matter of the seed.
test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'two sides of a split that declare one id: after the heal one of them counts, and both are told (seed %i)',
  async seed => {
    await using mesh = await simulate({ seed, nodes: 4, behaviours: all })
    await allSeeAll(mesh)
    mesh.partition(['n1', 'n2'], ['n3', 'n4'])
    await mesh.until('they see it', () => ['n1', 'n3'].every(id => mesh.node(id).members().length === 2))
    await mesh.settle(mesh.node('n1').addWorker({ id: 'thing', run: counter, args: [1] }))
    await mesh.run(100)
    await mesh.settle(mesh.node('n3').addChain({ id: 'thing', stages: [{ run: double }] }))
    const seen: string[] = []
    for (const id of mesh.ids) {
      mesh.node(id).on('spec:superseded', event => seen.push(`${id}: ${event.winner} over ${event.loser}`))
    }
    mesh.heal()
    await mesh.until('both are told', () => seen.length >= 2, 10_000)
    await mesh.until('all agree', () =>
      mesh.ids.every(id => {
        const spec = specAt(mesh, id, 'thing')
        return spec?.kind === 'chain' && spec.status.kind === 'running'
      }),
    )
    expect(await mesh.settle(mesh.node('n2').getChain<number, number>('thing').call(4))).toBe(8)
    await mesh.run(5_000)
    expect(seen.toSorted()).toEqual(['n1: n3 over n1', 'n3: n3 over n1'])
  },
)

test('a restart is no rival of the declaration that it follows', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const seen: string[] = []
  for (const id of mesh.ids) mesh.node(id).on('spec:superseded', () => seen.push(id))
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  await mesh.settle(mesh.node('n2').restartWorker('hits'))
  await mesh.settle(mesh.node('n3').stopWorker('hits'))
  await mesh.settle(mesh.node('n1').restartWorker('hits'))
  await mesh.run(3_000)
  expect(seen).toEqual([])
})

test('a worker is stopped and restarted from any node, wherever it runs', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  for (const id of ['a', 'b', 'c', 'd']) {
    await mesh.settle(mesh.node('n1').addWorker({ id, run: counter, args: [1] }))
    await mesh.settle(mesh.node('n2').getWorker(id, counter).call.add(5))
    await mesh.settle(mesh.node('n2').stopWorker(id))
    for (const node of mesh.ids) {
      await mesh.until('all know', () => specAt(mesh, node, id)?.status.kind === 'stopped', 1_000)
      expect(specAt(mesh, node, id)?.workers).toEqual([])
    }
    await mesh.settle(mesh.node('n3').restartWorker(id))
    expect(await mesh.settle(mesh.node('n3').getWorker(id, counter).call.get())).toBe(1)
  }
})

test.each([30_000, 3_600_000, -3_600_000])(
  'what a node has declared whose clock is wrong by %s ms, others stop, restart, remove and declare anew',
  async skewMs => {
    await using mesh = await simulate({ behaviours: all })
    await allSeeAll(mesh)
    mesh.setClock('n1', skewMs)
    const worker = { id: 'w', run: counter, args: [1] } as const
    await mesh.settle(mesh.node('n1').addWorker(worker))
    await mesh.settle(mesh.node('n2').stopWorker('w'))
    expect(specAt(mesh, 'n1', 'w')?.status.kind).toBe('stopped')
    await mesh.settle(mesh.node('n3').restartWorker('w'))
    await mesh.settle(mesh.node('n2').removeWorker('w'))
    await mesh.run(1_000)
    for (const id of mesh.ids) expect(specAt(mesh, id, 'w')).toBeUndefined()
    await mesh.settle(mesh.node('n3').addWorker(worker))
    await mesh.settle(mesh.node('n1').removeWorker('w'))
  },
)

test('the reasons why a worker was given up can be read on every node', async () => {
  await using mesh = await simulate({ behaviours: all })
  await allSeeAll(mesh)
  const intensity = { restarts: 2, withinMs: 60_000 }
  const hits = await mesh.settle(
    mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1], intensity }),
  )
  const owner = specAt(mesh, 'n1', 'hits')?.workers[0]?.node
  for (const message of ['one', 'two', 'three']) {
    await expect(mesh.settle(hits.call.fail(message))).rejects.toMatchObject({ name: 'RemoteError' })
  }
  for (const id of mesh.ids) {
    await mesh.until('all know', () => specAt(mesh, id, 'hits')?.status.kind === 'gave-up', 1_000)
    expect(specAt(mesh, id, 'hits')?.status).toMatchObject({
      failure: {
        name: 'RangeError',
        message: 'three',
        node: owner,
        stack: expect.stringContaining('RangeError'),
      },
      failures: [{ message: 'three' }, { message: 'two' }, { message: 'one' }],
    })
  }
})

test('I14: a removed worker stays removed, also for a node that was away until nothing is known of it any more', async () => {
  await using mesh = await simulate({ behaviours: all, timings: { tombstoneMs: 20_000 } })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'gone', run: counter, args: [1] }))
  await mesh.settle(mesh.node('n1').addGroup({ id: 'line', members: [{ id: 'a', run: counter, args: [1] }] }))
  await mesh.settle(mesh.node('n1').addWorker({ id: 'kept', run: counter, args: [1] }))
  await mesh.until('n3 has heard of all', () => mesh.node('n3').snapshot().specs.length === 3)
  mesh.partition(['n3'], ['n1', 'n2'])
  await mesh.until('n3 is alone', () => mesh.node('n3').members().length === 1)
  await mesh.settle(mesh.node('n1').removeWorker('gone'))
  await mesh.settle(mesh.node('n2').removeGroup('line'))
  const isDropped = (node: string): boolean =>
    [...rowsOf(mesh, node).specs.rows()].every(row => row.id === 'kept')
  await mesh.until('its rows are dropped', () => isDropped('n1') && isDropped('n2'), 60_000)
  expect(specAt(mesh, 'n3', 'gone')?.status.kind).toBe('running')
  const revived: string[] = []
  for (const id of ['n1', 'n2']) mesh.node(id).on('worker:start', ({ slot }) => revived.push(slot))
  mesh.heal()
  await mesh.until('n3 has removed it as well', () => specAt(mesh, 'n3', 'gone') === undefined, 30_000)
  await mesh.until('n3 has removed the group', () => specAt(mesh, 'n3', 'line') === undefined, 30_000)
  await mesh.run(60_000)
  expect(revived.filter(slot => slot !== 'kept')).toEqual([])
  for (const id of mesh.ids) {
    expect(
      mesh
        .node(id)
        .snapshot()
        .specs.map(spec => spec.id),
    ).toEqual(['kept'])
    expect([...rowsOf(mesh, id).specs.rows()].map(row => row.id)).toEqual(['kept'])
    expect([...rowsOf(mesh, id).claims.rows()].map(claim => claim.slot)).toEqual(['kept'])
    expect([...rowsOf(mesh, id).phases.rows()]).toEqual([])
  }
  expect(new Set(mesh.ids.map(id => JSON.stringify(mesh.node(id).snapshot().roots))).size).toBe(1)
  // It can be declared again: that is later than all that was removed.
  await mesh.settle(mesh.node('n3').addWorker({ id: 'gone', run: counter, args: [7] }))
  expect(await mesh.settle(mesh.node('n1').getWorker('gone', counter).call.get())).toBe(7)
})

test('I15: a worker that no live node can run is pending with the reason, and runs when one comes that can', async () => {
  await using mesh = await simulate({ behaviours: [double], behavioursOf: { n3: [double, counter] } })
  await allSeeAll(mesh)
  await mesh.settle(mesh.node('n1').addWorker({ id: 'hits', run: counter, args: [1] }))
  mesh.crash('n3')
  for (const id of ['n1', 'n2']) {
    await mesh.until('it is pending', () => specAt(mesh, id, 'hits')?.status.kind === 'pending')
    expect(specAt(mesh, id, 'hits')?.status).toMatchObject({ reason: expect.stringContaining('counter@1') })
  }
  await mesh.start('n3')
  for (const id of mesh.ids) {
    await mesh.until('it runs', () => specAt(mesh, id, 'hits')?.status.kind === 'running', 5_000)
  }
})
