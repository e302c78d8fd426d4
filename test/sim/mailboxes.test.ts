/** Mailboxes: in order, bounded, behind what the supervisor asks for. The same for workers here and elsewhere. */

import { describe, expect, test } from 'vitest'

import {
  type Node,
  type NodeEventOf,
  type TaskContext,
  type WorkerRef,
  defineServer,
  defineTask,
} from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const heard: unknown[] = []
/** What holds up the server of the test. */
let gate = Promise.withResolvers<void>()

const server = defineServer('server', {
  init: () => ({ count: 0 }),
  call: {
    hold: async () => {
      await gate.promise
      return 'held'
    },
    note: (state, what: unknown) => {
      heard.push(what)
      return (state.count += 1)
    },
  },
  cast: { note: (_state, what: unknown) => void heard.push(what) },
  info: (_state, message) => void heard.push(message),
})

const task = defineTask('task', async (context: TaskContext) => {
  await gate.promise
  for await (const message of context.messages) heard.push(message)
})

/** What a node tells of full mailboxes, from now on. */
function overloadsOn(node: Node): NodeEventOf<'worker:overload'>[] {
  const told: NodeEventOf<'worker:overload'>[] = []
  node.on('worker:overload', event => told.push(event))
  return told
}

const placement = { labels: { far: 'yes' } }

interface Scene {
  readonly mesh: SimulatedMesh
  /** Where the worker is. */
  readonly home: string
  /** What logs say of full mailboxes. */
  readonly warned: object[]
  readonly server: (mailbox?: object) => Promise<WorkerRef<typeof server>>
  readonly task: (mailbox?: object) => Promise<WorkerRef<typeof task>>
}

/** Everything runs on the last node, and is asked from the first. */
async function sceneOf(nodes: number): Promise<Scene> {
  heard.length = 0
  gate = Promise.withResolvers<void>()
  const home = `n${nodes}`
  const warned: object[] = []
  const quiet = (): void => {}
  const warn = (facts: object, message: string): void => {
    if (message.startsWith('a mailbox is full')) warned.push(facts)
  }
  const mesh = await simulate({
    nodes,
    logger: { debug: quiet, info: quiet, warn, error: quiet },
    behaviours: [server, task],
    labelsOf: { [home]: placement.labels },
  })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const more = { placement, stopTimeoutMs: 100 }
  return {
    mesh,
    home,
    warned,
    server: async (mailbox = {}) => {
      const made = await mesh.settle(node.addWorker({ id: 'w', run: server, mailbox, ...more }))
      return made.with({ timeoutMs: 30_000 })
    },
    task: (mailbox = {}) => mesh.settle(node.addWorker({ id: 'w', run: task, mailbox, ...more })),
  }
}

const nameOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) =>
    error instanceof Error ? [error.name, Reflect.get(error, 'maybeExecuted')] : error,
  )

const REFUSED = ['OverloadedError', false]

