// pure
/**
 * Changes of groups and chains that run, as changes of their specs. What is changed gets a new revision: that part
 * stops and starts anew, and nothing else does. Each returns the body as it is to be; whatever is asked for twice, or
 * of a part that is not there, leaves it as it is.
 */

import { type SlotId, type SpecId, slotId } from '../../ids.ts'
import { partsOf } from '../../protocol/part-edits.ts'
import {
  type ChainBody,
  type GroupBody,
  type MemberBody,
  type SpecBody,
  type StageBody,
  emissionOf,
} from '../../protocol/spec-row.ts'
import { unreachable } from '../../assert.ts'

/** What members and stages have in common. */
export interface Part {
  readonly id: string
  readonly revision: number
  readonly isStopped: boolean
}

/** A body in which everything is new: of something that is declared, or that a user restarts as a whole. */
export function renew<Body extends SpecBody>(body: Body, revision: number): Body
export function renew(body: SpecBody, revision: number): SpecBody {
  switch (body.kind) {
    case 'worker':
      return body
    case 'group':
      return { ...body, revision, members: body.members.map(member => ({ ...member, revision })) }
    case 'chain':
      return { ...body, revision, stages: body.stages.map(stage => ({ ...stage, revision })) }
    default:
      return unreachable(body)
  }
}

/** With one member more, the last to start. */
export function withMember(body: GroupBody, member: MemberBody): GroupBody {
  return { ...body, members: [...body.members, member] }
}

/** With one stage more: `position` 0 is in front of all others. */
export function withStage(body: ChainBody, stage: StageBody, position: number): ChainBody {
  return withStages(body, body.stages.toSpliced(position, 0, stage))
}

/** Without that member or stage. */
export function withoutPart<Body extends GroupBody | ChainBody>(body: Body, part: string): Body
export function withoutPart(body: GroupBody | ChainBody, part: string): GroupBody | ChainBody {
  if (body.kind === 'group') return { ...body, members: body.members.filter(({ id }) => id !== part) }
  return withStages(
    body,
    body.stages.filter(({ id }) => id !== part),
  )
}

/** That member or stage starts anew, also where it was stopped. */
export function restartPart(body: GroupBody | ChainBody, part: string, revision: number): SpecBody {
  return changePart(body, part, { revision, isStopped: false })
}

/** That member or stage stops, and stays declared. */
export function stopPart(body: GroupBody | ChainBody, part: string): SpecBody {
  return changePart(body, part, { isStopped: true })
}

export function findPart(body: GroupBody | ChainBody, part: string): Part | undefined {
  return partsOf(body).find(({ id }) => id === part)
}

/** Whether the part is to run as what that revision stands for. */
export function isAt(part: Part | undefined, revision: number): boolean {
  return part?.revision === revision && !part.isStopped
}

/** The slots of a part, whether it is stopped or not. */
export function slotsOf(id: SpecId, body: GroupBody | ChainBody, part: string): SlotId[] {
  if (body.kind === 'group') return [slotId(id, part)]
  const stage = body.stages.find(each => each.id === part)
  return Array.from({ length: stage?.workers ?? 0 }, (_, index) => slotId(id, part, index))
}

function changePart(body: GroupBody | ChainBody, part: string, change: Partial<Part>): SpecBody {
  const changed = <P extends Part>(each: P): P => (each.id === part ? { ...each, ...change } : each)
  if (body.kind === 'group') return { ...body, members: body.members.map(changed) }
  return { ...body, stages: body.stages.map(changed) }
}

function withStages(body: ChainBody, stages: readonly StageBody[]): ChainBody {
  return { ...body, stages, emission: emissionOf(stages) }
}
