/** Code of a worker that is over, with handles of the node itself that it has kept. */

import { expect, test } from 'vitest'

import { createNode } from '../../src/node/create-node.ts'
import type { Node } from '../../src/node/node.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import type { TaskContext } from '../../src/node/workers/context.ts'
import { currentWorker } from '../../src/node/workers/scope.ts'
import { simulate } from '../../src/testing.ts'
import { Gate } from './gate.ts'

/** What code of a worker might do by a handle that it has of the node itself. */
function deedsOf(node: Node): Readonly<Record<string, () => unknown>> {
  const ref = node.getWorker('listener', listener)
  const group = node.getGroup<[{ readonly id: 'm'; readonly run: typeof listener }]>('g')
  const chain = node.getChain<string>('c')
  const run = chain.run(endless('run'))
  return {
    call: () => ref.call.note('call'),
    cast: () => ref.cast.note('cast'),
    send: () => ref.send('send'),
    'a new handle': () => node.getWorker('listener', listener).cast.note('new handle'),
    broadcast: () => group.broadcast('broadcast'),
    sendRandom: () => group.sendRandom('sendRandom'),
    'member.cast': () => group.getMember('m').cast.note('member'),
    'chain.send': () => chain.send('chain.send'),
    'chain.trySend': () => chain.trySend('chain.trySend'),
    'chain.call': () => chain.call('chain.call'),
    'chain.run': () => run.next(),
    addWorker: () => node.addWorker({ id: 'child', run: listener }),
    addGroup: () => node.addGroup({ id: 'h', members: [{ id: 'm', run: listener }] }),
    addChain: () => node.addChain({ id: 'd', stages: [{ run: echo }] }),
    stopWorker: () => node.stopWorker('listener'),
    restartWorker: () => node.restartWorker('listener'),
    removeWorker: () => node.removeWorker('listener'),
    stopGroup: () => node.stopGroup('g'),
    restartGroup: () => node.restartGroup('g'),
    removeGroup: () => node.removeGroup('g'),
    stopChain: () => node.stopChain('c'),
    restartChain: () => node.restartChain('c'),
    removeChain: () => node.removeChain('c'),
    addMember: () => group.addMember({ id: 'n', run: listener }),
    stopMember: () => group.stopMember('m'),
    restartMember: () => group.restartMember('m'),
    removeMember: () => group.removeMember('m'),
    addStage: () => chain.addStage({ id: 's', run: echo }),
    stopStage: () => chain.stopStage('echo'),
    restartStage: () => chain.restartStage('echo'),
    removeStage: () => chain.removeStage('echo'),
    drain: () => node.drain(),
    resume: () => node.resume(),
    createNode: () => createNode(),
  }
}

const heardOf: unknown[] = []
const listener = defineServer('all-ears', {
  init: () => ({}),
  call: { note: (_state, what: string): void => void heardOf.push(what) },
  cast: { note: (_state, what: string): void => void heardOf.push(what) },
  info: (_state, message) => void heardOf.push(message),
})
const echo = defineStage('echo', (item: string) => {
  heardOf.push(item)
  return item
})

function* endless(item: string): Generator<string> {
  for (;;) yield item
}

async function outcomeOf(deed: () => unknown): Promise<string> {
  try {
    await deed()
    return 'done'
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

test.each(['abandoned', 'crashed'] as const)(
  'code of a worker that is %s reaches nobody by a handle of the node itself; others do, and it may look',
  async how => {
    heardOf.length = 0
    const gate = new Gate()
    const outcomes: Record<string, string> = {}
    const scene: { node?: Node; looked?: unknown } = {}
    const rebel = defineTask('rebel', async () => {
      const { node } = scene
      if (node === undefined) return
      const deeds = deedsOf(node)
      const late = async (): Promise<void> => {
        await gate.pass()
        for (const [name, deed] of Object.entries(deeds)) outcomes[name] = await outcomeOf(deed)
        scene.looked = [
          node.listWorkers().length > 0,
          node.id,
          node.snapshot().specs.length,
          node.getGroup('g').members().length,
        ]
      }
      if (how === 'abandoned') return late()
      void late()
      throw new Error('it leaves something running')
    })
    await using mesh = await simulate({ nodes: 1, behaviours: [listener, echo, rebel] })
    const node = mesh.node('n1')
    scene.node = node
    await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
    await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'm', run: listener }] }))
    await mesh.settle(node.addChain({ id: 'c', stages: [{ run: echo }] }))
    const spec = { id: 'rebel', run: rebel, restart: 'temporary', stopTimeoutMs: 50 } as const
    await mesh.settle(node.addWorker(spec).catch(() => {}))
    await mesh.run(1_000)
    if (how === 'abandoned') await mesh.settle(node.stopWorker('rebel'))
    const before = JSON.stringify(node.snapshot().specs)
    gate.open()
    await mesh.run(60_000)
    expect(outcomes).toEqual(
      Object.fromEntries(Object.keys(deedsOf(node)).map(name => [name, 'FencedError'])),
    )
    expect(heardOf).toEqual([])
    expect(scene.looked).toEqual([true, 'n1', node.snapshot().specs.length, 1])
    expect(JSON.stringify(node.snapshot().specs)).toBe(before)
    await mesh.settle(node.getWorker('listener', listener).call.note('by somebody who lives'))
    expect(heardOf).toEqual(['by somebody who lives'])
  },
)

