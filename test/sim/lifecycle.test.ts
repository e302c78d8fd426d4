/** How a server or task begins and ends, and what its context can do. */

import { AsyncResource } from 'node:async_hooks'
import { beforeEach, expect, test } from 'vitest'

import {
  type NodeEventOf,
  type TaskContext,
  type TerminateReason,
  deferred,
  defineServer,
  defineTask,
} from '../../src/index.ts'
import { type Contract, contract } from '../../src/index.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const ended: (readonly [string, string])[] = []
beforeEach(() => void (ended.length = 0))

const nameOf = (reason: TerminateReason): string =>
  reason instanceof Error ? `${reason.name}: ${reason.message}` : reason

const server = defineServer('server', {
  init: context => ({ context, ticks: 0, asked: new Array<(answer: number) => void>() }),
  call: {
    leave: (state, how: 'normal' | 'shutdown' | 'bad') => {
      state.context.stop(how === 'bad' ? new RangeError('enough') : how)
      return `leaving: ${how}`
    },
    fail: (): void => {
      throw new TypeError('oh')
    },
    ticks: state => state.ticks,
    /** Answered by whoever tells it the answer. */
    ask: state => deferred<number>(reply => state.asked.push(reply.resolve)),
    refuse: () => deferred<string>(Promise.reject(new RangeError('no answer'))),
    tell: (state, answer: number) => state.asked.shift()?.(answer),
    hang: state => state.context.sleep(60_000),
  },
  cast: {
    tickSoon: (state, delayMs: number) => {
      state.context.sendAfter(delayMs, 'tick')
    },
    tickNever: (state, delayMs: number) => {
      const cancel = state.context.sendAfter(delayMs, 'tick')
      cancel()
    },
  },
  info: (state, message) => {
    if (message === 'tick') state.ticks += 1
  },
  terminate: async (state, reason, context) => {
    await context.sleep(5)
    ended.push([state.context.worker, nameOf(reason)])
  },
})

const leaver = defineTask('leaver', async (context: TaskContext<'leave' | 'later' | Error>) => {
  for await (const message of context.messages) {
    if (message === 'later') context.sendAfter(100, 'leave')
    else context.stop(message === 'leave' ? 'shutdown' : message)
  }
})

async function start(): Promise<{ mesh: SimulatedMesh; node: Node; exits: NodeEventOf<'worker:exit'>[] }> {
  const mesh = await simulate({ nodes: 1, behaviours: [server, leaver] })
  const node = mesh.node('n1')
  const exits: NodeEventOf<'worker:exit'>[] = []
  node.on('worker:exit', event => exits.push(event))
  return { mesh, node, exits }
}

const statusOf = (node: Node, id: string): string | undefined =>
  node.snapshot().specs.find(spec => spec.id === id)?.status.kind

test('a server that stops itself still answers, terminates with its reason, and ends so', async () => {
  const { mesh, node, exits } = await start()
  for (const how of ['normal', 'shutdown'] as const) {
    const worker = await mesh.settle(node.addWorker({ id: how, run: server, restart: 'transient' }))
    expect(await mesh.settle(worker.call.leave(how))).toBe(`leaving: ${how}`)
    await mesh.until('it is done', () => statusOf(node, how) === 'done')
  }
  expect(ended).toEqual([
    ['normal', 'normal'],
    ['shutdown', 'shutdown'],
  ])
  expect(exits.map(({ exit }) => exit.kind)).toEqual(['normal', 'shutdown'])
})

test('a server that stops itself with an error crashes for this reason, and is restarted', async () => {
  const { mesh, node, exits } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server, restart: 'transient' }))
  expect(await mesh.settle(worker.call.leave('bad'))).toBe('leaving: bad')
  expect(await mesh.settle(worker.call.ticks())).toBe(0)
  expect(ended).toEqual([['w', 'RangeError: enough']])
  expect(exits).toMatchObject([{ exit: { kind: 'crashed', failure: { name: 'RangeError' } } }])
})

test('terminate runs after a throw, and when the worker is told to stop', async () => {
  const { mesh, node, exits } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server }))
  await expect(mesh.settle(worker.call.fail())).rejects.toMatchObject({ name: 'RemoteError' })
  await mesh.settle(worker.call.ticks())
  await mesh.settle(node.removeWorker('w'))
  expect(ended).toEqual([
    ['w', 'TypeError: oh'],
    ['w', 'stopped'],
  ])
  expect(exits.map(({ exit }) => exit.kind)).toEqual(['crashed', 'stopped'])
})

