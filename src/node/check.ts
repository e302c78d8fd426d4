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
  throw new OptionsError(what, result.issues.flatMap(problemsOf))
}

/** One line for a person: what somebody gave us. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (value === undefined) return 'nothing'
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
  if (isOfObject && issue.expected === 'never') return [{ path, found: 'it', wanted: 'no such field' }]
  if (isOfObject && issue.received === 'undefined') return [{ path, found: 'nothing', wanted: 'a value' }]
  return [{ path, found: show(issue.input), wanted: issue.message }]
}