test('a run that was begun by a worker puts nothing in when that one is over', async () => {
  heardOf.length = 0
  const scene: { node?: Node; error?: unknown } = {}
  const gate = new Gate()
  const source = async function* (): AsyncGenerator<string> {
    yield 'while it runs'
    await gate.pass()
    yield 'afterwards'
  }
  const runner = defineTask('runner', async () => {
    try {
      for await (const _ of scene.node?.getChain<string>('c').run(source()) ?? []);
    } catch (error) {
      scene.error = error
    }
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [echo, runner] })
  const node = mesh.node('n1')
  scene.node = node
  await mesh.settle(node.addChain({ id: 'c', stages: [{ run: echo }] }))
  await mesh.settle(node.addWorker({ id: 'runner', run: runner, stopTimeoutMs: 50 }))
  await mesh.run(1_000)
  await mesh.settle(node.stopWorker('runner'))
  gate.open()
  await mesh.run(1_000)
  expect(heardOf).toEqual(['while it runs'])
  expect(scene.error).toMatchObject({ name: 'FencedError' })
})

test('who listens to a node is not on the account of the worker whose code has made something happen', async () => {
  heardOf.length = 0
  const scene: { node?: Node } = {}
  const culprit = defineServer('culprit', {
    init: () => ({}),
    cast: {
      declare: () => {
        void scene.node?.addWorker({ id: 'child', run: listener })
        throw new Error('and is over')
      },
    },
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, culprit] })
  const node = mesh.node('n1')
  scene.node = node
  const outcomes: string[] = []
  node.on('worker:start', ({ slot }) => {
    if (slot === 'child')
      void outcomeOf(() => node.getWorker('child', listener).cast.note('hello')).then(it => outcomes.push(it))
  })
  const worker = await mesh.settle(node.addWorker({ id: 'culprit', run: culprit }))
  worker.cast.declare()
  await mesh.run(2_000)
  expect(outcomes).toEqual(['done'])
  expect(heardOf).toEqual(['hello'])
})

/** Does something by its node that has an effect later, and is over by then. */
const culpritOf = (scene: { readonly node?: Node }, deed: (node: Node) => Promise<unknown>) =>
  defineServer('culprit', {
    init: () => ({}),
    cast: {
      act: () => {
        if (scene.node !== undefined) void deed(scene.node)
        throw new Error('and is over')
      },
    },
  })

test('who listens to its signal is code of the worker that is stopped, whoever has stopped it', async () => {
  heardOf.length = 0
  const scene: { node?: Node } = {}
  const told: unknown[] = []
  const culprit = culpritOf(scene, node => node.stopWorker('victim'))
  const victim = defineServer('victim', {
    init: ({ signal }) => {
      signal.addEventListener('abort', () => {
        const cast = (): unknown => scene.node?.getWorker('listener', listener).cast.note('last words')
        void outcomeOf(cast).then(outcome => told.push(currentWorker()?.worker, outcome))
      })
      return {}
    },
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, culprit, victim] })
  const node = mesh.node('n1')
  scene.node = node
  await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
  await mesh.settle(node.addWorker({ id: 'victim', run: victim }))
  const worker = await mesh.settle(node.addWorker({ id: 'culprit', run: culprit }))
  worker.cast.act()
  await mesh.run(2_000)
  expect(told).toEqual(['victim', 'done'])
  expect(heardOf).toEqual(['last words'])
})

test('what a node does since code of a worker has asked for it, is not on the account of that worker', async () => {
  const scene: { node?: Node } = {}
  const culprit = culpritOf(scene, node => node.stopWorker('deaf'))
  const deaf = defineTask('deaf', () => new Promise(() => {}))
  const logged: unknown[] = []
  const note = (_facts: object, message: string): void => void logged.push([message, currentWorker()])
  const logger = { debug: note, info: note, warn: note, error: note }
  await using mesh = await simulate({ nodes: 1, behaviours: [culprit, deaf], logger })
  const node = mesh.node('n1')
  scene.node = node
  await mesh.settle(node.addWorker({ id: 'deaf', run: deaf, stopTimeoutMs: 0 }))
  const worker = await mesh.settle(node.addWorker({ id: 'culprit', run: culprit }))
  worker.cast.act()
  await mesh.run(2_000)
  expect(logged).toContainEqual([expect.stringContaining('abandoned'), undefined])
})

