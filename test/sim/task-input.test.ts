/** Tasks with an iterable as their input. */

import { expect, test } from 'vitest'

import { type TaskContext, defineTask } from '../../src/index.ts'
import type { Node } from '../../src/node/node.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'
import { notebook, reader } from '../input-workers.ts'

const NODES = [1, 3]
const NEVER = -1

/** Numbers from 0, and how many were taken out of it. */
class Numbers implements AsyncIterable<number> {
  given = 0
  isReturned = false
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      while (this.given < this.#count) {
        this.given += 1
        yield this.given - 1
      }
    } finally {
      this.isReturned = this.given < this.#count
    }
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

/** The reader is not to be on the node that declares it, where there is another. */
const far = { labels: { far: 'yes' } }

async function meshOf(nodes: number): Promise<{ mesh: SimulatedMesh; node: Node }> {
  const others = nodes === 1 ? {} : { n2: far.labels, n3: far.labels }
  const labelsOf = { n1: { desk: 'yes', ...(nodes === 1 ? far.labels : {}) }, ...others }
  const mesh = await simulate({ nodes, behaviours: [notebook, reader], seed: nodes, labelsOf })
  const node = mesh.node('n1')
  await mesh.settle(node.formed(nodes))
  const placement = { labels: { desk: 'yes' } }
  await mesh.settle(node.addWorker({ id: 'book', run: notebook, placement }))
  return { mesh, node }
}

const notesOf = (mesh: SimulatedMesh, node: Node) =>
  mesh.settle(node.getWorker('book', notebook).call.notes())

const isDone = (node: Node) => (): boolean =>
  node.snapshot().specs.some(({ id, status }) => id === 'reader' && status.kind === 'done')

test.each(NODES)('a task reads all of its input in order, and returns, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const input = new Numbers(1_000)
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 0], input, placement: far }))
  await mesh.until('the task is done', isDone(node), 120_000)
  expect(await notesOf(mesh, node)).toEqual([...upTo(1_000), 'end'])
  expect(input.isReturned).toBe(false)
})

test.each(NODES)('an input is read no faster than the task reads, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const input = new Numbers(100_000)
  const small = { messages: 1 }
  const spec = {
    id: 'reader',
    run: reader,
    args: [NEVER, 100],
    input,
    placement: far,
    mailbox: small,
  } as const
  await mesh.settle(node.addWorker(spec))
  await mesh.run(5_000)
  const notes = await notesOf(mesh, node)
  expect(notes).toEqual(upTo(notes.length))
  expect(notes.length).toBeGreaterThan(20)
  expect(input.given).toBeLessThanOrEqual(notes.length + 33)
  // Neither does it give more to a worker that is gone.
  await mesh.settle(node.removeWorker('reader'))
  const { given } = input
  await mesh.run(5_000)
  expect(input).toMatchObject({ given, isReturned: true })
})

test.each(NODES)('a task that restarts goes on with the next item, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const input = new Numbers(100)
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [40, 0], input, placement: far }))
  await mesh.until('the task is done', isDone(node), 120_000)
  expect(await notesOf(mesh, node)).toEqual([...upTo(100).filter(n => n !== 40), 'end'])
})

test.each(NODES)(
  'an item that throws when one looks at it is left out, and told of, on %i nodes',
  async nodes => {
    const { mesh, node } = await meshOf(nodes)
    const errors: string[] = []
    node.on('worker:input-failed', ({ id, error }) => errors.push(`${id}: ${error.name}`))
    const ownKeys = (): never => {
      throw new TypeError('not to be looked at')
    }
    const input = hostile([0, new Proxy({}, { ownKeys }), 2])
    await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 0], input, placement: far }))
    await mesh.until('the task is done', isDone(node))
    expect(errors).toEqual(['reader: PayloadError'])
    expect(await notesOf(mesh, node)).toEqual([0, 2, 'end'])
  },
)

test.each(NODES)('a task that takes minutes for its items is given each once, on %i nodes', async nodes => {
  const { mesh, node } = await meshOf(nodes)
  const [input, eachMs] = [new Numbers(40), 5_000]
  await mesh.settle(
    node.addWorker({ id: 'reader', run: reader, args: [NEVER, eachMs], input, placement: far }),
  )
  await mesh.until('the task is done', isDone(node), 600_000)
  expect(await notesOf(mesh, node)).toEqual([...upTo(40), 'end'])
})