describe.each([1, 2])('on %i nodes', nodes => {
  test('calls, casts and messages of one sender are handled in the order in which they were sent', async () => {
    const { mesh, ...scene } = await sceneOf(nodes)
    const worker = await scene.server()
    const held = worker.call.hold()
    await mesh.run(50)
    const calls: Promise<number>[] = []
    for (let n = 0; n < 300; n += 3) {
      calls.push(worker.call.note(n))
      worker.cast.note(n + 1)
      worker.send(n + 2)
    }
    await mesh.run(50)
    expect(heard).toEqual([])
    gate.resolve()
    await mesh.settle(held)
    await mesh.settle(Promise.all(calls))
    await mesh.run(50)
    expect(heard).toEqual(Array.from({ length: 300 }, (_, n) => n))
  })

  test('the messages of a task as well', async () => {
    const { mesh, ...scene } = await sceneOf(nodes)
    const worker = await scene.task()
    for (let n = 0; n < 300; n++) worker.send(n)
    await mesh.run(50)
    expect(heard).toEqual([])
    gate.resolve()
    await mesh.run(50)
    expect(heard).toEqual(Array.from({ length: 300 }, (_, n) => n))
  })

  test('what is one too many is refused: a call is told, a cast or message counted, and what waits is not lost', async () => {
    const { mesh, home, ...scene } = await sceneOf(nodes)
    const worker = await scene.server({ messages: 5 })
    const held = worker.call.hold()
    await mesh.run(50)
    const calls = [worker.call.note(0), worker.call.note(1)]
    for (const n of [2, 3]) worker.cast.note(n)
    worker.send(4)
    const refused = [nameOf(worker.call.note('a')), nameOf(worker.call.note('b'))]
    worker.cast.note('c')
    worker.send('d')
    expect(await mesh.settle(Promise.all(refused))).toEqual([REFUSED, REFUSED])
    await mesh.run(50)
    expect(mesh.node(home).snapshot().lostMessages).toBe(2)
    gate.resolve()
    await mesh.settle(held)
    expect(await mesh.settle(Promise.all(calls))).toEqual([1, 2])
    await mesh.run(50)
    expect(heard).toEqual([0, 1, 2, 3, 4])
    // There is room again.
    expect(await mesh.settle(worker.call.note(5))).toBe(3)
  })

  test('the node of a full mailbox tells of it: at once, then as sums, until there is room again', async () => {
    const { mesh, home, warned, ...scene } = await sceneOf(nodes)
    const told = overloadsOn(mesh.node(home))
    const worker = await scene.server({ messages: 2 })
    const held = worker.call.hold()
    await mesh.run(50)
    const add = (count: number): void => {
      for (let n = 0; n < count; n++) worker.cast.note(n)
    }
    add(2)
    await mesh.run(50)
    expect(told).toEqual([])

    add(100)
    const refused = nameOf(worker.call.note('a'))
    expect(await mesh.settle(refused)).toEqual(REFUSED)
    await mesh.run(50)
    const first = { kind: 'worker:overload', slot: 'w', lost: 100, refused: 1 }
    expect(told).toEqual([first])

    // What follows is told in one when ten seconds are over, and nothing where nothing has come.
    for (let round = 0; round < 5; round++) {
      add(10)
      await mesh.run(1_000)
    }
    expect(told).toEqual([first])
    await mesh.run(5_000)
    const second = { ...first, lost: 50, refused: 0 }
    expect(told).toEqual([first, second])
    await mesh.run(10_000)
    expect(told).toEqual([first, second])
    add(1)
    await mesh.run(50)
    expect(told).toEqual([first, second, { ...second, lost: 1 }])
    expect(warned).toEqual(told.map(({ lost, refused: calls }) => ({ worker: 'w', lost, refused: calls })))
    const { overloads, lostMessages } = mesh.node(home).snapshot()
    expect({ overloads, lostMessages }).toEqual({ overloads: 152, lostMessages: 151 })
    gate.resolve()
    await mesh.settle(held)
  })

  test('so is what is too large for what is left, while smaller things still find room', async () => {
    const { mesh, home, ...scene } = await sceneOf(nodes)
    const worker = await scene.server({ bytes: 10_000 })
    const held = worker.call.hold()
    await mesh.run(50)
    // More than all of it, where nothing waits.
    worker.send('x'.repeat(20_000))
    worker.send('y')
    await mesh.run(50)
    expect(mesh.node(home).snapshot().lostMessages).toBe(1)
    gate.resolve()
    await mesh.settle(held)
    expect(await mesh.settle(worker.call.note('after'))).toBe(1)
    expect(heard).toEqual(['x'.repeat(20_000), 'after'])

    gate = Promise.withResolvers<void>()
    const again = worker.call.hold()
    await mesh.run(50)
    heard.length = 0
    const first = worker.call.note('a'.repeat(6_000))
    const second = nameOf(worker.call.note('b'.repeat(6_000)))
    const third = worker.call.note('c')
    expect(await mesh.settle(second)).toEqual(REFUSED)
    gate.resolve()
    await mesh.settle(again)
    expect(await mesh.settle(Promise.all([first, third]))).toEqual([2, 3])
    expect(heard).toEqual(['a'.repeat(6_000), 'c'])
  })

  test('a task takes no more either', async () => {
    const { mesh, home, ...scene } = await sceneOf(nodes)
    const told = overloadsOn(mesh.node(home))
    const worker = await scene.task({ messages: 3 })
    for (let n = 0; n < 5; n++) worker.send(n)
    await mesh.run(50)
    expect(mesh.node(home).snapshot().lostMessages).toBe(2)
    expect(told).toEqual([{ kind: 'worker:overload', slot: 'w', lost: 2, refused: 0 }])
    gate.resolve()
    await mesh.run(50)
    expect(heard).toEqual([0, 1, 2])
  })

  test.each(['restart', 'stop', 'remove'] as const)(
    'to %s a worker does not wait for what is in its mailbox: whoever waits is told that nothing was done',
    async how => {
      const { mesh, ...scene } = await sceneOf(nodes)
      const worker = await scene.server({ messages: 5 })
      const held = nameOf(worker.call.hold())
      await mesh.run(50)
      const waiting = Array.from({ length: 5 }, (_, n) => nameOf(worker.call.note(n)))
      await mesh.run(50)
      const node = mesh.node('n1')
      if (how === 'restart') await mesh.settle(node.restartWorker('w'))
      else if (how === 'stop') await mesh.settle(node.stopWorker('w'))
      else await mesh.settle(node.removeWorker('w'))
      expect(await mesh.settle(held)).toEqual(['WorkerExitedError', true])
      expect(await mesh.settle(Promise.all(waiting))).toEqual(waiting.map(() => ['WorkerExitedError', false]))
      expect(heard).toEqual([])
      if (how === 'restart') expect(await mesh.settle(worker.call.note('anew'))).toBe(1)
    },
  )

  test('an answer that comes too late goes to nobody else', async () => {
    const { mesh, ...scene } = await sceneOf(nodes)
    const worker = await scene.server()
    const late = worker.with({ timeoutMs: 200 }).call.hold()
    expect(await mesh.settle(nameOf(late))).toEqual(['CallTimeoutError', true])
    const abort = new AbortController()
    const given = nameOf(worker.with({ signal: abort.signal }).call.note('never'))
    await mesh.run(50)
    abort.abort()
    expect(await mesh.settle(given)).toEqual(['AbortError', nodes > 1])
    const next = worker.call.note('next')
    gate.resolve()
    // That nobody waits for it any more, the worker knows on its own node only.
    expect(await mesh.settle(next)).toBe(nodes)
    expect(heard).toEqual(nodes === 1 ? ['next'] : ['never', 'next'])
  })
})

