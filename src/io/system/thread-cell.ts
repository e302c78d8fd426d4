// shell
/** Threads of this process as cells. */

import { Worker } from 'node:worker_threads'

import type { Cell, CellEnd, CellHandlers, CellInit } from '../../ports.ts'
import { CellReader } from './cell-reader.ts'

/** Of the error that Node reports when the heap of a thread is full. */
const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY'

/**
 * Of its young objects, so many megabytes. When the heap of a thread is full, Node grants it 16 MB more, to come to the
 * point where it can be ended; what needs more than that ends the whole process. A collection that finds all young
 * objects alive needs as much as they take, and V8 lets them take a lot (up to 192 MB, where this was looked at). With
 * 12 MB there is room to spare.
 */
const YOUNG_HEAP_MB = 12

export class ThreadCell implements Cell {
  readonly #worker: Worker
  readonly #reader = new CellReader()
  #error: unknown

  constructor(init: CellInit, handlers: CellHandlers) {
    const { entry, name, heapMb } = init
    this.#worker = new Worker(new URL(entry), {
      name,
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG_HEAP_MB,
        ...(heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb }),
      },
    })
    this.#worker.on('message', message => this.#reader.take(() => handlers.onMessage(message)))
    const keep = (error: unknown): void => {
      this.#error ??= error
    }
    this.#worker.on('messageerror', keep)
    this.#worker.on('error', keep)
    this.#worker.on('exit', code => this.#reader.take(() => handlers.onEnd(endOf(code, this.#error))))
    this.#worker.unref()
  }

  post(message: object, transfer: readonly ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer)
  }

  kill(): void {
    // Whoever waits for the end shall not see this process end first.
    this.#worker.ref()
    void this.#worker.terminate()
  }

  abandon(): void {
    this.#worker.unref()
  }
}

function endOf(code: number, error: unknown): CellEnd {
  if (error === undefined) return { kind: 'exit', code }
  const isFull = error instanceof Error && 'code' in error && error.code === OUT_OF_MEMORY
  return isFull ? { kind: 'out-of-memory' } : { kind: 'broken', error }
}