const hostOf = (node: Node): string => {
  const spec = node.snapshot().specs.find(({ id }) => id === 'reader')
  return spec?.workers[0]?.node ?? ''
}

// However long it has been at them: one lot of 16 takes it 48 s here.
test.each([
  ['moves as its node leaves', (mesh: SimulatedMesh, node: Node) => mesh.stop(hostOf(node))],
  ['moves as its node is emptied', (mesh: SimulatedMesh, node: Node) => mesh.node(hostOf(node)).drain()],
  ['is started anew by a user', (_mesh: SimulatedMesh, node: Node) => node.restartWorker('reader')],
])('a task that takes its time, and %s, is given each item once', async (_what, disturb) => {
  const { mesh, node } = await meshOf(3)
  const [input, eachMs] = [new Numbers(20), 3_000]
  await mesh.settle(
    node.addWorker({ id: 'reader', run: reader, args: [NEVER, eachMs], input, placement: far }),
  )
  await mesh.run(35_000)
  await mesh.settle<unknown>(disturb(mesh, node))
  await mesh.until('the task is done', isDone(node), 600_000)
  const notes = await notesOf(mesh, node)
  expect(notes.filter(note => note !== 'end')).toEqual(upTo(20))
})

test('a task that takes its time, and crashes, goes on with the next item', async () => {
  const { mesh, node } = await meshOf(3)
  const [input, eachMs] = [new Numbers(20), 3_000]
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [12, eachMs], input, placement: far }))
  await mesh.until('the task is done', isDone(node), 600_000)
  expect(await notesOf(mesh, node)).toEqual([...upTo(20).filter(n => n !== 12), 'end'])
})

// The one before has not stopped when the next one is declared: nobody sees that there was none in between.
test.each(['n1', 'n2'])('an input is not given to another task that %s declares under its id', async by => {
  const { mesh, node } = await meshOf(3)
  const [before, after] = [new Numbers(1_000), new Numbers(50)]
  const spec = { id: 'reader', run: reader, args: [NEVER, 100], placement: far } as const
  await mesh.settle(node.addWorker({ ...spec, input: before }))
  await mesh.run(1_000)
  const other = mesh.node(by)
  const removed = other.removeWorker('reader')
  await mesh.until('it is known', () => other.findWorker('reader') === undefined)
  const added = other.addWorker({ ...spec, input: after })
  await mesh.settle(Promise.all([removed, added]))
  await mesh.until('the task is done', isDone(node), 60_000)
  const notes = await notesOf(mesh, node)
  expect(notes.slice(notes.indexOf('end') + 1)).toEqual([...upTo(50), 'end'])
  expect(before).toMatchObject({ isReturned: true })
})

test('no item is left out when the node of the task is lost', async () => {
  const { mesh, node } = await meshOf(3)
  const input = new Numbers(200)
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 20], input, placement: far }))
  await mesh.until('it reads', () => input.given > 60)
  const host = node.snapshot().specs.find(({ id }) => id === 'reader')
  const lost = ['n2', 'n3'].find(name => JSON.stringify(host).includes(mesh.node(name).id))
  expect(lost).toBeDefined()
  mesh.crash(lost ?? '')
  await mesh.until('the task is done', isDone(node), 240_000)
  const notes = await notesOf(mesh, node)
  const seen = notes.filter(note => note !== 'end')
  expect([...new Set(seen)].toSorted((a, b) => Number(a) - Number(b))).toEqual(upTo(200))
  expect(notes.at(-1)).toBe('end')
  // Some may come again, no more than went at once.
  expect(seen.length - 200).toBeLessThanOrEqual(16)
})

test('an input that throws is over, and an event says so', async () => {
  const { mesh, node } = await meshOf(1)
  const errors: string[] = []
  node.on('worker:input-failed', ({ id, error }) => errors.push(`${id}: ${error.message}`))
  async function* input(): AsyncGenerator<number> {
    yield 0
    throw new Error('no more paper')
  }
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 0], input: input() }))
  await mesh.until('the task is done', isDone(node))
  expect(errors).toEqual(['reader: no more paper'])
  expect(await notesOf(mesh, node)).toEqual([0, 'end'])
})

async function* hostile(items: unknown[]): AsyncGenerator<number> {
  // @ts-expect-error it is whatever comes
  yield* items
}

