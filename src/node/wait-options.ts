// pure
/** Checks how long a user wants to wait: a time-out that is none would never end, or end at once. */

import { OptionsError, type Problem } from '../errors.ts'
import { show } from './show.ts'
import type { WaitOptions } from './waiting.ts'

/**
 * The options as they are.
 * @throws {OptionsError} naming every bad field of the options of `what`
 */
export function checkWait<Options extends WaitOptions>(what: string, options: Options): Options {
  const given: unknown = options
  if (typeof given !== 'object' || given === null) {
    throw new OptionsError(what, [{ path: 'options', found: show(given), wanted: 'an object' }])
  }
  const { timeoutMs, signal }: { readonly timeoutMs?: unknown; readonly signal?: unknown } = given
  // The usual case, and the only one that has to be fast.
  if (timeoutMs === undefined && signal === undefined) return options
  const problems: Problem[] = []
  if (timeoutMs !== undefined && !isDuration(timeoutMs)) {
    const wanted = 'milliseconds: a number from 0 to Infinity'
    problems.push({ path: 'timeoutMs', found: show(timeoutMs), wanted })
  }
  if (signal !== undefined && !isSignal(signal)) {
    problems.push({ path: 'signal', found: show(signal), wanted: 'an AbortSignal' })
  }
  if (problems.length > 0) throw new OptionsError(what, problems)
  return options
}

/** What goes into a chain, and how. @throws {OptionsError} naming every bad field of the options of `what` */
export function checkRun(what: string, items: unknown, options: unknown): void {
  const problems: Problem[] = []
  if (!isIterable(items)) {
    problems.push({ path: 'items', found: show(items), wanted: 'an Iterable or AsyncIterable' })
  }
  const isObject = typeof options === 'object' && options !== null
  const { signal, onDead }: { readonly signal?: unknown; readonly onDead?: unknown } = isObject ? options : {}
  if (!isObject) problems.push({ path: 'options', found: show(options), wanted: 'an object' })
  if (signal !== undefined && !isSignal(signal)) {
    problems.push({ path: 'signal', found: show(signal), wanted: 'an AbortSignal' })
  }
  if (onDead !== undefined && typeof onDead !== 'function') {
    problems.push({ path: 'onDead', found: show(onDead), wanted: 'a function' })
  }
  if (problems.length > 0) throw new OptionsError(what, problems)
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
