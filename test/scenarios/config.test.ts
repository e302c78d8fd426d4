/** A node and what it runs, from one value or file. */

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterEach, expect, test } from 'vitest'

import { type Config, type Logger, loadConfig, runningNodes, startConfig } from '../../src/index.ts'
import { checkConfig } from '../../src/node/config.ts'
import { reader } from '../input-workers.ts'
import * as behaviours from './config-behaviours.ts'

const { broken, counter, double, plain } = behaviours

afterEach(async () => {
  await Promise.all(runningNodes().map(node => node.stop()))
})

const configOf = (config: Config): Config => ({
  cluster: randomUUID(),
  behaviours: [behaviours],
  listen: ['/ip4/127.0.0.1/tcp/0'],
  discovery: { mdns: false },
  logger: false,
  ...config,
})

/** What the specs of a config come to: `group line: a plain@1, b counter@1`. */
function treeOf(config: unknown): string[] {
  return checkConfig(config).specs.map(({ id, body }) => {
    switch (body.kind) {
      case 'worker':
        return `worker ${id}: ${body.child.behaviour}`
      case 'group':
        return `group ${id}: ${body.members.map(partOf).join(', ')}`
      default:
        return `chain ${id}: ${body.stages.map(partOf).join(', ')}`
    }
  })
}

function partOf({
  id,
  child,
}: {
  readonly id: string
  readonly child: { readonly behaviour: string }
}): string {
  return `${id} ${child.behaviour}`
}

/** The paths of the problems of a config. */
function pathsOf(config: unknown): unknown {
  try {
    checkConfig(config)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'OptionsError') throw error
    const problems: unknown = Reflect.get(error, 'problems')
    return Array.isArray(problems) ? problems.map((problem: { path: string }) => problem.path) : problems
  }
  return []
}

test('a config has no inputs', () => {
  const input = (async function* () {})()
  expect(pathsOf({ workers: [{ id: 'poll', run: reader, args: [0, 0], input }] })).toEqual([
    'workers[0].input',
  ])
})

const worker = { id: 'w', run: plain }
const group = {
  id: 'g',
  members: [
    { id: 'a', run: plain },
    { id: 'b', run: counter, args: [1] },
  ],
}
const chain = { id: 'c', stages: [{ run: double }, { id: 'again', run: double }] }

test.each([
  ['minimal', {}, []],
  ['with empty lists', { workers: [], groups: [], chains: [] }, []],
  ['with a worker', { workers: [worker] }, ['worker w: plain@1']],
  ['with a group', { groups: [group] }, ['group g: a plain@1, b counter@1']],
  ['with a chain', { chains: [chain] }, ['chain c: double double@1, again double@1']],
  [
    'with several groups, in their order',
    {
      groups: [
        { ...group, id: 'z' },
        { ...group, id: 'a' },
      ],
    },
    ['group z: a plain@1, b counter@1', 'group a: a plain@1, b counter@1'],
  ],
  [
    'mixed',
    { cluster: 'x', chains: [chain], groups: [group], workers: [worker] },
    ['worker w: plain@1', 'group g: a plain@1, b counter@1', 'chain c: double double@1, again double@1'],
  ],
])('85: a config %s parses to the expected tree', (_what, config, tree) => {
  expect(treeOf(config)).toEqual(tree)
})

