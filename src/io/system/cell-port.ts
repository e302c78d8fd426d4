// shell
/** How the code in a cell talks with whoever made it. */

import { type MessagePort, parentPort } from 'node:worker_threads'

import type { CellPort } from '../../ports.ts'
import { watchParent } from './orphan-watch.ts'

/** The port of the cell that this code runs in. @throws {Error} when it runs in none */
export function cellPort(): CellPort {
  if (parentPort !== null) return new ThreadPort(parentPort)
  if (process.send === undefined)
    throw new Error('this module is run in threads and processes of workers only')
  return new ProcessPort()
}

class ThreadPort implements CellPort {
  readonly kind = 'thread'
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    this.#port = port
  }

  post(message: object, transfer: readonly ArrayBuffer[]): void {
    this.#port.postMessage(message, transfer)
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#port.on('message', listener)
  }

  onStray(listener: (error: unknown) => void): void {
    listenToStrays(listener)
  }

  exit(code: number): void {
    // Of this thread only: what it has posted, is in the hands of the other one already.
    process.exit(code)
  }
}

class ProcessPort implements CellPort {
  readonly kind = 'process'

  constructor() {
    // Whoever made this process is gone. If it never gets to read that, the watch will see it.
    process.once('disconnect', () => process.exit(1))
    watchParent(Number(process.argv[2]))
    // Terminals and service managers tell all processes: when to stop is for the node to say.
    process.on('SIGINT', () => {})
    process.on('SIGTERM', () => {})
  }

  post(message: object, _transfer: readonly ArrayBuffer[]): void {
    process.send?.(message)
  }

  onMessage(listener: (message: unknown) => void): void {
    process.on('message', listener)
  }

  onStray(listener: (error: unknown) => void): void {
    listenToStrays(listener)
  }

  exit(code: number): void {
    // The channel is written in order: what is behind this message, has left.
    if (process.connected) process.send?.({ kind: 'bye' }, () => process.exit(code))
    else process.exit(code)
  }
}

function listenToStrays(listener: (error: unknown) => void): void {
  process.on('uncaughtException', listener)
  // Node would put an error of its own in the place of a reason that is none, which does not say what the reason was.
  process.on('unhandledRejection', reason => {
    // Code that listens itself has it in hand.
    if (process.listenerCount('unhandledRejection') === 1) listener(reason)
  })
}
