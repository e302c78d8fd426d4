/** Bad specs and options: one error that names every bad field. */

import { describe, expect, test } from 'vitest'

import type { OptionsError } from '../../src/errors.ts'
import { checkOptions } from '../../src/node/options.ts'
import { declareChain } from '../../src/node/specs/chain-spec.ts'
import { declareGroup } from '../../src/node/specs/group-spec.ts'
import { declareWorker } from '../../src/node/specs/worker-spec.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'

const server = defineServer('server', { init: () => ({}) })
const stage = defineStage('stage', (n: number) => n)
const emits = defineStage('emits', async function* (n: number) {
  yield n
})

/** The problems of what is thrown, as `path: wanted`. */
function problemsOf(declare: () => unknown): string[] {
  try {
    declare()
  } catch (error) {
    if (error instanceof Error && error.name === 'OptionsError' && 'problems' in error) {
      const { problems }: Pick<OptionsError, 'problems'> = { problems: [] }
      const list: unknown = error.problems
      return (Array.isArray(list) ? list : problems).map(({ path, wanted }) => `${path}: ${wanted}`)
    }
    throw error
  }
  return []
}

const member = { id: 'm', run: server }
const whole = 'a whole number from'

describe('a worker spec', () => {
  test.each([
    ['no object', 5, ['it: an object']],
    ['nothing', {}, ['run: a behaviour (defineServer or defineTask)']],
    [
      'an id with a slash',
      { id: 'a/b', run: server },
      ['id: 1 to 128 printable characters, without "/" and without spaces around them'],
    ],
    [
      'an empty id',
      { id: '', run: server },
      ['id: 1 to 128 printable characters, without "/" and without spaces around them'],
    ],
    ['a function to run', { id: 'a', run: () => 1 }, ['run: a behaviour (defineServer or defineTask)']],
    ['a stage to run', { id: 'a', run: stage }, ['run: a server or task: a stage needs a chain around it']],
    ['arguments that are no list', { id: 'a', run: server, args: 5 }, ['args: a list of arguments']],
    [
      'an unknown restart type',
      { id: 'a', run: server, restart: 'always' },
      ['restart: one of permanent, transient, temporary'],
    ],
    [
      'a negative time-out',
      { id: 'a', run: server, stopTimeoutMs: -1 },
      [`stopTimeoutMs: ${whole} 0 to 86_400_000`],
    ],
    [
      'a negative intensity',
      { id: 'a', run: server, intensity: { restarts: -1, withinMs: 1 } },
      [`intensity.restarts: ${whole} 0 to 1_000`],
    ],
    ['an unknown field', { id: 'a', run: server, retries: 3 }, ['retries: no such field']],
    [
      'a label that is no text',
      { id: 'a', run: server, placement: { labels: { gpu: true } } },
      ['placement.labels.gpu: a text of at most 200 characters'],
    ],
    [
      'a wish to be together and apart',
      { id: 'a', run: server, placement: { pack: 'x', spread: 'x' } },
      ['placement.spread: nothing beside pack: together or apart, not both'],
    ],
    [
      'a name with a slash, and an unknown wish',
      { id: 'a', run: server, placement: { near: 'a/b', far: 'c' } },
      [
        'placement.near: a name of 1 to 128 printable characters, without "/"',
        'placement.far: no such field',
      ],
    ],
    [
      'many at once',
      { id: 7, run: null, restart: 'x', colour: 'red' },
      [
        'id: 1 to 128 printable characters, without "/" and without spaces around them',
        'run: a behaviour (defineServer or defineTask)',
        'restart: one of permanent, transient, temporary',
        'colour: no such field',
      ],
    ],
  ])('with %s is refused, field by field', (_what, spec, problems) => {
    expect(problemsOf(() => declareWorker(spec))).toEqual(problems)
  })

  test('says what was found', () => {
    expect(() => declareWorker({ id: 'a', run: server, restart: 'always' })).toThrow(
      'the worker spec has a bad field:\n  restart: found "always", wanted one of permanent, transient, temporary',
    )
  })

  test('gets what is left out', () => {
    expect(declareWorker({ run: server })).toMatchObject({
      id: undefined,
      body: {
        child: { restart: 'permanent', stopTimeoutMs: 5_000 },
        intensity: { restarts: 5, withinMs: 30_000 },
      },
    })
  })

  test('with arguments that cannot be sent is refused', () => {
    expect(() => declareWorker({ id: 'a', run: server, args: [1, () => 1] })).toThrow(
      /args\[1\]: found a function, wanted what can be sent \(a function cannot be sent/,
    )
  })
})

describe('a group spec', () => {
  test.each([
    ['no members', { id: 'g' }, ['members: a list of members']],
    ['an empty list of members', { id: 'g', members: [] }, ['members: at least one member']],
    [
      'two members of one id',
      { id: 'g', members: [member, member] },
      ['members[1].id: another id: members[0] has it'],
    ],
    [
      'an unknown strategy',
      { id: 'g', strategy: 'all', members: [member] },
      ['strategy: one of one_for_one, one_for_all, rest_for_one'],
    ],
    [
      'an unknown way to spread',
      { id: 'g', spread: 'racks', members: [member] },
      ["spread: true, false or 'zones'"],
    ],
    [
      'a member without an id',
      { id: 'g', members: [member, { run: server }] },
      ['members[1].id: 1 to 128 printable characters, without "/" and without spaces around them'],
    ],
    [
      'a bad member among good ones',
      { id: 'g', members: [member, { id: 'n', run: stage }] },
      ['members[1].run: a server or task: a stage needs a chain around it'],
    ],
  ])('with %s is refused', (_what, spec, problems) => {
    expect(problemsOf(() => declareGroup(spec))).toEqual(problems)
  })
})

describe('a chain spec', () => {
  test.each([
    ['no stages', { id: 'c', stages: [] }, ['stages: at least one stage']],
    ['a stage without a behaviour', { id: 'c', stages: [{}] }, ['stages[0].run: a stage (defineStage)']],
    ['a server as a stage', { id: 'c', stages: [{ run: server }] }, ['stages[0].run: a stage (defineStage)']],
    [
      'two stages of one id',
      { id: 'c', stages: [{ run: stage }, { run: stage }] },
      ['stages[1].id: another id: stages[0] has it'],
    ],
    [
      'no workers',
      { id: 'c', stages: [{ run: stage, workers: 0 }] },
      [`stages[0].workers: ${whole} 1 to 256`],
    ],
    [
      'a window of nothing',
      { id: 'c', windowItems: 0, stages: [{ run: stage }] },
      [`windowItems: ${whole} 1 to 65_536`],
    ],
  ])('with %s is refused', (_what, spec, problems) => {
    expect(problemsOf(() => declareChain(spec))).toEqual(problems)
  })

  test('knows whether an item may come to many', () => {
    expect(declareChain({ id: 'c', stages: [{ run: stage }] }).body.emission).toBe('maybe')
    expect(declareChain({ id: 'c', stages: [{ run: stage }, { run: emits }] }).body.emission).toBe('many')
  })
})

describe('the options of a node', () => {
  test('with bad fields are refused, all of them named', () => {
    const bad: unknown = {
      cluster: '',
      listen: ['localhost:80'],
      discovery: { mdns: 'yes', seeds: [5] },
      weight: 99,
      role: 'boss',
      logger: 5,
      port: 80,
    }
    const problems = problemsOf(() => checkOptions(Object.assign({}, bad)))
    expect(problems.map(problem => problem.split(':')[0])).toEqual([
      'cluster',
      'listen[0]',
      'discovery.mdns',
      'discovery.seeds[0]',
      'role',
      'weight',
      'logger',
      'port',
    ])
  })

  test('that are left out have sensible values', () => {
    expect(checkOptions({})).toMatchObject({
      cluster: 'meshvisor',
      listen: ['/ip4/0.0.0.0/tcp/0'],
      mdns: true,
      seeds: [],
      role: 'member',
      weight: 1,
    })
  })
})