test.each([
  ['transient', 'normal', 'done'],
  ['transient', 'shutdown', 'done'],
  ['temporary', 'normal', 'done'],
  ['temporary', 'shutdown', 'done'],
  ['permanent', 'normal', 'gave-up'],
] as const)(
  'a task, %s, that ends with %s before it waits for anything, has run: %s',
  async (restart, reason, kind) => {
    const brief = defineTask('brief', async context => context.stop(reason))
    await using mesh = await simulate({ nodes: 1, behaviours: [brief] })
    const node = mesh.node('n1')
    await mesh.settle(node.addWorker({ id: 'w', run: brief, restart }))
    await mesh.until(
      'it is over',
      () => statusOf(node, 'w') !== 'restarting' && statusOf(node, 'w') !== 'running',
    )
    expect(statusOf(node, 'w')).toBe(kind)
  },
)

test('a server that ends by itself, and never comes to an end of it, is given its stop time-out', async () => {
  const endless = defineServer('endless', {
    init: context => ({ context }),
    call: { ping: () => 'pong' },
    info: ({ context }, how) => {
      if (how === 'fail') throw new TypeError('oh')
      context.stop('normal')
    },
    terminate: () => new Promise<void>(() => {}),
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [endless] })
  const node = mesh.node('n1')
  const exits: string[] = []
  node.on('worker:exit', ({ exit }) => exits.push(`${exit.kind} after ${Math.round(mesh.nowMs - startMs)}`))
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: endless, stopTimeoutMs: 300 }))
  let startMs = mesh.nowMs
  for (const how of ['leave', 'fail']) {
    startMs = mesh.nowMs
    const before = exits.length
    worker.send(how)
    await mesh.until('it has ended', () => exits.length > before)
    expect(await mesh.settle(worker.call.ping())).toBe('pong')
  }
  expect(exits).toEqual(['normal after 300', 'crashed after 300'])
})

test('what an earlier start of a worker has left running, and fails, does not end the worker that runs now', async () => {
  const late: (() => void)[] = []
  const messy = defineServer('messy', {
    init: () => ({ count: 0 }),
    call: {
      count: state => (state.count += 1),
      fail: (): void => {
        late.push(AsyncResource.bind(() => host.findStray()?.(new Error('at last'))))
        throw new TypeError('oh')
      },
    },
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [messy] })
  const node = mesh.node('n1')
  const { host } = node.inspect()
  const exits: string[] = []
  node.on('worker:exit', ({ exit }) => exits.push(exit.kind))
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: messy }))
  await expect(mesh.settle(worker.call.fail())).rejects.toMatchObject({ name: 'RemoteError' })
  expect(await mesh.settle(worker.call.count())).toBe(1)
  expect(late).toHaveLength(1)
  for (const fail of late) fail()
  expect(await mesh.settle(worker.call.count())).toBe(2)
  expect(exits).toEqual(['crashed'])
})

test('what waits when a server stops itself has not been executed', async () => {
  const { mesh, node } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server, restart: 'temporary' }))
  const outcomes = await mesh.settle(
    Promise.allSettled([worker.call.ask(), worker.call.leave('normal'), worker.call.ticks()]),
  )
  expect(outcomes).toMatchObject([
    { reason: { name: 'WorkerExitedError', maybeExecuted: true } },
    { value: 'leaving: normal' },
    { reason: { name: 'WorkerExitedError', maybeExecuted: false } },
  ])
})

test('a message to itself comes after its time, unless it is taken back', async () => {
  const { mesh, node } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server }))
  worker.cast.tickSoon(100)
  worker.cast.tickNever(50)
  await mesh.run(90)
  expect(await mesh.settle(worker.call.ticks())).toBe(0)
  await mesh.run(20)
  expect(await mesh.settle(worker.call.ticks())).toBe(1)
})

