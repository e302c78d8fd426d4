/** What `members()` and `stages()` say, on every node, in every state of the whole. */

import { describe, expect, test } from 'vitest'

import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import { allSeeAll } from './all-see-all.ts'

const steady = defineServer('steady', {
  init: () => ({}),
  call: {
    crash: (): void => {
      throw new RangeError('told to crash')
    },
  },
})
/** Ends when it is told to. */
const finite = defineTask('finite', async (context: TaskContext<string>) => {
  for await (const message of context.messages) if (message === 'end') return
})
/** Does not stop when it is told to. */
const deaf = defineTask('deaf', () => new Promise<void>(() => {}))
const picky = defineStage('picky', (n: number) => {
  if (n === 13) throw new RangeError('not thirteen')
  return n
})
const behaviours = [steady, finite, deaf, picky]
const intensity = { restarts: 0, withinMs: 60_000 }

async function meshOf(more: { readonly nodes?: number } = {}): Promise<SimulatedMesh> {
  const mesh = await simulate({ behaviours, ...more })
  await allSeeAll(mesh)
  return mesh
}

/** `status of the whole: a=status b=status`, as `node` says it. */
function viewOf(mesh: SimulatedMesh, node: string, id: string): string {
  const group = mesh.node(node).findGroup(id)
  const chain = mesh.node(node).findChain(id)
  const parts = group?.members() ?? chain?.stages() ?? []
  const status = group?.status.kind ?? chain?.status.kind
  const kinds = parts.map(part => `${part.id}=${part.workers.map(({ kind }) => kind).join('+')}`)
  return [`${status}:`, ...kinds].join(' ')
}

/** All nodes that are up come to say this, and go on saying it. */
async function comeTo(mesh: SimulatedMesh, id: string, wanted: string): Promise<void> {
  const views = (): string[] => mesh.up.map(node => viewOf(mesh, node, id))
  try {
    await mesh.until(wanted, () => views().every(view => view === wanted), 20_000)
  } catch {
    expect(views()).toEqual(mesh.up.map(() => wanted))
  }
  await mesh.run(5_000)
  expect(views()).toEqual(mesh.up.map(() => wanted))
}

const members = [
  { id: 'a', run: steady },
  { id: 'b', run: steady },
  { id: 'c', run: steady },
] as const

test('members of a group that is stopped are stopped, and run again after its restart', async () => {
  await using mesh = await meshOf()
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members }))
  await comeTo(mesh, 'g', 'running: a=running b=running c=running')
  await mesh.settle(mesh.node('n2').stopGroup('g'))
  await comeTo(mesh, 'g', 'stopped: a=stopped b=stopped c=stopped')
  expect(group.members().map(({ workers }) => workers[0]?.node)).toEqual([undefined, undefined, undefined])
  await mesh.settle(mesh.node('n3').restartGroup('g'))
  await comeTo(mesh, 'g', 'running: a=running b=running c=running')
})

test('members of a group that was given up are down; the one whose crash it was says why', async () => {
  await using mesh = await meshOf()
  const group = await mesh.settle(
    mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', intensity, members }),
  )
  await mesh.settle(group.member('b').call.crash()).catch(() => {})
  await comeTo(mesh, 'g', 'gave-up: a=stopped b=failed c=stopped')
  for (const node of mesh.up) {
    const [, b] = mesh.node(node).getGroup('g').members()
    expect(b?.workers[0]).toMatchObject({ node: undefined, failure: { name: 'RangeError' } })
  }
})

