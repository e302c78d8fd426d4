// pure
/** How a call can fail, whatever it was to do: each says whether that may have been done. */

import { saidBy } from './error-message.ts'
import { MeshvisorError } from './errors.ts'

/** A call that did not get its answer. */
export abstract class CallError extends MeshvisorError {
  /** False: the work has not been done, and a retry is safe. True: it may have been done. */
  readonly maybeExecuted: boolean

  constructor(message: string, options: ErrorOptions & { maybeExecuted: boolean }) {
    super(message, options)
    this.maybeExecuted = options.maybeExecuted
  }
}

/** No answer in time. */
export class CallTimeoutError extends CallError {
  override readonly name = 'CallTimeoutError'
  /** Why no live node could run the worker or chain when the time was over; undefined where one could. */
  readonly pending: string | undefined

  constructor(message: string, options: { maybeExecuted: boolean; pending?: string | undefined }) {
    super(message, options)
    this.pending = options.pending
  }
}

/**
 * The signal of the caller has aborted. `cause` is its reason, whatever that is; the `name` is the one by which
 * JavaScript programs know an abort.
 */
export class AbortError extends CallError {
  override readonly name = 'AbortError'

  constructor(what: string, reason: unknown, options: { readonly maybeExecuted: boolean }) {
    const where = options.maybeExecuted ? 'it may have been executed' : 'it has not been executed'
    super(`${what} was aborted${saidBy(reason)}; ${where}`, { ...options, cause: reason })
  }
}

/** The node of the worker was lost while the call was on its way. */
export class NodeLostError extends CallError {
  override readonly name = 'NodeLostError'
}

/** Others reach the node of the worker, and this node does not: waiting is of no use before the network is mended. */
export class UnreachableError extends CallError {
  override readonly name = 'UnreachableError'
  readonly node: string
  /** Nodes that reach it, one to three: a worker there can call it. */
  readonly reachedBy: readonly string[]

  constructor(slot: string, node: string, reachedBy: readonly string[]) {
    const message = `"${slot}" runs on node ${node}, which ${reachedBy.join(' and ')} can reach and this node cannot: mend the network between the two, or call from there`
    super(message, { maybeExecuted: false })
    this.node = node
    this.reachedBy = reachedBy
  }
}

/** The worker crashed or stopped before it answered. */
export class WorkerExitedError extends CallError {
  override readonly name = 'WorkerExitedError'
}

/** The worker answered with an error of its own; `cause`, a `Failure`, has its name, message, stack, code, cause and errors. */
export class RemoteError extends CallError {
  override readonly name = 'RemoteError'
}

/** One thing that is wrong with a value, as its schema says. */
export interface Issue {
  /** Where in the value: `[0].name`; empty for the value itself. */
  readonly path: string
  readonly message: string
}

/** The arguments are not what the function wants, says its schema: the worker has not been bothered with them. */
export class ValidationError extends CallError {
  override readonly name = 'ValidationError'
  readonly issues: readonly Issue[]

  constructor(what: string, issues: readonly Issue[]) {
    const lines = issues.map(({ path, message }) => `  ${path === '' ? 'it' : path}: ${message}`)
    super(`${what} refuses what it was given:\n${lines.join('\n')}`, { maybeExecuted: false })
    this.issues = issues
  }
}

/** The worker waits, by way of others or by itself, for whoever calls it: it would never come to the call. */
export class DeadlockError extends CallError {
  override readonly name = 'DeadlockError'
}

/** A mailbox or a send buffer is full: slow down. */
export class OverloadedError extends CallError {
  override readonly name = 'OverloadedError'
}