test.each([
  ['a text', 'x', ['it']],
  ['a list', [], ['it']],
  ['nothing', undefined, ['it']],
  ['lists that are none', { workers: 1, groups: 'x', chains: {} }, ['workers', 'groups', 'chains']],
  ['a group without an id', { groups: [{ members: [{ id: 'a', run: plain }] }] }, ['groups[0].id']],
  ['a chain with an id of the wrong type', { chains: [{ ...chain, id: 7 }] }, ['chains[0].id']],
  ['a worker without an id', { workers: [{ run: plain }] }, ['workers[0].id']],
  ['a worker without a behaviour', { workers: [worker, { id: 'x' }] }, ['workers[1].run']],
  ['a function for a behaviour', { workers: [{ id: 'x', run: () => 1 }] }, ['workers[0].run']],
  [
    'a stage without a behaviour',
    { chains: [{ id: 'c', stages: [{ run: double }, {}] }] },
    ['chains[0].stages[1].run'],
  ],
  ['an empty group', { groups: [{ id: 'g', members: [] }] }, ['groups[0].members']],
  ['a spec that is none', { workers: [5] }, ['workers[0]']],
  [
    'arguments that cannot be sent',
    {
      workers: [{ id: 'w', run: counter, args: [() => 1] }],
      groups: [{ id: 'line', members: [{ id: 'a', run: counter, args: [1, Symbol('x')] }] }],
      chains: [{ id: 'c', strategy: 'all', stages: [{ run: double }] }],
    },
    ['workers[0].args[0]', 'groups[0].members[0].args[1]', 'chains[0].strategy'],
  ],
  [
    'negative limits',
    { workers: [{ ...worker, stopTimeoutMs: -1, startTimeoutMs: -1 }] },
    ['workers[0].startTimeoutMs', 'workers[0].stopTimeoutMs'],
  ],
  ['an id twice', { workers: [worker], groups: [{ ...group, id: 'w' }] }, ['groups[0].id']],
  [
    'everything at once',
    { cluster: '', weight: 99, colour: 'red', workers: [{ id: 'a/b', run: 1, restart: 'x' }], groups: [{}] },
    [
      'cluster',
      'weight',
      'colour',
      'workers[0].id',
      'workers[0].run',
      'workers[0].restart',
      'groups[0].id',
      'groups[0].members',
    ],
  ],
])('86: %s in a config is named by its path', (_what, config, paths) => {
  expect(pathsOf(config)).toEqual(paths)
})

// A default with a warning would run something else than was asked for: these are errors, as all others.
test.each([
  ['strategy of a group', { groups: [{ ...group, strategy: 'all' }] }, ['groups[0].strategy']],
  ['strategy of a chain', { chains: [{ ...chain, strategy: 'all' }] }, ['chains[0].strategy']],
  [
    'route of a stage',
    { chains: [{ id: 'c', stages: [{ run: double, route: 'any' }] }] },
    ['chains[0].stages[0].route'],
  ],
  ['isolation', { workers: [{ ...worker, isolation: 'shard' }] }, ['workers[0].isolation']],
  ['key', { workers: [{ ...worker, partitions: 2 }], links: [] }, ['links', 'workers[0].partitions']],
])('87: an unknown %s is an error', (_what, config, paths) => {
  expect(pathsOf(config)).toEqual(paths)
})

test('88: a config without anything to run starts', async () => {
  const { node, declared, failed } = await startConfig(configOf({}))
  expect([declared, failed, node.snapshot().specs]).toEqual([[], [], []])
})

test('88: everything of a config runs, under its id', async () => {
  const config = configOf({
    workers: [{ id: 'hits', run: counter, args: [3] }],
    groups: [group],
    chains: [chain],
  })
  const { node, declared } = await startConfig(config)
  expect([...declared].toSorted()).toEqual(['c', 'g', 'hits'])
  expect(await node.getWorker('hits', counter).call.get()).toBe(3)
  expect(await node.getChain('c').call(1)).toBe(4)
})

test('88: with onFailure continue, what cannot start is listed, and the rest runs', async () => {
  const config = configOf({ workers: [worker, { id: 'bad', run: broken }] })
  const { node, declared, failed } = await startConfig(config, { onFailure: 'continue' })
  expect(declared).toEqual(['w'])
  expect(failed).toMatchObject([{ path: 'workers[1]', id: 'bad', error: { name: 'StartError' } }])
  expect(await node.getWorker('w', plain).call.ping()).toBe('pong')
  expect(() => node.getWorker('bad')).toThrow(expect.objectContaining({ name: 'NotFoundError' }))
})

test('89: a config is loaded from its file, and runs', async () => {
  const config = await loadConfig(fileURLToPath(new URL('./mesh.config.ts', import.meta.url)))
  const { node, declared } = await startConfig({ ...config, cluster: randomUUID() })
  expect([...declared].toSorted()).toEqual(['hits', 'line', 'twice'])
  expect(await node.getWorker('hits', counter).call.get()).toBe(5)
})