test('errors of what is down say why, and how to start it again', async () => {
  await using mesh = await meshOf()
  const lone = await mesh.settle(mesh.node('n1').addWorker({ id: 'lone', run: steady, intensity }))
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', intensity, members }))
  const chain = await mesh.settle(
    mesh.node('n1').addChain({ id: 'c', intensity, stages: [{ id: 's', run: picky }] }),
  )
  await mesh.settle(lone.call.crash()).catch(() => {})
  await mesh.settle(group.member('a').call.crash()).catch(() => {})
  await mesh.settle(chain.send(13))
  const ids = ['lone', 'g', 'c']
  const areDown = (): boolean =>
    mesh
      .node('n1')
      .snapshot()
      .specs.every(({ id, status }) => !ids.includes(id) || status.kind === 'gave-up')
  await mesh.until('all were given up', areDown)
  const failed = { name: 'WorkerExitedError', maybeExecuted: false }
  const why = 'it failed too often: RangeError: told to crash'
  await expect(mesh.settle(lone.call.crash())).rejects.toMatchObject({
    ...failed,
    message: `"lone" has ended and is not restarted, ${why}; node.restartWorker("lone") starts it again`,
  })
  await expect(mesh.settle(group.member('b').call.crash())).rejects.toMatchObject({
    ...failed,
    message: `"g/b" has ended and is not restarted, ${why}; node.restartGroup("g") starts it again`,
  })
  for (const refused of [() => chain.send(1), () => chain.call(1)]) {
    await expect(mesh.settle<unknown>(refused())).rejects.toMatchObject({
      name: 'GivenUpError',
      message: expect.stringMatching(/not thirteen; node\.restartChain\("c"\) starts it again$/),
    })
  }
  await mesh.settle(mesh.node('n2').restartWorker('lone'))
  await mesh.settle(mesh.node('n2').restartGroup('g'))
  await mesh.settle(group.stopMember('b'))
  await expect(mesh.settle(group.member('b').call.crash())).rejects.toMatchObject({
    ...failed,
    message: '"g/b" has stopped; node.getGroup("g").restartMember("b") starts it again',
  })
})

test('members of a group that is done have ended, or were stopped with it', async () => {
  await using mesh = await meshOf()
  const last = { id: 'last', run: finite, significant: true, restart: 'transient' } as const
  const group = await mesh.settle(
    mesh.node('n1').addGroup({ id: 'g', autoShutdown: 'any', members: [...members, last] }),
  )
  group.member('last').send('end')
  await comeTo(mesh, 'g', 'done: a=stopped b=stopped c=stopped last=ended')
})

test('while one does not stop, it is stopping, and the others are stopped; also where its node is lost', async () => {
  await using mesh = await meshOf()
  const slow = { id: 'slow', run: deaf, stopTimeoutMs: 3_600_000 } as const
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', members: [slow, ...members.slice(1)] }))
  const owner = group.members()[0]?.workers[0]?.node ?? ''
  const observer = mesh.ids.find(id => id !== owner) ?? ''
  const stopping = mesh.node(observer).stopGroup('g', { timeoutMs: 600_000 })
  await comeTo(mesh, 'g', 'stopping: slow=stopping b=stopped c=stopped')
  mesh.crash(owner)
  await mesh.settle(stopping)
  await comeTo(mesh, 'g', 'stopped: slow=stopped b=stopped c=stopped')
  // Nobody is sent to the node that was lost.
  expect(
    mesh
      .node(observer)
      .snapshot()
      .specs.find(({ id }) => id === 'g')?.workers,
  ).toEqual([])
})

test('a group that no node can run is pending on every node, and so are the members that wait', async () => {
  await using mesh = await meshOf()
  const placed = { id: 'gpu', run: steady, placement: { labels: { gpu: 'yes' } } } as const
  mesh
    .node('n1')
    .addGroup({ id: 'whole', members: [...members, placed] })
    .catch(() => {})
  await comeTo(mesh, 'whole', 'pending: a=pending b=pending c=pending gpu=pending')
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'part', members }))
  group.addMember(placed).catch(() => {})
  await comeTo(mesh, 'part', 'pending: a=running b=running c=running gpu=pending')
  for (const node of mesh.up)
    expect(mesh.node(node).getGroup('part').status).toMatchObject({
      reason: expect.stringMatching('gpu=yes'),
    })
})

test('stages of a chain say the same', async () => {
  await using mesh = await meshOf()
  const stages = [
    { id: 'one', run: picky, workers: 2 },
    { id: 'two', run: picky },
  ] as const
  const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', intensity, stages }))
  await comeTo(mesh, 'c', 'running: one=running+running two=running')
  await mesh.settle(chain.stop())
  await comeTo(mesh, 'c', 'stopped: one=stopped+stopped two=stopped')
  await mesh.settle(chain.restart())
  await mesh.settle(chain.send(13, { to: 'two' }))
  await comeTo(mesh, 'c', 'gave-up: one=stopped+stopped two=failed')
})

