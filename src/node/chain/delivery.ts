// pure
/** An item in the hands of a worker. */

import type { Item, Parent } from './item.ts'

/** Where an item came from, and who is told what becomes of it. */
export interface Inlet {
  /** It has left the mailbox. */
  onConsumed(delivery: Delivery): void
  /** It has been dealt with, and everything that came of it. */
  onSettled(delivery: Delivery): void
}

export class Delivery implements Parent {
  readonly item: Item
  inlet: Inlet
  /** Where it came from this node: what it came of. */
  readonly parent: Parent | undefined
  /** Within the link that it came by; 0 where it came from this node. */
  sequence = 0
  /** On the wire; 0 where it came from this node. */
  bytes = 0
  /** Outputs that are not settled, and one more while user code may emit more of them. */
  #open = 1

  private constructor(item: Item, inlet: Inlet, parent: Parent | undefined) {
    this.item = item
    this.inlet = inlet
    this.parent = parent
  }

  static fromHere(item: Item, inlet: Inlet, parent: Parent): Delivery {
    return new Delivery(item, inlet, parent)
  }

  static fromLink(item: Item, inlet: Inlet, sequence: number, bytes: number): Delivery {
    const delivery = new Delivery(item, inlet, undefined)
    delivery.sequence = sequence
    delivery.bytes = bytes
    return delivery
  }

  /** Calls `action` when it is settled, after the inlet was told. */
  onceSettled(action: () => void): void {
    const { inlet } = this
    this.inlet = {
      onConsumed: delivery => inlet.onConsumed(delivery),
      onSettled: delivery => {
        inlet.onSettled(delivery)
        action()
      },
    }
  }

  onChildAdded(): void {
    this.#open += 1
  }

  /** Also said once by the worker itself, when user code is through with the item. */
  onChildSettled(): void {
    this.#open -= 1
    if (this.#open === 0) this.inlet.onSettled(this)
  }
}
