/**
 * Whatever is wrong with what a user declares, whichever way it is given: the error is the same, nothing has been
 * declared, and no node has been started.
 */

import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { OptionsError, type Problem } from '../../src/errors.ts'
import { createNode, defineConfig, loadConfig, runningNodes, startConfig } from '../../src/index.ts'
import { checkWait } from '../../src/node/wait-options.ts'
import { defineServer, defineStage } from '../../src/node/workers/behaviours.ts'
import { simulate } from '../../src/testing.ts'
import { Below, SURFACES, type Surface } from './bad-values.ts'
import { allWrong, concrete, withField, withoutField } from './changed-field.ts'
import { problemsOf } from './problems.ts'
import { fieldsOf } from './schema-fields.ts'

test.each<readonly [path: string, config: () => object]>([
  ['workers[0].id', () => ({ workers: [thrower('id')] })],
  [
    'workers[0].placement.near',
    () => ({ workers: [{ id: 'w', run: lookedAt, placement: thrower('near') }] }),
  ],
  ['groups[0].members[0].run', () => ({ groups: [{ id: 'g', members: [thrower('run')] }] })],
  ['chains[0].stages[0]', () => ({ chains: [{ id: 'c', stages: [hostile] }] })],
  ['discovery', () => ({ discovery: hostile })],
  ['cluster', () => thrower('cluster')],
])('what throws when one looks at it is a bad field: %s', async (path, config) => {
  const problems = await said(spec => defineConfig(spec), config())
  expect(problems.map(problem => problem.path)).toEqual([path])
})

test('what says nothing, as it is no object of fields, is refused', async () => {
  for (const value of [new Map(), new Date(), Promise.resolve({}), new Set(), /x/])
    expect(await said(spec => defineConfig(spec), value)).toMatchObject([{ path: 'it', wanted: 'an object' }])
})

test('of very many fields that there are not, the first are named', async () => {
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`field${n}`, n]))
  const problems = await said(spec => defineConfig(spec), many)
  expect(problems.slice(0, 2).map(({ path }) => path)).toEqual(['field0', 'field1'])
  expect(problems.length).toBeLessThan(100)
})

test('a message has no more than a hundred bad fields, and its error all of them', () => {
  const problem = { path: 'it', found: 'x', wanted: 'y' }
  const error = new OptionsError(
    'it',
    Array.from({ length: 150 }, () => problem),
  )
  expect(error.problems).toHaveLength(150)
  expect(error.message.split('\n')).toHaveLength(102)
  expect(error.message).toMatch(/… and 50 more$/)
})

test('it says of options that they have bad fields, and of anything else that it has', () => {
  const options = { timeoutMs: -1, nope: 1 }
  const problem = { path: 'it', found: 'x', wanted: 'y' }
  for (const what of ['the options for a worker', 'the options for "hits"', 'the options of drain'])
    expect(() => checkWait(what, options)).toThrow(`${what} have 2 bad fields:\n`)
  expect(new OptionsError('the options for a stage', [problem]).message).toMatch(/stage have a bad field:/)
  expect(() => checkWait('formed', options)).toThrow('formed has 2 bad fields:\n')
  expect(new OptionsError('"the options"', [problem]).message).toMatch(/^"the options" has a bad field:/)
})

/** Throws where one looks at that field. */
function thrower(name: string): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get: () => {
      throw new Error('do not look')
    },
  })
}

const lookedAt = defineServer('looked-at', { init: () => ({}) })
const hostile: object = new Proxy(
  {},
  {
    getPrototypeOf: () => {
      throw new Error('do not look')
    },
    ownKeys: () => {
      throw new Error('do not look')
    },
    get: () => {
      throw new Error('do not look')
    },
  },
)

/** Any function, called as code calls it that has no types. */
type Entry = (...args: never[]) => unknown

function surface(kind: string): Surface {
  const found = SURFACES[kind]
  if (found === undefined) throw new Error(`there is no ${kind} in the table`)
  return found
}

