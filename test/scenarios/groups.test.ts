/** Groups on one node: lines 32 to 50 of the behavioural scenarios, each test named by its lines. */

import { expect, test } from 'vitest'

import type { GroupStrategy } from '../../src/protocol/spec-row.ts'
import {
  type CellMembers,
  addCells,
  cells,
  crash,
  ending,
  fill,
  names,
  one,
  slowStarter,
  values,
} from './group-workers.ts'
import { broken, cell, obedient } from './standalone-workers.ts'

const STRATEGIES: readonly GroupStrategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']

test.each(STRATEGIES)(
  '32: a group is added with %s, is found, and is not any more once removed',
  async strategy => {
    await using mesh = await one()
    const node = mesh.node('n1')
    await mesh.settle(node.addGroup({ id: 'g', strategy, members: cells(2) }))
    expect(node.findGroup('g')?.id).toBe('g')
    await expect(mesh.settle(node.addGroup({ id: 'g', members: cells(1) }))).rejects.toMatchObject({
      name: 'AlreadyExistsError',
      id: 'g',
    })
    await mesh.settle(node.removeGroup('g'))
    expect(node.findGroup('g')).toBeUndefined()
    expect(() => node.getGroup('g')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  },
)

test('32: an unknown strategy is refused', async () => {
  await using mesh = await one()
  // @ts-expect-error: that is what is tested
  const adding = mesh.node('n1').addGroup({ id: 'g', strategy: 'all_for_one', members: cells(1) })
  await expect(mesh.settle(adding)).rejects.toMatchObject({
    name: 'OptionsError',
    problems: [{ path: 'strategy', wanted: 'one of one_for_one, one_for_all, rest_for_one' }],
  })
})

test('33: where no strategy is named it is one_for_all', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  await mesh.settle(node.addGroup({ id: 'g', members: cells(3) }))
  await fill(mesh, 'g', names(3))
  await crash(mesh, 'g', 'm1')
  expect(await values(mesh, 'g', names(3))).toEqual([undefined, undefined, undefined])
})

test.each([5, 500])('34: of %i members the count and the handles agree', async count => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', count)
  const members = group.members()
  expect(members.map(({ id }) => id)).toEqual(names(count))
  expect(members.map(({ workers }) => workers.map(({ kind, generation }) => [kind, generation]))).toEqual(
    names(count).map(() => [['running', 1]]),
  )
  const listed = mesh.node('n1').listGroups()[0]
  expect(listed?.members.map(({ id }) => id)).toEqual(names(count))
  expect(listed?.workers.map(({ slot }) => slot)).toEqual(names(count).map(id => `g/${id}`))
  expect(mesh.node('n1').snapshot().workers.inline).toBe(count)
  // Each handle is that of its own member.
  await fill(mesh, 'g', names(count))
  expect(await values(mesh, 'g', names(count))).toEqual(names(count))
  expect(names(count).map(id => group.findMember(id)?.id)).toEqual(names(count).map(id => `g/${id}`))
  expect(group.findMember(`m${count}`)).toBeUndefined()
})

test('34: members that are added one by one are there, and none of the others has noticed', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 2)
  await fill(mesh, 'g', ['m0', 'm1'])
  for (const id of names(40, 'late')) {
    const ref = await mesh.settle(group.addMember({ id, run: cell }))
    expect(await mesh.settle(ref.call.ping())).toBe('pong')
  }
  expect(group.members()).toHaveLength(42)
  expect(await values(mesh, 'g', ['m0', 'm1'])).toEqual(['m0', 'm1'])
  const many = Promise.all(names(60, 'at-once').map(id => group.addMember({ id, run: cell })))
  expect(await mesh.settle(many)).toHaveLength(60)
  expect(group.members().filter(({ workers }) => workers[0]?.kind === 'running')).toHaveLength(102)
})

test('35: a member needs a group, and an id that its group does not have yet', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const group = await addCells(mesh, 'g', 1)
  await fill(mesh, 'g', ['m0'])
  await expect(mesh.settle(group.addMember({ id: 'm0', run: cell }))).rejects.toMatchObject({
    name: 'AlreadyExistsError',
    id: 'm0',
  })
  expect(await values(mesh, 'g', ['m0'])).toEqual(['m0'])
  const twice = Promise.allSettled([
    group.addMember({ id: 'x', run: cell }),
    group.addMember({ id: 'x', run: cell }),
  ])
  expect((await mesh.settle(twice)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  await addCells(mesh, 'h', 1)
  await mesh.settle(node.getGroup<CellMembers>('h').member('m0').call.set('other'))
  expect(await values(mesh, 'g', ['m0'])).toEqual(['m0'])
  await mesh.settle(node.removeGroup('g'))
  await expect(mesh.settle(group.addMember({ id: 'y', run: cell }))).rejects.toMatchObject({
    name: 'NotFoundError',
    message: expect.stringContaining('group "g"'),
  })
})

test('35: a member that cannot start is an error of whoever adds it, and its siblings do not notice', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 2)
  await fill(mesh, 'g', ['m0', 'm1'])
  await expect(mesh.settle(group.addMember({ id: 'bad', run: broken }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('no such file'),
  })
  await mesh.run(1_000)
  expect(group.members().map(({ id }) => id)).toEqual(['m0', 'm1'])
  expect(await values(mesh, 'g', ['m0', 'm1'])).toEqual(['m0', 'm1'])
  expect(group.status).toEqual({ kind: 'running' })
})

