// pure
/** What the data plane and the users have been told of specs and members, so that they are told only what is new. */

import { unreachable } from '../assert.ts'
import type { SpecId } from '../ids.ts'
import type { Claim } from '../protocol/claim.ts'
import { type MemberRow, isPresent } from '../protocol/member-row.ts'
import { countOf } from '../protocol/fencing-token.ts'
import { type Phase, causeOf, compareGenerations } from '../protocol/phase.ts'
import type { ReachChange } from '../protocol/reach.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import type { Effect, NodeEvent } from './events.ts'
import { type SpecStatus, describeStatus } from './supervision/spec-status.ts'

interface Told {
  row: SpecRow | undefined
  claim: Claim | undefined
  phase: Phase | undefined
  status: SpecStatus | undefined
}

export class Bulletin {
  readonly #emit: (effect: Effect) => void
  readonly #told = new Map<SpecId, Told>()

  constructor(emit: (effect: Effect) => void) {
    this.#emit = emit
  }

  statusOf(id: SpecId): SpecStatus | undefined {
    return this.#told.get(id)?.status
  }

  /** How a spec stands now. */
  setStatus(id: SpecId, status: SpecStatus): void {
    const told = this.#toldOf(id)
    const before = told.status
    if (before === status) return
    told.status = status
    const isSameKind = before?.kind === status.kind
    // The reason may be another one, which is no event.
    if (isSameKind && describeStatus(before) === describeStatus(status)) return
    this.#emit({ kind: 'set-status', id, status })
    if (!isSameKind) this.notify({ kind: 'spec:status', id, status })
  }

  /** The rows of a spec as they are now; a phase that waits for its spec would be read as of another one, and is none. */
  follow(row: SpecRow, claim: Claim | undefined, phase: Phase | undefined): void {
    const told = this.#toldOf(row.id)
    if (told.row !== row) {
      told.row = row
      this.#emit({ kind: 'follow-spec', id: row.id, body: row.body })
    }
    if (claim !== undefined && told.claim !== claim) {
      told.claim = claim
      this.#emit({ kind: 'follow-claim', claim })
    }
    if (phase !== undefined && told.phase !== phase) {
      const before = told.phase
      told.phase = phase
      this.#emit({ kind: 'follow-phase', phase })
      this.#notifyPhase(phase, before)
    }
  }

  /** A member row as it was and is. */
  followMember(member: MemberRow, before: MemberRow | undefined): void {
    const isSameRun = before !== undefined && before.boot === member.boot
    const wasPresent = isSameRun && isPresent(before)
    this.#tellMember(member, wasPresent)
    const isDraining = member.isDraining === true
    const wasDraining = isSameRun && before.isDraining === true
    if (isDraining !== wasDraining && isPresent(member))
      this.notify({ kind: isDraining ? 'member:drain' : 'member:resume', member })
  }

  /** A member that this node does not reach, as others do, or does again; undefined: nothing is known of it any more. */
  followReach(member: MemberRow | undefined, { reachedBy }: ReachChange): void {
    if (member === undefined) return
    if (reachedBy.length > 0) this.notify({ kind: 'member:unreachable', member, reachedBy })
    else if (isPresent(member)) this.notify({ kind: 'member:reachable', member })
  }

  #tellMember(member: MemberRow, wasPresent: boolean): void {
    switch (member.status) {
      case 'alive':
        if (!wasPresent) this.notify({ kind: 'member:join', member })
        return
      case 'suspect':
        return this.notify({ kind: 'member:suspect', member })
      case 'dead':
        return this.notify({ kind: 'member:dead', member })
      case 'left':
        return this.notify({ kind: 'member:leave', member })
      case 'joining':
      case 'leaving':
        return
      default:
        return unreachable(member.status)
    }
  }

  /** Nothing is known of the spec any more. */
  forget(id: SpecId): void {
    if (this.#told.delete(id)) this.#emit({ kind: 'forget-spec', id })
  }

  notify(event: NodeEvent): void {
    this.#emit({ kind: 'notify', event })
  }

  #notifyPhase(phase: Phase, before: Phase | undefined): void {
    const { spec: id, rank } = phase
    const generation = countOf(phase.generation.number)
    const isSame = before !== undefined && compareGenerations(before.generation, phase.generation) === 0
    this.notify({ kind: 'generation:change', id, generation })
    if (isSame && before.rank === rank) return
    if (rank === 'running') this.notify({ kind: 'generation:run', id, generation })
    const cause = causeOf(phase)
    // Where a node leaves, a generation ends early, and nothing has gone wrong.
    if (rank === 'failed' && cause?.kind !== 'moved')
      this.notify({ kind: 'generation:fail', id, generation, failure: cause?.failure })
  }

  #toldOf(id: SpecId): Told {
    const known = this.#told.get(id)
    if (known !== undefined) return known
    const told: Told = { row: undefined, claim: undefined, phase: undefined, status: undefined }
    this.#told.set(id, told)
    return told
  }
}