describe('members and stages of what is down', () => {
  const placed = { run: steady, placement: { labels: { gpu: 'yes' } } } as const
  const last = { id: 'last', run: finite, significant: true, restart: 'transient' } as const
  const run = async (mesh: SimulatedMesh, work: Promise<unknown>): Promise<string> => {
    try {
      await mesh.settle(work)
      return 'done'
    } catch (error) {
      return error instanceof Error ? `${error.name}: ${error.message}` : 'strange'
    }
  }
  /** What becomes of `addMember` and `restartMember`, and of the members afterwards; `stopMember` always works. */
  test.each([
    ['stopped', 'done', 'done', 'stopped: a=stopped b=stopped last=stopped new=stopped'],
    ['gave-up', /restartGroup\("g"\)/, /restartGroup\("g"\)/, /^gave-up: a=.* b=stopped last=stopped$/],
    ['done', /restartGroup\("g"\)/, /restartGroup\("g"\)/, /^done: a=.* b=stopped last=ended$/],
    [
      'pending',
      /after 2000 ms; "g": no live node has the label gpu=yes/,
      'done',
      /a=.* b=stopped last=running/,
    ],
  ] as const)('of a group that is %s', async (state, added, restarted, after) => {
    await using mesh = await meshOf()
    const spec = { id: 'g', intensity, autoShutdown: 'any', members: [members[0], members[1], last] } as const
    const group = await mesh.settle(mesh.node('n1').addGroup(spec))
    if (state === 'stopped') await mesh.settle(group.stop())
    if (state === 'gave-up') await mesh.settle(group.member('a').call.crash()).catch(() => {})
    if (state === 'done') group.member('last').send('end')
    if (state === 'pending') group.addMember({ id: 'gpu', ...placed }).catch(() => {})
    await mesh.until(state, () => mesh.up.every(id => mesh.node(id).getGroup('g').status.kind === state))
    const other = mesh.node('n2').getGroup('g')
    const wait = { timeoutMs: 2_000 }
    const fresh = state === 'pending' ? { id: 'new', ...placed } : { id: 'new', run: steady }
    expect(await run(mesh, other.addMember(fresh, wait))).toMatch(added)
    expect(await run(mesh, other.restartMember('a', wait))).toMatch(restarted)
    // Nor does what has ended it: with it, the whole starts again, or nothing does.
    if (state === 'done') expect(await run(mesh, other.restartMember('last', wait))).toMatch(restarted)
    expect(await run(mesh, other.stopMember('b', wait))).toBe('done')
    await mesh.run(2_000)
    expect(viewOf(mesh, 'n3', 'g')).toMatch(after)
    if (state === 'pending') return
    await mesh.settle(other.restart())
    await mesh.run(2_000)
    const isKept = state === 'stopped'
    expect(viewOf(mesh, 'n3', 'g')).toBe(
      `running: a=running b=stopped last=running${isKept ? ' new=running' : ''}`,
    )
  })

  test.each([
    ['stopped', 'done', 'done', 'stopped: one=stopped two=stopped new=stopped'],
    ['gave-up', /restartChain\("c"\)/, /restartChain\("c"\)/, /^gave-up: one=.* two=stopped$/],
  ] as const)('of a chain that is %s', async (state, added, restarted, after) => {
    await using mesh = await meshOf()
    const stages = [
      { id: 'one', run: picky },
      { id: 'two', run: picky },
    ] as const
    const chain = await mesh.settle(mesh.node('n1').addChain({ id: 'c', intensity, stages }))
    if (state === 'stopped') await mesh.settle(chain.stop())
    else await mesh.settle(chain.send(13))
    await mesh.until(state, () => mesh.up.every(id => mesh.node(id).getChain('c').status.kind === state))
    const other = mesh.node('n2').getChain('c')
    const wait = { timeoutMs: 2_000 }
    expect(await run(mesh, other.addStage({ id: 'new', run: picky }, wait))).toMatch(added)
    expect(await run(mesh, other.restartStage('one', wait))).toMatch(restarted)
    expect(await run(mesh, other.stopStage('two', wait))).toBe('done')
    await mesh.run(2_000)
    expect(viewOf(mesh, 'n3', 'c')).toMatch(after)
  })
})

