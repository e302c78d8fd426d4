// pure
/** What was thrown, on its way between threads: anything can be thrown, and not everything can be copied. */

import type { Thrown } from './cell-messages.ts'

export function thrownFrom(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: 'Error', message: textOf(error), stack: undefined }
  // User code may have put anything there.
  return { name: textOf(error.name), message: textOf(error.message), stack: error.stack }
}

/** Stands for what was thrown in another thread or process: with its name, message and stack. */
export class CellError extends Error {
  override readonly name: string

  constructor(thrown: Thrown) {
    super(thrown.message)
    this.name = thrown.name
    // Where this error was put together is of no interest.
    this.stack = thrown.stack ?? `${thrown.name}: ${thrown.message}`
  }
}

/** Anything as a text: even `String` may throw. */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
