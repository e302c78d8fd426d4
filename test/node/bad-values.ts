/** Of everything that a user declares: what is right, and for each field what is wrong. */

import { checkConfig, configSchema } from '../../src/node/config.ts'
import { checkOptions, nodeInit } from '../../src/node/options.ts'
import { chainSpec, declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup, groupSpec } from '../../src/node/specs/group-spec.ts'
import { declareWorker, workerSpec } from '../../src/node/specs/worker-spec.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import { checkSimulation, simulation } from '../../src/simulation/simulation-options.ts'
import { fieldsOf } from './schema-fields.ts'

const server = defineServer('server', { init: () => ({}) })
const task = defineTask('task', async () => {})
const stage = defineStage('stage', (n: number) => n, { key: n => n })
const keyless = defineStage('keyless', (n: number) => n)

/** A value whose problem is below the field that it stands in. */
export class Below {
  readonly value: unknown
  readonly path: string
  readonly found: unknown

  constructor(value: unknown, path: string, found: unknown) {
    this.value = value
    this.path = path
    this.found = found
  }
}

const whole = (min: number, max: number): unknown[] => [
  min - 1,
  -5,
  max + 1,
  min + 0.5,
  Number.NaN,
  Infinity,
  -Infinity,
  String(min),
  BigInt(min),
  null,
  true,
  {},
  [min],
]
const words: unknown[] = ['sometimes', '', 5, null, true, ['permanent'], {}]
const flags: unknown[] = ['true', 0, 1, null, {}]
const objects: unknown[] = [5, 'x', null, true, [], [1]]
const lists: unknown[] = [5, 'x', null, {}, true]
const ids: unknown[] = ['', ' a', 'a ', 'a/b', 'a\nb', 'x'.repeat(129), 5, null, {}, ['a'], Symbol('a')]
const DAY_MS = 24 * 60 * 60 * 1000

const intensity = {
  intensity: objects,
  'intensity.restarts': whole(0, 1_000),
  'intensity.withinMs': whole(1, DAY_MS),
}
const placement = {
  placement: objects,
  'placement.labels': [
    ...objects,
    new Below({ a: 5 }, '.a', 5),
    new Below({ a: 'x'.repeat(201) }, '.a', 'x'.repeat(201)),
  ],
  'placement.near': ids,
  'placement.pack': ids,
  'placement.spread': ids,
}
const limits = {
  isolation: words,
  limits: objects,
  'limits.heapMb': whole(8, 65_536),
  'limits.heartbeatMs': whole(100, DAY_MS),
}
const mailbox = {
  mailbox: objects,
  'mailbox.messages': whole(1, 1_000_000),
  'mailbox.bytes': whole(1024, 1024 ** 3),
}
const circle: unknown[] = []
circle.push(circle)
const args = [...lists, new Below([1, () => 1], '[1]', () => 1), new Below([circle], '[0]', circle)]
const process = {
  run: [5, null, 'server', () => 1, {}, stage],
  args,
  restart: words,
  startTimeoutMs: whole(1, DAY_MS),
  stopTimeoutMs: whole(0, DAY_MS),
  ...limits,
  ...placement,
  ...mailbox,
}
const goodWish = { labels: { gpu: 'yes' }, near: 'a', pack: 'b' }
const goodLimits = { heapMb: 64, heartbeatMs: 1_000 }
const goodIntensity = { restarts: 3, withinMs: 1_000 }
const goodMailbox = { messages: 5, bytes: 2048 }
const goodProcess = {
  args: [1],
  restart: 'transient',
  startTimeoutMs: 1,
  stopTimeoutMs: 0,
  isolation: 'thread',
  limits: goodLimits,
  placement: goodWish,
  mailbox: goodMailbox,
}

/** The same fields of each entry of a list. */
const each = (list: string, fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, values]) => [`${list}[].${name}`, values]))

type Fields = Readonly<Record<string, readonly unknown[]>>

/** What is checked, by what, and what it says. */
export interface Surface {
  readonly schema: unknown
  readonly check: (value: unknown) => unknown
  readonly good: object
  readonly bad: Fields
}

