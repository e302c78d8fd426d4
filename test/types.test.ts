/** What the compiler must accept, and what it must refuse. Most of this file is never run. */

import { expect, expectTypeOf, test } from 'vitest'

import * as v from 'valibot'

import {
  type Contract,
  type Node,
  type TaskContext,
  contract,
  deferred,
  defineConfig,
  defineServer,
  defineStage,
  defineTask,
} from '../src/index.ts'

const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: {
    add: (state, by: number) => (state.total += by),
    get: state => state.total,
    later: async state => String(state.total),
  },
  cast: {
    reset: state => {
      state.total = 0
    },
  },
})
/** State from the context, functions with and without parameters side by side. */
const mixed = defineServer('mixed', {
  init: context => ({ generation: context.token.generation, list: new Array<string>() }),
  call: {
    generation: state => state.generation,
    push: (state, text: string) => state.list.push(text),
    crash: (): void => {},
  },
  info: (state, message) => state.list.push(String(message)),
})
const logger = defineServer('logger', { init: () => ({ lines: 0 }) })
const poller = defineTask(
  'poller',
  async (context: TaskContext<{ readonly url: string }>, everyMs: number) => {
    for await (const { url } of context.messages) await context.sleep(everyMs + url.length)
  },
)

const lengths = defineStage('lengths', (text: string) => text.length)
const evens = defineStage('evens', (n: number) => (n % 2 === 0 ? n : undefined))
const words = defineStage('words', async function* (text: string) {
  yield* text.split(' ')
})
const later = defineStage('later', async (n: number) => ({ n }))

/** Everything of a server, without an annotation that is not a parameter. */
const full = defineServer('full', {
  init: (context, start: number) => ({ context, total: start, waiting: new Array<(n: number) => void>() }),
  call: {
    later: state => deferred<number>(reply => state.waiting.push(reply.resolve)),
    maybeLater: (state, soon: boolean) => (soon ? state.total : deferred(Promise.resolve(state.total))),
    leave: state => {
      state.context.stop(new RangeError('enough'))
      return 'bye'
    },
  },
  cast: { note: (state, text: string) => void state.context.sendAfter(10, text) },
  info: (state, message, context) => {
    expectTypeOf(message).toEqualTypeOf<unknown>()
    expectTypeOf(context.group?.members()).toEqualTypeOf<readonly string[] | undefined>()
    state.total += 1
  },
  terminate: (state, reason) => {
    expectTypeOf(reason).toEqualTypeOf<'stopped' | 'normal' | 'shutdown' | Error>()
    state.waiting.length = 0
  },
  handoff: state => state.total,
})

type Counter = Contract<{
  args: [start: number]
  call: { add: (by: number) => number; later: () => Promise<string> }
  cast: { reset: () => void }
}>
counter satisfies Counter
// @ts-expect-error the implementation has no such function
counter satisfies Contract<{ call: { nope: () => void } }>
// @ts-expect-error the implementation wants a number
counter satisfies Contract<{ call: { add: (by: string) => number } }>

async function contracts(node: Node): Promise<void> {
  const hits = node.getWorker<Counter>('hits')
  expectTypeOf(hits.call.add(5)).resolves.toEqualTypeOf<number>()
  expectTypeOf(hits.call.later()).resolves.toEqualTypeOf<string>()
  expectTypeOf(hits.cast.reset()).toEqualTypeOf<void>()
  expectTypeOf(node.getWorker<typeof counter>('hits').call.get()).resolves.toEqualTypeOf<number>()
  // @ts-expect-error a wrong argument
  await hits.call.add('five')
  // @ts-expect-error no such function
  await hits.call.subtract(5)
  await node.addWorker({ id: 'hits', run: contract<Counter>('counter'), args: [0] })
  // @ts-expect-error wrong arguments for init
  await node.addWorker({ id: 'hits', run: contract<Counter>('counter'), args: ['zero'] })
}

