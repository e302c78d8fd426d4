// pure
/**
 * How much of what is kept for a sender that is out of reach has come of each of its items. Of all of them together there
 * is no more than what they give: whoever holds that back, holds up the items of others.
 */

import type { Item } from './item.ts'

/** So much is kept of one item, as there may be no end to it: from there on, the worker that is at it waits. */
const ITEM_BYTES_MAX = 32 * 1024 * 1024
const ITEM_OUTCOMES_MAX = 65_536

export class Kept {
  /** By the number of the item at its sender. */
  readonly #shares = new Map<number, { outcomes: number; bytes: number }>()

  constructor(unsettled: Iterable<{ readonly item: Item; readonly isSettled: boolean }>) {
    for (const { item, isSettled } of unsettled) if (!isSettled) this.add(item)
  }

  add(item: Item): void {
    const { n } = item.head
    const share = this.#shares.get(n) ?? { outcomes: 0, bytes: 0 }
    share.outcomes += 1
    share.bytes += item.bytes().length
    this.#shares.set(n, share)
  }

  /** Whether one more may come of what `item` has come of. */
  hasRoom({ head }: Item): boolean {
    const { outcomes, bytes } = this.#shares.get(head.n) ?? { outcomes: 0, bytes: 0 }
    return outcomes < ITEM_OUTCOMES_MAX && bytes < ITEM_BYTES_MAX
  }
}
