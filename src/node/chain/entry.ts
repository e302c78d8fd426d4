// pure
/** One item at the entrance of a chain, from when it is accepted until all that came of it has been dealt with. */

import type { Item, Parent, Path } from './item.ts'

/** Told once, when the item is through: with what came out, or with why nothing ever will. */
export interface Waiter {
  onOutcome(outcome: unknown): void
  onDead(error: Error): void
}

export interface Output {
  readonly path: Path
  readonly value: unknown
}

export class Entry implements Parent {
  readonly item: Item
  /** The stage that it is put into; undefined for the first. */
  readonly to: string | undefined
  readonly acceptedMs: number
  readonly waiter: Waiter | undefined
  readonly #onSettled: (entry: Entry) => void
  /** What has come out so far; undefined while nothing has. */
  outputs: Output[] | undefined = undefined
  /** Since it was accepted, the chain has had a stage that may give many for one: what comes out is listed. */
  isListed: boolean
  isSent = false
  /** Some of it was given to a stage before, by a generation that is over. */
  wasSent = false
  /** How often a worker has crashed on it. */
  crashes = 0
  /** A part of it is dead: there will be no outcome. */
  error: Error | undefined
  /** The parts that are dead, so that each is told of once. */
  deadIds: Set<string> | undefined
  /** As many as have been given away and not been dealt with. */
  #open = 1

  constructor(
    init: Pick<Entry, 'item' | 'to' | 'acceptedMs' | 'waiter' | 'isListed'>,
    onSettled: (entry: Entry) => void,
  ) {
    this.item = init.item
    this.to = init.to
    this.acceptedMs = init.acceptedMs
    this.waiter = init.waiter
    this.isListed = init.isListed
    this.#onSettled = onSettled
  }

  /** False: no stage has been given anything of it. */
  get maybeExecuted(): boolean {
    return this.isSent || this.wasSent
  }

  onChildAdded(): void {
    this.#open += 1
  }

  onChildSettled(): void {
    this.#open -= 1
    if (this.#open === 0) this.#onSettled(this)
  }

  /** The same, to be sent again: whatever the generation before still says of the old one, means nothing any more. */
  again(): Entry {
    const { item, to, acceptedMs, waiter, isListed } = this
    const again = new Entry({ item: item.again(), to, acceptedMs, waiter, isListed }, this.#onSettled)
    again.wasSent = this.maybeExecuted
    again.crashes = this.crashes
    again.error = this.error
    again.deadIds = this.deadIds
    return again
  }
}