test('a server answers later, and goes on meanwhile', async () => {
  const { mesh, node } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server }))
  const answers = Promise.all([worker.call.ask(), worker.call.ask()])
  expect(await mesh.settle(worker.call.ticks())).toBe(0)
  await mesh.settle(worker.call.tell(1))
  await mesh.settle(worker.call.tell(2))
  expect(await mesh.settle(answers)).toEqual([1, 2])
  const late = worker.with({ timeoutMs: 100 }).call.ask()
  await expect(mesh.settle(late)).rejects.toMatchObject({ name: 'CallTimeoutError', maybeExecuted: true })
  // Its answer comes too late, and harms nobody.
  await mesh.settle(worker.call.tell(3))
  expect(await mesh.settle(worker.call.ticks())).toBe(0)
})

test('a server that answers later with an error goes on', async () => {
  const { mesh, node, exits } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server }))
  await expect(mesh.settle(worker.call.refuse())).rejects.toMatchObject({
    name: 'RemoteError',
    message: 'RangeError: no answer',
    maybeExecuted: true,
  })
  expect(exits).toEqual([])
})

test('a task can end itself', async () => {
  const { mesh, node, exits } = await start()
  const task = await mesh.settle(node.addWorker({ id: 't', run: leaver, restart: 'transient' }))
  task.send(new RangeError('enough'))
  await mesh.until('it has crashed', () => exits.length === 1)
  task.send('later')
  await mesh.run(90)
  expect(statusOf(node, 't')).toBe('running')
  await mesh.until('it is done', () => statusOf(node, 't') === 'done')
  expect(exits.map(({ exit }) => exit.kind)).toEqual(['crashed', 'shutdown'])
})

// 31
test('what waits for a worker that crashes is lost: calls are told, casts and messages counted', async () => {
  const { mesh, node, exits } = await start()
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server }))
  const outcomes = Promise.allSettled([worker.call.fail(), worker.call.ticks()])
  worker.cast.tickSoon(1)
  worker.send('tick')
  worker.send('tick')
  expect(await mesh.settle(outcomes)).toMatchObject([
    { reason: { name: 'RemoteError', maybeExecuted: true } },
    { reason: { name: 'WorkerExitedError', maybeExecuted: false } },
  ])
  await mesh.until('the exit is told', () => exits.length === 1)
  expect(exits).toMatchObject([{ slot: 'w', exit: { kind: 'crashed' }, lost: 3 }])
  expect(node.snapshot().lostMessages).toBe(3)
  expect(await mesh.settle(worker.call.ticks())).toBe(0)
})

test('a mailbox takes as much as its worker says, and stopping does not wait behind it', async () => {
  const { mesh, node, exits } = await start()
  const mailbox = { messages: 3, bytes: 4096 }
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server, mailbox }))
  const busy = worker.call.hang().catch(() => {})
  await mesh.run(1)
  const waiting = Array.from({ length: 3 }, () => worker.call.ticks())
  await expect(mesh.settle(worker.call.ticks())).rejects.toMatchObject({
    name: 'OverloadedError',
    maybeExecuted: false,
  })
  worker.send('one too many')
  const removed = node.removeWorker('w')
  const outcomes = await mesh.settle(Promise.allSettled(waiting))
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  await mesh.settle(removed)
  await mesh.settle(busy)
  expect(exits.map(({ exit }) => exit.kind)).toEqual(['stopped'])
  expect(node.snapshot().lostMessages).toBe(1)
})

test('a mailbox counts bytes as well, and always takes one message', async () => {
  const { mesh, node } = await start()
  const mailbox = { bytes: 4096 }
  const worker = await mesh.settle(node.addWorker({ id: 'w', run: server, mailbox }))
  const busy = worker.call.hang().catch(() => {})
  await mesh.run(1)
  worker.send('x'.repeat(100_000))
  worker.send('x')
  expect(node.snapshot().lostMessages).toBe(1)
  await mesh.settle(node.removeWorker('w'))
  await mesh.settle(busy)
})

test('with a contract, a node without the code declares and calls a server; it never runs there', async () => {
  type Ticker = Contract<{ args: []; call: { ticks: () => number } }>
  const ticker = contract<Ticker>('server')
  const mesh = await simulate({ nodes: 2, behaviours: [server], behavioursOf: { n1: [{ ticker, leaver }] } })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(2))
  for (const id of ['a', 'b', 'c', 'd']) {
    const worker = await mesh.settle(node.addWorker({ id, run: ticker }))
    expect(await mesh.settle(worker.call.ticks())).toBe(0)
  }
  expect(node.snapshot().specs.map(({ workers }) => workers[0]?.node)).toEqual(['n2', 'n2', 'n2', 'n2'])
})
