/** Standalone workers on one node: lines 27 to 31 of the behavioural scenarios, each test named by its lines. */

import { expect, test } from 'vitest'

import {
  addCell,
  addCells,
  broken,
  cell,
  crash,
  fragile,
  names,
  never,
  onceOnly,
  one,
  pings,
  stage,
  statusOf,
} from './standalone-workers.ts'

test('27: a worker that cannot start is an error with its reason, and nothing is left of it', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  await expect(mesh.settle(node.addWorker({ id: 'w', run: broken }))).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('no such file'),
    cause: { name: 'Error', message: 'no such file' },
  })
  expect(node.findWorker('w')).toBeUndefined()
  expect(node.listWorkers()).toEqual([])
  await addCells(mesh, ['w'])
})

test('27: one that does not start in time is such an error too', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const startedMs = mesh.nowMs
  const adding = node.addWorker({ id: 'w', run: never, startTimeoutMs: 200 })
  await expect(mesh.settle(adding)).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('it did not start within 200 ms (startTimeoutMs)'),
    cause: { name: 'StartTimeout' },
  })
  // At once: what it may take to stop is not waited for.
  expect(mesh.nowMs - startedMs).toBeLessThan(210)
  expect(node.snapshot().workers).toMatchObject({ inline: 0, abandoned: 1 })
  await mesh.until('nothing is left', () => node.listWorkers().length === 0)
})

test('28: a server stands alone, is reached by its id, is restarted, and is removed', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const worker = await addCell(mesh, 'w')
  const bystander = await addCell(mesh, 'bystander')
  await mesh.settle(bystander.call.set('kept'))
  const exits: string[] = []
  node.on('worker:exit', ({ slot, exit }) => exits.push(`${slot} ${exit.kind}`))
  const generation = () => node.listWorkers()[0]?.workers.map(each => each.generation)
  await mesh.settle(worker.call.set(1))
  expect(await mesh.settle(node.getWorker('w', cell).call.get())).toBe(1)
  await crash(mesh, [worker])
  expect(await mesh.settle(worker.call.get())).toBeUndefined()
  // Nobody else has owned it: it goes on in its generation.
  expect(generation()).toEqual([1])
  await mesh.settle(worker.call.set(2))
  await mesh.settle(node.restartWorker('w'))
  expect(await mesh.settle(worker.call.get())).toBeUndefined()
  expect(generation()).toEqual([2])
  await mesh.settle(node.removeWorker('w'))
  expect(exits).toEqual(['w crashed', 'w stopped', 'w stopped'])
  expect(node.findWorker('w')).toBeUndefined()
  expect(node.listWorkers().map(({ id }) => id)).toEqual(['bystander'])
  await expect(mesh.settle(worker.call.get())).rejects.toMatchObject({ name: 'NotFoundError', id: 'w' })
  expect(await mesh.settle(bystander.call.get())).toBe('kept')
})

test('28: what is no server or task is refused, and nothing of it is declared', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  for (const run of [stage, undefined, 'cell', {}, () => 1, { ...cell, kind: 'no such kind' }]) {
    // @ts-expect-error a stage needs a chain around it; the others are nothing that runs
    await expect(mesh.settle(node.addWorker({ id: 'x', run }))).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [{ path: 'run' }],
    })
  }
  expect(node.findWorker('x')).toBeUndefined()
  expect(node.listWorkers()).toEqual([])
  expect(node.snapshot().workers.inline).toBe(0)
})

test('28: a worker is stopped, stays declared and down, and is restarted', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const worker = await addCell(mesh, 'w')
  await mesh.settle(node.stopWorker('w'))
  expect(statusOf(mesh, 'w')).toEqual({ kind: 'stopped' })
  await mesh.run(120_000)
  expect(statusOf(mesh, 'w')).toEqual({ kind: 'stopped' })
  await expect(mesh.settle(worker.call.ping())).rejects.toMatchObject({
    name: 'WorkerExitedError',
    message: expect.stringContaining('it was stopped'),
  })
  await expect(mesh.settle(node.addWorker({ id: 'w', run: cell }))).rejects.toMatchObject({
    name: 'AlreadyExistsError',
  })
  await mesh.settle(node.restartWorker('w'))
  expect(await pings(mesh, ['w'])).toEqual(['pong'])
  await expect(mesh.settle(node.stopWorker('nope'))).rejects.toMatchObject({ name: 'NotFoundError' })
  await expect(mesh.settle(node.restartWorker('nope'))).rejects.toMatchObject({ name: 'NotFoundError' })
})

