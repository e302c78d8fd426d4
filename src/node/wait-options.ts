// pure
/** Checks how long a user wants to wait: a time-out that is none would never end, or end at once. */

import * as v from 'valibot'

import { OptionsError, type Problem } from '../errors.ts'
import { fields, inspect, oneOf, whole } from './check.ts'
import { show } from './show.ts'

/** How many other nodes may be waited for: see `Ack`. */
export const ACKS = ['local', 'one', 'majority', 'all'] as const

/** What of something new is waited for: see `Until`. */
export const UNTILS = ['running', 'declared'] as const

const anyDuration = 'milliseconds: a number from 0 to Infinity'
/** By what is asked of it: there is more than one class of signals where there is more than one realm. */
export const signal = v.optional(v.custom<AbortSignal>(isSignal, 'an AbortSignal'))
const wait = { timeoutMs: v.optional(v.pipe(v.number(anyDuration), v.minValue(0, anyDuration))), signal }
const declare = { ...wait, ack: v.optional(oneOf(ACKS)) }
const add = { ...declare, until: v.optional(oneOf(UNTILS)) }
/** Whether there is such a stage, the chain says. */
const to = v.optional(v.string('the id of a stage'))

type Schema = v.GenericSchema<object>

/** Of what is waited for. */
export const waitOptions: Schema = fields(wait)

/** More than any mesh has: a node has 1,024 sessions at most. */
const nodeCount = whole(1, 10_000)

/** Of what is changed, stopped, started anew and removed. */
export const declareOptions: Schema = fields(declare)

/** Of what is added. */
export const addOptions: Schema = fields(add)

/** Of what is started with a config. */
export const startOptions: Schema = fields({ ...wait, onFailure: v.optional(oneOf(['stop', 'continue'])) })

/** Of what goes into a chain at once, or not at all. */
export const instantOptions: Schema = fields({ to })

/** Of what goes into a chain. */
export const entryOptions: Schema = fields({ ...wait, to })

/** Of a run through a chain. */
export const runOptions: Schema = fields({
  to,
  signal,
  onDead: v.optional(v.custom<object>(given => typeof given === 'function', 'a function')),
})

/** Of a stage that is added to a chain of so many. */
export function addStageOptions(count: number): Schema {
  return fields({ ...add, position: v.optional(whole(0, count)) })
}

/**
 * The options as they are.
 * @throws {OptionsError} naming every bad field of the options of `what`
 */
export function checkWait<Options extends object>(
  what: string,
  options: Options,
  schema = waitOptions,
): Options {
  // The usual case, and the only one that has to be fast.
  if (isEmpty(options)) return options
  const problems = problemsOfOptions(schema, options)
  if (problems.length > 0) throw new OptionsError(what, problems)
  return options
}

/** What is wrong with them: see `checkWait`. */
export function problemsOfOptions(schema: Schema, options: unknown): readonly Problem[] {
  const checked = inspect(schema, options)
  if (checked.kind === 'good') return []
  return checked.problems.map(problem => (problem.path === 'it' ? { ...problem, path: 'options' } : problem))
}

/** How many nodes are to take part, and how long to wait. @throws {OptionsError} naming what is bad of `formed` */
export function checkFormed(count: unknown, options: unknown): void {
  const checked = inspect(nodeCount, count, 'count')
  const problems = [
    ...(checked.kind === 'bad' ? checked.problems : []),
    ...problemsOfOptions(waitOptions, options),
  ]
  if (problems.length > 0) throw new OptionsError('formed', problems)
}

/** What goes into a chain, and how. @throws {OptionsError} naming every bad field of the options of `what` */
export function checkRun(what: string, items: unknown, options: unknown): void {
  const problems = [...problemsOfOptions(runOptions, options)]
  if (!isIterable(items))
    problems.unshift({ path: 'items', found: show(items), wanted: 'an Iterable or AsyncIterable' })
  if (problems.length > 0) throw new OptionsError(what, problems)
}

function isEmpty(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  try {
    for (const _ in options) return false
    // A proxy may have no fields, and nevertheless throw at each.
    return Reflect.get(options, 'timeoutMs') === undefined
  } catch {
    return false
  }
}

/** A text is one as well. */
function isIterable(value: unknown): boolean {
  if (typeof value === 'string') return true
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  )
}

function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  )
}
