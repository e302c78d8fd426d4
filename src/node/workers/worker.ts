// shell
/** The common life of all workers: it starts, it is told to stop, it ends once. Where its code runs: `executor.ts`. */

import type { NodeId } from '../../ids.ts'
import type { Clock, Logger } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import type { ItemId } from '../../protocol/failure.ts'
import type { Isolation } from '../../protocol/spec-row.ts'
import { type Exit, failureFrom } from '../supervision/exit.ts'
import type { Assignment, Incarnation } from '../supervision/supervisor.ts'
import type { Turn } from '../turn.ts'
import type { WorkerContext } from './context.ts'
import type { Executor } from './executor.ts'
import { Scope, runInScope, runOutside } from './scope.ts'
import { sleepUnless } from './sleep.ts'

export interface WorkerInit {
  readonly assignment: Assignment
  readonly incarnation: Incarnation
  readonly executor: Executor
  readonly node: NodeId
  readonly args: readonly unknown[]
  readonly clock: Clock
  readonly turn: Turn
  readonly logger: Logger
  readonly prng: Prng
  /** What its predecessor on another node has handed over. */
  readonly handoff: unknown
  readonly onStarted: () => void
  readonly onExited: (exit: Exit) => void
}

export abstract class InlineWorker {
  protected readonly init: WorkerInit
  readonly #abort = new AbortController()
  #isStopping = false
  #isReleased = false
  #isOver = false

  /** For its code: errors that nobody catches are told by it. */
  protected readonly scope: Scope

  constructor(init: WorkerInit) {
    this.init = init
    const { assignment, incarnation, node } = init
    const { slot, spec, token } = assignment
    this.scope = new Scope({ worker: slot, spec, node, generation: token.generation, incarnation })
  }

  get incarnation(): Incarnation {
    return this.init.incarnation
  }

  /** What its code runs in. */
  get isolation(): Isolation {
    return this.init.executor.isolation
  }

  /** Nothing that it does from now on counts. */
  get isOver(): boolean {
    return this.#isOver
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** It stops for a successor on another node: whoever waits for it, waits for that one. */
  get isReleased(): boolean {
    return this.#isReleased
  }

  protected get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Runs the first code of the worker. */
  start(): void {
    this.attempt(
      () => {
        const ready = this.init.executor.start()
        return ready === undefined
          ? this.begin()
          : ready.then(() => (this.#isOver ? undefined : this.begin()))
      },
      () => {
        if (!this.#isOver) runOutside(() => this.init.onStarted())
      },
    )
  }

  /** Asks it to end; it reports when it has. */
  stop(): void {
    if (this.#isStopping || this.#isOver) return
    this.#isStopping = true
    this.#abort.abort()
    this.init.executor.abort()
    this.end()
  }

  /** Asks it to end for a successor on another node: it says what it leaves behind. */
  release(): void {
    this.#isReleased = !this.#isStopping
    this.stop()
  }

  /** What its code runs in is gone, or has been taken away. */
  kill(exit: Exit): void {
    this.exit(exit)
  }

  /** It has been told to stop and has not: whatever it still does, reaches nobody. */
  abandon(): void {
    this.#isOver = true
    this.discard()
  }

  /** User code that makes it ready; throwing, or rejecting, means that it cannot start. */
  protected abstract begin(): unknown

  /** It is to end: calls `exit` when no code of it runs any more. */
  protected abstract end(): void

  /** It is over: whoever waits for it is told. */
  protected abstract discard(): void

  protected exit(exit: Exit): void {
    if (this.#isOver) return
    this.#isOver = true
    if (!this.#isStopping) this.#abort.abort()
    this.discard()
    runOutside(() => this.init.onExited(exit))
  }

  protected crash(thrown: unknown, item?: ItemId): void {
    const { node, assignment } = this.init
    this.exit({
      kind: 'crashed',
      failure: failureFrom(thrown, {
        node,
        slot: assignment.slot,
        generation: assignment.token.generation,
        item,
      }),
    })
  }

  /** Runs user code: goes on with its result, now or when its promise resolves; a throw is a crash. */
  protected attempt(code: () => unknown, then: (result: unknown) => void): void {
    let result: unknown
    try {
      result = runInScope(this.scope, code)
    } catch (error) {
      this.crash(error)
      return
    }
    if (isPromise(result)) result.then(then, (error: unknown) => this.crash(error))
    else then(result)
  }

  /** What user code is given. */
  protected makeContext(): WorkerContext {
    const { assignment, node, clock, logger, prng } = this.init
    return {
      worker: assignment.slot,
      spec: assignment.spec,
      node,
      token: assignment.token,
      signal: this.signal,
      log: logger,
      random: prng,
      handoff: this.init.handoff,
      sleep: delayMs => sleepUnless(this.signal, clock, delayMs),
    }
  }
}

export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