test('89: a config that is not there, or is none, is a clear error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meshvisor-config-'))
  try {
    await expect(loadConfig(join(folder, 'no.config.js'))).rejects.toMatchObject({
      name: 'ConfigNotFoundError',
    })
    await writeFile(join(folder, 'empty.mjs'), 'export const x = 1')
    await expect(loadConfig(join(folder, 'empty.mjs'))).rejects.toMatchObject({ name: 'ConfigError' })
    await writeFile(join(folder, 'broken.mjs'), 'throw new Error("no")')
    await expect(loadConfig(join(folder, 'broken.mjs'))).rejects.toMatchObject({ name: 'ConfigError' })
    await writeFile(join(folder, 'bad.mjs'), 'export default { weight: 0, groups: [{ id: 1, members: [] }] }')
    await expect(loadConfig(join(folder, 'bad.mjs'))).rejects.toMatchObject({
      name: 'OptionsError',
      problems: [{ path: 'weight' }, { path: 'groups[0].id' }, { path: 'groups[0].members' }],
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('89: an invalid config is an error, and nothing runs', async () => {
  const bad: object = { groups: [{ id: 'g', members: [] }] }
  await expect(startConfig(configOf(bad))).rejects.toMatchObject({ name: 'OptionsError' })
  expect(runningNodes()).toEqual([])
})

test('89: the same config with a name cannot be started twice in a process', async () => {
  const config = configOf({ name: 'a', workers: [worker] })
  const { node } = await startConfig(config)
  await expect(startConfig(config)).rejects.toMatchObject({ name: 'AlreadyRunningError' })
  expect(await node.getWorker('w', plain).call.ping()).toBe('pong')
})

test('89: a second node with the same config finds everything there, and says what is different', async () => {
  const warnings: string[] = []
  const quiet = (): void => {}
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (facts, message) => warnings.push(`${message}: ${JSON.stringify(facts)}`),
  }
  const config = configOf({ workers: [{ id: 'hits', run: counter, args: [3] }], groups: [group] })
  const first = await startConfig(config)
  const seeds = [...first.node.addresses]
  const other: Config = { ...config, discovery: { mdns: false, seeds }, logger }
  const second = await startConfig({ ...other, workers: [{ id: 'hits', run: counter, args: [4] }] })
  expect(second).toMatchObject({ declared: [], present: ['g'], different: ['hits'], failed: [] })
  expect(warnings.filter(line => line.includes('not as it is declared here'))).toHaveLength(1)
  expect(await second.node.getWorker('hits', counter).call.get()).toBe(3)
})

test('90: when a child fails to start, what runs already is stopped, and the error lists it, and nothing else', async () => {
  const { alive, tracked } = behaviours
  const members = [
    { id: 'a', run: tracked },
    { id: 'b', run: tracked },
  ]
  const config = configOf({
    workers: [
      { id: 'w', run: tracked },
      { id: 'bad', run: broken },
    ],
    groups: [{ id: 'g', members }],
  })
  // Without it, all of this runs.
  const good = await startConfig({ ...config, cluster: randomUUID(), workers: [{ id: 'w', run: tracked }] })
  expect([...alive].toSorted()).toEqual(['g/a', 'g/b', 'w'])
  await good.node.stop()
  expect(alive).toEqual(new Set())
  await expect(startConfig(config)).rejects.toMatchObject({
    name: 'ConfigError',
    failures: [expect.stringContaining('workers[1] "bad"')],
    message: expect.stringContaining('cannot start'),
  })
  expect(alive).toEqual(new Set())
  expect(runningNodes()).toEqual([])
})

test('90: a config that has failed in a mesh is declared once it is right: nobody has removed what was taken back', async () => {
  const empty = configOf({})
  const first = await startConfig(empty)
  const seeds = [...first.node.addresses]
  const config: Config = { ...empty, discovery: { mdns: false, seeds }, workers: [worker] }
  const bad = { ...config, workers: [worker, { id: 'bad', run: broken }] }
  await expect(startConfig(bad)).rejects.toMatchObject({ name: 'ConfigError' })
  expect(first.node.listWorkers()).toEqual([])
  const right = await startConfig(config)
  expect(right).toMatchObject({ declared: ['w'], removed: [] })
  // What a user removes stays so.
  await first.node.removeWorker('w')
  await right.node.stop()
  expect(await startConfig(config)).toMatchObject({ declared: [], present: [], removed: ['w'] })
  expect(first.node.listWorkers()).toEqual([])
})
