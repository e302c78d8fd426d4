// pure
/** Checks what `defineStage`, `defineServer` and `defineTask` are given: a behaviour that exists is one that can run. */

import * as v from 'valibot'

import { OptionsError, type Problem } from '../../errors.ts'
import { ID_LENGTH_MAX, isPlainId } from '../../ids.ts'
import { type Breach, fieldOf, fields, inspect, rule } from '../check.ts'
import { noSuchField } from '../nearest.ts'
import { isOfAnyObject } from './function-names.ts'
import { idleOptions } from './idle-options.ts'
import { isSchema } from './schema.ts'
import { show } from '../show.ts'

const ANOTHER_NAME = 'another name: handles, as all objects, answer to this one themselves'

/** The item and the context. */
const STAGE_PARAMETERS = 2

/** Specs name `name@version`: what follows the last @ is the version. */
const VERSION = /^[^@]+$/

const nameWanted = `a name of 1 to ${ID_LENGTH_MAX} printable characters, without "/" and without spaces around it`
const name = v.custom<string>(isPlainId, nameWanted)
const version = v.custom<string>(
  value => isPlainId(value) && VERSION.test(value),
  `a version such as '2': 1 to ${ID_LENGTH_MAX} printable characters, without "/" and "@"`,
)
const fn = v.custom<object>(isFunction, 'a function')
const schema = v.custom<object>(isSchema, 'a schema (standardschema.dev)')

/** What `isEntry` allows under any name. */
const tableOf = (isEntry: (value: unknown) => boolean, wanted: string, entry: string) =>
  v.pipe(
    v.custom<object>(value => isObject(value) && !isSchema(value), wanted),
    rule(table =>
      entriesOf(table)
        .filter(([, value]) => !isEntry(value))
        .map(([key, found]): Breach => ({ path: [key], found, wanted: entry })),
    ),
  )

const functions = v.optional(tableOf(isFunction, 'an object of functions', 'a function'))
const schemas = v.optional(
  tableOf(
    value => value === undefined || isSchema(value),
    'an object of schemas',
    'a schema (standardschema.dev)',
  ),
)

/** Checks the options of `defineStage`. */
export const stageOptions = fields({
  version: v.optional(version),
  key: v.optional(fn),
  input: v.optional(schema),
})

/** Checks the options of `defineServer`. */
export const serverOptions = fields({ version: v.optional(version) })

/** Checks what `defineServer` takes. */
export const serverSpec = v.pipe(
  fields({
    init: fn,
    call: functions,
    cast: functions,
    info: v.optional(fn),
    idle: v.optional(idleOptions),
    terminate: v.optional(fn),
    handoff: v.optional(fn),
    input: v.optional(
      fields({ init: v.optional(schema), call: schemas, cast: schemas, info: v.optional(schema) }),
    ),
  }),
  rule(spec => [...aimless(spec, 'call'), ...aimless(spec, 'cast')]),
  rule(spec => [...unheard(spec, 'call'), ...unheard(spec, 'cast')]),
)

/** Checks the options of `defineTask`. */
export const taskOptions = fields({
  version: v.optional(version),
  input: v.optional(fields({ args: v.optional(schema), message: v.optional(schema) })),
})

/** @throws {OptionsError} naming every bad field */
export function checkStage(stage: unknown, handle: unknown, options: unknown): void {
  refuse('defineStage', stage, [
    ...problemsOf(name, stage, 'name'),
    ...problemsOfHandle(handle),
    ...problemsOf(stageOptions, options, 'options'),
  ])
}

/** @throws {OptionsError} naming every bad field: those of the spec as they are called there */
export function checkServer(server: unknown, spec: unknown, options: unknown): void {
  refuse('defineServer', server, [
    ...problemsOf(name, server, 'name'),
    ...problemsOf(serverSpec, spec, ''),
    ...problemsOf(serverOptions, options, 'options'),
  ])
}

/** @throws {OptionsError} naming every bad field */
export function checkTask(task: unknown, run: unknown, options: unknown): void {
  refuse('defineTask', task, [
    ...problemsOf(name, task, 'name'),
    ...problemsOf(fn, run, 'run'),
    ...problemsOf(taskOptions, options, 'options'),
  ])
}

function problemsOfHandle(handle: unknown): Problem[] {
  const path = 'handle'
  if (typeof handle !== 'function') return [{ path, found: show(handle), wanted: 'a function' }]
  if (Object.prototype.toString.call(handle) === '[object GeneratorFunction]') {
    return [{ path, found: 'a plain generator function', wanted: 'an asynchronous one to emit many' }]
  }
  if (handle.length <= STAGE_PARAMETERS) return []
  const found = `a function of ${handle.length} parameters`
  return [{ path, found, wanted: '(item, context): nobody gives it more' }]
}

function refuse(what: string, called: unknown, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new OptionsError(`${what}(${show(called)})`, problems)
}

function problemsOf(of: v.GenericSchema, value: unknown, path: string): readonly Problem[] {
  const checked = inspect(of, value, path)
  return checked.kind === 'bad' ? checked.problems : []
}

/** Schemas for functions that there are not. */
function aimless(spec: unknown, kind: 'call' | 'cast'): Breach[] {
  const known = entriesOf(fieldOf(spec, kind)).map(([key]) => key)
  return entriesOf(fieldOf(fieldOf(spec, 'input'), kind))
    .filter(([key]) => !known.includes(key))
    .map(([key, found]) => ({ path: ['input', kind, key], found, wanted: noSuchField(key, known) }))
}

/** Functions that no handle can call. */
function unheard(spec: unknown, kind: 'call' | 'cast'): Breach[] {
  return entriesOf(fieldOf(spec, kind))
    .filter(([key]) => isOfAnyObject(key))
    .map(([key, found]) => ({ path: [kind, key], found, wanted: ANOTHER_NAME }))
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries<unknown>({ ...value }) : []
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
