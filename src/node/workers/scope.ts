// shell
/**
 * Which worker the code that runs now belongs to, and at which of its messages it is: carried along by
 * AsyncLocalStorage through everything that user code awaits or starts.
 */

import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

import type { FencedError } from '../../errors.ts'
import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import { type Caller, type Origin, traceOf } from '../../protocol/request.ts'
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

/** The worker that code belongs to, or what stands for it in a thread or process. */
export interface CodeOwner extends WorkerIdentity {
  /** Why nothing that its code does counts any more; undefined while it does. */
  findFence(): FencedError | undefined
}

/** A worker at one of its messages. */
export class Scope implements Caller, Origin {
  readonly identity: CodeOwner
  readonly n: number
  readonly deadlineMs: number | undefined
  readonly traceId: string | undefined
  readonly caller: Caller | undefined
  /** The worker is done with the message: what still runs on account of it, nobody waits for. */
  isOver = false
  /** What other messages have left running cannot be told from it: they had its seat before. */
  isShared = false

  constructor(identity: CodeOwner, n: number, origin: Origin) {
    this.identity = identity
    this.n = n
    this.deadlineMs = origin.deadlineMs
    this.traceId = origin.traceId
    this.caller = origin.caller
  }

  get worker(): SlotId {
    return this.identity.worker
  }

  get generation(): number {
    return this.identity.generation
  }
}

/**
 * Entered instead of the scope itself: once for messages in a row whose code is through at once. Whatever one of them
 * leaves running finds the last one there, which is over as well, of the same worker and trace.
 */
export class Seat {
  scope: Scope

  constructor(scope: Scope) {
    this.scope = scope
  }

  get traceId(): string | undefined {
    return this.scope.traceId
  }
}

/** Code that has said itself what trace it is part of. */
class Traced {
  readonly traceId: string
  /** The worker that it belongs to all the same; undefined outside of workers. */
  readonly home: Scope | Seat | undefined

  constructor(traceId: string, home: Scope | Seat | undefined) {
    this.traceId = traceId
    this.home = home
  }
}

/** Where code runs: outside, in a worker, in a trace of its own. */
export type Place = Scope | Seat | Traced | undefined

const storage = new AsyncLocalStorage<Place>()
let lastEntered: Scope | undefined

/** The scope of the code that runs now; undefined outside of workers. */
export function findScope(): Scope | undefined {
  return scopeAt(storage.getStore())
}

function scopeAt(place: Place): Scope | undefined {
  const home = place instanceof Traced ? place.home : place
  return home instanceof Seat ? home.scope : home
}

/** The worker whose code runs now; undefined outside of workers. */
export function currentWorker(): WorkerIdentity | undefined {
  const identity = findScope()?.identity
  if (identity === undefined) return undefined
  const { worker, spec, node, generation, incarnation } = identity
  return { worker, spec, node, generation, incarnation }
}

/** Whether the code that runs now belongs to a worker of the node: what that sends goes on until it is told to stop. */
export function isCodeOf(node: NodeId): boolean {
  return findScope()?.identity.node === node
}

/** Why nothing counts that the code that runs now does: it is of a worker that is over. */
export function findFenceOfNow(): FencedError | undefined {
  return findScope()?.identity.findFence()
}

/** @throws {FencedError} when the code that runs now is of a worker that is over */
export function refuseFenced(): void {
  const fence = findFenceOfNow()
  if (fence !== undefined) throw fence
}

/** The scope that was entered last in this thread, whether its code still runs or not. */
export function findLastScope(): Scope | undefined {
  return lastEntered
}

/** The trace that the code that runs now is part of. */
export function currentTraceId(): string | undefined {
  return storage.getStore()?.traceId
}

/**
 * Runs `code` as part of a trace: calls and casts that it makes carry the id to whichever worker they reach. Code of a worker
 * stays on the account of that.
 */
export function withTrace<T>(traceId: string, code: () => T): T {
  const place = storage.getStore()
  return storage.run(new Traced(traceId, place instanceof Traced ? place.home : place), code)
}

/** Runs user code of a worker. */
export function runInScope<T>(scope: Scope, code: () => T): T {
  lastEntered = scope
  return storage.run(scope, code)
}

/** Runs code of ours that user code has come to, and that is not on its account. */
export function runOutside<T>(code: () => T): T {
  return storage.getStore() === undefined ? code() : storage.run(undefined, code)
}

/** Where the code that runs now is: to come back to it, see `runAt`. */
export function placeOfNow(): Place {
  return storage.getStore()
}

/** Runs code of ours that is on account of what was begun at `place`, whoever's code it is that has come to it. */
export function runAt(place: Place, code: () => void): void {
  if (storage.getStore() === place) code()
  else storage.run(place, code)
}

/**
 * From here on, the code of this turn belongs to `place`: half the price of `runInScope`, for loops that run one
 * message after the other. Such a loop must end with `leaveScope`, and must not be called by user code.
 */
export function enterScope(place: Scope | Seat): void {
  lastEntered = place instanceof Seat ? place.scope : place
  if (storage.getStore() !== place) storage.enterWith(place)
}

export function leaveScope(): void {
  if (storage.getStore() !== undefined) storage.enterWith(undefined)
}

/** Runs code as a scope that was entered once, for a fraction of the price: see `prepareScope`. */
export type Entrance = (code: () => void) => void

/** Prepares a scope that is entered again and again, by loops that may have been called by anybody's code. */
export function prepareScope(scope: Scope): Entrance {
  // What `AsyncLocalStorage.snapshot` makes, too, and wraps into a function that costs as much again.
  const place = storage.run(scope, () => new AsyncResource('meshvisor.worker'))
  return code => {
    lastEntered = scope
    if (storage.getStore() === scope) code()
    else place.runInAsyncScope(code)
  }
}

/** What a call or cast that is made now brings along: see `Origin`. The deadline is the one that it inherits. */
export function originOfNow(): Origin {
  const place = storage.getStore()
  const scope = scopeAt(place)
  if (scope !== undefined && !scope.isOver) {
    return { deadlineMs: scope.deadlineMs, traceId: place?.traceId, caller: scope }
  }
  return traceOf(place?.traceId)
}

/** The same for what has no answer: only the trace goes along. */
export function traceOfNow(): Origin {
  return traceOf(storage.getStore()?.traceId)
}

/**
 * Whether `waiting`, or somebody who waits for it, is at message `n` of the worker. Where that cannot be
 * told, as the scope is shared, it is not: a circle ends by its time-out then.
 */
export function isWaitedForBy(scope: Scope, waiting: Caller | undefined): boolean {
  if (scope.isShared) return false
  for (let caller = waiting; caller !== undefined; caller = caller.caller) {
    const isSame =
      caller.n === scope.n && caller.worker === scope.worker && caller.generation === scope.generation
    if (isSame) return true
  }
  return false
}
