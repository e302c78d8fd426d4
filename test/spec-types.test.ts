/** What the compiler refuses in specs: at runtime, and in a config. Nothing of this is ever run. */

import { expect, expectTypeOf, test } from 'vitest'

import {
  type ChainHandle,
  type Config,
  type Node,
  defineConfig,
  defineServer,
  defineStage,
} from '../src/index.ts'

const counter = defineServer('counter', {
  init: (_context, start: number) => ({ total: start }),
  call: { add: (state, by: number) => (state.total += by) },
})
const logger = defineServer('logger', { init: () => ({ lines: 0 }) })
const named = defineServer('named', { init: (_context, name?: string) => ({ name }) })
const defaulted = defineServer('defaulted', { init: (_context, name: string = 'x') => ({ name }) })
const lengths = defineStage('lengths', (text: string) => text.length)
const evens = defineStage('evens', (n: number) => (n % 2 === 0 ? n : undefined))

async function added(node: Node, ids: readonly string[]): Promise<void> {
  // @ts-expect-error a chain has a stage at least
  await node.addChain({ id: 'chain', stages: [] })
  // @ts-expect-error a group has a member at least
  await node.addGroup({ id: 'group', members: [] })
  // @ts-expect-error no such field of the first stage
  await node.addChain({ id: 'chain', stages: [{ run: lengths, wrkers: 2 }] })
  // @ts-expect-error no such field of a later stage
  await node.addChain({ id: 'chain', stages: [{ run: lengths }, { run: evens, rout: 'random' }] })
  // @ts-expect-error no such field of a chain
  await node.addChain({ id: 'chain', stages: [{ run: lengths }], onFinsh: evens })
  // @ts-expect-error no such field of a member
  await node.addGroup({ id: 'group', members: [{ id: 'log', run: logger, signifcant: true }] })
  // @ts-expect-error no such field of a group
  await node.addGroup({ id: 'group', members: [{ id: 'log', run: logger }], autoShutdwn: 'any' })
  // @ts-expect-error no such field of a worker
  await node.addWorker({ id: 'hits', run: counter, args: [0], restrt: 'transient' })
  // @ts-expect-error no such field of stages whose number is not known
  await node.addChain({ id: 'chain', stages: ids.map(id => ({ id, run: lengths, wrkers: 2 })) })
  // @ts-expect-error no such field of members whose number is not known
  await node.addGroup({ id: 'group', members: ids.map(id => ({ id, run: logger, signifcant: true })) })
  // Arguments that may be left out, all of them.
  for (const run of [named, defaulted]) {
    await node.addWorker({ id: 'w', run })
    await node.addWorker({ id: 'w', run, args: [] })
    await node.addWorker({ id: 'w', run, args: ['a'] })
    await node.addGroup({ id: 'group', members: [{ id: 'w', run }] })
    await node.addGroup({ id: 'group', members: [{ id: 'w', run, args: ['a'] }] })
  }
  // @ts-expect-error a name is a text
  await node.addWorker({ id: 'w', run: named, args: [5] })
  // @ts-expect-error a name is a text, also where it has a default
  await node.addWorker({ id: 'w', run: defaulted, args: [5] })
  // @ts-expect-error a name is a text, in a group too
  await node.addGroup({ id: 'group', members: [{ id: 'w', run: named, args: [5] }] })
  // @ts-expect-error there is one name
  await node.addWorker({ id: 'w', run: named, args: ['a', 'b'] })
  // @ts-expect-error the arguments of others are still wanted
  await node.addWorker({ id: 'w', run: counter })
  // @ts-expect-error a route that there is not
  await node.addChain({ id: 'chain', stages: [{ run: lengths, route: 'any' }] })
}

