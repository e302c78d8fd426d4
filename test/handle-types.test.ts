/** What the compiler knows of handles, wherever they come from, and what it must refuse. Nothing of this is ever run. */

import { expect, expectTypeOf, test } from 'vitest'

import {
  type AddOptions,
  type ChainHandle,
  type ConfigPending,
  type MemberSpec,
  type Node,
  type SlotId,
  type TaskContext,
  deferred,
  defineConfig,
  defineServer,
  defineStage,
  defineTask,
  startConfig,
  withTrace,
} from '../src/index.ts'

const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
  cast: {
    reset: state => {
      state.total = 0
    },
  },
})
const logger = defineServer('logger', { init: () => ({ lines: 0 }) })
const poller = defineTask(
  'poller',
  async (context: TaskContext<{ readonly url: string }>, everyMs: number) => {
    for await (const { url } of context.messages) await context.sleep(everyMs + url.length)
  },
)
const lengths = defineStage('lengths', (text: string) => text.length)

/** Members whose number is not known when it is compiled. */
async function manyMembers(node: Node, ids: readonly string[]): Promise<void> {
  const line = await node.addGroup({
    id: 'line',
    members: ids.map(id => ({ id, run: counter, args: [0] })),
  })
  expectTypeOf(line.member('any').call.add(1)).resolves.toEqualTypeOf<number>()
  await node.addGroup({ id: 'line', members: ids.map(id => ({ id, run: logger })) })
  const both = [...ids.map(id => ({ id, run: logger })), { id: 'hits', run: counter, args: [0] }]
  await node.addGroup({ id: 'line', members: both })
  const specs: MemberSpec[] = [{ id: 'hits', run: counter, args: [0] }]
  await node.addGroup({ id: 'line', members: specs })
  defineConfig({ groups: [{ id: 'line', members: ids.map(id => ({ id, run: counter, args: [0] })) }] })
  // @ts-expect-error wrong arguments for init
  await node.addGroup({ id: 'line', members: ids.map(id => ({ id, run: counter, args: ['zero'] })) })
  // @ts-expect-error arguments are missing
  await node.addGroup({ id: 'line', members: ids.map(id => ({ id, run: counter })) })
  const words1 = await node.addChain({ id: 'words', stages: ids.map(id => ({ id, run: lengths })) })
  expectTypeOf(words1.call('a')).resolves.toEqualTypeOf<number>()
}

async function membersOf(node: Node): Promise<void> {
  const line = await node.addGroup({
    id: 'line',
    members: [
      { id: 'hits', run: counter, args: [0] },
      { id: 'poll', run: poller, args: [10] },
    ],
  })
  expectTypeOf(line.getMember('hits').call.add(1)).resolves.toEqualTypeOf<number>()
  expectTypeOf(line.findMember('hits')?.call.get()).toEqualTypeOf<Promise<number> | undefined>()
  expectTypeOf(line.sendRandom('x')).toEqualTypeOf<'hits' | 'poll'>()
  expectTypeOf(line.broadcast({ kind: 'x' })).toEqualTypeOf<number>()
  line.member('poll').send({ url: 'x' })
  // @ts-expect-error a wrong message for that member
  line.member('poll').send('x')
  // @ts-expect-error a task has no functions
  line.member('poll').call.add(1)
  // @ts-expect-error a wrong argument
  await line.getMember('hits').call.add('one')
  // @ts-expect-error a wrong result
  const text: string = await line.member('hits').call.add(1)
  expect(text).toBeDefined()
  const added = await line.addMember({ id: 'more', run: counter, args: [1] })
  expectTypeOf(added.call.get()).resolves.toEqualTypeOf<number>()
  // @ts-expect-error wrong arguments for init
  await line.addMember({ id: 'more', run: counter, args: ['one'] })
  // @ts-expect-error arguments are missing
  await line.addMember({ id: 'more', run: counter })
  // @ts-expect-error a stage is no member
  await line.addMember({ id: 'more', run: lengths })
  // @ts-expect-error a time-out is a number
  line.member('hits', { timeoutMs: '5' })
  // @ts-expect-error a time-out is a number
  line.member('hits').with({ timeoutMs: '5' })
  // @ts-expect-error no such option
  line.member('hits').with({ timeout: 5 })
}

