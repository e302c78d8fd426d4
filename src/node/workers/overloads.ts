// shell
/**
 * Full mailboxes of a node, as loggers, listeners and counters hear of them: who calls is told, but nobody waits for what
 * comes of a cast or message, so that somebody has to be told that there was no room for it.
 */

import type { SlotId } from '../../ids.ts'
import type { Cancel, Clock, Logger } from '../../ports.ts'
import type { NodeEvent } from '../events.ts'
import type { Letter } from '../messaging/mailbox.ts'
import { runOutside } from './scope.ts'

/**
 * What one worker has no room for is told that often: the first of it in the turn in which it came, as its senders may
 * still slow down, and what comes later as sums, which neither logs nor whoever listens are flooded by.
 */
export const OVERLOAD_EVERY_MS = 10_000

export interface OverloadsInit {
  readonly clock: Clock
  readonly logger: Logger
  readonly notify: (event: NodeEvent) => void
}

/** What was not told yet of one worker. */
interface Tally {
  lost: number
  refused: number
  cancel: Cancel
}

/** Of all workers of a node, and of those that what was sent from here waits for. */
export class Overloads {
  readonly #init: OverloadsInit
  /** One for each worker of which something was told a moment ago, or is to be told. */
  readonly #tallies = new Map<SlotId, Tally>()
  #count = 0

  constructor(init: OverloadsInit) {
    this.#init = init
  }

  /** How much there was no room for since the node has started: calls, casts and messages. */
  get count(): number {
    return this.#count
  }

  /** There was no room for a letter to this worker: a call is told so, anything else is lost. */
  onFull(worker: SlotId, kind: Letter['kind']): void {
    this.#count += 1
    const tally = this.#tallies.get(worker) ?? this.#begin(worker)
    if (kind === 'call') tally.refused += 1
    else tally.lost += 1
  }

  /** The node has stopped: nobody is told any more. */
  end(): void {
    for (const { cancel } of this.#tallies.values()) cancel()
    this.#tallies.clear()
  }

  #begin(worker: SlotId): Tally {
    const tally: Tally = { lost: 0, refused: 0, cancel: this.#after(worker, 0) }
    this.#tallies.set(worker, tally)
    return tally
  }

  /** Not on account of whoever has sent what was too much. */
  #after(worker: SlotId, delayMs: number): Cancel {
    return runOutside(() => this.#init.clock.after(delayMs, () => this.#tell(worker)))
  }

  #tell(worker: SlotId): void {
    const tally = this.#tallies.get(worker)
    if (tally === undefined) return
    const { lost, refused } = tally
    if (lost + refused === 0) {
      this.#tallies.delete(worker)
      return
    }
    tally.lost = 0
    tally.refused = 0
    tally.cancel = this.#after(worker, OVERLOAD_EVERY_MS)
    const { logger, notify } = this.#init
    logger.warn(
      { worker, lost, refused },
      'a mailbox is full: casts and messages are lost, calls are refused',
    )
    notify({ kind: 'worker:overload', slot: worker, lost, refused })
  }
}
