// pure
/** Checks what users give, once, at the border: every bad field is named, what is left out gets its default. */

import * as v from 'valibot'

import { OptionsError, type Problem } from '../errors.ts'
import { isSecretField } from './secret-field.ts'
import { show, showKind } from './show.ts'
import { noSuchField } from './nearest.ts'
import { findUnreadable } from './unreadable.ts'

/** What has come of a check: what was given, complete, or all that is wrong with it. */
export type Checked<Output> =
  | { readonly kind: 'good'; readonly value: Output }
  | { readonly kind: 'bad'; readonly problems: readonly Problem[] }

/** @throws {OptionsError} naming every bad field of `what` */
export function check<Output>(
  what: string,
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
): Output {
  const checked = inspect(schema, value)
  if (checked.kind === 'bad') throw new OptionsError(what, checked.problems)
  return checked.value
}

/** The same as a value; `path` is where the value stands: `groups[0]`. */
export function inspect<Output>(
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
  path = '',
): Checked<Output> {
  try {
    return parse(schema, value, path)
  } catch (error) {
    const problem = findUnreadable(value, path)
    if (problem === undefined) throw error
    return { kind: 'bad', problems: [problem] }
  }
}

function parse<Output>(
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
  path: string,
): Checked<Output> {
  const result = v.safeParse(schema, value)
  if (result.success) return { kind: 'good', value: result.output }
  const issues = [...result.issues, ...moreStrangers(schema, value, result.issues)]
  return { kind: 'bad', problems: onePerField(issues.map(issue => problemOf(issue, path))) }
}

/** The first problem of each field: a number that is too large need not be told that it is not whole, too. */
export function onePerField(problems: readonly Problem[]): Problem[] {
  const named = new Set<string>()
  return problems.filter(({ path }) => {
    const isNew = !named.has(path)
    named.add(path)
    return isNew
  })
}

/**
 * The schema of an object with these fields and no others. What is missing is told by what it should be. `elsewhere`: what to
 * write instead of fields that there are not, and that one may look for, by their names.
 */
export function fields<const Entries extends Readonly<Record<string, v.GenericSchema>>>(
  entries: Entries,
  elsewhere: Readonly<Record<string, string>> = {},
): v.GenericSchema<object, v.InferOutput<v.StrictObjectSchema<Entries, string>>> {
  const all: Readonly<Record<string, v.GenericSchema>> = entries
  return v.pipe(
    v.custom<object>(isPlain, 'an object'),
    v.strictObject(entries, issue => {
      const name = issue.path?.[0].key
      if (issue.expected === 'never') return noSuchField(String(name), Object.keys(entries), elsewhere)
      return typeof name === 'string' ? wantedOf(all[name]) : 'an object'
    }),
  )
}

/** The schema of an object that maps texts to what `entry` allows. */
export function mapOf<Output>(
  entry: v.GenericSchema<unknown, Output>,
  wanted: string,
): v.GenericSchema<object, Readonly<Record<string, Output>>> {
  return v.pipe(v.custom<object>(isPlain, wanted), v.record(v.string(), entry, wanted))
}

/** The schema of a whole number, both bounds included. */
export const whole = (min: number, max: number): v.GenericSchema<unknown, number> => {
  const wanted = `a whole number from ${digits(min)} to ${digits(max)}`
  return v.pipe(v.number(wanted), v.integer(wanted), v.minValue(min, wanted), v.maxValue(max, wanted))
}

/** The schema of one of these words. */
export const oneOf = <const T extends string>(words: readonly T[]): v.GenericSchema<unknown, T> =>
  v.picklist(words, `one of ${words.join(', ')}`)

/** What is wrong between fields: where (below what the rule sees), what was found there, and what was wanted. */
export interface Breach {
  readonly path: readonly (string | number)[]
  readonly found: unknown
  readonly wanted: string
}

/**
 * A rule between the fields of an object. It is asked also where other fields are bad, so that all is named at once:
 * what it sees has its defaults, and is not checked otherwise.
 */