/** What a handler says, and gets, where it calls others. */
function handlers(): void {
  defineServer('asks', {
    init: context => ({ context }),
    call: {
      ask: state => state.context.getWorker('hits', counter).call.add(1),
      askMember: state => state.context.getGroup('line').getMember('hits', counter).call.get(),
      // @ts-expect-error a wrong argument
      wrong: state => state.context.getWorker('hits', counter).call.add('one'),
      // @ts-expect-error no such function
      none: state => void state.context.getWorker('hits', counter).call.subtract(1),
      // @ts-expect-error the answer is to be a number
      later: () => deferred<number>(reply => reply.resolve('one')),
    },
    idle: {
      timeoutMs: 1_000,
      handle: (state, context) => {
        expectTypeOf(state.context).toEqualTypeOf(context)
        context.stop('normal')
      },
    },
  })
  defineServer('idle', {
    init: () => ({ total: 0 }),
    // @ts-expect-error the state has no such field
    idle: { timeoutMs: 1_000, handle: state => void state.sum },
  })
  // @ts-expect-error an idle server says after how long
  defineServer('idle', { init: () => ({ total: 0 }), idle: { handle: () => {} } })
  defineServer('casts', {
    init: () => ({ total: 0 }),
    // @ts-expect-error the state has no such field
    cast: { add: (state, by: number) => void (state.sum += by) },
  })
  defineTask('reads', async (context: TaskContext<{ readonly url: string }>) => {
    // @ts-expect-error messages have no such field
    for await (const { uri } of context.messages) context.log.info({ uri }, 'read')
  })
  // @ts-expect-error a key is a text, a number, a bigint or a boolean
  defineStage('keyed', (item: { id: string }) => item, { key: item => item })
  // @ts-expect-error an item has no such field
  defineStage('keyed', (item: { id: string }) => item, { key: item => String(item.name) })
}

/**
 * A server that calls others of its kind: the compiler has to know what that handler answers, as the type of the whole
 * would follow from itself.
 */
const relay = defineServer('relay', {
  init: context => ({ context }),
  call: {
    pass: async (state, ids: readonly string[]): Promise<number> => {
      const [next, ...rest] = ids
      return next === undefined ? 0 : 1 + (await state.context.getWorker(next, relay).call.pass(rest))
    },
  },
})

async function handles(node: Node): Promise<void> {
  expectTypeOf(node.getWorker('relay', relay).call.pass(['a'])).resolves.toEqualTypeOf<number>()
  const found = node.findWorker('hits', counter)
  expectTypeOf(found?.call.get()).toEqualTypeOf<Promise<number> | undefined>()
  const hits = await node.addWorker({ id: 'hits', run: counter, args: [0] })
  // @ts-expect-error not to be cast, but called
  hits.cast.add(5)
  // @ts-expect-error a cast without such an argument
  hits.cast.reset(5)
  // @ts-expect-error too few arguments
  await hits.call.add()
  // @ts-expect-error too many arguments
  await hits.call.add(1, 2)
  // @ts-expect-error there is no such acknowledgement
  await node.addWorker({ id: 'hits', run: counter, args: [0] }, { ack: 'two' })
  const late = await node.addWorker(
    { id: 'late', run: counter, args: [0] },
    { until: 'declared', ack: 'all' },
  )
  expectTypeOf(late.call.get()).toEqualTypeOf<Promise<number>>()
  // @ts-expect-error nothing to wait for
  await node.addWorker({ id: 'late', run: counter, args: [0] }, { until: 'pending' })
  // @ts-expect-error what is removed does not come to run
  await node.removeWorker('late', { until: 'declared' })
  const adding: AddOptions = { until: 'declared', timeoutMs: 5 }
  await node.getGroup('line').addMember({ id: 'late', run: counter, args: [0] }, adding)
  await node.getChain('one').addStage({ run: lengths }, { ...adding, position: 0 })
  // @ts-expect-error nothing that is started anew comes to run later
  await node.getGroup('line').restart({ until: 'declared' })
  const started = await startConfig(defineConfig({ workers: [] }))
  expectTypeOf(started.pending).toEqualTypeOf<readonly ConfigPending[]>()
  expectTypeOf<ConfigPending['reason']>().toEqualTypeOf<string>()
  node.on('worker:exit', ({ slot, lost }) => {
    expectTypeOf(slot).toEqualTypeOf<SlotId>()
    expectTypeOf(lost).toEqualTypeOf<number>()
  })
  // @ts-expect-error no such event
  node.on('worker:exploded', () => {})
  expectTypeOf(withTrace('t', () => 5)).toEqualTypeOf<number>()
  const known: ChainHandle<string, number> = node.getChain<string, number>('one')
  expectTypeOf(known.trySend('a')).toEqualTypeOf<boolean>()
  // @ts-expect-error a wrong item
  known.trySend(5)
  // @ts-expect-error wrong items
  known.run([5])
  known.run(['a'], { onDead: (item, error) => expectTypeOf(item + error.message).toEqualTypeOf<string>() })
}

test('the types of handles follow from where they come from', () => {
  const checks = [manyMembers, membersOf, handlers, handles]
  expect(new Set(checks.map(check => typeof check))).toEqual(new Set(['function']))
})
