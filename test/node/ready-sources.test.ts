/** What is always ready, and handled at once, goes on in microtasks alone: the node lets others run all the same. */

import { expect, onTestFinished, test } from 'vitest'

import {
  AbortError,
  type Node,
  type TaskContext,
  defineServer,
  defineStage,
  defineTask,
} from '../../src/index.ts'
import { localNode } from '../local-node.ts'

/** Takes many times as long as a turn; what lets nobody run comes to its end all the same. */
const COUNT_MAX = 100_000

/** What is done while a timer waits to fire. */
class Loop {
  isTimerFired = false
  count = 0
  #end = Promise.withResolvers<void>()

  /** Resolves when there is nothing more to do. */
  get ended(): Promise<void> {
    return this.#end.promise
  }

  begin(): void {
    Object.assign(this, { isTimerFired: false, count: 0 })
    this.#end = Promise.withResolvers()
    setTimeout(() => (this.isTimerFired = true), 1)
  }

  /** @returns whether to go on */
  step(): boolean {
    this.count += 1
    const isOver = this.isTimerFired || this.count >= COUNT_MAX
    if (isOver) this.#end.resolve()
    return !isOver
  }
}

const loop = new Loop()

function* numbers(): Generator<number> {
  while (loop.step()) yield loop.count
}

async function* laterNumbers(): AsyncGenerator<number> {
  yield* numbers()
}

const same = defineStage('same', (n: number) => n)
const soon = defineStage('soon', async (n: number) => n)
const many = defineStage('many', async function* (first: number) {
  yield first
  yield* numbers()
})
const reader = defineTask('reader', async ({ messages }: TaskContext<number>) => {
  for await (const _ of messages);
})
const echo = defineTask('echo', async ({ messages, getWorker }: TaskContext<number>) => {
  const self = getWorker('echo', echo)
  for await (const n of messages) if (loop.step()) self.send(n)
})
/** Throws a ball back to whoever has thrown it. */
const player = defineServer('player', {
  init: ({ getWorker }, other: string) => ({ throwTo: () => getWorker(other, player).cast.ball() }),
  call: { ping: () => 'pong' },
  cast: {
    ball: ({ throwTo }) => {
      if (loop.step()) throwTo()
    },
  },
})

const startNode = async (): Promise<Node> => {
  const node = await localNode({ behaviours: [same, soon, many, reader, echo, player] })
  onTestFinished(() => node.stop())
  return node
}

type Way = (node: Node) => Promise<void>

const WAYS: readonly (readonly [name: string, way: Way])[] = [
  [
    'a run, over a source that is there',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }] })
      loop.begin()
      for await (const _ of chain.run(numbers()));
    },
  ],
  [
    'a run, over a source that is asked for each item',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }, { run: soon }] })
      loop.begin()
      for await (const _ of chain.run(laterNumbers()));
    },
  ],
  [
    'a run, asked for outcomes ahead',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }] })
      loop.begin()
      const run = chain.run(numbers())
      for (let isOver = false; !isOver;) {
        const results = await Promise.all([run.next(), run.next()])
        isOver = results.some(({ done }) => done === true)
      }
    },
  ],
  [
    'items sent one after the other',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }] })
      loop.begin()
      for (const n of numbers()) await chain.send(n)
    },
  ],
  [
    'outcomes asked for one after the other',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }] })
      loop.begin()
      for (const n of numbers()) expect(await chain.call(n)).toBe(n)
    },
  ],
  [
    'a stage that emits many',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: many }] })
      loop.begin()
      await chain.call(1)
    },
  ],
  [
    'a callback that emits many',
    async node => {
      const chain = await node.addChain({ id: 'c', stages: [{ run: same }], onFinish: many })
      loop.begin()
      await chain.call(1)
    },
  ],
  [
    'the input of a task',
    async node => {
      loop.begin()
      await node.addWorker({ id: 'reader', run: reader, input: laterNumbers() })
      await loop.ended
    },
  ],
  [
    'a task that always has a message',
    async node => {
      const worker = await node.addWorker({ id: 'echo', run: echo })
      loop.begin()
      worker.send(1)
      await loop.ended
    },
  ],
  [
    'servers that give each other work by casts',
    async node => {
      const one = await node.addWorker({ id: 'one', run: player, args: ['two'] })
      await node.addWorker({ id: 'two', run: player, args: ['one'] })
      loop.begin()
      for (let ball = 0; ball < 50; ball++) one.cast.ball()
      await loop.ended
    },
  ],
  [
    'calls one after the other',
    async node => {
      const worker = await node.addWorker({ id: 'one', run: player, args: ['two'] })
      loop.begin()
      for (const _ of numbers()) await worker.call.ping()
    },
  ],
]

test.each(WAYS)('a timer fires during %s', async (_, way) => {
  await way(await startNode())
  expect(loop.isTimerFired, `${loop.count} steps`).toBe(true)
})

test('a signal ends a run over a source that is always ready', async () => {
  const node = await startNode()
  const chain = await node.addChain({ id: 'c', stages: [{ run: same }] })
  const abort = new AbortController()
  let count = 0
  function* endless(): Generator<number> {
    while (count < COUNT_MAX) yield count++
  }
  setTimeout(() => abort.abort(), 1)
  const read = async (): Promise<void> => {
    for await (const _ of chain.run(endless(), { signal: abort.signal }));
  }
  await expect(read()).rejects.toThrow(AbortError)
  expect(count).toBeLessThan(COUNT_MAX)
})
