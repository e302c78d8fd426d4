// pure
/** What a spec asks for, one slot for each worker that it needs: for placement, and for those who supervise it. */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import type { Unit } from '../../placement/unit.ts'
import { type ChildSpec, type SpecBody, type SpecRow, needOf } from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'

/** A worker of a spec, in the order of starting. */
export interface SpecSlot {
  readonly slot: SlotId
  readonly child: ChildSpec
  /** Of the member or stage that it belongs to, 0 for the first one: `rest_for_one` goes by it. */
  readonly position: number
  readonly revision: number
  readonly isSignificant: boolean
}

/** The slots of a spec: in the order of starting, and by name. */
export interface SpecSlots {
  readonly inOrder: readonly SpecSlot[]
  readonly bySlot: ReadonlyMap<SlotId, SpecSlot>
}

const NONE: SpecSlots = { inOrder: [], bySlot: new Map() }

/** Bodies are never changed, only replaced: what follows from one is worked out once. */
const known = new WeakMap<SpecBody, SpecSlots>()

/** The workers that a spec wants to run. None for a removed spec, nor for members and stages that a user has stopped. */
export function slotsOfSpec(id: SpecId, body: SpecBody | undefined): readonly SpecSlot[] {
  return partsOfSpec(id, body).inOrder
}

/** The same, also by name. */
export function partsOfSpec(id: SpecId, body: SpecBody | undefined): SpecSlots {
  if (body === undefined) return NONE
  const before = known.get(body)
  if (before !== undefined) return before
  const inOrder = listSlots(id, body)
  const slots: SpecSlots = { inOrder, bySlot: new Map(inOrder.map(each => [each.slot, each])) }
  known.set(body, slots)
  return slots
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

function listSlots(id: SpecId, body: SpecBody): SpecSlot[] {
  switch (body.kind) {
    case 'worker':
      return [{ slot: slotId(id), child: body.child, position: 0, revision: 0, isSignificant: false }]
    case 'group':
      return body.members.flatMap(({ id: member, child, revision, isSignificant, isStopped }, position) =>
        isStopped ? [] : [{ slot: slotId(id, member), child, position, revision, isSignificant }],
      )
    case 'chain':
      // The last stage starts first, so that nothing waits for a stage that is not there yet.
      return body.stages
        .map((stage, position) => ({ ...stage, position }))
        .toReversed()
        .flatMap(({ id: stage, child, revision, isStopped, workers, position }) =>
          Array.from({ length: isStopped ? 0 : workers }, (_, index) => ({
            slot: slotId(id, stage, index),
            child,
            position,
            revision,
            isSignificant: false,
          })),
        )
    default:
      return unreachable(body)
  }
}
