/** Groups on one node, beyond the numbered scenarios: order, stopping and reviving, significant members. */

import { expect, test } from 'vitest'

import { GROUP_STRATEGIES } from '../../src/protocol/spec-row.ts'
import {
  addCells,
  cells,
  crash,
  ending,
  failures,
  fill,
  fussy,
  log,
  names,
  noted,
  one,
  values,
} from './group-workers.ts'
import { cell } from './standalone-workers.ts'

test('members start in the order in which they are listed, and stop the other way round', async () => {
  await using mesh = await one()
  log.length = 0
  const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: noted, args: [id] as const }))
  const group = await mesh.settle(mesh.node('n1').addGroup({ id: 'g', strategy: 'rest_for_one', members }))
  expect(log.splice(0)).toEqual(['start a', 'start b', 'start c', 'start d'])
  await mesh.settle(
    group
      .member('b')
      .call.crash()
      .catch(() => {}),
  )
  await mesh.until('it runs again', () => group.status.kind === 'running')
  // As in OTP, `terminate` also runs after a crash.
  expect(log.splice(0)).toEqual(['stop b', 'stop d', 'stop c', 'start b', 'start c', 'start d'])
  await mesh.settle(group.stop())
  expect(log.splice(0)).toEqual(['stop d', 'stop c', 'stop b', 'stop a'])
})

/** What a restart does when b, which is to start with it, fails to the first time. */
const RESTARTS = {
  one_for_one: 'stop b, init b, init b, up b',
  one_for_all:
    'stop b, stop d, stop c, stop a, init a, up a, init b, stop a, ' +
    'init a, up a, init b, up b, init c, up c, init d, up d',
  rest_for_one: 'stop b, stop d, stop c, init b, init b, up b, init c, up c, init d, up d',
}

test.each(GROUP_STRATEGIES.flatMap(strategy => [0, 20].map(delayMs => ({ strategy, delayMs }))))(
  '$strategy: nobody starts after a member whose `init` fails after $delayMs ms, in the first start and in a restart',
  async ({ strategy, delayMs }) => {
    await using mesh = await one()
    const node = mesh.node('n1')
    log.length = 0
    failures.clear()
    const members = ['a', 'b', 'c', 'd'].map(id => ({ id, run: fussy, args: [id, delayMs] as const }))
    failures.set('b', 1)
    await expect(mesh.settle(node.addGroup({ id: 'f', strategy, members }))).rejects.toThrow(
      'b does not start',
    )
    await mesh.run(1_000)
    expect(log.splice(0)).toEqual(['init a', 'up a', 'init b', 'stop a'])

    const group = await mesh.settle(node.addGroup({ id: 'g', strategy, members }))
    log.length = 0
    failures.set('b', 1)
    await expect(mesh.settle(group.member('b').call.crash())).rejects.toThrow('told to crash')
    await mesh.until('it runs again', () => group.status.kind === 'running')
    expect(log.splice(0).join(', ')).toBe(RESTARTS[strategy])
  },
)

test('nobody starts after a member that is late', async () => {
  await using mesh = await one()
  log.length = 0
  failures.clear()
  const members = ['a', 'b', 'c'].map(id => {
    const delayMs = id === 'b' ? 10_000 : 0
    return { id, run: fussy, args: [id, delayMs] as const, startTimeoutMs: 100 }
  })
  await expect(mesh.settle(mesh.node('n1').addGroup({ id: 'f', members }))).rejects.toThrow('within 100 ms')
  await mesh.run(20_000)
  // That of b goes on, as nothing can end it; it is of nobody.
  expect(log.filter(line => line.startsWith('init'))).toEqual(['init a', 'init b'])
})

test('a member that a user has stopped stays down through restarts of its siblings, until it is restarted', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 3)
  await fill(mesh, 'g', names(3))
  await mesh.settle(group.stopMember('m1'))
  await mesh.settle(group.stopMember('m1'))
  expect(await values(mesh, 'g', ['m0', 'm2'])).toEqual(['m0', 'm2'])
  await expect(mesh.settle(group.member('m1').call.ping())).rejects.toMatchObject({
    name: 'WorkerExitedError',
    maybeExecuted: false,
  })
  await crash(mesh, 'g', 'm0')
  expect(group.members().map(({ workers }) => workers[0]?.kind)).toEqual(['running', 'stopped', 'running'])
  await mesh.settle(group.restartMember('m1'))
  expect(group.members().map(({ workers }) => workers[0]?.kind)).toEqual(['running', 'running', 'running'])
})

