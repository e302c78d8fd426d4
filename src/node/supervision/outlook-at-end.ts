// pure
/**
 * What can be said of a group or chain that is over. Its spec may have been changed since, though nothing came of it, as
 * when `restartMember` is refused: that changes nothing about why it is over.
 */

import { type Failure, withFailure } from '../../protocol/failure.ts'
import { type Phase, causeOf } from '../../protocol/phase.ts'
import type { FateBody } from '../../protocol/spec-row.ts'
import { type Outlook, outlookOf } from './outlook.ts'
import { historyOf } from './succession.ts'
import { partsOfSpec } from './units.ts'

/** The outlook of a phase of this revision of the whole, as if the members and stages that have ended were as they were then. */
export function outlookAtEnd(phase: Phase, body: FateBody): Outlook {
  return outlookOf(phase, bodyAtEnd(phase, body))
}

/** Why something that was given up has failed the last times, newest first. */
export function reasonsAtEnd(phase: Phase, body: FateBody): readonly Failure[] {
  const { renewals, ended } = outlookAtEnd(phase, body)
  if (renewals.length > 0) return historyOf(phase, body.intensity, renewals, 0).failures
  // Whose crash was one too many is not in the spec any more: nobody else has crashed.
  const harmless = new Set(ended.map(({ slot }) => slot))
  const exits = phase.exits.filter(({ slot }) => !harmless.has(slot))
  const cause = causeOf({ ...phase, exits })
  return cause === undefined ? phase.failures : withFailure(phase.failures, cause.failure)
}

/** @returns `body` itself where those that have ended are as they were */
function bodyAtEnd(phase: Phase, body: FateBody): FateBody {
  const parts = partsOfSpec(phase.spec, body).bySlot
  const exited = new Set(phase.exits.map(({ slot }) => slot))
  const changed = phase.layout.filter(
    ({ slot, revision }) => exited.has(slot) && parts.get(slot)?.revision !== revision,
  )
  if (changed.length === 0) return body
  const revisions = new Map(changed.map(({ slot, revision }) => [slot.split('/')[1], revision]))
  const restored = <Part extends { readonly id: string; readonly revision: number }>(part: Part): Part => {
    const revision = revisions.get(part.id)
    return revision === undefined ? part : { ...part, revision, isStopped: false }
  }
  if (body.kind === 'group') return { ...body, members: body.members.map(restored) }
  return { ...body, stages: body.stages.map(restored) }
}
