/** Every method that waits ends: when time is up, when it is not wanted any more, when its node stops, when what it waits for is removed. */

import { expect, test } from 'vitest'

import { type Node, type WaitOptions, deferred, defineServer, defineStage } from '../../src/index.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

const NEVER_MS = 3_600_000

/** Takes for ever at everything, once it has been told to. */
let isStubborn = false
const forever = new Promise<never>(() => {})

const stubborn = defineServer('stubborn', {
  init: () => (isStubborn ? forever : {}),
  call: { hang: (): Promise<string> => forever, later: () => deferred<string>(forever), get: () => 'here' },
  terminate: () => (isStubborn ? forever : undefined),
})
const stuck = defineStage('stuck', (_n: number): Promise<number> => forever)
const plain = defineStage('plain', (n: number) => n)
const shout = defineStage('shout', (text: string) => text.toUpperCase())

// A declaration waits to be known to others, and to run: the caller has given one time for both.
test.each([
  ['a worker', ({ node }: Scene): Promise<unknown> => node.addWorker(worker, { timeoutMs: 3_000 })],
  ['a group', ({ node }: Scene): Promise<unknown> => node.addGroup(group, { timeoutMs: 3_000 })],
] as const)(
  '%s that others hear of late, and that does not start, fails when its time is up',
  async (_, add) => {
    await using mesh = await simulate({
      nodes: 3,
      behaviours: [stubborn],
      labelsOf: { n2: { far: 'yes' } },
    })
    const node = mesh.node('n1')
    await mesh.settle(node.formed(3))
    mesh.setConditions({ latencyMs: 600 })
    isStubborn = true
    const startedMs = mesh.nowMs
    const late = { name: 'StartError', message: expect.stringContaining('does not run after 3000 ms') }
    await expect(mesh.settle(add({ mesh, node }))).rejects.toMatchObject(late)
    isStubborn = false
    expect(mesh.nowMs - startedMs).toBe(3_000)
  },
)

type Wait = (options: WaitOptions) => Promise<unknown>

interface Scene {
  readonly mesh: SimulatedMesh
  readonly node: Node
}

/** Where everything runs: on the node that waits, if it is the only one, otherwise on the other one. */
const placement = { labels: { far: 'yes' } }
const slow = { placement, startTimeoutMs: NEVER_MS, stopTimeoutMs: 20_000 } as const
const worker = { id: 'x', run: stubborn, ...slow } as const
const members = [
  { id: 'a', run: stubborn, ...slow },
  { id: 'b', run: stubborn, ...slow },
] as const
const group = { id: 'x', members, placement } as const
const chain = {
  id: 'x',
  windowItems: 1,
  placement,
  stages: [
    { id: 'plain', run: plain },
    { id: 'stuck', run: stuck, stopTimeoutMs: 20_000 },
  ],
} as const

async function withWorker({ mesh, node }: Scene) {
  return mesh.settle(node.addWorker(worker))
}
async function withGroup({ mesh, node }: Scene) {
  return mesh.settle(node.addGroup(group))
}
/** Its window is full, and stays so. */
async function withChain({ mesh, node }: Scene) {
  const made = await mesh.settle(node.addChain(chain))
  await mesh.settle(made.send(1))
  // Until it is stuck.
  await mesh.run(100)
  return made
}
async function withEmptyChain({ mesh, node }: Scene) {
  return mesh.settle(node.addChain(chain))
}