async function answers(node: Node): Promise<void> {
  const worker = await node.addWorker({ id: 'full', run: full, args: [0] })
  expectTypeOf(worker.call.later()).resolves.toEqualTypeOf<number>()
  expectTypeOf(worker.call.maybeLater(true)).resolves.toEqualTypeOf<number>()
  expectTypeOf(worker.call.leave()).resolves.toEqualTypeOf<string>()
  // @ts-expect-error a cast has no answer
  const answer: Promise<unknown> = worker.cast.note('x')
  expect(answer).toBeDefined()
  // @ts-expect-error a wrong result
  const text: string = await worker.call.later()
  expect(text).toBeDefined()
}

function schemas(): void {
  const named = v.object({ name: v.string() })
  defineServer('checked', {
    init: (_context, start: number) => ({ start }),
    call: { greet: (state, who: { name: string }) => `${who.name}${state.start}` },
    input: { init: v.tuple([v.number()]), call: { greet: v.tuple([named]) } },
  })
  defineServer('checked', {
    init: () => ({}),
    call: { greet: (_state, who: { name: string }) => who.name },
    // @ts-expect-error the schema gives something else than the function wants
    input: { call: { greet: v.tuple([v.number()]) } },
  })
  const stage = defineStage('checked', (item: { name: string }) => item.name.length, { input: named })
  expectTypeOf(stage).toMatchTypeOf<{ readonly kind: 'stage' }>()
  // @ts-expect-error the schema gives something else than the stage wants
  defineStage('checked', (item: number) => item, { input: named })
  // @ts-expect-error the schema gives something else than the task reads
  defineTask('checked', (_context: TaskContext<number>) => {}, { input: { message: named } })
}

function configs(): void {
  defineConfig({
    workers: [
      { id: 'hits', run: counter, args: [0] },
      { id: 'log', run: logger },
    ],
  })
  // @ts-expect-error wrong arguments for init
  defineConfig({ workers: [{ id: 'hits', run: counter, args: ['zero'] }] })
  defineConfig({ groups: [{ id: 'line', members: [{ id: 'a', run: counter, args: [0] }] }] })
  // @ts-expect-error wrong arguments for the init of a member
  defineConfig({ groups: [{ id: 'line', members: [{ id: 'a', run: counter, args: ['zero'] }] }] })
  // @ts-expect-error arguments of a member are missing
  defineConfig({ groups: [{ id: 'line', members: [{ id: 'a', run: counter }] }] })
  // @ts-expect-error a worker of a config has an id
  defineConfig({ workers: [{ run: logger }] })
  // @ts-expect-error no such field
  defineConfig({ colour: 'red' })
}

async function workers(node: Node): Promise<void> {
  const hits = await node.addWorker({ id: 'hits', run: counter, args: [0] })
  expectTypeOf(hits.call.add(5)).resolves.toEqualTypeOf<number>()
  expectTypeOf(hits.call.get()).resolves.toEqualTypeOf<number>()
  expectTypeOf(hits.call.later()).resolves.toEqualTypeOf<string>()
  const other = await node.addWorker({ id: 'mixed', run: mixed })
  expectTypeOf(other.call.generation()).resolves.toEqualTypeOf<number>()
  expectTypeOf(other.call.push('x')).resolves.toEqualTypeOf<number>()
  expectTypeOf(hits.cast.reset()).toEqualTypeOf<void>()
  // @ts-expect-error a wrong argument
  await hits.call.add('five')
  // @ts-expect-error no such function
  await hits.call.subtract(5)
  // @ts-expect-error not to be called, but cast
  await hits.call.reset()
  // @ts-expect-error wrong arguments for init
  await node.addWorker({ id: 'hits', run: counter, args: ['zero'] })
  // @ts-expect-error arguments are missing
  await node.addWorker({ id: 'hits', run: counter })
  await node.addWorker({ id: 'log', run: logger })
  const polls = await node.addWorker({ id: 'poll', run: poller, args: [10] })
  polls.send({ url: 'x' })
  const input = (async function* () {
    yield { url: 'x' }
  })()
  await node.addWorker({ id: 'poll', run: poller, args: [10], input })
  const wrong = (async function* () {
    yield 'x'
  })()
  // @ts-expect-error items that the task does not take
  await node.addWorker({ id: 'poll', run: poller, args: [10], input: wrong })
  await node.addWorker({ id: 'poll', run: poller, args: [10], input, restart: 'temporary' })
  await node.addWorker({ id: 'poll', run: poller, args: [10], restart: 'permanent' })
  await node.addWorker({ id: 'poll', run: poller, args: [10], input: undefined, restart: 'permanent' })
  const perhaps = node.id === 'n1' ? input : undefined
  await node.addWorker({ id: 'poll', run: poller, args: [10], input: perhaps })
  // @ts-expect-error a permanent task would start again for ever when its input has ended
  await node.addWorker({ id: 'poll', run: poller, args: [10], input, restart: 'permanent' })
  // @ts-expect-error a server has no input
  await node.addWorker({ id: 'hits', run: counter, args: [0], input })
  // @ts-expect-error a wrong message
  polls.send({ uri: 'x' })
  expectTypeOf(node.getWorker('hits', counter).call.get()).resolves.toEqualTypeOf<number>()
}

