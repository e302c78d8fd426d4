/** What throws when one looks at it, and lists that are made of holes: refused as any bad value, and at once. */

import { expect, test } from 'vitest'

import { OptionsError, type Problem } from '../../src/errors.ts'
import { createNode, defineConfig, loadConfig, startConfig } from '../../src/index.ts'
import { LIST_LENGTH_MAX } from '../../src/node/list-schema.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup, declareMember } from '../../src/node/specs/group-spec.ts'
import { declareWorker } from '../../src/node/specs/worker-spec.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'

type Entry = (value: never) => unknown

const server = defineServer('server', { init: () => ({}) })
const stage = defineStage('stage', (n: number) => n)
const refuse = (): never => {
  throw new TypeError('not to be looked at')
}

const TARGETS = { object: {}, list: [], function: () => {} }
const HANDLERS: Readonly<Record<string, ProxyHandler<object>>> = {
  'whose every trap throws': {
    get: refuse,
    has: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
    getOwnPropertyDescriptor: refuse,
  },
  'whose fields throw': { get: refuse },
  'that throws what throws itself': {
    get: () => {
      throw revoked({})
    },
  },
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const PROXIES = Object.entries(TARGETS).flatMap(([of, target]) => [
  [`a revoked ${of}`, revoked(target)] as const,
  ...Object.entries(HANDLERS).map(
    ([what, handler]) => [`a ${of} ${what}`, new Proxy<object>(target, handler)] as const,
  ),
])

/** What is wrong, as the entry says it, whether it throws or rejects. */
async function said(entry: Entry, value: unknown): Promise<readonly Problem[]> {
  try {
    await Reflect.apply(entry, undefined, [value])
  } catch (error) {
    if (error instanceof OptionsError) return error.problems
    throw new Error('it is no OptionsError', { cause: error })
  }
  return []
}

const WHOLE: Readonly<Record<string, Entry>> = {
  createNode,
  startConfig,
  defineConfig,
  loadConfig,
  simulate,
  'a worker': declareWorker,
  'a group': declareGroup,
  'a member': declareMember,
  'a chain': declareChain,
  defineServer: (value: never) => defineServer('a', value),
  defineStage: (value: never) => defineStage('a', (n: number) => n, value),
  defineTask: (value: never) => defineTask('a', async () => {}, value),
}

test.each(Object.entries(WHOLE))('%s: a proxy that throws is refused as a whole', async (_, entry) => {
  for (const [what, proxy] of PROXIES) expect(await said(entry, proxy), what).toHaveLength(1)
})

test.each<readonly [path: string, entry: Entry, around: (value: unknown) => object]>([
  ['workers[0]', defineConfig, value => ({ workers: [value] })],
  ['behaviours', defineConfig, behaviours => ({ behaviours })],
  ['behaviours', createNode, behaviours => ({ behaviours })],
  ['labels', createNode, labels => ({ labels })],
  ['limits', declareWorker, limits => ({ run: server, limits })],
  ['run', declareWorker, run => ({ run })],
  ['members', declareGroup, members => ({ id: 'g', members })],
  ['stages[0]', declareChain, value => ({ id: 'c', stages: [value] })],
  ['onFinish', declareChain, onFinish => ({ id: 'c', stages: [{ run: stage }], onFinish })],
])('and where it stands within, with its path: %s', async (path, entry, around) => {
  for (const [what, proxy] of PROXIES)
    expect(
      (await said(entry, around(proxy))).map(problem => problem.path),
      what,
    ).toContain(path)
})

test('options, names and ids that throw are refused, and nothing is declared', async () => {
  await using mesh = await simulate({ nodes: 1, behaviours: [server] })
  const node = mesh.node('n1')
  for (const [what, proxy] of PROXIES) {
    const add: Entry = options => node.addWorker({ id: 'a', run: server }, options)
    expect(await said(add, proxy), what).toMatchObject([{ path: 'options' }])
    expect(await said((options: never) => node.drain(options), proxy), what).toHaveLength(1)
    expect(await said((kind: never) => node.on(kind, () => {}), proxy), what).toHaveLength(1)
    const get: Entry = id => node.getWorker(id)
    expect(await said(get, proxy), what).toMatchObject([{ path: 'id' }])
  }
  expect(node.snapshot().specs).toEqual([])
})

/** A list of nothing, as long as one can be. */
const HOLES: never[] = []
HOLES.length = 2 ** 32 - 1

test.each<readonly [path: string, entry: () => unknown]>([
  ['behaviours', () => createNode({ behaviours: HOLES })],
  ['behaviours', () => defineConfig({ behaviours: HOLES })],
  ['behaviours', () => simulate({ behaviours: HOLES })],
  ['nodes', () => simulate({ nodes: HOLES })],
  ['listen', () => createNode({ listen: HOLES })],
  ['allow', () => createNode({ allow: HOLES })],
  ['discovery.seeds', () => createNode({ discovery: { seeds: HOLES } })],
  ['workers', () => defineConfig({ workers: HOLES })],
  ['groups', () => startConfig({ groups: HOLES })],
  ['members', () => declareGroup({ id: 'g', members: HOLES })],
  ['stages', () => declareChain({ id: 'c', stages: HOLES })],
  ['args', () => declareWorker({ run: server, args: HOLES })],
])('a list that is longer than there may be is not walked: %s', async (path, entry) => {
  const limit = path === 'nodes' ? /as many names$/ : new RegExp(`, ${LIST_LENGTH_MAX} at most$`)
  expect(await said(entry, undefined)).toEqual([
    { path, found: 'a list of 4294967295', wanted: expect.stringMatching(limit) },
  ])
})

test('and beside other bad fields, neither', async () => {
  const spec = { id: 5, members: HOLES, strategy: 'none', nope: 5 }
  const paths = (await said(declareGroup, spec)).map(({ path }) => path)
  expect(paths).toEqual(['id', 'strategy', 'members', 'nope'])
})
