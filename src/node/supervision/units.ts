// pure
/** What a spec asks placement for: one unit for each worker that it needs. */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import type { Unit } from '../../placement/unit.ts'
import { type ChildSpec, type SpecBody, type SpecRow, needOf } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'

/** A worker of a spec, in the order of starting. */
export interface SpecSlot {
  readonly slot: SlotId
  readonly child: ChildSpec
}

/** The workers of a spec, first to start first. Empty for a removed spec. */
export function slotsOfSpec(id: SpecId, body: SpecBody | undefined): SpecSlot[] {
  if (body === undefined) return []
  switch (body.kind) {
    case 'worker':
      return [{ slot: slotId(id), child: body.child }]
    case 'group':
      return body.members.map(member => ({ slot: slotId(id, member.id), child: member.child }))
    case 'chain':
      // The last stage starts first, so that nothing waits for a stage that is not there yet.
      return body.stages.toReversed().flatMap(stage =>
        Array.from({ length: stage.workers }, (_, index) => ({
          slot: slotId(id, stage.id, index),
          child: stage.child,
        })),
      )
    default:
      return unreachable(body)
  }
}

/** The units of a spec. */
export function unitsOfSpec(row: SpecRow): Unit[] {
  const { id, body } = row
  const isSpread = body?.kind === 'chain' || (body?.kind === 'group' && body.spread)
  return slotsOfSpec(id, body).map(({ slot, child }) => ({
    id: slot,
    needs: [needOf(child)],
    ...(isSpread ? { spread: id } : {}),
  }))
}
