// pure
/**
 * What was thrown, as something readable: in JavaScript that can be anything, and user code, and libraries, do throw
 * plain objects. Whatever it is, looking at it throws nothing, and takes no longer than its text is long.
 */

import {
  CAUSES_MAX,
  type Cause,
  type Failure,
  MESSAGE_LENGTH_MAX,
  NAME_LENGTH_MAX,
  ORIGINS_MAX,
} from '../protocol/failure.ts'
import { isSecretField } from './secret-field.ts'

/** The name of what has none. */
const NAME = 'Error'
/** The name of an error that a signal was the reason of. */
const ABORT = 'AbortError'
const FENCED = 'FencedError'
const DEPTH_MAX = 3
const ENTRIES_MAX = 20
const TEXT_LENGTH_MAX = 200

/** What an error says of itself. */
export interface Described {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
}

/** What an error says besides: what programs tell it by, and what it came from. Both in their limits. */
export type Origins = Pick<Failure, 'code' | 'cause' | 'errors'>

/**
 * The `code`, the `cause` and the `errors` (of an `AggregateError`) of what was thrown, where it has them. What comes a
 * second time, as in a circle, is cut there; where there are too many, those that are nearest to what was thrown are told.
 */
export function originsOf(thrown: unknown): Origins {
  if (typeof thrown !== 'object' || thrown === null) return {}
  return originsIn(thrown, CAUSES_MAX, new Set([thrown]))
}

/** `seen`: what was thrown, and what of it is told already. */
function originsIn(thrown: object, depthMax: number, seen: Set<unknown>): Origins {
  const code = fieldAt(thrown, 'code')
  // All of one level are taken before any of them is asked for its own.
  const causes = [fieldAt(thrown, 'cause')].filter(found => found !== undefined && found !== null)
  const [cause] = depthMax === 0 ? [] : newOf(causes, seen)
  const errors = depthMax === 0 ? [] : newOf(listAt(thrown, 'errors'), seen)
  return {
    ...(isCode(code) ? { code: typeof code === 'string' ? code.slice(0, NAME_LENGTH_MAX) : code } : {}),
    ...(cause === undefined ? {} : { cause: causeFrom(cause, depthMax, seen) }),
    ...(errors.length === 0 ? {} : { errors: errors.map(error => causeFrom(error, depthMax, seen)) }),
  }
}

/** Those that are not told yet, and may be: they are, from now on. Nothing, as in a list with holes, is told each time. */
function newOf(found: readonly unknown[], seen: Set<unknown>): unknown[] {
  return found.filter(origin => {
    const told = origin === undefined || origin === null ? Symbol('nothing') : origin
    const isNew = !seen.has(told) && seen.size <= ORIGINS_MAX
    if (isNew) seen.add(told)
    return isNew
  })
}

function causeFrom(found: unknown, depthMax: number, seen: Set<unknown>): Cause {
  const { name, message } = saidBy(found)
  return {
    name: name.slice(0, NAME_LENGTH_MAX),
    message: message.slice(0, MESSAGE_LENGTH_MAX),
    ...(typeof found === 'object' && found !== null ? originsIn(found, depthMax - 1, seen) : {}),
  }
}

/** What has a name and a message has been data before, or could have been: it says the same again. */
function saidBy(found: unknown): Pick<Described, 'name' | 'message'> {
  if (typeof found !== 'object' || found === null) return describeThrown(found)
  const [name, message] = [fieldAt(found, 'name'), fieldAt(found, 'message')]
  return typeof name === 'string' && typeof message === 'string' ? { name, message } : nameThrown(found)
}

function isCode(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '')
}

/**
 * Of an error: its name, message and stack. Of another object with a `name` or `message`: these, and its other fields
 * behind them. Of anything else: how one would write it.
 */
export function describeThrown(thrown: unknown): Described {
  if (typeof thrown !== 'object' || thrown === null) {
    const message = typeof thrown === 'string' ? thrown : showValue(thrown)
    return { name: NAME, message, stack: undefined }
  }
  const name = textAt(thrown, 'name') ?? NAME
  const message = textAt(thrown, 'message')
  const stack = textAt(thrown, 'stack')
  if (isError(thrown)) return { name, message: message ?? '', stack }
  // An error of another realm has both.
  if (message !== undefined && stack !== undefined) return { name, message, stack }
  if (message === undefined) return { name, message: showValue(thrown), stack }
  const rest = showFields(thrown, new Set(['name', 'message']))
  return { name, message: rest === '' ? message : `${message} ${rest}`.slice(0, MESSAGE_LENGTH_MAX), stack }
}

/**
 * The stack of what was thrown, written out when it is first asked for: the engine takes longer for that than a restart
 * takes. Until then it holds on to what was thrown, and to all that hangs on it.
 */
export class Trace {
  #thrown: object | undefined
  #text: string | undefined

  constructor(thrown: unknown) {
    this.#thrown = typeof thrown === 'object' && thrown !== null ? thrown : undefined
  }