test.each(['removeWorker', 'restartWorker', 'stopWorker'] as const)(
  'a worker may ask for an end of its own (%s), and has its say until it is over, but not after that',
  async how => {
    heardOf.length = 0
    const scene: { node?: Node; ended?: string; after?: string } = {}
    const note = (what: string): unknown => scene.node?.getWorker('listener', listener).cast.note(what)
    const untilEnded = async (): Promise<void> => {
      scene.ended = await outcomeOf(() => scene.node?.[how]('self'))
      scene.after = await outcomeOf(() => note('afterwards'))
    }
    const suicidal = defineServer('suicidal', {
      init: () => ({}),
      cast: {
        end: () => {
          void untilEnded()
          note('while it stops')
        },
      },
      terminate: () => void note('as its last word'),
    })
    await using mesh = await simulate({ nodes: 1, behaviours: [listener, suicidal] })
    const node = mesh.node('n1')
    scene.node = node
    await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
    const worker = await mesh.settle(node.addWorker({ id: 'self', run: suicidal }))
    worker.cast.end()
    await mesh.run(5_000)
    expect(scene).toMatchObject({ ended: 'done', after: 'FencedError' })
    expect(heardOf).toEqual(['while it stops', 'as its last word'])
    expect(node.snapshot().workers.abandoned).toBe(0)
  },
)

test('a worker that waits for its own removal is given up when its time to stop is over, and hears of its end', async () => {
  heardOf.length = 0
  const scene: { node?: Node; ended?: string; after?: string } = {}
  const note = (what: string): unknown => scene.node?.getWorker('listener', listener).cast.note(what)
  const patient = defineTask('patient', async () => {
    scene.ended = await outcomeOf(() => scene.node?.removeWorker('self'))
    scene.after = await outcomeOf(() => note('afterwards'))
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, patient] })
  const node = mesh.node('n1')
  scene.node = node
  await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
  await mesh.settle(node.addWorker({ id: 'self', run: patient, stopTimeoutMs: 200 })).catch(() => {})
  await mesh.run(5_000)
  expect(scene).toMatchObject({ ended: 'done', after: 'FencedError' })
  expect(heardOf).toEqual([])
  expect(node.findWorker('self')).toBeUndefined()
  expect(node.snapshot().workers.abandoned).toBe(1)
})

test('who listens to a node is not on the account of the worker at whose item something has happened', async () => {
  const picky = defineStage('picky', (item: string) => {
    if (item === 'bad') throw new Error('no')
  })
  await using mesh = await simulate({ nodes: 1, behaviours: [picky] })
  const node = mesh.node('n1')
  const chain = await mesh.settle(
    node.addChain({ id: 'c', stages: [{ run: picky, onItemError: 'deadLetter' }] }),
  )
  const heard: unknown[] = []
  node.on('item:dead', ({ reason }) => heard.push([reason.name, currentWorker()]))
  await mesh.settle(chain.call('bad').catch(() => {}))
  expect(heard).toEqual([['Error', undefined]])
})

test('the input of a task goes on when the worker that has declared it is over, whose code it is all the same', async () => {
  heardOf.length = 0
  const scene: { node?: Node } = {}
  const gate = new Gate()
  const outcomes: string[] = []
  const source = async function* (): AsyncGenerator<string> {
    yield 'while it runs'
    await gate.pass()
    outcomes.push(
      await outcomeOf(() => scene.node?.getWorker('listener', listener).cast.note('by its input')),
    )
    yield 'afterwards'
  }
  const reader = defineTask('reader', async ({ messages }: TaskContext<string>) => {
    for await (const item of messages) heardOf.push(item)
  })
  const spec = { id: 'reader', run: reader, input: source() } as const
  const culprit = culpritOf(scene, node => node.addWorker(spec))
  await using mesh = await simulate({ nodes: 1, behaviours: [listener, reader, culprit] })
  const node = mesh.node('n1')
  scene.node = node
  await mesh.settle(node.addWorker({ id: 'listener', run: listener }))
  const worker = await mesh.settle(node.addWorker({ id: 'culprit', run: culprit }))
  worker.cast.act()
  await mesh.run(2_000)
  gate.open()
  await mesh.run(2_000)
  expect(outcomes).toEqual(['FencedError'])
  expect(heardOf).toEqual(['while it runs', 'afterwards'])
})