/** What a node says of how things stand, from now on. */
function toldBy(mesh: SimulatedMesh, name: string): string[] {
  const told: string[] = []
  mesh.node(name).on('spec:status', ({ id, status }) => told.push(`${id} ${status.kind}`))
  return told
}

async function ofAllKinds(mesh: SimulatedMesh): Promise<void> {
  const node = mesh.node('n1')
  for (const id of ['a', 'b', 'c', 'd']) await mesh.settle(node.addWorker({ id, run: steady }))
  const three = ['x', 'y', 'z'].map(id => ({ id, run: steady }))
  await mesh.settle(node.addGroup({ id: 'line', members: three }))
  await mesh.settle(node.addChain({ id: 'chain', stages: [{ run: picky, workers: 3 }] }))
  await mesh.run(1_000)
}

test('a node that stops alone says nothing of what stops with it: it stays declared, and stands no other way', async () => {
  await using mesh = await meshOf({ nodes: 1 })
  await ofAllKinds(mesh)
  const told = toldBy(mesh, 'n1')
  await mesh.settle(mesh.node('n1').stop())
  expect(told).toEqual([])
})

test('a node that leaves says of its workers only how they go on elsewhere', async () => {
  await using mesh = await meshOf()
  await ofAllKinds(mesh)
  const owned = mesh
    .node('n1')
    .snapshot()
    .specs.filter(({ kind, workers }) => kind === 'worker' && workers[0]?.node === 'n1')
    .map(({ id }) => id)
  expect(owned).not.toEqual([])
  const told = toldBy(mesh, 'n1')
  await mesh.settle(mesh.node('n1').stop())
  expect(told.toSorted()).toEqual(owned.flatMap(id => [`${id} running`, `${id} starting`]).toSorted())
  for (const id of owned)
    expect(told.filter(line => line.startsWith(`${id} `))).toEqual([`${id} starting`, `${id} running`])
})

test('who is told how something stands can look it up, on every node', async () => {
  await using mesh = await meshOf({ nodes: 3 })
  const told: [string, string | undefined, string | undefined][] = []
  for (const name of ['n1', 'n3']) {
    const node = mesh.node(name)
    node.on('spec:status', ({ id, status: { kind } }) => {
      const found = node.findWorker(id) ?? node.findGroup(id) ?? node.findChain(id)
      const spec = node.snapshot().specs.find(one => one.id === id)
      const whole = node.findGroup(id) ?? node.findChain(id)
      const is = found === undefined ? 'removed' : (whole?.status ?? spec?.status)?.kind
      const isSame = (spec?.status.kind ?? 'removed') === kind && is === kind
      const parts = node.findGroup(id)?.members() ?? node.findChain(id)?.stages()
      const running = parts?.filter(part => part.workers.every(worker => worker.kind === 'running')).length
      told.push([
        `${id} ${kind}`,
        isSame ? 'so it is' : `it is ${is}`,
        kind === 'running' && running === 0 ? 'nothing runs' : undefined,
      ])
    })
  }
  await ofAllKinds(mesh)
  const node = mesh.node('n1')
  await mesh.settle(node.stopWorker('a'))
  await mesh.settle(node.removeWorker('b'))
  await mesh.settle(node.addWorker({ id: 'b', run: steady }))
  await mesh.settle(node.removeGroup('line'))
  await mesh.settle(node.removeChain('chain'))
  await mesh.run(1_000)
  expect(told.map(([what]) => what)).toEqual(
    expect.arrayContaining(['b removed', 'chain running', 'a stopped']),
  )
  expect(told.filter(([, is, runs]) => is !== 'so it is' || runs !== undefined)).toEqual([])
})