function configured(ids: readonly string[]): void {
  const config = defineConfig({
    groups: [{ id: 'group', members: ids.map(id => ({ id, run: logger })) }],
    chains: [
      { id: 'one', strategy: 'before_for_one', stages: [{ run: lengths }, { run: evens }], onFinish: evens },
      { id: 'two', stages: ids.map(id => ({ id, run: lengths })) },
    ],
  })
  expectTypeOf(config).toEqualTypeOf<Config>()
  expectTypeOf(defineConfig(config)).toEqualTypeOf<Config>()
  defineConfig({ chains: ids.map(id => ({ id, stages: [{ run: lengths }] })) })
  // @ts-expect-error stages that do not fit: a number goes into a stage for texts
  defineConfig({ chains: [{ id: 'chain', stages: [{ run: evens }, { run: lengths }] }] })
  // @ts-expect-error a callback that does not fit
  defineConfig({ chains: [{ id: 'chain', stages: [{ run: lengths }], onFinish: lengths }] })
  // @ts-expect-error a chain has a stage at least
  defineConfig({ chains: [{ id: 'chain', stages: [] }] })
  // @ts-expect-error a group has a member at least
  defineConfig({ groups: [{ id: 'group', members: [] }] })
  // @ts-expect-error no such field of a stage
  defineConfig({ chains: [{ id: 'chain', stages: [{ run: lengths, wrkers: 2 }] }] })
  // @ts-expect-error no such field of a chain
  defineConfig({ chains: [{ id: 'chain', stages: [{ run: lengths }], windwItems: 2 }] })
  // @ts-expect-error no such field of a member
  defineConfig({ groups: [{ id: 'group', members: [{ id: 'log', run: logger, signifcant: true }] }] })
  // @ts-expect-error no such field of a group
  defineConfig({ groups: [{ id: 'group', members: [{ id: 'log', run: logger }], strtegy: 'one_for_one' }] })
  // @ts-expect-error no such field of a worker
  defineConfig({ workers: [{ id: 'hits', run: counter, args: [0], restrt: 'transient' }] })
  // @ts-expect-error a strategy that there is not
  defineConfig({ chains: [{ id: 'chain', strategy: 'all', stages: [{ run: lengths }] }] })
  // @ts-expect-error a server is no stage
  defineConfig({ chains: [{ id: 'chain', stages: [{ run: logger }] }] })
  // @ts-expect-error a stage is no member
  defineConfig({ groups: [{ id: 'group', members: [{ id: 'log', run: lengths }] }] })
  // @ts-expect-error a chain has an id
  defineConfig({ chains: [{ stages: [{ run: lengths }] }] })
}

/** Where an item goes in: the compiler knows all stages that there are, where each has an id of its own. */
async function entries(node: Node, ids: readonly string[], any: string): Promise<void> {
  const chain = await node.addChain({
    id: 'chain',
    stages: [
      { id: 'len', run: lengths },
      { id: 'even', run: evens },
    ],
  })
  await chain.send('a')
  await chain.send('a', { timeoutMs: 5 })
  await chain.send('a', { to: undefined })
  await chain.send('a', { to: 'len' })
  await chain.send(2, { to: 'even', timeoutMs: 5 })
  expectTypeOf(chain.call(2, { to: 'even' })).resolves.toEqualTypeOf<number | undefined>()
  chain.run([2], { to: 'even', onDead: item => expectTypeOf(item).toEqualTypeOf<number>() })
  // @ts-expect-error no such stage
  await chain.send('a', { to: 'evn' })
  // @ts-expect-error no such stage
  chain.trySend('a', { to: 'evn' })
  // @ts-expect-error no such stage
  await chain.call('a', { to: 'evn' })
  // @ts-expect-error no such stage
  chain.run(['a'], { to: 'evn' })
  // @ts-expect-error a wrong item for that stage
  await chain.send(2, { to: 'len' })
  const some = await node.addChain({ id: 'some', stages: [{ id: 'len', run: lengths }, { run: evens }] })
  await some.send(2, { to: 'evens' })
  // @ts-expect-error a wrong item for the stage that is called as its behaviour
  await some.send('a', { to: 'evens' })
  // @ts-expect-error no such stage
  await some.send(2, { to: 'even' })
  // @ts-expect-error no such stage: it has an id of its own
  chain.trySend('a', { to: 'lengths' })
  const bare = await node.addChain({ id: 'bare', stages: [{ run: lengths }, { run: evens, workers: 2 }] })
  await bare.send('a', { to: 'lengths' })
  expectTypeOf(bare.call(2, { to: 'evens' })).resolves.toEqualTypeOf<number | undefined>()
  bare.run([2], { to: 'evens', onDead: item => expectTypeOf(item).toEqualTypeOf<number>() })
  // @ts-expect-error no such stage
  bare.run([2], { to: 'odds' })
  // @ts-expect-error a wrong item for that stage
  bare.trySend('a', { to: 'evens' })
  // What any text may name, the compiler does not know.
  const loose: { id?: string; run: typeof evens } = { run: evens }
  const half = await node.addChain({ id: 'half', stages: [{ run: lengths }, loose] })
  await half.send('a', { to: 'what is there' })
  const made = defineStage<string, number>(any, text => text.length)
  const unnamed = await node.addChain({ id: 'unnamed', stages: [{ run: made }] })
  await unnamed.send('a', { to: 'what is there' })
  // @ts-expect-error a wrong item for the stage that is known
  await some.send(2, { to: 'len' })
  const many = await node.addChain({ id: 'many', stages: ids.map(id => ({ id, run: lengths })) })
  await many.send('a', { to: any })
  const known: readonly ChainHandle<string, number | undefined>[] = [chain, some, bare]
  expect(known).toBeDefined()
  await node.getChain<string>('chain').send(2, { to: 'added later' })
}

test('the compiler refuses what a spec cannot be', () => {
  const checks = [added, configured, entries]
  expect(new Set(checks.map(check => typeof check))).toEqual(new Set(['function']))
})