export function rule<T>(find: (value: unknown) => readonly Breach[]): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    for (const { path, found, wanted } of find(dataset.value)) {
      const [first, ...rest] = path.map(pathItem)
      if (first === undefined) addIssue({ message: wanted, input: found })
      else addIssue({ message: wanted, input: found, path: [first, ...rest] })
    }
  })
}

function pathItem(key: string | number): v.UnknownPathItem {
  return { type: 'unknown', origin: 'value', input: undefined, key, value: undefined }
}

/** The field of something that may be no object. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

/** Those that have an id that an earlier one has: `[2].id: found "a", wanted another id: members[0] has it`. */
export function doubles(list: string, ids: readonly unknown[]): Breach[] {
  const seen = new Map<unknown, number>()
  return ids.flatMap((id, index) => {
    const first = seen.get(id)
    if (first === undefined) {
      if (typeof id === 'string') seen.set(id, index)
      return []
    }
    const wanted = `another id: ${list}[${first}] has it`
    return [{ path: [list, index, 'id'], found: id, wanted }]
  })
}

/** As in code: 30_000. */
function digits(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, '_')
}

function wantedOf(schema: v.GenericSchema | undefined): string {
  if (schema === undefined) return 'a value'
  return v.safeParse(schema, undefined).issues?.[0].message ?? 'a value'
}

/** No list, Map, Date, promise, and so on: it would be taken for an object that says nothing. */
function isPlain(value: unknown): boolean {
  return PLAIN.has(Object.prototype.toString.call(value))
}

/** The second is what `import * as` gives. */
const PLAIN: ReadonlySet<string> = new Set(['[object Object]', '[object Module]'])

/** Each costs a copy: an object with more fields that nobody knows is none of ours, and who gave it knows by then. */
const STRANGERS_MAX = 30

/**
 * Of the fields of an object that nobody knows, valibot names the first only: the others come to light without it, up to
 * `STRANGERS_MAX` of them.
 */
function moreStrangers(
  schema: v.GenericSchema<unknown, unknown>,
  value: unknown,
  issues: readonly v.BaseIssue<unknown>[],
): v.BaseIssue<unknown>[] {
  const all: v.BaseIssue<unknown>[] = []
  let strangers = issues.filter(isStranger)
  let rest = value
  while (strangers.length > 0 && all.length < STRANGERS_MAX) {
    for (const { path = [] } of strangers)
      rest = without(
        rest,
        path.map(({ key }) => key),
      )
    strangers = (v.safeParse(schema, rest).issues ?? []).filter(isStranger)
    all.push(...strangers)
  }
  return all
}

/** A copy of `value` without what is at the end of the path. */
function without(value: unknown, [key, ...rest]: readonly unknown[]): unknown {
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => (index === key ? without(entry, rest) : entry))
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries<unknown>({ ...value })
  return Object.fromEntries(
    rest.length === 0
      ? entries.filter(([name]) => name !== key)
      : entries.map(([name, entry]) => [name, name === key ? without(entry, rest) : entry]),
  )
}

function isStranger(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.path !== undefined && issue.expected === 'never'
}

function problemOf(issue: v.BaseIssue<unknown>, below: string): Problem {
  const inner = (v.getDotPath(issue) ?? '').replaceAll(/(^|\.)(\d+)(?=\.|$)/g, '[$2]')
  const last = issue.path?.at(-1)
  const found = isStranger(issue) ? last?.value : issue.input
  // Who has misspelled `secret` has written it where it is not known for one. A text it is, as a rule.
  const isHidden = isSecretField(last?.key) || (isStranger(issue) && typeof found !== 'number')
  return {
    path: joined(below, inner),
    found: isHidden ? showKind(found) : show(found),
    wanted: issue.message,
  }
}

/** `it` is what is checked as a whole. */
function joined(below: string, inner: string): string {
  if (below === '' || inner === '') return below + inner || 'it'
  return inner.startsWith('[') ? below + inner : `${below}.${inner}`
}
