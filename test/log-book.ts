/** A logger that keeps what it is told, and lets a test wait for it. */

import type { Logger } from '../src/index.ts'

export class LogBook implements Logger {
  /** Oldest first. */
  readonly lines: { readonly facts: object; readonly message: string }[] = []
  readonly #listeners = new Set<() => void>()

  debug(facts: object, message: string): void {
    this.#note(facts, message)
  }

  info(facts: object, message: string): void {
    this.#note(facts, message)
  }

  warn(facts: object, message: string): void {
    this.#note(facts, message)
  }

  error(facts: object, message: string): void {
    this.#note(facts, message)
  }

  /** Resolves when it has been told something that begins so. */
  async heard(start: string): Promise<void> {
    while (!this.lines.some(({ message }) => message.startsWith(start)))
      await new Promise<void>(resolve => this.#listeners.add(resolve))
  }

  #note(facts: object, message: string): void {
    this.lines.push({ facts, message })
    for (const listen of this.#listeners) listen()
    this.#listeners.clear()
  }
}
