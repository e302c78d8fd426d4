// pure
/** What was thrown, on its way between threads: anything can be thrown, and not everything can be copied. */

import { CallError } from '../../call-errors.ts'
import { GivenUpError, NodeStoppedError, NotFoundError } from '../../errors.ts'
import type { Cause, Failure } from '../../protocol/failure.ts'
import { causeOf, describeThrown, isA, isAbort, originsOf } from '../thrown-value.ts'
import type { Thrown } from './cell-messages.ts'

/** Said of what a worker that stops was at, or has left running, as that has ended it: such an error is no crash. */
export const STRAY_BROKEN_OFF = 'what nobody waits for was broken off, as its worker stops'

/**
 * Whether the end of a worker may have made what it has left running fail: by its signal, or as those that it has called end
 * with it, and their node, or are removed or stopped with it.
 */
export function isOfStop(error: unknown): boolean {
  return isAbort(error) || isA(error, CellStray) || isOfOther(error) || isOfOther(causeOf(error))
}

/** What the end of another worker, or of the node, may have made fail. */
function isOfOther(error: unknown): boolean {
  if (isA(error, CallError) || isA(error, CellCallError)) return true
  return isA(error, NodeStoppedError) || isA(error, NotFoundError) || isA(error, GivenUpError)
}

/** With its `cause`, where that is a failure that travels as data anyway. */
export function thrownFrom(error: unknown): Thrown {
  const thrown = { ...describeThrown(error), ...originsOf(error), isOfStop: isOfStop(error) }
  return isA(error, CallError) && isFailure(error.cause) ? { ...thrown, cause: error.cause } : thrown
}

function isFailure(cause: unknown): cause is Failure {
  return typeof cause === 'object' && cause !== null && 'slot' in cause && 'node' in cause
}

/** Stands for what was thrown in another thread or process: with its name, message and stack, code, cause and errors. */
export class CellError extends Error {
  override readonly name: string
  declare readonly code?: string | number
  declare readonly errors?: readonly Cause[]

  constructor(thrown: Thrown) {
    super(thrown.message, thrown.cause === undefined ? undefined : { cause: thrown.cause })
    this.name = thrown.name
    if (thrown.code !== undefined) this.code = thrown.code
    if (thrown.errors !== undefined) this.errors = thrown.errors
    // Where this error was put together is of no interest.
    this.stack = thrown.stack ?? `${thrown.name}: ${thrown.message}`
  }
}

/** A call of code in a thread or process that did not get its answer. */
export class CellCallError extends CellError {
  /** As of a `CallError`. */
  readonly maybeExecuted: boolean

  constructor(thrown: Thrown, maybeExecuted: boolean) {
    super(thrown)
    this.maybeExecuted = maybeExecuted
  }
}

/** What was thrown in a thread or process, caught or not, and is one that `isOfStop` told there. */
export class CellStray extends CellError {}

/** The arguments are with the caller, the result has been computed: only the way between threads was too narrow. */
export const UNSENDABLE_ARGUMENTS = 'UnsendableArguments'
export const UNSENDABLE_RESULT = 'UnsendableResult'

/** What was to go into a cell, or came out of one, cannot be copied: no fault of the worker, so that it goes on. */
export class Unsendable extends CellError {}

/** The error that stands for what a cell says was thrown. */
export function errorOf(thrown: Thrown): CellError {
  if (thrown.name === UNSENDABLE_RESULT) return new Unsendable(thrown)
  return thrown.isOfStop === true ? new CellStray(thrown) : new CellError(thrown)
}

/** Why something cannot be copied between threads, as data. */
export function unsendable(name: string, error: unknown): Thrown {
  const why = thrownFrom(error).message
  const message = `it cannot be copied between threads or processes, send what could travel between nodes: ${why}`
  return { name, message, stack: undefined }
}

/** Anything as a text: even `String` may throw. */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** Said to whoever asks for what is not there. */
export class NoSuchFunction extends Error {
  override readonly name = 'NoSuchFunction'

  constructor(server: string, name: string) {
    super(`the server "${server}" has no function "${name}"`)
  }
}

/** Whoever asks for what is not there, or cannot be sent, has made a mistake; the worker has not. */
export function isFaultOfCaller(error: unknown): boolean {
  return isA(error, NoSuchFunction) || isA(error, Unsendable)
}
