// pure
/** What a spec asks for, one slot for each worker that it needs: for placement, and for those who supervise it. */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import type { Unit } from '../../placement/unit.ts'
import { combineWishes } from '../../protocol/placement-wish.ts'
import {
  type ChainBody,
  type ChildSpec,
  type GroupBody,
  type SpecBody,
  type SpecRow,
  needOf,
} from '../../protocol/spec-row.ts'
import { excessOf } from '../../protocol/spec-size.ts'
import { unreachable } from '../../assert.ts'

/** A worker of a spec, in the order of starting. */
export interface SpecSlot {
  readonly slot: SlotId
  readonly child: ChildSpec
  /** Of the member or stage that it belongs to, 0 for the first one: `rest_for_one` goes by it. */
  readonly position: number
  readonly revision: number
  readonly isSignificant: boolean
  /** The behaviours that the node of the worker must have besides its own. */
  readonly alsoNeeds?: readonly string[]
}

/** The slots of a spec: in the order of starting, and by name. */
export class SpecSlots {
  readonly inOrder: readonly SpecSlot[]
  #bySlot: ReadonlyMap<SlotId, SpecSlot> | undefined

  constructor(inOrder: readonly SpecSlot[]) {
    this.inOrder = inOrder
  }

  /** Made when it is asked for. */
  get bySlot(): ReadonlyMap<SlotId, SpecSlot> {
    this.#bySlot ??= new Map(this.inOrder.map(each => [each.slot, each]))
    return this.#bySlot
  }
}

const NONE = new SpecSlots([])

/**
 * Bodies are never changed, only replaced: what follows from one of many slots is worked out once. For standalone
 * workers, of which there may be very many, it is worked out anew, which is next to nothing.
 */
const known = new WeakMap<SpecBody, SpecSlots>()

/** The workers that a spec wants to run. None for a removed spec, nor for members and stages that a user has stopped, nor for a spec that is too large: see `excessOf`. */
export function slotsOfSpec(id: SpecId, body: SpecBody | undefined): readonly SpecSlot[] {
  return partsOfSpec(id, body).inOrder
}

/** The same, also by name. */
export function partsOfSpec(id: SpecId, body: SpecBody | undefined): SpecSlots {
  if (body === undefined) return NONE
  if (body.kind === 'worker') return new SpecSlots(listSlots(id, body))
  const before = known.get(body)
  if (before !== undefined) return before
  const slots = excessOf(body) === undefined ? new SpecSlots(listSlots(id, body)) : NONE
  known.set(body, slots)
  return slots
}

/** The units of a spec. */
export function unitsOfSpec({ id, body }: SpecRow): Unit[] {
  const whole = body === undefined || body.kind === 'worker' ? undefined : body
  const sharing = whole === undefined ? false : (whole.spread ?? true)
  const turns = sharing === 'zones' && whole !== undefined ? turnsOf(id, whole) : undefined
  return slotsOfSpec(id, body).map(({ slot, child, alsoNeeds = [] }) => {
    const { labels, near, pack, spread } = combineWishes(whole?.placement, child.placement)
    // Who wants to be with others is not shared out with the rest.
    const isShared =
      sharing !== false && child.placement?.near === undefined && child.placement?.pack === undefined
    const key = spread ?? (isShared ? id : undefined)
    const turn = isShared && near === undefined ? turns?.get(slot) : undefined
    return {
      id: slot,
      needs: [needOf(child), ...alsoNeeds],
      ...(Object.keys(labels).length === 0 ? {} : { selector: labels }),
      ...(pack === undefined ? {} : { affinity: pack }),
      ...(key === undefined ? {} : { spread: key }),
      ...(near === undefined ? {} : { zone: { mode: 'near', key: near, ordinal: 0 } }),
      ...(turn === undefined ? {} : { zone: { mode: 'rotate', ...turn } }),
    }
  })
}

/** The turn of each slot where zones take turns: members of a group in their order, workers of each stage in theirs. */
function turnsOf(
  id: SpecId,
  body: GroupBody | ChainBody,
): ReadonlyMap<SlotId, { readonly key: string; readonly ordinal: number }> {
  if (body.kind === 'group') {
    return new Map(body.members.map((member, ordinal) => [slotId(id, member.id), { key: id, ordinal }]))
  }
  // Each stage for itself, so that a worker more of one does not move those of the others.
  const turns = body.stages.flatMap(stage =>
    Array.from({ length: stage.workers }, (_, ordinal) => ({ stage: stage.id, ordinal })),
  )
  return new Map(
    turns.map(({ stage, ordinal }) => [slotId(id, stage, ordinal), { key: `${id}/${stage}`, ordinal }]),
  )
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
        .map((stage, position) => ({ ...stage, position, alsoNeeds: neededBelow(body, position) }))
        .toReversed()
        .flatMap(({ id: stage, child, revision, isStopped, workers, position, alsoNeeds }) =>
          Array.from({ length: isStopped ? 0 : workers }, (_, index) => ({
            slot: slotId(id, stage, index),
            child,
            position,
            revision,
            isSignificant: false,
            alsoNeeds,
          })),
        )
    default:
      return unreachable(body)
  }
}

/**
 * Whoever feeds a stage that goes by a key must be able to tell the key, and whoever is last runs the callback. Any
 * stage may be passed over, so that is asked of all that are above.
 */
function neededBelow({ stages, onFinish }: ChainBody, position: number): readonly string[] {
  const keyed = stages.slice(position + 1).filter(({ route }) => route === 'key')
  return [...keyed.map(({ child }) => child.behaviour), ...(onFinish === undefined ? [] : [onFinish])]
}