test('36: servers and tasks mix in one group', async () => {
  await using mesh = await one()
  const group = await mesh.settle(
    mesh.node('n1').addGroup({
      id: 'g',
      members: [
        { id: 'server', run: cell },
        { id: 'task', run: obedient, restart: 'transient' },
      ],
    }),
  )
  expect(group.members().map(({ behaviour }) => behaviour)).toEqual(['cell@1', 'obedient@1'])
  await mesh.settle(group.member('server').call.set('kept'))
  // Each does what it is: the task has a message of its own, and ends; the server has its state.
  group.member('task').send('end')
  await mesh.until('the task has ended', () => group.members()[1]?.workers[0]?.kind === 'ended')
  expect(await mesh.settle(group.member('server').call.get())).toBe('kept')
})

test('40: a member that is started anew loses its state only; a group loses all of it', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 4)
  await fill(mesh, 'g', names(4))
  await mesh.settle(group.restartMember('m2'))
  expect(await values(mesh, 'g', names(4))).toEqual(['m0', 'm1', undefined, 'm3'])
  await mesh.settle(group.restart())
  expect(await values(mesh, 'g', names(4))).toEqual([undefined, undefined, undefined, undefined])
  await expect(mesh.settle(group.restartMember('z'))).rejects.toMatchObject({ name: 'NotFoundError' })
  await expect(mesh.settle(mesh.node('n1').restartGroup('z'))).rejects.toMatchObject({
    name: 'NotFoundError',
  })
})

test('41: one_for_one: one crashes, it comes back empty, and two hundred siblings keep their state', async () => {
  await using mesh = await one()
  await addCells(mesh, 'g', 201, 'one_for_one')
  await fill(mesh, 'g', names(201))
  await crash(mesh, 'g', 'm100')
  expect(await values(mesh, 'g', names(201))).toEqual(names(201).map(id => (id === 'm100' ? undefined : id)))
})

test('41: rest_for_one: those that were started after it come back empty too', async () => {
  await using mesh = await one()
  await addCells(mesh, 'g', 5, 'rest_for_one')
  await fill(mesh, 'g', names(5))
  await crash(mesh, 'g', 'm2')
  expect(await values(mesh, 'g', names(5))).toEqual(['m0', 'm1', undefined, undefined, undefined])
})

test.each([2, 30])('42: one_for_all: one of %i crashes, and all come back empty', async count => {
  await using mesh = await one()
  await addCells(mesh, 'g', count)
  await fill(mesh, 'g', names(count))
  await crash(mesh, 'g', 'm1')
  expect(new Set(await values(mesh, 'g', names(count)))).toEqual(new Set([undefined]))
})

test('42: three groups in parallel do not disturb each other', async () => {
  await using mesh = await one()
  await Promise.all(['a', 'b', 'c'].map(id => addCells(mesh, id, 10)))
  for (const id of ['a', 'b', 'c']) await fill(mesh, id, names(10))
  await Promise.all([crash(mesh, 'a', 'm3'), crash(mesh, 'c', 'm4')])
  expect(await values(mesh, 'b', names(10))).toEqual(names(10))
  expect(new Set(await values(mesh, 'a', names(10)))).toEqual(new Set([undefined]))
  expect(new Set(await values(mesh, 'c', names(10)))).toEqual(new Set([undefined]))
})

test('43: one_for_all: thirty crashes in a row, and every time all members are there, empty, in one new generation', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 5)
  const lives: string[] = []
  mesh.node('n1').on('worker:exit', ({ slot, exit }) => lives.push(`${slot} ${exit.kind}`))
  for (let round = 1; round <= 30; round++) {
    await fill(mesh, 'g', names(5))
    const victim = `m${round % 5}`
    await crash(mesh, 'g', victim)
    const members = group.members().map(({ id, workers: [worker] }) => [id, worker?.kind, worker?.generation])
    expect(members).toEqual(names(5).map(id => [id, 'running', round + 1]))
    expect(await values(mesh, 'g', names(5))).toEqual(names(5).map(() => undefined))
    // Each has ended once: who crashed, and four who were stopped for it.
    expect(lives.splice(0).toSorted()).toEqual(
      names(5).map(id => `g/${id} ${id === victim ? 'crashed' : 'stopped'}`),
    )
  }
  expect(group.status).toEqual({ kind: 'running' })
})