  read(): string | undefined {
    if (this.#thrown !== undefined) this.#text = textAt(this.#thrown, 'stack')
    this.#thrown = undefined
    return this.#text
  }
}

/** What an error says of itself, but for its stack: the same name and message as those of `describeThrown`. */
export function nameThrown(thrown: unknown): Pick<Described, 'name' | 'message'> {
  if (typeof thrown !== 'object' || thrown === null || !isError(thrown)) return describeThrown(thrown)
  return { name: textAt(thrown, 'name') ?? NAME, message: textAt(thrown, 'message') ?? '' }
}

/** An error that says what was thrown, and has it as its `cause`; the very thing, where it is an error. */
export function toError(thrown: unknown): Error {
  if (isError(thrown)) return thrown
  const { name, message } = describeThrown(thrown)
  const error = new Error(message, { cause: thrown })
  // Not as a field of a class: names of errors are found in prototypes, and are not listed.
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return error
}

/** A value as one would write it, in one line and at most 1 024 characters: what is deep, or much, is left out. */
export function showValue(value: unknown): string {
  return show(value, DEPTH_MAX).slice(0, MESSAGE_LENGTH_MAX)
}

function show(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return `'${value.slice(0, TEXT_LENGTH_MAX)}${value.length > TEXT_LENGTH_MAX ? '…' : ''}'`
    case 'bigint':
      return `${value}n`
    case 'function':
      return `[function ${textAt(value, 'name') ?? ''}]`
    case 'object':
      return value === null ? 'null' : attempt(() => showObject(value, depth), '[an object]')
    default:
      return String(value)
  }
}

function showObject(value: object, depth: number): string {
  if (value instanceof Error) return `[${textAt(value, 'name') ?? NAME}: ${textAt(value, 'message') ?? ''}]`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    return `[${nameOf(value)} of ${value.byteLength} bytes]`
  }
  if (Array.isArray(value)) return depth === 0 ? '[…]' : `[${showList(value, value.length, depth)}]`
  if (value instanceof Set) return depth === 0 ? 'Set' : `Set {${showList(value, value.size, depth)}}`
  if (value instanceof Map) return depth === 0 ? 'Map' : `Map {${showList(value, value.size, depth)}}`
  const name = nameOf(value)
  const fields = depth === 0 ? '{…}' : showFields(value, new Set(), depth)
  return name === 'Object' || name === '' ? fields || '{}' : `${name} ${fields || '{}'}`
}

function showList(values: Iterable<unknown>, size: number, depth: number): string {
  const shown: string[] = []
  for (const value of values) {
    if (shown.length === ENTRIES_MAX) break
    shown.push(show(value, depth - 1))
  }
  return shown.join(', ') + (size > shown.length ? ', …' : '')
}

/** `{ code: 42 }`; empty where there are no fields. */
function showFields(value: object, without: ReadonlySet<string>, depth = DEPTH_MAX): string {
  const keys = attempt(() => Object.keys(value), []).filter(key => !without.has(key))
  if (keys.length === 0) return ''
  const shown = keys.slice(0, ENTRIES_MAX).map(key => {
    if (isSecretField(key)) return `${key}: [not shown]`
    const field = attempt(() => show(Reflect.get(value, key), depth - 1), '[a getter that throws]')
    return `${key}: ${field}`
  })
  return `{ ${shown.join(', ')}${keys.length > shown.length ? ', …' : ''} }`
}

/** Whether it is an error: also of what lets nobody ask. */
export function isError(value: unknown): value is Error {
  return isA(value, Error)
}

/**
 * Whether work was broken off because of an abort signal, as its name says, or that of its cause: the reason of a signal
 * is not the same any more where it comes out of a thread.
 */
export function isAbort(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false
  const cause = causeOf(thrown)
  const isOfCause = typeof cause === 'object' && cause !== null && fieldAt(cause, 'name') === ABORT
  return isOfCause || fieldAt(thrown, 'name') === ABORT
}

/** What it came from, where it says so. */
export function causeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null ? fieldAt(thrown, 'cause') : undefined
}

/** Whether it is the `FencedError` of this process, or of a thread or process of it. */
export function isFenced(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && fieldAt(thrown, 'name') === FENCED
}

/** `instanceof`, for what may be a proxy that throws at it: that is none. */
export function isA<T>(value: unknown, kind: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof kind
  } catch {
    return false
  }
}

/** A field that is a text with something in it. */
function textAt(value: object, key: string): string | undefined {
  const text = fieldAt(value, key)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function fieldAt(value: object, key: string): unknown {
  return attempt((): unknown => Reflect.get(value, key), undefined)
}

/** The first of a list: as many as can be told at all. */
function listAt(value: object, key: string): readonly unknown[] {
  const list = fieldAt(value, key)
  return attempt(() => {
    if (!Array.isArray(list)) return []
    return Array.from({ length: Math.min(list.length, ORIGINS_MAX) }, (_, index): unknown => list[index])
  }, [])
}

function nameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  const made: unknown =
    typeof prototype === 'object' && prototype !== null ? Reflect.get(prototype, 'constructor') : undefined
  return typeof made === 'function' ? made.name : ''
}

function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch {
    return otherwise
  }
}
