// shell
/**
 * Which worker the code that runs now belongs to: carried along by AsyncLocalStorage through everything that user code
 * awaits or starts.
 */

import { AsyncLocalStorage } from 'node:async_hooks'

import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import type { Incarnation } from '../supervision/supervisor.ts'

/** A worker, as loggers want to name it. */
export interface WorkerIdentity {
  readonly worker: SlotId
  readonly spec: SpecId
  readonly node: NodeId
  /** Larger for every later owner of the worker. */
  readonly generation: number
  /** Numbers the starts of workers on this node. */
  readonly incarnation: Incarnation
}

/** A worker at one of its messages. */
export class Scope {
  readonly identity: WorkerIdentity
  /** The worker is done with the message. */
  isOver = false

  constructor(identity: WorkerIdentity) {
    this.identity = identity
  }
}

const storage = new AsyncLocalStorage<Scope | undefined>()
let lastEntered: Scope | undefined

/** The scope of the code that runs now; undefined outside of workers. */
export function findScope(): Scope | undefined {
  return storage.getStore()
}

/** The worker whose code runs now; undefined outside of workers. */
export function currentWorker(): WorkerIdentity | undefined {
  return findScope()?.identity
}

/** The scope that was entered last in this thread, whether its code still runs or not. */
export function findLastScope(): Scope | undefined {
  return lastEntered
}

/** Runs user code of a worker. */
export function runInScope<T>(scope: Scope, code: () => T): T {
  lastEntered = scope
  return storage.run(scope, code)
}

/**
 * From here on, the code of this turn belongs to `scope`: half the price of `runInScope`, for loops that run one
 * message after the other. @returns what to go back to at the end of the loop
 */
export function swapScope(scope: Scope | undefined): Scope | undefined {
  const outer = storage.getStore()
  if (scope !== undefined) lastEntered = scope
  if (outer !== scope) storage.enterWith(scope)
  return outer
}

/** Runs code of ours that user code has come to, and that is not on its account. */
export function runOutside<T>(code: () => T): T {
  return storage.run(undefined, code)
}
