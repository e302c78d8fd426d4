// pure
/** Ids at which nobody takes calls, casts and messages, whatever runs. */

import { unreachable } from '../../assert.ts'
import { NotFoundError } from '../../errors.ts'
import { type SlotId, slotId, specOfSlot } from '../../ids.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'

/** Why there is no server or task with that id, now or later; undefined where there is one. `body`: of its spec. */
export function findMistake(slot: SlotId, body: SpecBody | undefined): NotFoundError | undefined {
  const spec = specOfSlot(slot)
  if (body === undefined) return new NotFoundError(slot, 'worker')
  switch (body.kind) {
    case 'worker':
      return slot === slotId(spec) ? undefined : new NotFoundError(slot, 'worker')
    case 'group':
      return body.members.some(({ id }) => slot === slotId(spec, id))
        ? undefined
        : new NotFoundError(slot, 'member')
    // Its workers take items, by way of the chain.
    case 'chain':
      return new NotFoundError(slot, 'server or task')
    default:
      return unreachable(body)
  }
}
