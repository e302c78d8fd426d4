// pure
/** Where a worker of a chain puts what it emits. */

import type { Item, Parent } from './item.ts'

/** The way to one worker of the next stage, or back to one sender. */
export interface Outlet {
  /** Items pushed and not settled yet. */
  readonly debt: number
  /** `item`: what would be pushed, or what that would come of. Without it: whether there may be room for any. */
  hasRoom(item?: Item): boolean
  /** `parent` is told when the item is settled. */
  push(item: Item, parent: Parent): void
}