const worker: Surface = {
  schema: workerSpec,
  check: declareWorker,
  good: { id: 'w', run: task, ...goodProcess, intensity: goodIntensity, rebalance: 'active' },
  bad: { id: ids, ...process, ...intensity, rebalance: words, input: [5, 'x', [], {}] },
}

const group: Surface = {
  schema: groupSpec,
  check: declareGroup,
  good: {
    id: 'g',
    strategy: 'rest_for_one',
    intensity: goodIntensity,
    autoShutdown: 'any',
    spread: false,
    placement: goodWish,
    members: [{ id: 'm', run: server, ...goodProcess, significant: true }],
  },
  bad: {
    id: ids,
    strategy: [...words, 'before_for_one'],
    ...intensity,
    autoShutdown: [...words, 'never'],
    spread: [...objects.filter(value => value !== true), 'racks'],
    ...placement,
    members: [...lists, []],
    ...each('members', { id: ids, ...process, significant: flags }),
  },
}

const chain: Surface = {
  schema: chainSpec,
  check: declareChain,
  good: {
    id: 'c',
    strategy: 'before_for_one',
    intensity: goodIntensity,
    spread: false,
    placement: goodWish,
    stages: [
      {
        id: 's',
        run: stage,
        workers: 256,
        restart: 'temporary',
        route: 'key',
        onItemError: 'retry',
        queueItems: 1,
        stopTimeoutMs: 1,
        isolation: 'process',
        limits: goodLimits,
        placement: goodWish,
      },
    ],
    windowItems: 65_536,
    attemptsMax: 1,
    onFinish: keyless,
  },
  bad: {
    id: ids,
    strategy: words,
    ...intensity,
    spread: [...objects.filter(value => value !== true), 'racks'],
    ...placement,
    stages: [...lists, []],
    ...each('stages', {
      id: ids,
      run: [5, null, 'stage', () => 1, {}, server, task],
      workers: whole(1, 256),
      restart: words,
      route: words,
      onItemError: words,
      queueItems: whole(1, 10_000),
      stopTimeoutMs: whole(0, DAY_MS),
      ...limits,
      ...placement,
    }),
    windowItems: whole(1, 65_536),
    attemptsMax: whole(1, 1_000),
    onFinish: [5, null, server, () => 1],
  },
}

const addresses = [...lists, new Below(['localhost:80'], '[0]', 'localhost:80'), new Below([5], '[0]', 5)]
const seeds = [
  ...addresses,
  new Below(['/ip4/10.0.0.7/tcp/70000'], '[0]', '/ip4/10.0.0.7/tcp/70000'),
  new Below(['/foo/1'], '[0]', '/foo/1'),
]
const sources = [
  ...lists,
  new Below([5], '[0]', 5),
  new Below([''], '[0]', ''),
  new Below(['./behaviours.ts'], '[0]', './behaviours.ts'),
]
const weights: unknown[] = [0, 0.5, 17, -1, Number.NaN, Infinity, '1', null, {}]
const labels = [...objects, new Below({ zone: 5 }, '.zone', 5)]
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** As a program calls it that nobody has checked the types of. */
function untyped(check: (init: never) => unknown): (value: unknown) => unknown {
  return value => {
    const checked: unknown = Reflect.apply(check, undefined, [value])
    return checked
  }
}

const node: Surface = {
  schema: nodeInit,
  check: untyped(checkOptions),
  good: {
    cluster: 'c',
    secret: 's',
    name: 'n',
    behaviours: [server, { stage }, 'file:///x.ts', new URL('file:///y.ts')],
    listen: ['/ip4/127.0.0.1/tcp/0'],
    discovery: { mdns: false, seeds: ['/dns4/a.local/tcp/7000'], peersFile: '/tmp/peers' },
    dataFolder: '/tmp/data',
    allow: [`12D3KooW${'A'.repeat(44)}`],
    profile: 'wan',
    role: 'client',
    weight: 16,
    labels: { zone: 'a' },
    logger: quiet,
    signal: new AbortController().signal,
  },
  bad: {
    cluster: ['', 'x'.repeat(65), 5, null, {}],
    secret: ['x'.repeat(1_001), 5, null, {}],
    name: ['x'.repeat(201), 5, null, {}],
    behaviours: sources,
    listen: addresses,
    discovery: objects,
    'discovery.mdns': flags,
    'discovery.seeds': seeds,
    'discovery.peersFile': ['', 5, null],
    dataFolder: ['', 5, null],
    allow: [...lists, new Below(['12D3KooWshort'], '[0]', '12D3KooWshort'), new Below([5], '[0]', 5)],
    profile: words,
    role: words,
    weight: weights,
    labels,
    logger: [true, 5, null, {}, { info() {}, error() {} }, { ...quiet, warn: 'yes' }],
    signal: [5, null, {}, new AbortController()],
  },
}

