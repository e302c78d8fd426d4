// shell
/**
 * Threads and processes that have been told to end. Most do at once. One that does not is abandoned after a while, as
 * an inline worker is that does not look at its signal: nobody waits for it any more, and nothing that it does counts.
 */

import type { SlotId } from '../../ids.ts'
import type { Clock, Logger } from '../../ports.ts'
import { atMost } from '../at-most.ts'
import { CellError } from './thrown.ts'
import type { InlineWorker } from './worker.ts'

/**
 * So long an end is waited for. A thread ends in milliseconds, unless it is in a native call or in a loop that V8 does
 * not interrupt. A process always ends, but the system may have gigabytes to take back first, or a disk to wait for.
 */
const END_TIMEOUT_MS = { thread: 2_000, process: 10_000 } as const

/** The end is looked for so often within that time: this node may itself be held up, and has not read of it yet. */
const LOOKS = 4

/**
 * A worker that has left so many on this node, which are still not gone, is not started here until one is. Its intensity
 * would not do: by default a heartbeat takes as long to be missed as restarts are counted.
 */
export const ABANDONED_MAX = 3

export interface EndingsInit {
  readonly clock: Clock
  readonly logger: Logger
}

export class Endings {
  readonly #init: EndingsInit
  /** Until it is gone, or abandoned. */
  readonly #waits = new Map<InlineWorker, Promise<void>>()
  readonly #workers = new Set<InlineWorker>()
  readonly #abandoned = new Set<InlineWorker>()
  #abandonedCount = 0

  constructor(init: EndingsInit) {
    this.#init = init
  }

  /** Those that are not gone yet, with those that are abandoned. */
  get workers(): ReadonlySet<InlineWorker> {
    return this.#workers
  }

  /** How many have been abandoned so far, with those that are gone meanwhile. */
  get abandonedCount(): number {
    return this.#abandonedCount
  }

  isAbandoned(worker: InlineWorker): boolean {
    return this.#abandoned.has(worker)
  }

  /** Ends what the code of a worker runs in. Resolves when that is gone, or abandoned; undefined: it runs inline. */
  end(worker: InlineWorker): Promise<void> | undefined {
    const gone = worker.executor.end()
    if (gone === undefined) return undefined
    const known = this.#waits.get(worker)
    if (known !== undefined) return known
    this.#workers.add(worker)
    // First, so that whoever waits finds it done.
    void gone.finally(() => {
      this.#workers.delete(worker)
      this.#abandoned.delete(worker)
      this.#waits.delete(worker)
    })
    const wait = this.#wait(worker, gone)
    this.#waits.set(worker, wait)
    return wait
  }

  /** @throws {CellError} named `ThreadsLeft` when the worker of the slot has left too many that do not end */
  refuseIfTooMany(slot: SlotId): void {
    let count = 0
    for (const { worker } of this.#abandoned) if (worker === slot) count += 1
    if (count < ABANDONED_MAX) return
    throw new CellError({
      name: 'ThreadsLeft',
      message: `${count} threads or processes that it has left on this node could not be ended and still run, and no more are started: give it isolation 'process', where a native call or a loop can always be ended`,
      stack: undefined,
    })
  }

  /** Resolves when each is gone, or abandoned. */
  async over(): Promise<void> {
    await Promise.all(this.#waits.values())
  }

  async #wait(worker: InlineWorker, gone: Promise<void>): Promise<void> {
    const { isolation, executor } = worker
    if (isolation === 'inline') return
    const timeoutMs = END_TIMEOUT_MS[isolation]
    for (let look = 0; look < LOOKS && this.#workers.has(worker); look++)
      await atMost(this.#init.clock, timeoutMs / LOOKS, gone)
    if (!this.#workers.has(worker)) return
    executor.abandon()
    this.#abandoned.add(worker)
    this.#abandonedCount += 1
    this.#init.logger.warn(
      { worker: worker.worker, generation: worker.generation, isolation, timeoutMs },
      isolation === 'thread'
        ? "the thread of a worker could not be ended, and is abandoned: it may still run, but nothing that it does counts. It is in a native call, or in a loop that V8 does not interrupt: isolation 'process' can end that"
        : 'the process of a worker did not end though it was killed, and is abandoned: the system has not let go of it yet',
    )
  }
}
