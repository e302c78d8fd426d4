// pure
/**
 * Messages that a server has no function for, as loggers and counters hear of them: as in OTP they crash nobody, and
 * must not vanish either.
 */

import type { SlotId } from '../../ids.ts'
import type { Logger } from '../../ports.ts'

/** So many are told apart; beyond that, the one that was first warned of is forgotten, and may be told again. */
const WARNED_MAX = 1024

/** Of all workers of a node. */
export class Unexpected {
  readonly #logger: Logger
  /** What has been warned of: a worker and a name. The oldest first. */
  readonly #warned = new Set<string>()
  #count = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** How many there were since the node has started. */
  get count(): number {
    return this.#count
  }

  /** A cast of a function that the server does not have. */
  onCast(worker: SlotId, behaviour: string, name: string): void {
    this.#count += 1
    if (!this.#isNews(`${worker} cast ${name}`)) return
    const facts = { worker, behaviour, cast: name }
    this.#logger.warn(facts, 'a cast was dropped: the server has no such function; said once for each name')
  }

  /** A message to a server without `info`. */
  onMessage(worker: SlotId, behaviour: string): void {
    this.#count += 1
    if (!this.#isNews(`${worker} message`)) return
    this.#logger.warn({ worker, behaviour }, 'a message was dropped: the server has no info; said once')
  }

  #isNews(what: string): boolean {
    if (this.#warned.has(what)) return false
    const [oldest] = this.#warned
    if (this.#warned.size >= WARNED_MAX && oldest !== undefined) this.#warned.delete(oldest)
    this.#warned.add(what)
    return true
  }
}
