// pure
/** The way out of a stage: to the workers of the next one, or back to whoever sent the item. */

import type { Item } from './item.ts'
import type { Outlet } from './link.ts'

export interface Exit {
  /** Whether nothing that is picked here leaves the node. */
  readonly isLocal: boolean
  /** Where what comes of `item` goes now; undefined: there is no room, and `onRoom` will be called. */
  pick(item: Item): Outlet | undefined
}

/** Shares items among the workers of a stage: the next one goes to whoever has the least to do. */
export class Fan implements Exit {
  readonly isLocal: boolean
  readonly #outlets: readonly Outlet[]
  #next = 0

  constructor(outlets: readonly Outlet[], isLocal: boolean) {
    this.#outlets = outlets
    this.isLocal = isLocal
  }

  pick(): Outlet | undefined {
    const count = this.#outlets.length
    let best: Outlet | undefined
    let bestAt = 0
    // Starting behind the last choice: equal debts are served in turn.
    for (let step = 0; step < count; step++) {
      const at = (this.#next + step) % count
      const outlet = this.#outlets[at]
      if (outlet === undefined || !outlet.hasRoom() || (best !== undefined && outlet.debt >= best.debt))
        continue
      best = outlet
      bestAt = at
    }
    this.#next = bestAt + 1
    return best
  }
}

/** What an item of a last stage comes to when nobody waits for it: it is settled at once. */
export const NOWHERE: Outlet = {
  debt: 0,
  hasRoom: () => true,
  push: (_item, parent) => parent.onChildSettled(),
}
