// pure
/**
 * What waits for a worker, in the order of arrival, and never more than there is room for. Only users' messages are
 * in it: what the supervisor asks of a worker does not wait behind them.
 */

import { Deque } from '../../deque.ts'
import type { Issue } from '../../call-errors.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { Isolation } from '../../protocol/spec-row.ts'
import type { Caller, Origin } from '../../protocol/request.ts'
import type { MailboxLimits } from '../../protocol/spec-row.ts'
import { estimateBytes } from './estimate.ts'

/** Where the worker says nothing. */
export const MAILBOX_LIMITS: MailboxLimits = { messages: 10_000, bytes: 16 * 1024 * 1024 }

/** Who waits for the answer to a call. Told exactly once. */
export interface Replier {
  /** The worker is about to run the call. @returns false when nobody waits any more: it must not */
  begin(nowMs: number): boolean
  onResult(value: unknown): void
  /** The worker threw. */
  onError(failure: Failure): void
  /** The arguments are not what the function wants. */
  onInvalid(issues: readonly Issue[]): void
  /** The worker ended; `isExecuted`: it had begun with this call; `failure`: why it ended, where it has failed. */
  onExited(isExecuted: boolean, failure: Failure | undefined): void
  /** There was no room. */
  onOverloaded(): void
  /** The worker waits for whoever calls, so that it would never come to this call. */
  onDeadlock(): void
  /** The worker is not here, or not of this generation: it has not been executed. */
  onElsewhere(): void
}

/** `bytes`: on the wire; undefined for what comes from this node, until a mailbox has estimated it. */
export type Letter =
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: readonly unknown[]
      readonly origin: Origin
      bytes: number | undefined
      readonly replier: Replier
    }
  | {
      readonly kind: 'cast'
      readonly name: string
      readonly args: readonly unknown[]
      readonly origin: Origin
      bytes: number | undefined
    }
  | {
      readonly kind: 'message'
      readonly message: unknown
      readonly origin: Origin
      bytes: number | undefined
    }

/** A cast or message: nobody waits for an answer. */
export type OneWay = Exclude<Letter, { readonly kind: 'call' }>

/** Something that letters can be given to: a server or a task. */
export interface Recipient {
  /** What its code runs in. */
  readonly isolation: Isolation
  /** It takes nothing any more: letters are kept for its successor, if there is to be one. */
  readonly isClosing: boolean
  /** Whether its code is at a message on whose account `caller` waits for something, itself or by way of others. */
  isWaitedForBy(caller: Caller | undefined): boolean
  /** Workers whose calls wait in its mailbox, of the oldest `most` letters. */
  callers(most: number): Iterable<Caller>
  /** @returns false when there is no room: a call is told so, anything else is dropped */
  deliver(letter: Letter): boolean
}

export class Mailbox {
  readonly #limits: MailboxLimits
  readonly #letters = new Deque<Letter>()
  #bytes = 0

  constructor(limits: MailboxLimits = MAILBOX_LIMITS) {
    this.#limits = limits
  }

  get size(): number {
    return this.#letters.size
  }

  /** Of all that waits: an estimate. */
  get bytes(): number {
    return this.#bytes
  }

  /** @returns false when there is no room. A message that is larger than all of it is taken when nothing waits. */
  put(letter: Letter): boolean {
    const bytes = letter.bytes ?? estimateBytes(letter.kind === 'message' ? letter.message : letter.args)
    const { size } = this
    if (size < this.#limits.messages && (this.#bytes + bytes <= this.#limits.bytes || size === 0)) {
      this.#push(letter, bytes)
      return true
    }
    if (letter.kind === 'call') letter.replier.onOverloaded()
    return false
  }

  /** Puts what its predecessor had room for: on the wire it may be larger than it was estimated there. */
  inherit(letters: readonly OneWay[]): void {
    for (const letter of letters) this.#push(letter, letter.bytes ?? 0)
  }

  /** What `take` would give. */
  get next(): Letter | undefined {
    return this.#letters.at(0)
  }

  /** Workers that wait for it, as the oldest `most` letters say. */
  *callers(most: number): Generator<Caller> {
    for (let index = 0; index < Math.min(most, this.#letters.size); index++) {
      const letter = this.#letters.at(index)
      if (letter?.kind === 'call' && letter.origin.caller !== undefined) yield letter.origin.caller
    }
  }

  take(): Letter | undefined {
    const letter = this.#letters.shift()
    if (letter !== undefined) this.#bytes -= letter.bytes ?? 0
    return letter
  }

  /** The worker goes on elsewhere: whoever waits, asks there. @returns the casts and messages, oldest first */
  divert(): OneWay[] {
    return this.#empty(replier => replier.onElsewhere())
  }

  /** The worker has ended: whoever waits is told that nothing was done. @returns how many letters nobody is told of */
  discard(failure: Failure | undefined): number {
    return this.#empty(replier => replier.onExited(false, failure)).length
  }

  #push(letter: Letter, bytes: number): void {
    letter.bytes = bytes
    this.#letters.push(letter)
    this.#bytes += bytes
  }

  #empty(tell: (replier: Replier) => void): OneWay[] {
    const untold: OneWay[] = []
    for (let letter = this.take(); letter !== undefined; letter = this.take()) {
      if (letter.kind === 'call') tell(letter.replier)
      else untold.push(letter)
    }
    return untold
  }
}
