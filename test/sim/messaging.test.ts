/** Calls between workers, and what goes along with them: deadlines, circles, answers that come later. */

import { expect, test } from 'vitest'

import {
  type ServerContext,
  currentTraceId,
  currentWorker,
  deferred,
  defineServer,
  defineStage,
  withTrace,
} from '../../src/index.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** Calls the others, as it is told to. */
const caller = defineServer('caller', {
  init: context => ({ context, seen: new Array<unknown>() }),
  call: {
    whoami: () => currentWorker(),
    trace: async state => {
      await state.context.sleep(5)
      return currentTraceId()
    },
    remaining: state => state.context.remainingMs,
    /** Passes the question on to each of `path`, one after the other, and answers what the last says. */
    through: async (
      state,
      path: readonly string[],
      last: 'whoami' | 'remaining' | 'trace',
    ): Promise<unknown> => {
      const [next, ...rest] = path
      if (next === undefined) {
        if (last === 'remaining') return state.context.remainingMs
        return last === 'trace' ? currentTraceId() : currentWorker()
      }
      return refOf(state.context, next).call.through(rest, last)
    },
    /** Asks, and does not wait for it. */
    askAside: (state, other: string) => {
      void refOf(state.context, other)
        .call.through([], 'whoami')
        .then(answer => state.seen.push(answer))
    },
    /** Asks, and answers when it has been answered; meanwhile it takes other messages. */
    throughLater: (state, path: readonly string[]) => {
      const [next = '', ...rest] = path
      return deferred(refOf(state.context, next).call.through(rest, 'whoami'))
    },
    seen: state => state.seen,
    crash: (): void => {
      throw new RangeError('told to crash')
    },
    lose: (): void => {
      const cause = Object.assign(new RangeError('no such file', { cause: 'a text' }), { code: 'ENOENT' })
      const errors = [new RangeError('here'), 'there']
      throw Object.assign(new AggregateError(errors, 'cannot read it', { cause }), { code: 7 })
    },
    sleep: async (state, ms: number) => {
      state.seen.push(ms)
      await state.context.sleep(ms)
    },
  },
  info: (state, message) => void state.seen.push([message, currentTraceId()]),
})

type Through = (path: readonly string[], last: 'whoami' | 'remaining' | 'trace') => Promise<unknown>

/** By hand: the type of a behaviour cannot be had within itself. */
function refOf(context: ServerContext, id: string): { readonly call: { readonly through: Through } } {
  return context.getWorker<typeof contract>(id)
}

declare const contract: ReturnType<typeof makeContract>
function makeContract() {
  return defineServer('contract', {
    init: () => ({}),
    call: {
      through: async (
        _state,
        _path: readonly string[],
        _last: 'whoami' | 'remaining' | 'trace',
      ): Promise<unknown> => undefined,
    },
  })
}

const IDS = ['a', 'b', 'c', 'd', 'e', 'f']

async function meshOf(nodes: number): Promise<{ mesh: SimulatedMesh; node: Node }> {
  const mesh = await simulate({ nodes, behaviours: [caller] })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  for (const id of IDS) await mesh.settle(node.addWorker({ id, run: caller }))
  return { mesh, node }
}

const NODES = [1, 3]

test.each(NODES)('code of a worker knows which worker it is, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const who = await mesh.settle(node.getWorker(id, caller).call.whoami())
    expect(who).toMatchObject({ worker: id, spec: id, generation: 1 })
  }
  expect(currentWorker()).toBeUndefined()
})

/** What code of a stage is at home in: while it runs, in a microtask that it leaves behind, and after a wait. */
const looks: string[] = []
const settled: Promise<unknown>[] = []
const looking = defineStage('looking', (text: string, context) => {
  const look = (when: string): void =>
    void looks.push(`${text} ${when} ${currentWorker()?.worker ?? 'nobody'}`)
  look('now')
  settled.push(
    Promise.resolve().then(() => look('later')),
    context.sleep(5).then(() => look('at last')),
  )
  return text
})