test('a group that is stopped stays declared, and starts empty when it is restarted', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const group = await addCells(mesh, 'g', 3)
  await fill(mesh, 'g', names(3))
  await mesh.settle(node.stopGroup('g'))
  expect(group.status).toEqual({ kind: 'stopped' })
  await expect(mesh.settle(group.member('m1').call.ping())).rejects.toMatchObject({ maybeExecuted: false })
  await mesh.settle(group.addMember({ id: 'late', run: cell }))
  await mesh.settle(node.restartGroup('g'))
  expect(await values(mesh, 'g', [...names(3), 'late'])).toEqual([undefined, undefined, undefined, undefined])
})

test('a group that fails too often is given up with its last reasons, newest first, and can be revived', async () => {
  await using mesh = await one()
  const intensity = { restarts: 2, withinMs: 60_000 }
  const group = await mesh.settle(
    mesh.node('n1').addGroup({ id: 'g', strategy: 'one_for_one', intensity, members: cells(3) }),
  )
  const seen: string[] = []
  mesh.node('n1').on('spec:status', ({ status }) => seen.push(status.kind))
  for (const id of ['m0', 'm1', 'm2'])
    await mesh.settle(
      group
        .member(id)
        .call.crash()
        .catch(() => {}),
    )
  await mesh.until('it is given up', () => group.status.kind === 'gave-up')
  expect(seen.at(-1)).toBe('gave-up')
  expect(group.status).toMatchObject({
    failure: { name: 'RangeError', slot: 'g/m2' },
    failures: [{ slot: 'g/m2' }, { slot: 'g/m1' }, { slot: 'g/m0' }],
  })
  await mesh.run(1_000)
  expect(group.members().flatMap(({ workers }) => workers.map(({ node }) => node))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  await mesh.settle(group.restart())
  // With no memory of what was.
  for (const id of ['m0', 'm1']) await crash(mesh, 'g', id)
  expect(group.status.kind).toBe('running')
})

test.each([
  ['any', 1],
  ['all', 2],
] as const)(
  'autoShutdown %s: the group ends when %i of two significant members ended on its own',
  async (autoShutdown, count) => {
    await using mesh = await one()
    const group = await mesh.settle(
      mesh.node('n1').addGroup({
        id: 'g',
        strategy: 'one_for_one',
        autoShutdown,
        members: [
          ending('a', { significant: true }),
          ending('b', { significant: true }),
          ending('other'),
          { id: 'm0', run: cell },
        ],
      }),
    )
    // Neither a crash that is made good, nor the end of a member that is not significant.
    group.member('a').send('crash')
    group.member('other').send('end')
    await mesh.run(2_000)
    expect(group.status.kind).toBe('running')
    for (const id of ['a', 'b'].slice(0, count - 1)) {
      group.member(id).send('end')
      await mesh.run(2_000)
      expect(group.status.kind).toBe('running')
    }
    group.member('b').send('end')
    await mesh.until('the group has ended', () => group.status.kind === 'done')
    await expect(mesh.settle(group.member('m0').call.ping())).rejects.toMatchObject({
      name: 'WorkerExitedError',
    })
  },
)

test.each([
  [{ autoShutdown: 'any', members: [{ id: 'a', run: cell, significant: true }] }, 'members[0].significant'],
  [{ members: [{ id: 'a', run: cell, restart: 'transient', significant: true }] }, 'autoShutdown'],
])('a significant member must be able to end, and the group to end with it: %#', async (spec, path) => {
  await using mesh = await one()
  // @ts-expect-error: that is what is tested
  const adding = mesh.node('n1').addGroup({ id: 'g', ...spec })
  await expect(mesh.settle(adding)).rejects.toMatchObject({ name: 'OptionsError', problems: [{ path }] })
})