test('29: a worker that crashes more often than it may is given up, with the last reasons, and can be revived', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: cell }))
  const events: string[] = []
  node.on('spec:status', ({ status }) => events.push(status.kind))
  // The default: five restarts in 30 s; the sixth crash is one too many.
  for (let round = 0; round < 6; round++) {
    await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  }
  expect(statusOf(mesh, 'w')).toMatchObject({
    kind: 'gave-up',
    failure: { name: 'RangeError', stack: expect.any(String) },
    failures: Array.from({ length: 5 }, () => ({ name: 'RangeError', message: 'told to crash' })),
  })
  expect(events.at(-1)).toBe('gave-up')
  await mesh.run(120_000)
  expect(statusOf(mesh, 'w')?.kind).toBe('gave-up')
  await mesh.settle(node.restartWorker('w'))
  expect(await mesh.settle(worker.call.ping())).toBe('pong')
  // It starts to count anew.
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  expect(await mesh.settle(worker.call.ping())).toBe('pong')
})

test('29: crashes that are far enough apart are never too many, and the first of a while is not waited for', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const intensity = { restarts: 1, withinMs: 10_000 }
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: cell, intensity }))
  for (let round = 0; round < 10; round++) {
    await mesh.run(61_000)
    const atMs = mesh.nowMs
    await crash(mesh, [worker])
    expect(await mesh.settle(worker.call.ping())).toBe('pong')
    expect(mesh.nowMs - atMs).toBeLessThan(1)
  }
})

test('29: between crashes that follow each other, the waits grow, whatever the intensity forgets', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const waits: number[] = []
  const intensity = { restarts: 1, withinMs: 1 }
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: cell, intensity }))
  for (let round = 0; round < 9; round++) {
    await mesh.run(10)
    const atMs = mesh.nowMs
    await crash(mesh, [worker])
    await mesh.settle(worker.with({ timeoutMs: 60_000 }).call.ping())
    waits.push(mesh.nowMs - atMs)
  }
  expect(waits[0]).toBeLessThan(1)
  // Full jitter: anything up to 100 ms · 2^(n - 2).
  for (const [index, wait] of waits.entries()) expect(wait).toBeLessThanOrEqual(100 * 2 ** (index - 1) + 1)
  expect(Math.max(...waits)).toBeGreaterThan(1_000)
})

test('29: a worker whose restart cannot start is tried again, and given up like one that crashes', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: fragile }))
  await expect(mesh.settle(worker.call.crash())).rejects.toMatchObject({ name: 'RemoteError' })
  await mesh.until('it is given up', () => statusOf(mesh, 'w')?.kind === 'gave-up')
  expect(statusOf(mesh, 'w')).toMatchObject({ failure: { message: 'used up' } })
  await expect(mesh.settle(node.restartWorker('w'))).rejects.toMatchObject({ name: 'StartError' })
  expect(statusOf(mesh, 'w')).toMatchObject({ kind: 'failed', failure: { message: 'used up' } })
  onceOnly.isUsed = false
  await mesh.settle(node.restartWorker('w'))
  expect(statusOf(mesh, 'w')?.kind).toBe('running')
})

test('30: a transient worker that ends with shutdown is not restarted; a permanent one is', async () => {
  await using mesh = await one()
  const node = mesh.node('n1')
  const exits: string[] = []
  node.on('worker:exit', ({ slot, exit }) => exits.push(`${slot} ${exit.kind}`))
  for (const restart of ['transient', 'permanent'] as const) {
    const worker = await mesh.settle(node.addWorker({ id: restart, run: cell, restart }))
    worker.send('shutdown')
  }
  await mesh.until('both have ended', () => exits.length === 2)
  await mesh.run(60_000)
  expect(exits).toEqual(['transient shutdown', 'permanent shutdown'])
  expect(statusOf(mesh, 'transient')).toEqual({ kind: 'done', failure: undefined })
  expect(statusOf(mesh, 'permanent')).toEqual({ kind: 'running' })
})

test('31: calls that wait for a worker that crashes are told that they were not executed', async () => {
  await using mesh = await one()
  const worker = await addCell(mesh, 'w')
  worker.send('crash')
  const calls = names(10).map(() => worker.call.ping())
  for (const outcome of await mesh.settle(Promise.allSettled(calls))) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { name: 'WorkerExitedError', maybeExecuted: false },
    })
  }
})