test.each(NODES)(
  'so does code of stages that pass on at once, and all that it leaves behind, on %i nodes',
  async nodes => {
    looks.length = 0
    settled.length = 0
    const mesh = await simulate({ nodes, behaviours: [looking] })
    const node = mesh.node('n1')
    await mesh.settle(node.formed(nodes))
    const stages = ['a', 'b', 'c'].map(id => ({ id, run: looking }))
    const chain = await mesh.settle(node.addChain({ id: 'k', stages }))
    expect(await mesh.settle(Promise.all(['x', 'y', 'z'].map(item => chain.call(item))))).toEqual([
      'x',
      'y',
      'z',
    ])
    expect(currentWorker()).toBeUndefined()
    await mesh.settle(Promise.all(settled))
    const wanted = ['x', 'y', 'z'].flatMap(item =>
      ['now', 'later', 'at last'].flatMap(when => ['a', 'b', 'c'].map(id => `${item} ${when} k/${id}/0`)),
    )
    expect(looks.toSorted()).toEqual(wanted.toSorted())
  },
)

test.each(NODES)(
  'a call carries its trace, through other workers and across waits, on %i nodes',
  async nodes => {
    const { mesh, node } = await meshOf(nodes)
    const through = withTrace('t-7', () => node.getWorker('a', caller).call.through(['b', 'c', 'd'], 'trace'))
    expect(await mesh.settle(through)).toBe('t-7')
    expect(await mesh.settle(withTrace('t-8', () => node.getWorker('b', caller).call.trace()))).toBe('t-8')
    expect(await mesh.settle(node.getWorker('c', caller).call.trace())).toBeUndefined()
  },
)

test.each(NODES)('a message carries its trace, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const ref = node.getWorker(id, caller)
    withTrace('t-9', () => ref.send('traced'))
    ref.send('plain')
    withTrace('x'.repeat(500), () => ref.send(['a', 'pair']))
    expect(await mesh.settle(ref.call.seen())).toEqual([
      ['traced', 't-9'],
      ['plain', undefined],
      [['a', 'pair'], expect.stringMatching(/^x{256}/)],
    ])
  }
})

test.each(NODES)('a broadcast carries its trace to every member, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const members = ['x', 'y', 'z'].map(id => ({ id, run: caller }))
  const group = await mesh.settle(node.addGroup({ id: 'line', members }))
  withTrace('t-10', () => group.broadcast('traced'))
  group.broadcast('plain')
  await mesh.run(100)
  for (const { id } of members) {
    const seen = await mesh.settle(group.getMember(id).call.seen())
    expect(seen).toHaveLength(2)
    expect(seen).toEqual(
      expect.arrayContaining([
        ['traced', 't-10'],
        ['plain', undefined],
      ]),
    )
  }
})

test.each(NODES)('a nested call waits no longer than its caller does, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const limited = node.getWorker('a', caller).with({ timeoutMs: 300 })
  const left = Number(await mesh.settle(limited.call.through(['b', 'c', 'd'], 'remaining')))
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThanOrEqual(300)
  // By itself, a call has five seconds.
  expect(await mesh.settle(node.getWorker('a', caller).call.remaining())).toBeGreaterThan(4_000)
})

test.each(NODES)('a call that nobody waits for any more is not started, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const slow = node.getWorker(id, caller)
    const first = slow.call.sleep(400)
    const late = slow.with({ timeoutMs: 100 }).call.sleep(7)
    await expect(mesh.settle(late)).rejects.toMatchObject({ name: 'CallTimeoutError' })
    await mesh.settle(first)
    expect(await mesh.settle(slow.call.seen())).toEqual([400])
  }
})

test('on its own node, such a call is known not to have been executed', async () => {
  const { mesh, node } = await meshOf(1)
  const slow = node.getWorker('a', caller)
  const first = slow.with({ timeoutMs: 100 }).call.sleep(400)
  const late = slow.with({ timeoutMs: 100 }).call.sleep(7)
  const outcomes = await mesh.settle(Promise.allSettled([first, late]))
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: { name: 'CallTimeoutError', maybeExecuted: true } },
    { status: 'rejected', reason: { name: 'CallTimeoutError', maybeExecuted: false } },
  ])
})