const zeroOrMore: unknown[] = [-1, Number.NaN, Infinity, '1', null]
const mesh: Surface = {
  schema: simulation,
  check: untyped(checkSimulation),
  good: {
    seed: 'any text',
    nodes: ['a', 'b'],
    seeds: 1,
    seedsOf: { b: ['a'] },
    behaviours: [server],
    behavioursOf: { a: [stage] },
    weightOf: { a: 2 },
    labelsOf: { b: { zone: 'x' } },
    conditions: {
      latencyMs: 0,
      jitterMs: 0,
      spreadMs: 0,
      bytesPerMs: 0.5,
      hintLoss: 1,
      hintEcho: 0,
      packetLoss: 0.5,
      sessionTimeoutMs: 1,
      dialTimeoutMs: 1,
    },
    profile: 'edge',
    timings: { probePeriodMs: 100 },
    onTrace: () => {},
    logger: quiet,
  },
  bad: {
    seed: ['', 0.5, Number.NaN, Infinity, null, {}, 5n],
    seeds: [0, -1, 1.5, Number.NaN, Infinity, '1', null, {}],
    nodes: [
      0,
      -1,
      1.5,
      1_001,
      Number.NaN,
      '3',
      null,
      {},
      new Below(['a', 'b', 'a'], '[2]', 'a'),
      new Below(['a', 'b', ''], '[2]', ''),
      new Below(['a', 'b', 5], '[2]', 5),
    ],
    behaviours: sources,
    behavioursOf: [...objects, new Below({ a: 5 }, '.a', 5), new Below({ aa: [server] }, '.aa', [server])],
    seedsOf: [
      ...objects,
      new Below({ a: 5 }, '.a', 5),
      new Below({ nobody: ['a'] }, '.nobody', ['a']),
      new Below({ a: ['b', 'c'] }, '.a[1]', 'c'),
      new Below({ a: [5] }, '.a[0]', 5),
    ],
    weightOf: [...objects, new Below({ a: 0 }, '.a', 0), new Below({ nobody: 1 }, '.nobody', 1)],
    labelsOf: [...objects, new Below({ a: 0 }, '.a', 0), new Below({ nobody: {} }, '.nobody', {})],
    conditions: objects,
    'conditions.latencyMs': zeroOrMore,
    'conditions.jitterMs': zeroOrMore,
    'conditions.spreadMs': zeroOrMore,
    'conditions.bytesPerMs': [0, -1, Number.NaN, '1', null, {}],
    'conditions.hintLoss': [...zeroOrMore, 1.1],
    'conditions.hintEcho': [...zeroOrMore, 1.1],
    'conditions.packetLoss': [...zeroOrMore, 1.1],
    'conditions.sessionTimeoutMs': zeroOrMore,
    'conditions.dialTimeoutMs': zeroOrMore,
    profile: words,
    timings: objects,
    ...Object.fromEntries(
      fieldsOf(simulation)
        .filter(({ path }) => path.startsWith('timings.'))
        .map(({ path }) => [path, [0, ...zeroOrMore]]),
    ),
    onTrace: [5, null, 'x'],
    logger: [true, 5, null, {}, false],
  },
}

const config: Surface = {
  schema: configSchema,
  check: checkConfig,
  good: { ...node.good, workers: [worker.good], groups: [group.good], chains: [chain.good] },
  bad: {
    ...node.bad,
    workers: lists,
    ...each('workers', worker.bad),
    groups: lists,
    ...each('groups', group.bad),
    chains: lists,
    ...each('chains', chain.bad),
  },
}

export const SURFACES: Readonly<Record<string, Surface>> = {
  worker,
  group,
  chain,
  node,
  simulation: mesh,
  config,
}
