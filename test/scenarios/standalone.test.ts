/** Standalone workers on one node: lines 14 to 26 of the behavioural scenarios, each test named by its lines. */

import { expect, test } from 'vitest'

import {
  addCell,
  addCells,
  cell,
  crash,
  names,
  obedient,
  one,
  pings,
  statusOf,
} from './standalone-workers.ts'

test('14: five workers are added and each has a live handle', async () => {
  await using mesh = await one()
  const handles = await addCells(mesh, names(5))
  expect(handles.map(handle => handle.id)).toEqual(names(5))
  expect(await mesh.settle(Promise.all(handles.map(handle => handle.call.ping())))).toEqual(
    Array.from({ length: 5 }, () => 'pong'),
  )
})

test('14: ten thousand workers are added, and all answer a ping', async () => {
  await using mesh = await one()
  const ids = names(10_000)
  await addCells(mesh, ids)
  expect(new Set(await pings(mesh, ids))).toEqual(new Set(['pong']))
  expect(mesh.node('n1').listWorkers()).toHaveLength(10_000)
})

test('15: a duplicate id is refused, and the first is untouched', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const first = await addCell(mesh, 'w')
  await mesh.settle(first.call.set(7))
  await expect(mesh.settle(node.addWorker({ id: 'w', run: cell }))).rejects.toMatchObject({
    name: 'AlreadyExistsError',
    id: 'w',
  })
  expect(await mesh.settle(node.getWorker('w', cell).call.get())).toBe(7)
  const twice = Promise.allSettled([
    node.addWorker({ id: 'x', run: cell }),
    node.addWorker({ id: 'x', run: cell }),
  ])
  expect((await mesh.settle(twice)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test('16: a missing id is generated: 32 hexadecimal digits, another one each time', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const [a, b] = await mesh.settle(
    Promise.all([node.addWorker({ run: cell }), node.addWorker({ run: cell })]),
  )
  expect(a.id).toMatch(/^[0-9a-f]{32}$/)
  expect(b.id).toMatch(/^[0-9a-f]{32}$/)
  expect(a.id).not.toBe(b.id)
})

test('17: a message with the id of its sender is answered with a message; a call with its result', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  const me = await addCell(mesh, 'me')
  worker.send({ ping: 'me' })
  await mesh.run(10)
  expect(await mesh.settle(me.call.get())).toEqual({ pong: 'w' })
  expect(await mesh.settle(worker.call.get())).toBeUndefined()
  expect(await mesh.settle(worker.call.ping())).toBe('pong')
  worker.cast.put(7)
  expect(await mesh.settle(worker.call.get())).toBe(7)
})

test('17: a call, a cast or a message to an unknown id, and a handle of one, are NotFoundErrors', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const other = await addCell(mesh, 'other')
  expect(() => node.getWorker('nope')).toThrow(expect.objectContaining({ name: 'NotFoundError', id: 'nope' }))
  expect(node.findWorker('nope')).toBeUndefined()
  const worker = await addCell(mesh, 'w')
  await mesh.settle(node.removeWorker('w'))
  const missing = { name: 'NotFoundError', id: 'w' }
  await expect(mesh.settle(worker.call.ping())).rejects.toMatchObject(missing)
  expect(() => worker.cast.put(1)).toThrow(expect.objectContaining(missing))
  expect(() => worker.send('x')).toThrow(expect.objectContaining(missing))
  expect(() => node.getWorker('w')).toThrow(expect.objectContaining(missing))
  await mesh.run(10)
  expect(await mesh.settle(other.call.get())).toBeUndefined()
})

test('18: what one message stores, the next reads, through any handle', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  await mesh.settle(worker.call.set({ deep: [1] }))
  expect(await mesh.settle(worker.call.get())).toEqual({ deep: [1] })
  expect(await mesh.settle(mesh.node('n1').getWorker('w', cell).call.get())).toEqual({ deep: [1] })
})

test('19: a removed worker is not found, its id is free again; removing an unknown one is an error', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const old = await addCell(mesh, 'w')
  await mesh.settle(old.call.set(1))
  await mesh.settle(node.removeWorker('w'))
  expect(() => node.getWorker('w')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
  await expect(mesh.settle(node.removeWorker('w'))).rejects.toMatchObject({ name: 'NotFoundError' })
  const again = await addCell(mesh, 'w')
  expect(await mesh.settle(again.call.get())).toBeUndefined()
})

test('19: a worker that has already ended is removed like any other, and its id is free again', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const task = await mesh.settle(node.addWorker({ id: 'w', run: obedient, restart: 'transient' }))
  task.send('end')
  await mesh.until('it has ended', () => statusOf(mesh, 'w')?.kind === 'done')
  await mesh.settle(node.removeWorker('w'))
  expect(node.findWorker('w')).toBeUndefined()
  await addCells(mesh, ['w'])
  expect(await pings(mesh, ['w'])).toEqual(['pong'])
})

test('20: a permanent worker that crashes comes back with an empty state', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  await mesh.settle(worker.call.set(1))
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({
    name: 'RemoteError',
    message: 'RangeError: told to crash',
  })
  expect(await mesh.settle(worker.call.get())).toBeUndefined()
})

