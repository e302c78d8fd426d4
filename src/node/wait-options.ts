// pure
/** Checks how long a user wants to wait: a time-out that is none would never end, or end at once. */

import { OptionsError, type Problem } from '../errors.ts'
import { noSuchField } from './nearest.ts'
import { show } from './show.ts'
import type { WaitOptions } from './waiting.ts'

/** How many other nodes may be waited for: see `Ack`. */
export const ACKS = ['local', 'one', 'majority', 'all'] as const

/** What options may have beside `timeoutMs` and `signal`, and what is wanted of it, where it is checked here. */
type Extras = Readonly<Record<string, Extra>>
interface Extra {
  readonly isFit: (value: unknown) => boolean
  readonly wanted: string
}

const NO_EXTRAS: Extras = {}

/** Of what is declared, changed and removed. */
export const DECLARE_EXTRAS: Extras = {
  ack: { isFit: value => ACKS.some(ack => ack === value), wanted: `one of ${ACKS.join(', ')}` },
}

/** Of what is started with a config. */
export const START_EXTRAS: Extras = {
  onFailure: { isFit: value => value === 'stop' || value === 'continue', wanted: 'one of stop, continue' },
}

/** Of what goes into a chain: whether there is such a stage, the chain says. */
export const ENTRY_EXTRAS: Extras = { to: { isFit: () => true, wanted: 'the id of a stage' } }

/** Of a stage that is added to a chain of so many. */
export function stageExtras(count: number): Extras {
  const isFit = (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= count
  return { ...DECLARE_EXTRAS, position: { isFit, wanted: `a whole number from 0 to ${count}` } }
}

/**
 * The options as they are.
 * @throws {OptionsError} naming every bad field of the options of `what`
 */
export function checkWait<Options extends WaitOptions>(
  what: string,
  options: Options,
  extras = NO_EXTRAS,
): Options {
  // The usual case, and the only one that has to be fast.
  if (isEmpty(options)) return options
  const problems = problemsOfWait(options, extras)
  if (problems.length > 0) throw new OptionsError(what, problems)
  return options
}

/** What is wrong with them: see `checkWait`. */
export function problemsOfWait(options: unknown, extras = NO_EXTRAS): Problem[] {
  if (typeof options !== 'object' || options === null) {
    return [{ path: 'options', found: show(options), wanted: 'an object' }]
  }
  return problemsOfFields(options, { ...WAIT_FIELDS, ...extras })
}

/** What goes into a chain, and how. @throws {OptionsError} naming every bad field of the options of `what` */
export function checkRun(what: string, items: unknown, options: unknown): void {
  const problems: Problem[] = []
  if (!isIterable(items)) {
    problems.push({ path: 'items', found: show(items), wanted: 'an Iterable or AsyncIterable' })
  }
  if (typeof options === 'object' && options !== null) problems.push(...problemsOfFields(options, RUN_FIELDS))
  else problems.push({ path: 'options', found: show(options), wanted: 'an object' })
  if (problems.length > 0) throw new OptionsError(what, problems)
}

function problemsOfFields(options: object, known: Extras): Problem[] {
  return Object.entries<unknown>({ ...options }).flatMap(([path, value]) => {
    const field = Object.hasOwn(known, path) ? known[path] : undefined
    if (field === undefined)
      return [{ path, found: show(value), wanted: noSuchField(path, Object.keys(known)) }]
    return value === undefined || field.isFit(value)
      ? []
      : [{ path, found: show(value), wanted: field.wanted }]
  })
}

function isEmpty(options: unknown): boolean {
  if (typeof options !== 'object' || options === null) return false
  // oxlint-disable-next-line guard-for-in -- any field at all
  for (const _ in options) return false
  return true
}

/** A text is one as well. */
function isIterable(value: unknown): boolean {
  if (typeof value === 'string') return true
  return (
    typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
  )
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0
}

/** By what is asked of it: there is more than one class of signals where there is more than one realm. */
export function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  )
}

const SIGNAL: Extra = { isFit: isSignal, wanted: 'an AbortSignal' }
const WAIT_FIELDS: Extras = {
  timeoutMs: { isFit: isDuration, wanted: 'milliseconds: a number from 0 to Infinity' },
  signal: SIGNAL,
}
const RUN_FIELDS: Extras = {
  ...ENTRY_EXTRAS,
  signal: SIGNAL,
  onDead: { isFit: value => typeof value === 'function', wanted: 'a function' },
}
