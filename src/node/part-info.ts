// pure
/** How members of groups and stages of chains stand, as users see them. */

import type { NodeId, Run, SlotId, SpecId } from '../ids.ts'
import { countOf } from '../protocol/fencing-token.ts'
import { partsOf } from '../protocol/part-edits.ts'
import type { FateBody } from '../protocol/spec-row.ts'
import type { Kernel } from './kernel.ts'
import { slotsOf } from './specs/edits.ts'
import type { PartStatus } from './supervision/outlook.ts'

/** A worker of a member or stage, wherever it runs. */
export interface PartWorker extends PartStatus {
  readonly slot: SlotId
  /** Undefined while callers cannot reach it. */
  readonly node: NodeId | undefined
  /** The generation in which it was started. */
  readonly generation: number | undefined
}

/** A member of a group, or a stage of a chain. */
export interface PartInfo {
  readonly id: string
  /** `name@version` of what it runs. */
  readonly behaviour: string
  /** One for a member; as many as the stage has. */
  readonly workers: readonly PartWorker[]
}

/** In the order in which the spec lists them. */
export function listParts(
  id: SpecId,
  body: FateBody,
  { core, plane }: Pick<Kernel, 'core' | 'plane'>,
): PartInfo[] {
  const isGone = (owner: Run): boolean => core.ledger.membership.isGone(owner)
  return partsOf(body).map(part => ({
    id: part.id,
    behaviour: part.child.behaviour,
    workers: slotsOf(id, body, part.id).map(slot => {
      const route = plane.router.find(slot)
      const status = plane.router.partStatusOf(id, slot, isGone) ?? { kind: 'starting' }
      const generation = route && countOf(route.generation.number)
      return { slot, ...status, node: route?.owner.id, generation }
    }),
  }))
}