/** What is waited for, by the method that waits. What is to be slow, is from now on. */
const WAITS: Readonly<Record<string, (scene: Scene) => Promise<Wait>>> = {
  'worker.call': async scene => {
    const ref = await withWorker(scene)
    return options => ref.with(options).call.hang()
  },
  'worker.call that is answered later': async scene => {
    const ref = await withWorker(scene)
    return options => ref.with(options).call.later()
  },
  'worker.call behind another one': async scene => {
    const ref = await withWorker(scene)
    ref
      .with({ timeoutMs: NEVER_MS })
      .call.hang()
      .catch(() => {})
    await scene.mesh.run(10)
    return options => ref.with(options).call.get()
  },
  'member.call': async scene => {
    const made = await withGroup(scene)
    return options => made.member('b', options).call.hang()
  },
  'chain.call': async scene => {
    const made = await withEmptyChain(scene)
    return options => made.call(7, options)
  },
  'chain.call without room': async scene => {
    const made = await withChain(scene)
    return options => made.call(7, options)
  },
  'chain.send': async scene => {
    const made = await withChain(scene)
    return options => made.send(7, options)
  },
  'node.formed':
    async ({ node }) =>
    options =>
      node.formed(9, options),
  'node.drain': async scene => {
    await withWorker(scene)
    const [place] = scene.node.listWorkers()[0]?.workers ?? []
    if (place?.node !== 'n1') throw new Error('the worker is to be on the node that is emptied')
    return options => scene.node.drain(options)
  },
  'node.addWorker':
    async ({ node }) =>
    options =>
      node.addWorker(worker, options),
  'node.addGroup':
    async ({ node }) =>
    options =>
      node.addGroup(group, options),
  'node.removeWorker': async scene => {
    await withWorker(scene)
    return options => scene.node.removeWorker('x', options)
  },
  'node.stopWorker': async scene => {
    await withWorker(scene)
    return options => scene.node.stopWorker('x', options)
  },
  'node.restartWorker': async scene => {
    await withWorker(scene)
    return options => scene.node.restartWorker('x', options)
  },
  'node.removeGroup': async scene => {
    await withGroup(scene)
    return options => scene.node.removeGroup('x', options)
  },
  'group.stop': async scene => {
    const made = await withGroup(scene)
    return options => made.stop(options)
  },
  'group.restart': async scene => {
    const made = await withGroup(scene)
    return options => made.restart(options)
  },
  'group.addMember': async scene => {
    const made = await withGroup(scene)
    return options => made.addMember({ id: 'c', run: stubborn, ...slow }, options)
  },
  'group.removeMember': async scene => {
    const made = await withGroup(scene)
    return options => made.removeMember('b', options)
  },
  'group.stopMember': async scene => {
    const made = await withGroup(scene)
    return options => made.stopMember('b', options)
  },
  'group.restartMember': async scene => {
    const made = await withGroup(scene)
    return options => made.restartMember('b', options)
  },
  'node.removeChain': async scene => {
    await withChain(scene)
    return options => scene.node.removeChain('x', options)
  },
  'chain.stop': async scene => {
    const made = await withChain(scene)
    return options => made.stop(options)
  },
  'chain.restart': async scene => {
    const made = await withChain(scene)
    return options => made.restart(options)
  },
  'chain.removeStage': async scene => {
    const made = await withChain(scene)
    return options => made.removeStage('stuck', options)
  },
  'chain.stopStage': async scene => {
    const made = await withChain(scene)
    return options => made.stopStage('stuck', options)
  },
  'chain.restartStage': async scene => {
    const made = await withChain(scene)
    return options => made.restartStage('stuck', options)
  },
}

const NODES = [1, 2]
/** A node by itself is empty at once: nobody takes what it has. */
const isRow = (what: string, nodes: number): boolean => what !== 'node.drain' || nodes === 2
const ROWS = Object.keys(WAITS).flatMap(what =>
  NODES.filter(nodes => isRow(what, nodes)).map(nodes => [what, nodes] as const),
)

async function sceneOf(what: string, nodes: number): Promise<Scene & { readonly wait: Wait }> {
  isStubborn = false
  const far = { [`n${nodes}`]: placement.labels }
  // What is to go from the one to the other, must be able to be on both.
  const labelsOf = what === 'node.drain' ? { ...far, n1: placement.labels } : far
  const mesh = await simulate({ nodes, behaviours: [stubborn, stuck, plain, shout], labelsOf })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const wait = await WAITS[what]?.({ mesh, node })
  isStubborn = true
  if (wait === undefined) throw new Error(`there is no ${what}`)
  return { mesh, node, wait }
}

type Outcome = { readonly kind: 'resolved' } | { readonly kind: 'rejected'; readonly error: unknown }

/** Watches a promise: it is not awaited, as it may never settle. */
function watch(promise: Promise<unknown>): { outcome: Outcome | undefined } {
  const seen: { outcome: Outcome | undefined } = { outcome: undefined }
  promise.then(
    () => (seen.outcome = { kind: 'resolved' }),
    (error: unknown) => (seen.outcome = { kind: 'rejected', error }),
  )
  return seen
}

const LATE = /^(CallTimeout|Overloaded|Start|Stop|Formation|Drain|Ack)Error$/

test.each(ROWS)('%s ends when its time is up, on %i nodes', async (what, nodes) => {
  const { mesh, wait } = await sceneOf(what, nodes)
  const seen = watch(wait({ timeoutMs: 1_000 }))
  await mesh.run(900)
  expect(seen.outcome).toBeUndefined()
  await mesh.until('it has ended', () => seen.outcome !== undefined, 2_500)
  expect(seen.outcome).toMatchObject({ error: { name: expect.stringMatching(LATE) } })
})

test.each(ROWS)('%s ends at once when its signal aborts, on %i nodes', async (what, nodes) => {
  const { mesh, wait } = await sceneOf(what, nodes)
  const abort = new AbortController()
  const seen = watch(wait({ timeoutMs: NEVER_MS, signal: abort.signal }))
  await mesh.run(900)
  expect(seen.outcome).toBeUndefined()
  const reason = new Error('not any more')
  abort.abort(reason)
  await mesh.run(0)
  const isCall = what.includes('call') || what === 'chain.send'
  const error = isCall
    ? { name: 'AbortError', cause: reason, maybeExecuted: expect.any(Boolean) }
    : { message: 'not any more' }
  expect(seen.outcome).toMatchObject({ error })
})

test.each(ROWS)('%s ends when its node stops, on %i nodes', async (what, nodes) => {
  const { mesh, wait } = await sceneOf(what, nodes)
  const seen = watch(wait({ timeoutMs: NEVER_MS }))
  await mesh.run(900)
  expect(seen.outcome).toBeUndefined()
  const stopped = mesh.leave('n1')
  await mesh.until('it has ended', () => seen.outcome !== undefined)
  // Each of them is waited for, one after the other.
  await mesh.settle(stopped, 10 * slow.stopTimeoutMs)
})