test('a call that is taken back before the worker comes to it is not executed', async () => {
  const { mesh, node } = await meshOf(1)
  const slow = node.getWorker('a', caller)
  const first = slow.call.sleep(400)
  const abort = new AbortController()
  const second = slow.with({ signal: abort.signal }).call.sleep(7)
  const reason = new Error('not any more')
  abort.abort(reason)
  await expect(mesh.settle(second)).rejects.toMatchObject({
    name: 'AbortError',
    message: expect.stringContaining('not any more'),
    maybeExecuted: false,
    cause: reason,
  })
  await mesh.settle(first)
  expect(await mesh.settle(slow.call.seen())).toEqual([400])
})

test.each(NODES)('an aborted call that the worker is at may have been executed, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const abort = new AbortController()
    const call = node.getWorker(id, caller).with({ signal: abort.signal }).call.sleep(400)
    await mesh.run(100)
    abort.abort('a text')
    await expect(mesh.settle(call)).rejects.toMatchObject({
      name: 'AbortError',
      maybeExecuted: true,
      cause: 'a text',
    })
  }
  const call = node.getWorker('a', caller).with({ signal: AbortSignal.abort() }).call.sleep(400)
  await expect(mesh.settle(call)).rejects.toMatchObject({
    name: 'AbortError',
    maybeExecuted: false,
    cause: { name: 'AbortError' },
  })
})

test.each(NODES)('who waits for a worker that crashes is told why, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const ref = node.getWorker(id, caller)
    const outcomes = await mesh.settle(Promise.allSettled([ref.call.crash(), ref.call.seen()]))
    const cause = { name: 'RangeError', message: 'told to crash', slot: id, generation: expect.any(Number) }
    expect(outcomes).toMatchObject([
      { reason: { name: 'RemoteError', maybeExecuted: true, cause } },
      { reason: { name: 'WorkerExitedError', maybeExecuted: false, cause } },
    ])
  }
})

test.each(NODES)('who calls is told the code and the causes of an error, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  for (const id of IDS) {
    const ref = node.getWorker(id, caller)
    const outcomes = await mesh.settle(Promise.allSettled([ref.call.lose(), ref.call.seen()]))
    const inner = { name: 'RangeError', message: 'no such file', code: 'ENOENT' }
    const cause = {
      name: 'AggregateError',
      code: 7,
      errors: [
        { name: 'RangeError', message: 'here' },
        { name: 'Error', message: 'there' },
      ],
      slot: id,
      cause: { ...inner, cause: { name: 'Error', message: 'a text' } },
    }
    expect(outcomes).toMatchObject([
      { reason: { name: 'RemoteError', cause } },
      { reason: { name: 'WorkerExitedError', cause } },
    ])
  }
})

const CIRCLES = [['a'], ['b', 'a'], ['b', 'c', 'a'], ['b', 'c', 'b'], ['b', 'c', 'd', 'e', 'f', 'a']]

test.each(NODES.flatMap(nodes => CIRCLES.map(path => [nodes, path] as const)))(
  'on %i nodes, a circle of calls through %j is an error at once, and everybody goes on',
  async (nodes, path) => {
    const { mesh, node } = await meshOf(nodes)
    const startMs = mesh.nowMs
    // The last caller gets the error; it does not catch it, and so do those before it.
    const failed = mesh.settle(node.getWorker('a', caller).call.through(path, 'whoami'))
    await expect(failed).rejects.toMatchObject({
      name: 'RemoteError',
      message: expect.stringContaining('DeadlockError'),
    })
    expect(mesh.nowMs - startMs).toBeLessThan(1_000)
    for (const id of IDS) {
      expect(await mesh.settle(node.getWorker(id, caller).call.whoami())).toMatchObject({ worker: id })
    }
  },
)

test('a worker may ask itself if it does not wait for the answer', async () => {
  const { mesh, node } = await meshOf(1)
  await mesh.settle(node.getWorker('a', caller).call.askAside('a'))
  expect(await mesh.settle(node.getWorker('a', caller).call.seen())).toMatchObject([{ worker: 'a' }])
})

test.each(NODES)('a server that answers later can be asked back meanwhile, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const answer = mesh.settle(node.getWorker('a', caller).call.throughLater(['b', 'a']))
  await expect(answer).resolves.toMatchObject({ worker: 'a' })
})