test.each(STRATEGIES)(
  '44: %s: a member that ends without an error stays away, and nobody else notices',
  async strategy => {
    await using mesh = await one()
    const group = await mesh.settle(
      mesh.node('n1').addGroup({
        id: 'g',
        strategy,
        members: [{ id: 'm0', run: cell }, ending('short'), { id: 'm1', run: cell }],
      }),
    )
    await fill(mesh, 'g', ['m0', 'm1'])
    group.member('short').send('end')
    await mesh.until('it has ended', () => group.members()[1]?.workers[0]?.kind === 'ended')
    await mesh.run(5_000)
    expect(await values(mesh, 'g', ['m0', 'm1'])).toEqual(['m0', 'm1'])
    expect(group.members()[1]?.workers).toEqual([
      { slot: 'g/short', kind: 'ended', failure: undefined, node: undefined, generation: undefined },
    ])
    // It is there in the spec still: a user can have it back.
    await mesh.settle(group.restartMember('short'))
    expect(group.members()[1]?.workers[0]?.kind).toBe('running')
  },
)

test('44: as in OTP, a restart of siblings brings back who has ended and is transient, and drops who is temporary', async () => {
  await using mesh = await one()
  const group = await mesh.settle(
    mesh.node('n1').addGroup({
      id: 'g',
      members: [{ id: 'm0', run: cell }, ending('transient'), ending('temporary', { restart: 'temporary' })],
    }),
  )
  group.member('transient').send('end')
  await mesh.until('it has ended', () => group.members()[1]?.workers[0]?.kind === 'ended')
  await crash(mesh, 'g', 'm0')
  expect(group.members().map(({ id, workers }) => `${id} ${workers[0]?.kind}`)).toEqual([
    'm0 running',
    'transient running',
    'temporary ended',
  ])
})

test('45: a member that is removed is unreachable, and is not listed, at once', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const group = await addCells(mesh, 'g', 3)
  await fill(mesh, 'g', names(3))
  const gone = group.member('m1')
  const ends: string[] = []
  node.on('worker:exit', ({ slot, exit }) => ends.push(`${slot} ${exit.kind}`))
  const removing = group.removeMember('m1')
  // At once: before anything has been waited for.
  expect(group.members().map(({ id }) => id)).toEqual(['m0', 'm2'])
  expect(group.findMember('m1')).toBeUndefined()
  await mesh.settle(removing)
  expect(ends.splice(0)).toEqual(['g/m1 stopped'])
  expect(group.members().map(({ id, workers }) => [id, workers[0]?.generation])).toEqual([
    ['m0', 1],
    ['m2', 1],
  ])
  expect(node.listGroups()[0]?.workers.map(({ slot }) => slot)).toEqual(['g/m0', 'g/m2'])
  await expect(mesh.settle(gone.call.ping())).rejects.toMatchObject({ name: 'NotFoundError' })
  expect(await values(mesh, 'g', ['m0', 'm2'])).toEqual(['m0', 'm2'])
  await expect(mesh.settle(group.removeMember('m1'))).rejects.toMatchObject({ name: 'NotFoundError' })
  await mesh.settle(node.removeGroup('g'))
  expect(ends).toEqual(['g/m2 stopped', 'g/m0 stopped'])
  expect([node.findGroup('g'), node.listGroups()]).toEqual([undefined, []])
  await expect(mesh.settle(group.member('m0').call.ping())).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('45: removed and added again under the same id, it is another one', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 2)
  await fill(mesh, 'g', names(2))
  const both = Promise.all([group.removeMember('m1'), group.addMember({ id: 'm1', run: cell })])
  await mesh.settle(both)
  expect(await values(mesh, 'g', names(2))).toEqual(['m0', undefined])
})

// A shard is the thread or process of one worker here: what restarts is that worker, and nobody else waits for it.
test('49: while a member takes long to start again, the others answer', async () => {
  await using mesh = await one()
  const group = await mesh.settle(
    mesh.node('n1').addGroup({
      id: 'g',
      strategy: 'one_for_one',
      members: [
        { id: 'm0', run: cell },
        { id: 'm1', run: cell },
        { id: 'slow', run: slowStarter },
      ],
    }),
  )
  await fill(mesh, 'g', names(2))
  await mesh.settle(
    group
      .member('slow')
      .call.crash()
      .catch(() => {}),
  )
  const late = group.member('slow').call.ping()
  const before = mesh.nowMs
  expect(await values(mesh, 'g', names(2))).toEqual(names(2))
  expect(mesh.nowMs - before).toBeLessThan(1_000)
  expect(group.members()[2]?.workers[0]?.kind).toBe('starting')
  expect(await mesh.settle(late)).toBe('pong')
  expect(mesh.nowMs - before).toBeGreaterThan(1_000)
})

test('50: ids are texts: two parts are written as one', async () => {
  await using mesh = await one()
  const group = await addCells(mesh, 'g', 1)
  // A tuple has no identity that travels; what stands for one behaves like any other id.
  const id = JSON.stringify(['plc', 7])
  const ref = await mesh.settle(group.addMember({ id, run: cell }))
  expect(await mesh.settle(ref.call.ping())).toBe('pong')
  await mesh.settle(group.removeMember(id))
  expect(group.findMember(id)).toBeUndefined()
})