/** Gives 0 and 1, then whatever comes. */
function strange(last: unknown, pack: (result: unknown) => unknown): AsyncIterable<number> {
  let count = 0
  const next = (): unknown => pack(count < 2 ? { done: false, value: count++ } : last)
  // @ts-expect-error it is whatever comes
  return { [Symbol.asyncIterator]: () => ({ next, return: () => 'nobody waits for it' }) }
}

test.each([
  ['no result', 5, 'found 5 as what next() of an iterator gives, wanted { done, value }'],
  ['nothing', undefined, 'found nothing as what'],
  [
    'what nobody can look at',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    ),
    'no',
  ],
  ['an end', { done: 1 }, undefined],
])('an input that gives %s is over there, as for `for await`', async (_what, last, message) => {
  for (const pack of [async (result: unknown) => result, (result: unknown) => result]) {
    const { mesh, node } = await meshOf(1)
    const errors: string[] = []
    node.on('worker:input-failed', ({ id, error }) => errors.push(`${id}: ${error.message}`))
    const input = strange(last, pack)
    await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 0], input }))
    await mesh.until('the task is done', isDone(node))
    expect(errors).toEqual(message === undefined ? [] : [expect.stringContaining(`reader: ${message}`)])
    expect(await notesOf(mesh, node)).toEqual([0, 1, 'end'])
  }
})

test('a node that stops reads its inputs no more', async () => {
  const { mesh, node } = await meshOf(1)
  const input = new Numbers(100_000)
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 100], input }))
  await mesh.stop('n1')
  expect(input.isReturned).toBe(true)
})

test('only tasks have an input, and none that never ends', async () => {
  const { mesh, node } = await meshOf(1)
  const input: unknown = new Numbers(1)
  const add = async (more: object): Promise<string> => {
    const spec: unknown = { id: 'bad', input, ...more }
    // @ts-expect-error whatever it is
    const error: unknown = await mesh.settle(node.addWorker(spec).catch((thrown: unknown) => thrown))
    return String(error)
  }
  expect(await add({ run: notebook })).toContain('run: found')
  expect(await add({ run: notebook })).toContain('wanted a task')
  expect(await add({ run: reader, args: [0, 0], restart: 'permanent' })).toContain(
    'restart: found "permanent", wanted transient or temporary beside an input',
  )
  expect(await add({ run: reader, args: [0, 0], input: [1] })).toContain('wanted an AsyncIterable')
})

test('what one node gives to its task is not for one that another node has declared under the id', async () => {
  const taken: string[] = []
  const recorder = defineTask('recorder', async (context: TaskContext<string>, by: string) => {
    for await (const item of context.messages) {
      taken.push(`${by}: ${item}`)
      await context.sleep(100)
    }
  })
  await using mesh = await simulate({ nodes: ['n1', 'n2'], behaviours: [recorder], seed: 4 })
  await mesh.settle(mesh.node('n1').formed(2))
  mesh.partition(['n1'], ['n2'])
  await mesh.until('they are apart', () => mesh.up.every(id => mesh.node(id).members().length === 1), 60_000)
  const over: string[] = []
  async function* itemsOf(by: string): AsyncGenerator<string> {
    try {
      for (let n = 0; n < 300; n++) yield `${by} ${n}`
    } finally {
      over.push(by)
    }
  }
  for (const id of mesh.ids) {
    await mesh.settle(mesh.node(id).addWorker({ id: 'r', run: recorder, args: [id], input: itemsOf(id) }))
    await mesh.run(3_000)
  }
  mesh.heal()
  await mesh.until('they have met', () => mesh.up.every(id => mesh.node(id).members().length === 2), 60_000)
  await mesh.run(1_000)
  expect(over).toEqual(['n1'])
  await mesh.run(60_000)
  const byWinner = taken.filter(each => each.startsWith('n2'))
  expect(byWinner).toEqual(upTo(300).map(n => `n2: n2 ${n}`))
})

test('who has started a task goes on to give it its input, whoever restarts it', async () => {
  const { mesh, node } = await meshOf(3)
  const input = new Numbers(200)
  await mesh.settle(node.addWorker({ id: 'reader', run: reader, args: [NEVER, 10], input, placement: far }))
  await mesh.run(500)
  await mesh.settle(mesh.node('n2').restartWorker('reader'))
  await mesh.until('the task is done', isDone(node), 120_000)
  const notes = await notesOf(mesh, node)
  expect(notes.at(-1)).toBe('end')
  expect(notes).toContain(199)
})
