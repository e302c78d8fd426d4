/** What is wrong between fields: each of them is named, where it stands. */

import { expect, test } from 'vitest'

import { checkConfig } from '../../src/node/config.ts'
import { checkOptions } from '../../src/node/options.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup } from '../../src/node/specs/group-spec.ts'
import { declareWorker } from '../../src/node/specs/worker-spec.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { problemsOf } from './problems.ts'

const server = defineServer('server', { init: () => ({}) })
const stage = defineStage('stage', (n: number) => n)
const keyless = defineStage('keyless', (n: number) => n)

const member = { id: 'a', run: server }
test.each([
  [
    'ids twice, one more than once',
    () =>
      declareGroup({
        id: 'g',
        members: [member, { ...member, id: 'b' }, member, { ...member, restart: 'x' }],
      }),
    [
      ['members[3].restart', '"x"', 'one of permanent, transient, temporary'],
      ['members[2].id', '"a"', 'another id: members[0] has it'],
      ['members[3].id', '"a"', 'another id: members[0] has it'],
    ],
  ],
  [
    'a stage that has the name of a behaviour for an id',
    () =>
      declareChain({ id: 'c', stages: [{ run: stage }, { run: keyless, id: 'stage' }, { run: keyless }] }),
    [['stages[1].id', '"stage"', 'another id: stages[0] has it']],
  ],
  [
    'a significant member that never ends, of a group that takes no notice',
    () => declareGroup({ id: 'g', members: [member, { ...member, id: 'b', significant: true }] }),
    [
      [
        'members[1].significant',
        'true',
        'false where restart is permanent (the default): such a member never ends for good',
      ],
      ['autoShutdown', '"never"', 'any or all, as members[1] is significant'],
    ],
  ],
  [
    'a stage by key that has none',
    () => declareChain({ id: 'c', stages: [{ run: keyless, route: 'key' }] }),
    [
      [
        'stages[0].route',
        '"key"',
        'another route, or a behaviour that says what the key is: defineStage(name, handle, { key })',
      ],
    ],
  ],
  [
    'together and apart',
    () => declareWorker({ run: server, placement: { pack: 'a', spread: 'b' } }),
    [['placement.spread', '"b"', 'nothing beside pack: together or apart, not both']],
  ],
  [
    'together and apart, of a group',
    () => declareGroup({ id: 'g', spread: true, placement: { pack: 'a' }, members: [member] }),
    [['spread', 'true', 'false beside placement.pack: together or apart, not both']],
  ],
  [
    'together and apart, of a chain',
    () => declareChain({ id: 'c', spread: 'zones', placement: { pack: 'a' }, stages: [{ run: stage }] }),
    [['spread', '"zones"', 'false beside placement.pack: together or apart, not both']],
  ],
  [
    'one id for two things of a config, one of which is bad otherwise',
    () =>
      checkConfig({
        workers: [{ id: 'a', run: 5 }, { run: server }],
        groups: [{ id: 'a', members: [member] }],
      }),
    [
      ['workers[0].run', '5', 'a behaviour (defineServer or defineTask)'],
      ['workers[1].id', 'nothing', 'an id: other nodes may start with the same config'],
      ['groups[0].id', '"a"', 'another id: workers[0] has it'],
    ],
  ],
])('%s: each is named, and nothing else is shown', (_what, declare, problems) => {
  expect(problemsOf(declare).map(({ path, found, wanted }) => [path, found, wanted])).toEqual(problems)
})

test('a path of behaviours that is relative to nobody knows what says how to give it', () => {
  expect(() => checkOptions({ behaviours: ['./x.ts'] })).toThrow(/import\.meta\.resolve\("\.\/x\.ts"\)/)
})

test('whoever looks for a field for the zone is told where it is written', () => {
  const problem = { path: 'zone', wanted: 'no such field: it is written `labels: { zone: … }`' }
  expect(problemsOf(() => Reflect.apply(checkOptions, undefined, [{ zone: 'z1' }]))).toMatchObject([problem])
  const placement = { zone: 'z1' }
  expect(problemsOf(() => declareWorker({ run: server, placement }))).toMatchObject([
    { ...problem, path: 'placement.zone' },
  ])
})
