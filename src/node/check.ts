// pure
/** Checks what users give, once, at the border: every bad field is named, what is left out gets its default. */

import * as v from 'valibot'

import { OptionsError, type Problem } from '../errors.ts'

const SHOWN_LENGTH_MAX = 60

/** @throws {OptionsError} naming every bad field of `what` */
export function check<Output>(
  what: string,
  schema: v.GenericSchema<unknown, Output>,
  value: unknown,
): Output {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const problems = result.issues.flatMap(problemsOf)
  throw new OptionsError(what, [...problems, ...moreStrangers(schema, value, result.issues)])
}

/** Of the fields of an object that nobody knows, valibot names the first only: the others come to light without it. */
function moreStrangers(
  schema: v.GenericSchema<unknown, unknown>,
  value: unknown,
  issues: readonly v.BaseIssue<unknown>[],
): Problem[] {
  const strangers = issues.filter(isStranger)
  if (strangers.length === 0) return []
  let rest = value
  for (const { path = [] } of strangers)
    rest = without(
      rest,
      path.map(({ key }) => key),
    )
  const { issues: more = [] } = v.safeParse(schema, rest)
  const found = more.filter(isStranger)
  return [...found.flatMap(problemsOf), ...moreStrangers(schema, rest, found)]
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

/** One line for a person: what somebody gave us. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (value === undefined) return 'nothing'
  // JSON has no NaN and no Infinity.
  if (typeof value === 'number') return String(value)
  let shown: string
  try {
    shown = JSON.stringify(value) ?? typeof value
  } catch {
    shown = `a ${typeof value}`
  }
  return shown.length > SHOWN_LENGTH_MAX ? `${shown.slice(0, SHOWN_LENGTH_MAX)}…` : shown
}

function problemsOf(issue: v.BaseIssue<unknown>): Problem[] {
  const path = (v.getDotPath(issue) ?? 'it').replaceAll(/\.(\d+)/g, '[$1]')
  const isOfObject = issue.type === 'strict_object' && issue.path !== undefined
  if (isStranger(issue)) return [{ path, found: 'it', wanted: 'no such field' }]
  if (isOfObject && issue.received === 'undefined') return [{ path, found: 'nothing', wanted: 'a value' }]
  return [{ path, found: show(issue.input), wanted: issue.message }]
}