async function groups(node: Node): Promise<void> {
  const line = await node.addGroup({
    id: 'line',
    members: [
      { id: 'hits', run: counter, args: [0] },
      { id: 'log', run: logger },
    ],
  })
  expectTypeOf(line.member('hits').call.add(1)).resolves.toEqualTypeOf<number>()
  // @ts-expect-error no such member
  line.member('nobody')
  // @ts-expect-error the logger has no such function
  await line.member('log').call.add(1)
  // @ts-expect-error a stage is no member
  await node.addGroup({ id: 'line', members: [{ id: 'stage', run: lengths, args: [] }] })
}

async function chains(node: Node): Promise<void> {
  const one = await node.addChain({ id: 'one', stages: [{ run: lengths }, { run: later }] })
  expectTypeOf(one.call('a')).resolves.toEqualTypeOf<{ n: number }>()
  const maybe = await node.addChain({ id: 'maybe', stages: [{ run: lengths }, { run: evens, workers: 3 }] })
  expectTypeOf(maybe.call('a')).resolves.toEqualTypeOf<number | undefined>()
  const many = await node.addChain({ id: 'many', stages: [{ run: words }, { run: lengths }, { run: evens }] })
  expectTypeOf(many.call('a b')).resolves.toEqualTypeOf<number[]>()
  for await (const outcome of many.run(['a b'])) expectTypeOf(outcome).toEqualTypeOf<number[]>()
  // @ts-expect-error a wrong item
  await one.send(5)
  // @ts-expect-error stages that do not fit: a number goes into a stage for texts
  await node.addChain({ id: 'bad', stages: [{ run: lengths }, { run: words }] })
  const named = await node.addChain({
    id: 'named',
    stages: [
      { id: 'len', run: lengths },
      { id: 'obj', run: later, workers: 2, route: 'broadcast' },
    ],
    onFinish: defineStage('finish', ({ n }: { n: number }) => void n),
  })
  expectTypeOf(named.call('a')).resolves.toEqualTypeOf<{ n: number }[]>()
  expectTypeOf(named.call(5, { to: 'obj' })).resolves.toEqualTypeOf<{ n: number }[]>()
  // @ts-expect-error a wrong item for that stage
  await named.send('a', { to: 'obj' })
  // @ts-expect-error a callback that does not fit
  await node.addChain({ id: 'bad', stages: [{ run: lengths }], onFinish: words })
  // @ts-expect-error a server is no stage
  await node.addChain({ id: 'bad', stages: [{ run: counter }] })
}

test('the types of handles follow from the behaviours', () => {
  const checks = [contracts, answers, schemas, configs, workers, groups, chains]
  expect(new Set(checks.map(check => typeof check))).toEqual(new Set(['function']))
})
