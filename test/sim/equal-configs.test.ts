/** Nodes that start with a config while they do not know of each other, and then meet. */

import { describe, expect, test } from 'vitest'

import { type Logger, type NodeInit, defineServer, defineStage } from '../../src/index.ts'
import { specId } from '../../src/ids.ts'
import { checkConfig } from '../../src/node/config.ts'
import { declareConfig } from '../../src/node/start-config.ts'
import { type SimulatedMesh, simulate } from '../../src/testing.ts'

/** Without a `handoff`: what starts again has lost its state. */
const tally = defineServer('tally', {
  init: (_context, start: number) => ({ total: start }),
  call: { add: (state, by: number) => (state.total += by), get: state => state.total },
})
const double = defineStage('double', (n: number) => n * 2)
const behaviours = [tally, double]
type Members = readonly { readonly id: string; readonly run: typeof tally; readonly args: [number] }[]

/** The worker of a slot: `hits`, `line/a`. */
function workerAt(mesh: SimulatedMesh, name: string, slot: string) {
  const [spec = '', member] = slot.split('/')
  const node = mesh.node(name)
  return member === undefined ? node.getWorker(spec, tally) : node.getGroup<Members>(spec).member(member)
}

interface Differences {
  readonly start?: number
  readonly intensity?: { readonly restarts: number; readonly withinMs: number }
  readonly workers?: number
}

const configOf = ({ start = 0, intensity, workers = 2 }: Differences = {}): NodeInit => {
  const limit = intensity === undefined ? {} : { intensity }
  const members = ['a', 'b'].map(id => ({ id, run: tally, args: [id === 'b' ? start : 0] }))
  const chain = { id: 'twice', stages: [{ run: double, workers }] }
  const hits = { id: 'hits', run: tally, args: [start], ...limit }
  const config: object = { workers: [hits], groups: [{ id: 'line', members, ...limit }], chains: [chain] }
  return config
}

interface Alone extends AsyncDisposable {
  readonly mesh: SimulatedMesh
  readonly warnings: string[]
  readonly superseded: string[]
}

