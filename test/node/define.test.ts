/** What `define…` refuses: one error that names every bad field, where the behaviour is written. */

import { expect, test } from 'vitest'

import * as v from 'valibot'

import { promised } from '../../src/promised.ts'
import { contract } from '../../src/node/workers/contract.ts'
import { defineServer, defineStage, defineTask } from '../../src/node/workers/behaviours.ts'
import { problemsOf } from './problems.ts'

/** `path: found → wanted`, of what the types forbid. */
const linesOf = (define: () => unknown): string[] =>
  problemsOf(define).map(({ path, found, wanted }) => `${path}: ${found} → ${wanted}`)
const pathsOf = (define: () => unknown): string[] => problemsOf(define).map(({ path }) => path)
const init = (): object => ({})
/** Called as code calls it that has no types. */
const untyped =
  (define: (...args: never[]) => unknown, ...args: readonly unknown[]) =>
  (): unknown =>
    Reflect.apply(define, undefined, args)

test('a behaviour without a proper name is refused, whatever it is', () => {
  for (const name of ['', ' a', 'a/b', 'x'.repeat(129), promised<string>(5), promised<string>(undefined)]) {
    expect(pathsOf(() => defineStage(name, (n: number) => n))).toEqual(['name'])
    expect(pathsOf(() => defineServer(name, { init }))).toEqual(['name'])
    expect(pathsOf(() => defineTask(name, async () => {}))).toEqual(['name'])
    expect(pathsOf(() => contract(name))).toEqual(['name'])
  }
})

test('a server is checked field by field', () => {
  const server = (spec: unknown): string[] => linesOf(untyped(defineServer, 'x', spec))
  expect(server({ init: 5 })).toEqual(['init: 5 → a function'])
  expect(server({})).toEqual(['init: nothing → a function'])
  expect(server(5)).toEqual(['it: 5 → an object'])
  expect(server({ init, call: { add: 5, get: init }, cast: [] })).toEqual([
    'call.add: 5 → a function',
    'cast: [] → an object of functions',
  ])
  expect(server({ init, terminat: init, handof: init })).toEqual([
    'terminat: a function → no such field: did you mean "terminate"?',
    'handof: a function → no such field: did you mean "handoff"?',
  ])
  expect(server({ init, call: { add: init }, input: { init: 5, call: { ad: v.any(), add: 7 } } })).toEqual([
    'input.init: 5 → a schema (standardschema.dev)',
    'input.call.add: 7 → a schema (standardschema.dev)',
    'input.call.ad: a schema → no such field: did you mean "add"?',
  ])
})

test('a function that no handle can call is refused', () => {
  const wanted = 'another name: handles, as all objects, answer to this one themselves'
  for (const name of ['then', 'toJSON', 'toString', 'valueOf', 'constructor', 'hasOwnProperty']) {
    expect(linesOf(untyped(defineServer, 'x', { init, call: { [name]: init, get: init } }))).toEqual([
      `call.${name}: a function → ${wanted}`,
    ])
    expect(linesOf(untyped(defineServer, 'x', { init, cast: { [name]: init } }))).toEqual([
      `cast.${name}: a function → ${wanted}`,
    ])
  }
})

test('everything that is wrong with a behaviour is one error, which names the behaviour', () => {
  const bad = { init: 5, call: 6, cast: { a: 7 }, info: 8, terminate: 9, handoff: 10, input: 11 }
  expect(untyped(defineServer, 'hits', bad, { version: 2 })).toThrow(
    /^defineServer\("hits"\) has 8 bad fields/,
  )
  expect(pathsOf(untyped(defineServer, '', bad, { version: 2 }))).toEqual([
    'name',
    'init',
    'call',
    'cast.a',
    'info',
    'terminate',
    'handoff',
    'input',
    'options.version',
  ])
  const options = { version: 'a@b', key: 'id', input: {}, retries: 3 }
  expect(pathsOf(untyped(defineStage, '', 5, options))).toEqual([
    'name',
    'handle',
    'options.version',
    'options.key',
    'options.input',
    'options.retries',
  ])
  const input = { args: 1, message: 2 }
  expect(pathsOf(untyped(defineTask, '', 5, { version: '', input }))).toEqual([
    'name',
    'run',
    'options.version',
    'options.input.args',
    'options.input.message',
  ])
})

test('a stage that is a plain generator is refused: its outcome would be the generator', () => {
  expect(
    linesOf(() =>
      defineStage('plain', function* (n: number) {
        yield n
      }),
    ),
  ).toEqual(['handle: a plain generator function → an asynchronous one to emit many'])
})

test('a stage with a third parameter is refused: nobody gives it one', () => {
  const handle = promised<(n: number) => number>((n: number, _context: unknown, more: number) => n + more)
  expect(linesOf(() => defineStage('three', handle))).toEqual([
    'handle: a function of 3 parameters → (item, context): nobody gives it more',
  ])
})