// The nodes of a mesh cannot be removed.
const REMOVABLE = ROWS.filter(([what]) => what !== 'node.formed')
test.each(REMOVABLE)('%s ends when what it waits for is removed, on %i nodes', async (what, nodes) => {
  const { mesh, wait } = await sceneOf(what, nodes)
  const seen = watch(wait({ timeoutMs: NEVER_MS }))
  await mesh.run(900)
  expect(seen.outcome).toBeUndefined()
  const other = mesh.node(`n${nodes}`)
  const removed = other.findWorker('x')
    ? other.removeWorker('x')
    : other.findGroup('x')
      ? other.removeGroup('x')
      : other.removeChain('x')
  const isRemoved = watch(removed)
  await mesh.until('it has ended', () => seen.outcome !== undefined && isRemoved.outcome !== undefined)
})

test('a run ends when it is not wanted any more, and says what of it is on its way', async () => {
  const { mesh, node } = await sceneOf('node.formed', 1)
  const made = await withEmptyChain({ mesh, node })
  const reason = new Error('not any more')
  for (const [items, maybeExecuted] of [
    [[7], true],
    [forever7(), false],
  ] as const) {
    const abort = new AbortController()
    const seen = watch(made.run(items, { signal: abort.signal }).next())
    await mesh.run(900)
    expect(seen.outcome).toBeUndefined()
    abort.abort(reason)
    await mesh.run(0)
    expect(seen.outcome).toMatchObject({ error: { name: 'AbortError', cause: reason, maybeExecuted } })
  }
})

/** Has nothing to give, and does not end. */
async function* forever7(): AsyncGenerator<number> {
  await forever
  yield 7
}

test('a run refuses what is no stream, and options that are none', async () => {
  const { mesh, node } = await sceneOf('node.formed', 1)
  const made = await withEmptyChain({ mesh, node })
  for (const items of [5, undefined, null, {}, () => [1]]) {
    const bad: object = { signal: 'now', onDead: 5 }
    // @ts-expect-error not a stream
    await expect(mesh.settle(made.run(items, bad).next())).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [{ path: 'items' }, { path: 'signal' }, { path: 'onDead', wanted: 'a function' }],
    })
  }
  // A text is a stream of its characters.
  const texts = await mesh.settle(node.addChain({ id: 'texts', stages: [{ run: shout }] }))
  expect(await mesh.settle(texts.run('ab').next())).toMatchObject({ value: 'A' })
})

test('what goes in at once, or not at all, refuses options that are none, too', async () => {
  const { mesh, node } = await sceneOf('node.formed', 1)
  const made = await withEmptyChain({ mesh, node })
  // Also where there is no room for the item.
  while (made.trySend(7));
  for (const bad of [{ timeoutMs: 5 }, { too: 'first' }, 5, null]) {
    const problems = [{ path: typeof bad === 'object' && bad !== null ? Object.keys(bad)[0] : 'options' }]
    // @ts-expect-error no such options
    const failed = (): boolean => made.trySend(7, bad)
    expect(failed).toThrow(expect.objectContaining({ name: 'OptionsError' }))
    expect(failed).toThrow(expect.objectContaining({ problems: [expect.objectContaining(problems[0])] }))
  }
})

test.each(Object.keys(WAITS))('%s refuses a time-out and a signal that are none', async what => {
  const { mesh, wait } = await sceneOf(what, 1)
  for (const timeoutMs of [Number.NaN, -1, '5', null, -Infinity]) {
    const bad: object = { timeoutMs, signal: 5 }
    const error = await mesh.settle(
      (async () => wait(bad))().then(
        () => 'fine',
        (thrown: unknown) => thrown,
      ),
    )
    expect(error).toMatchObject({
      name: 'OptionsError',
      problems: [
        { path: 'timeoutMs', found: String(timeoutMs === '5' ? '"5"' : timeoutMs) },
        { path: 'signal', found: '5', wanted: 'an AbortSignal' },
      ],
    })
  }
})

test.each(Object.keys(WAITS))('%s refuses fields that there are not, and an ack that is none', async what => {
  const { mesh, wait } = await sceneOf(what, 1)
  const bad: object = { timeoutMS: 5, ack: 'everybody' }
  const error = await mesh.settle(
    (async () => wait(bad))().then(
      () => 'fine',
      (thrown: unknown) => thrown,
    ),
  )
  const ack = expect.stringMatching(/^one of local, one, majority, all$|^no such field/)
  // What stands where nothing belongs may be a secret.
  const found = expect.stringMatching(/^"everybody"$|^a string that is not shown$/)
  expect(error).toMatchObject({
    name: 'OptionsError',
    // Fields that there are come first.
    problems: expect.arrayContaining([
      { path: 'timeoutMS', found: '5', wanted: 'no such field: did you mean "timeoutMs"?' },
      { path: 'ack', found, wanted: ack },
    ]),
  })
})