test('what waits when a worker moves finds room at its successor, also where it is larger on the wire', async () => {
  heard.length = 0
  gate = Promise.withResolvers<void>()
  const mesh = await simulate({ nodes: 2, behaviours: [server] })
  await mesh.settle(mesh.node('n1').formed(2))
  const worker = await mesh.settle(
    mesh.node('n1').addWorker({ id: 'w', run: server, mailbox: { bytes: 10_000 } }),
  )
  const [home = '', other = ''] = mesh.up.toSorted(
    (a, b) => mesh.node(b).snapshot().workers.inline - mesh.node(a).snapshot().workers.inline,
  )
  // On its own node, three bytes of each of these count for one.
  const texts = ['a', 'b', 'c'].map(end => '€'.repeat(3_000) + end)
  const ref = mesh.node(home).getWorker('w', server)
  const held = nameOf(worker.with({ timeoutMs: 30_000 }).call.hold())
  await mesh.run(50)
  for (const text of texts) ref.send(text)
  const stopping = mesh.stop(home)
  await mesh.run(50)
  gate.resolve()
  await stopping
  await mesh.settle(held)
  const after = mesh.node(other).getWorker('w', server).with({ timeoutMs: 30_000 })
  expect(await mesh.settle(after.call.note('after'))).toBe(1)
  expect(heard.map(each => String(each).replace(/€+/u, ''))).toEqual(['a', 'b', 'c', 'after'])
  const { overloads, lostMessages } = mesh.node(other).snapshot()
  expect({ overloads, lostMessages }).toEqual({ overloads: 0, lostMessages: 0 })
})

/** Fails as often as is said, and takes its time to start. */
let failures = 0
const frail = defineServer('frail', {
  init: async context => {
    await context.sleep(100)
    failures -= 1
    if (failures >= 0) throw new Error('it cannot start yet')
    return { told: new Array<number>() }
  },
  call: { told: state => state.told },
  cast: {
    tell: (state, n: number) => void state.told.push(n),
    fail: () => {
      throw new Error('on purpose')
    },
  },
})

// It was given what had come while it started before what had come while it waited for that.
test.each([
  [1, 0],
  [2, 0],
  [1, 3],
])('what comes for one that restarts comes in order: on %i nodes, %i starts fail', async (nodes, tries) => {
  await using mesh = await simulate({ nodes, behaviours: [frail], seed: `frail ${nodes}` })
  await mesh.settle(mesh.node('n1').formed(nodes))
  const intensity = { restarts: 100, withinMs: 60_000 }
  failures = 0
  const ref = await mesh.settle(mesh.node('n1').addWorker({ id: 'frail', run: frail, intensity }))
  // From the second crash on it waits before it starts.
  for (let crash = 0; crash < 3; crash++) {
    ref.cast.fail()
    await mesh.run(1_000)
  }
  failures = tries
  ref.cast.fail()
  await mesh.run(10)
  for (let n = 0; n < 3_000; n++) {
    ref.cast.tell(n)
    await mesh.run(2)
  }
  await mesh.run(5_000)
  const told = await mesh.settle(ref.call.told())
  expect(told).toEqual(Array.from({ length: 3_000 }, (_, n) => n))
})