/** The specs of a table: each wrong in one field or without it, the last one wrong in all of them. */
function specsOf({ schema, good, bad }: Surface): object[] {
  const required = fieldsOf(schema).filter(({ isRequired }) => isRequired)
  const without = required.map(({ path }) => withoutField(good, path))
  const each = Object.entries(bad).flatMap(([path, values]) =>
    values.map(value => withField(good, path, value instanceof Below ? value.value : value)),
  )
  return [...each, ...without, allWrong({ good, bad }).spec]
}

/** What is wrong as `entry` says it, whether it throws or rejects. */
async function said(entry: Entry, spec: unknown): Promise<readonly Problem[]> {
  try {
    await Reflect.apply(entry, undefined, [spec])
  } catch (error) {
    if (error instanceof OptionsError) return error.problems
    throw error
  }
  return []
}

/** Every entry says of every spec what its check says. */
async function expectSame(kind: string, entry: Entry): Promise<void> {
  const { check } = surface(kind)
  for (const spec of specsOf(surface(kind))) {
    const expected = problemsOf(() => check(spec))
    expect(expected).not.toEqual([])
    expect(await said(entry, spec)).toEqual(expected)
  }
}

test('addWorker, addGroup and addChain name every bad field, and declare nothing', async () => {
  await using mesh = await simulate({ nodes: 1 })
  const node = mesh.node('n1')
  await expectSame('worker', spec => node.addWorker(spec))
  await expectSame('group', spec => node.addGroup(spec))
  await expectSame('chain', spec => node.addChain(spec))
  expect(node.snapshot().specs).toEqual([])
})

test.each([
  ['addMember', 'group', 'members'],
  ['addStage', 'chain', 'stages'],
])('%s names every bad field of what is added, and adds nothing', async (adds, kind, list) => {
  const server = defineServer('server', { init: () => ({}) })
  const stage = defineStage('stage', (n: number) => n)
  await using mesh = await simulate({ nodes: 1, behaviours: [server, stage] })
  const node = mesh.node('n1')
  const group = await mesh.settle(node.addGroup({ id: 'g', members: [{ id: 'a', run: server }] }))
  const chain = await mesh.settle(node.addChain({ id: 'c', stages: [{ run: stage, id: 'a' }] }))
  const entry: Entry = adds === 'addMember' ? spec => group.addMember(spec) : spec => chain.addStage(spec)
  const { bad, good } = surface(kind)
  const [part]: unknown[] = Reflect.get(good, list)
  for (const [path, values] of Object.entries(bad)) {
    const field = path.startsWith(`${list}[].`) ? path.slice(list.length + 3) : undefined
    if (field === undefined) continue
    for (const value of values) {
      const [given, below] = value instanceof Below ? [value.value, value.path] : [value, '']
      const problems = await said(entry, withField(part, field, given))
      expect(problems.map(problem => problem.path)).toEqual([concrete(field) + below])
    }
  }
  expect([group.members().length, chain.stages().length]).toEqual([1, 1])
})

test('a config names every bad field, put together by a program or not, and no node is started', async () => {
  await expectSame('node', createNode)
  await expectSame('config', startConfig)
  expect(runningNodes()).toEqual([])
})

test('defineConfig names every bad field, and a file of it is refused with the same words', async () => {
  const { check } = surface('config')
  for (const spec of specsOf(surface('config'))) {
    // The one thing that a file may say: it is known where that is.
    const expected = problemsOf(() => check(spec)).filter(({ found }) => found !== '"./behaviours.ts"')
    expect(await said(defineConfig, spec)).toEqual(expected)
  }
  const file = fileURLToPath(new URL('./bad.config.ts', import.meta.url))
  const problems = await said(() => loadConfig(file), undefined)
  expect(problems.length).toBeGreaterThan(50)
  expect(problems).toEqual(problemsOf(() => check(allWrong(surface('config')).spec)))
})