/** A mesh of nodes that start alone, each with its config, and that has heard nothing of any other. */
async function alone(seed: number, configs: Readonly<Record<string, NodeInit>>): Promise<Alone> {
  const warnings: string[] = []
  const quiet = (): void => {}
  const warn: Logger['warn'] = (facts, message) => warnings.push(`${message} ${JSON.stringify(facts)}`)
  const logger: Logger = { debug: quiet, info: quiet, error: quiet, warn }
  const names = Object.keys(configs)
  const mesh = await simulate({ seed, nodes: names, behaviours, logger })
  for (const name of names) mesh.crash(name)
  mesh.partition(...names.map(name => [name]))
  await mesh.startAll()
  const superseded: string[] = []
  for (const [name, config] of Object.entries(configs)) {
    const node = mesh.node(name)
    expect(node.members()).toHaveLength(1)
    node.on('spec:superseded', event => superseded.push(`${name}: ${event.id}`))
    const started = await mesh.settle(declareConfig(node, checkConfig(config)))
    expect(started).toMatchObject({ declared: ['hits', 'line', 'twice'], present: [], failed: [] })
  }
  return { mesh, warnings, superseded, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

const meet = async (mesh: SimulatedMesh): Promise<void> => {
  mesh.heal()
  const isWhole = (name: string): boolean =>
    mesh.node(name).members().length === mesh.ids.length &&
    mesh
      .node(name)
      .snapshot()
      .specs.every(spec => spec.status.kind === 'running')
  await mesh.until('all see all, and everything runs', () => mesh.up.every(isWhole))
  await mesh.run(20_000)
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

test.each(SEEDS)('what all of them declare alike goes on where one has it: seed %i', async seed => {
  const names = ['n1', 'n2', 'n3']
  await using start = await alone(seed, Object.fromEntries(names.map(name => [name, configOf()])))
  const { mesh, warnings, superseded } = start
  const starts: string[] = []
  for (const [index, name] of names.entries()) {
    const node = mesh.node(name)
    await mesh.settle(workerAt(mesh, name, 'hits').call.add(index + 1))
    await mesh.settle(workerAt(mesh, name, 'line/b').call.add(index + 1))
    node.on('worker:start', ({ slot }) => starts.push(`${name}: ${slot}`))
  }
  await meet(mesh)
  expect({ starts, warnings, superseded }).toEqual({ starts: [], warnings: [], superseded: [] })
  for (const slot of ['hits', 'line/b']) {
    const totals = names.map(name => mesh.settle(workerAt(mesh, name, slot).call.get()))
    const [first, ...others] = await Promise.all(totals)
    expect([1, 2, 3]).toContain(first)
    expect(others).toEqual([first, first])
  }
  expect(await mesh.settle(mesh.node('n2').getChain<number, number>('twice').call(2))).toBe(4)
})

test('what users have changed on both sides before they meet is all there: seed 1', async () => {
  await using start = await alone(1, { n1: configOf(), n2: configOf(), n3: configOf() })
  const { mesh, warnings, superseded } = start
  const group = (name: string) => mesh.node(name).getGroup('line')
  const member = (id: string) => ({ id, run: tally, args: [0] as const })
  await mesh.settle(group('n1').addMember(member('c')))
  await mesh.settle(group('n2').removeMember('a'))
  await mesh.settle(group('n2').addMember(member('d')))
  await mesh.settle(mesh.node('n1').getChain('twice').addStage({ id: 'again', run: double }))
  await mesh.settle(group('n1').stopMember('b'))
  await meet(mesh)
  for (const name of mesh.ids) {
    const listed = group(name)
      .members()
      .map(({ id, workers }) => [id, workers[0]?.kind])
    expect(Object.fromEntries(listed)).toEqual({ b: 'stopped', c: 'running', d: 'running' })
    expect(await mesh.settle(mesh.node(name).getChain<number, number>('twice').call(2))).toBe(8)
  }
  expect({ warnings, superseded }).toEqual({ warnings: [], superseded: [] })
})

test.each(SEEDS)(
  'of what they declare differently, the later counts, and the other says so: seed %i',
  async seed => {
    await using start = await alone(seed, {
      n1: configOf({ start: 7, intensity: { restarts: 9, withinMs: 30_000 }, workers: 3 }),
      n2: configOf(),
    })
    const { mesh, warnings, superseded } = start
    await meet(mesh)
    // n2 has declared it later.
    const said = 'runs as another node has declared it, which is not as it is declared here'
    const warned = (id: string, fields: readonly string[]): string =>
      `${said} ${JSON.stringify({ node: 'n1', id, fields, by: 'n2' })}`
    expect(warnings.toSorted()).toEqual([
      warned('hits', ['args', 'intensity.restarts']),
      warned('line', ['intensity.restarts', 'members[1].args']),
      warned('twice', ['stages[0].workers']),
    ])
    expect(superseded.toSorted()).toEqual(
      ['n1', 'n2'].flatMap(name => ['hits', 'line', 'twice'].map(id => `${name}: ${id}`)),
    )
    expect(await mesh.settle(mesh.node('n1').getWorker('hits', tally).call.get())).toBe(0)
  },
)

test('a node with another config that joins says what differs, once for each', async () => {
  await using start = await alone(1, { n1: configOf() })
  const { mesh, warnings } = start
  const again = await mesh.settle(declareConfig(mesh.node('n1'), checkConfig(configOf())))
  expect(again).toMatchObject({ declared: [], present: ['hits', 'line', 'twice'], different: [] })
  expect(warnings).toEqual([])
  const other = await mesh.settle(declareConfig(mesh.node('n1'), checkConfig(configOf({ start: 1 }))))
  expect(other).toMatchObject({ declared: [], present: ['twice'], different: ['hits', 'line'] })
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toContain('"id":"hits","fields":["args"]')
  expect(warnings[1]).toContain('"id":"line","fields":["members[1].args"]')
})

test('what is restarted after that starts anew, as ever', async () => {
  await using start = await alone(1, { n1: configOf(), n2: configOf() })
  const { mesh } = start
  await meet(mesh)
  const [n1, n2] = [mesh.node('n1'), mesh.node('n2')]
  for (const slot of ['hits', 'line/a']) await mesh.settle(workerAt(mesh, 'n1', slot).call.add(5))
  await mesh.settle(n1.restartWorker('hits'))
  await mesh.settle(n2.restartGroup('line'))
  for (const slot of ['hits', 'line/a']) {
    expect(await mesh.settle(workerAt(mesh, 'n2', slot).call.get())).toBe(0)
  }
  // And declared again after it was removed: nothing of the first declaration counts.
  await mesh.settle(n1.removeGroup('line'))
  await mesh.settle(n1.removeWorker('hits'))
  const { declared } = await mesh.settle(declareConfig(n2, checkConfig(configOf({ start: 1 }))))
  expect(declared.toSorted()).toEqual(['hits', 'line'])
  expect(await mesh.settle(workerAt(mesh, 'n1', 'line/a').call.get())).toBe(0)
})

/** What users have done to it before they remove all of it. */
const EDITS: readonly [string, (mesh: SimulatedMesh) => Promise<void>][] = [
  ['nothing', async () => {}],
  [
    'restarts, and members that come and go',
    async mesh => {
      const n1 = mesh.node('n1')
      await mesh.settle(n1.restartWorker('hits'))
      await mesh.settle(n1.getGroup('line').addMember({ id: 'c', run: tally, args: [0] }))
      await mesh.settle(n1.getGroup('line').removeMember('a'))
      await mesh.settle(n1.restartChain('twice'))
    },
  ],
]

const removeAll = async (mesh: SimulatedMesh): Promise<void> => {
  const n1 = mesh.node('n1')
  await mesh.settle(Promise.all([n1.removeWorker('hits'), n1.removeGroup('line'), n1.removeChain('twice')]))
}

describe.each(EDITS)('what users have removed, after %s', (_what, edit) => {
  test('stays so where a node with just that in its config finds the mesh', async () => {
    await using start = await alone(1, { n1: configOf(), n2: configOf() })
    const { mesh, warnings } = start
    await meet(mesh)
    await edit(mesh)
    await removeAll(mesh)
    mesh.crash('n2')
    await mesh.settle(mesh.start('n2'))
    const again = await mesh.settle(declareConfig(mesh.node('n2'), checkConfig(configOf())))
    expect(again).toMatchObject({ declared: [], present: [], removed: ['hits', 'line', 'twice'], failed: [] })
    expect(warnings).toHaveLength(3)
    expect(warnings[0]).toMatch(/^stays removed, .*"path":"workers\[0\]","id":"hits"/)
    expect(mesh.node('n2').listWorkers()).toEqual([])
    // By hand, as ever.
    await mesh.settle(mesh.node('n2').addWorker({ id: 'hits', run: tally, args: [3] }))
    const known = await mesh.settle(declareConfig(mesh.node('n2'), checkConfig(configOf())))
    expect(known).toMatchObject({ different: ['hits'], removed: ['line', 'twice'] })
  })

  test('is declared by a config that says something else', async () => {
    await using start = await alone(1, { n1: configOf() })
    const { mesh } = start
    await edit(mesh)
    await removeAll(mesh)
    const anew = await mesh.settle(declareConfig(mesh.node('n1'), checkConfig(configOf({ start: 1 }))))
    expect(anew).toMatchObject({ declared: ['hits', 'line'], removed: ['twice'], failed: [] })
    expect(await mesh.settle(workerAt(mesh, 'n1', 'hits').call.get())).toBe(1)
  })
})

test('so does what a config had declared in the place of what was removed, whatever users have changed in that since', async () => {
  await using start = await alone(1, { n1: configOf(), n2: configOf() })
  const { mesh } = start
  await meet(mesh)
  await removeAll(mesh)
  const other = checkConfig(configOf({ start: 1, workers: 3 }))
  const anew = await mesh.settle(declareConfig(mesh.node('n2'), other))
  expect(anew.declared.toSorted()).toEqual(['hits', 'line', 'twice'])
  for (const [, edit] of EDITS) await edit(mesh)
  await mesh.settle(mesh.node('n2').getChain('twice').addStage({ id: 'again', run: double }))
  await removeAll(mesh)
  for (const name of mesh.ids) {
    const again = await mesh.settle(declareConfig(mesh.node(name), other))
    expect(again).toMatchObject({ declared: [], removed: ['hits', 'line', 'twice'] })
  }
  // Another config, which says what was removed before that, is one that says something else.
  const first = await mesh.settle(declareConfig(mesh.node('n1'), checkConfig(configOf())))
  expect(first.declared.toSorted()).toEqual(['hits', 'line', 'twice'])
})

test('it stays so for a node that meets the mesh while it waits for its config to start', async () => {
  const slow = defineServer('slow', { init: async context => context.sleep(3_000) })
  await using mesh = await simulate({ seed: 1, nodes: ['n1', 'n2'], behaviours: [slow] })
  mesh.crash('n2')
  mesh.partition(['n1'], ['n2'])
  await mesh.settle(mesh.start('n2'))
  await mesh.settle(mesh.node('n1').addWorker({ id: 'late', run: slow }))
  await mesh.settle(mesh.node('n1').removeWorker('late'))
  const starting = declareConfig(mesh.node('n2'), checkConfig({ workers: [{ id: 'late', run: slow }] }))
  await mesh.run(1_000)
  mesh.heal()
  expect(await mesh.settle(starting)).toMatchObject({ declared: [], removed: ['late'], failed: [] })
  await mesh.run(10_000)
  expect(mesh.node('n2').listWorkers()).toEqual([])
})

test('an attempt to have it again that fails leaves it removed', async () => {
  const broken = defineServer('broken', {
    init: () => {
      throw new Error('not today')
    },
  })
  await using mesh = await simulate({ seed: 1, nodes: ['n1'], behaviours: [...behaviours, broken] })
  const n1 = mesh.node('n1')
  await mesh.settle(declareConfig(n1, checkConfig(configOf())))
  await removeAll(mesh)
  const again = mesh.settle(n1.addWorker({ id: 'hits', run: broken }))
  await expect(again).rejects.toMatchObject({ name: 'StartError' })
  const other = await mesh.settle(declareConfig(n1, checkConfig(configOf({ start: 1 }))))
  expect(other.declared.toSorted()).toEqual(['hits', 'line'])
  await mesh.settle(n1.declarations.takeBack(specId('line')))
  const started = await mesh.settle(declareConfig(n1, checkConfig(configOf())))
  expect(started).toMatchObject({ declared: [], different: ['hits'], removed: ['line', 'twice'] })
})

test('what another node of that config has taken back is no removal', async () => {
  const slow = defineServer('slow', { init: async context => context.sleep(5_000) })
  const conditions = { latencyMs: 50 }
  await using mesh = await simulate({ seed: 1, nodes: ['n1', 'n2'], behaviours: [slow], conditions })
  const config = checkConfig({ groups: [{ id: 'g', members: [{ id: 'a', run: slow }] }] })
  await mesh.settle(mesh.node('n1').formed(2))
  const one = declareConfig(mesh.node('n1'), config)
  await mesh.run(10)
  const two = declareConfig(mesh.node('n2'), config, { timeoutMs: 1_000 })
  expect(await mesh.settle(two)).toMatchObject({ failed: [{ id: 'g' }] })
  expect(await mesh.settle(one)).toMatchObject({ declared: [], removed: [], failed: [{ id: 'g' }] })
})

describe('what a node that meets the mesh later declares', () => {
  test.each([
    ['another thing was removed there', removeAll, configOf({ start: 1 }), ['hits', 'line']],
    ['just that was removed there', removeAll, configOf(), []],
    [
      'just that was taken back there',
      (mesh: SimulatedMesh) => mesh.settle(mesh.node('n1').declarations.takeBack(specId('hits'))),
      configOf(),
      ['hits', 'line', 'twice'],
    ],
  ])('goes on or not: %s', async (_what, end, config, left) => {
    await using mesh = await simulate({ seed: 1, nodes: ['n1', 'n2'], behaviours })
    mesh.crash('n2')
    mesh.partition(['n1'], ['n2'])
    await mesh.settle(declareConfig(mesh.node('n1'), checkConfig(configOf())))
    await end(mesh)
    await mesh.settle(mesh.start('n2'))
    const { declared } = await mesh.settle(declareConfig(mesh.node('n2'), checkConfig(config)))
    expect(declared).toHaveLength(3)
    mesh.heal()
    await mesh.settle(mesh.node('n1').formed(2))
    await mesh.run(20_000)
    for (const name of mesh.ids) {
      const { specs } = mesh.node(name).snapshot()
      const running = specs.filter(({ status }) => status.kind === 'running').map(({ id }) => id)
      expect(running.toSorted()).toEqual(left)
    }
  })
})

test('what a node has taken back, nobody has removed', async () => {
  await using start = await alone(1, { n1: configOf() })
  const { mesh } = start
  const n1 = mesh.node('n1')
  await mesh.settle(n1.declarations.takeBack(specId('hits')))
  const again = await mesh.settle(declareConfig(n1, checkConfig(configOf())))
  expect(again).toMatchObject({ declared: ['hits'], present: ['line', 'twice'], removed: [] })
})
