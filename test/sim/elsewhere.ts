/** Whether the rows of a node give a slot to another one: a worker that it still has there is overruled. */

import { type SlotId, isSameRun, slotId, specOfSlot } from '../../src/ids.ts'
import type { Node } from '../../src/node/node.ts'

export function isElsewhere(node: Node, slot: SlotId): boolean {
  const { tables, run } = node.inspect().core.ledger
  const spec = specOfSlot(slot)
  const isWorker = slot === slotId(spec)
  const placed = isWorker
    ? tables.claims.get(slot)
    : tables.phases.get(spec)?.layout.find(each => each.slot === slot)
  return placed !== undefined && !isSameRun(placed.owner, run)
}
