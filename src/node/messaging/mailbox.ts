// pure
/** What waits for a worker, in the order of arrival, and never more than there is room for. */

import { Deque } from '../../deque.ts'
import type { Failure } from '../../protocol/failure.ts'

/** More messages than this are refused. */
export const MAILBOX_MESSAGES_MAX = 10_000
/** Nor do more bytes wait than this, as far as they came from other nodes; one message may always wait. */
export const MAILBOX_BYTES_MAX = 16 * 1024 * 1024

/** Who waits for the answer to a call. Told exactly once. */
export interface Replier {
  onResult(value: unknown): void
  /** The worker threw. */
  onError(failure: Failure): void
  /** The worker ended; `isExecuted`: it had begun with this call. */
  onExited(isExecuted: boolean): void
  /** There was no room. */
  onOverloaded(): void
  /** The worker is not here, or not of this generation: it has not been executed. */
  onElsewhere(): void
}

export type Letter = (
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: readonly unknown[]
      readonly replier: Replier
    }
  | { readonly kind: 'cast'; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'message'; readonly message: unknown }
) & {
  /** The size on the wire. @default 0: it is from this node */
  readonly bytes?: number
}

/** Something that letters can be given to: a server or a task. */
export interface Recipient {
  /** @returns false when there is no room: a call is told so, anything else is dropped */
  deliver(letter: Letter): boolean
}

export class Mailbox {
  readonly #letters = new Deque<Letter>()
  #bytes = 0

  get size(): number {
    return this.#letters.size
  }

  /** @returns false when there is no room */
  put(letter: Letter): boolean {
    const bytes = this.#bytes + (letter.bytes ?? 0)
    const isRoom = this.#letters.size < MAILBOX_MESSAGES_MAX && bytes <= MAILBOX_BYTES_MAX
    if (isRoom || this.#letters.size === 0) {
      this.#letters.push(letter)
      this.#bytes = bytes
      return true
    }
    if (letter.kind === 'call') letter.replier.onOverloaded()
    return false
  }

  take(): Letter | undefined {
    const letter = this.#letters.shift()
    this.#bytes -= letter?.bytes ?? 0
    return letter
  }

  /** The worker goes on elsewhere: whoever waits, asks there. */
  divert(): void {
    for (let letter = this.take(); letter !== undefined; letter = this.take()) {
      if (letter.kind === 'call') letter.replier.onElsewhere()
    }
  }

  /** The worker has ended: whoever waits is told that nothing was done. */
  discard(): void {
    for (let letter = this.take(); letter !== undefined; letter = this.take()) {
      if (letter.kind === 'call') letter.replier.onExited(false)
    }
  }
}