test('20: a permanent worker that ends normally comes back as well', async () => {
  await using mesh = await one()
  const starts: string[] = []
  mesh.node('n1').on('worker:start', ({ slot }) => starts.push(slot))
  const task = await mesh.settle(mesh.node('n1').addWorker({ id: 'w', run: obedient }))
  task.send('end')
  await mesh.until('it is back', () => starts.length === 2)
  expect(statusOf(mesh, 'w')?.kind).toBe('running')
})

test('20: a thousand permanent workers crash at once, and all come back', async () => {
  await using mesh = await one()
  const ids = names(1_000)
  const workers = await addCells(mesh, ids)
  await mesh.settle(Promise.all(workers.map(worker => worker.call.set('before'))))
  const starts: string[] = []
  mesh.node('n1').on('worker:start', ({ slot }) => starts.push(slot))
  await crash(mesh, workers)
  const values = await mesh.settle(Promise.all(workers.map(worker => worker.call.get())))
  expect(new Set(values)).toEqual(new Set([undefined]))
  expect(starts.toSorted()).toEqual(ids.toSorted())
  expect(new Set(await pings(mesh, ids))).toEqual(new Set(['pong']))
  expect(
    mesh
      .node('n1')
      .listWorkers()
      .every(({ status }) => status.kind === 'running'),
  ).toBe(true)
})

test('21: a transient worker comes back after a crash, and stays away after a normal end', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const task = await mesh.settle(node.addWorker({ id: 'w', run: obedient, restart: 'transient' }))
  const starts: string[] = []
  node.on('worker:start', ({ slot }) => starts.push(slot))
  task.send('crash')
  await mesh.until('it is back', () => starts.length === 1)
  task.send('end')
  await mesh.until('it has ended', () => statusOf(mesh, 'w')?.kind === 'done')
  await mesh.run(60_000)
  expect(starts).toEqual(['w'])
  expect(statusOf(mesh, 'w')).toEqual({ kind: 'done', failure: undefined })
})

test('22: temporary workers stay away after a crash, five hundred at once, and say why', async () => {
  await using mesh = await one()
  const workers = await addCells(mesh, names(500), 'temporary')
  await crash(mesh, workers)
  await mesh.run(60_000)
  const statuses = mesh
    .node('n1')
    .listWorkers()
    .map(({ status }) => status)
  expect(statuses).toHaveLength(500)
  for (const status of statuses) {
    expect(status).toMatchObject({ kind: 'done', failure: { name: 'RangeError', message: 'told to crash' } })
  }
  await expect(mesh.settle(mesh.node('n1').getWorker('w0', cell).call.ping())).rejects.toMatchObject({
    name: 'WorkerExitedError',
    maybeExecuted: false,
  })
})

test('23: of 3,000 mixed workers that all crash, the permanent and the transient ones live', async () => {
  await using mesh = await one()
  const types = ['permanent', 'transient', 'temporary'] as const
  const all = await Promise.all(
    types.map(type =>
      addCells(
        mesh,
        names(1_000).map(name => `${type}-${name}`),
        type,
      ),
    ),
  )
  await crash(mesh, all.flat())
  await mesh.run(10_000)
  const alive = mesh
    .node('n1')
    .listWorkers()
    .filter(({ status }) => status.kind === 'running')
    .map(({ id }) => id)
  expect(alive).toHaveLength(2_000)
  expect(alive.filter(id => id.startsWith('temporary'))).toEqual([])
  expect(new Set(await pings(mesh, alive))).toEqual(new Set(['pong']))
})

test('24: the crash of one worker leaves the state of another untouched', async () => {
  await using mesh = await one()
  const a = await addCell(mesh, 'a')
  const b = await addCell(mesh, 'b')
  await mesh.settle(b.call.set('kept'))
  await crash(mesh, [a])
  expect(await pings(mesh, ['a'])).toEqual(['pong'])
  expect(await mesh.settle(b.call.get())).toBe('kept')
})

test('25: five rounds of crashes of a thousand workers, and all answer at the end', async () => {
  await using mesh = await one()
  const ids = names(1_000)
  const workers = await addCells(mesh, ids)
  for (let round = 0; round < 5; round++) {
    await crash(mesh, workers)
    expect(new Set(await pings(mesh, ids))).toEqual(new Set(['pong']))
  }
  expect(new Set(await pings(mesh, ids))).toEqual(new Set(['pong']))
})

test('26: two hundred concurrent callers of one worker get two hundred answers', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  const calls = names(200).map(() => worker.call.ping())
  expect(await mesh.settle(Promise.all(calls))).toEqual(names(200).map(() => 'pong'))
})

test('26: fifty callers of twenty calls each, with a crash in the middle: some arrive, and it answers afterwards', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  const calls: Promise<unknown>[] = []
  for (let index = 0; index < 1_000; index++) {
    if (index === 500) worker.send('crash')
    calls.push(worker.call.ping())
  }
  const outcomes = await mesh.settle(Promise.allSettled(calls))
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(500)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ maybeExecuted: false })
  }
  expect(await pings(mesh, ['w'])).toEqual(['pong'])
})
