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
import { type SpecStatus, describeStatus, isDown } from './supervision/spec-status.ts'

interface Told {
  row: SpecRow | undefined
  claim: Claim | undefined
  phase: Phase | undefined
  status: SpecStatus | undefined
}

/** What a node knows of a spec. */
interface SpecNow {
  readonly status: SpecStatus
  /** Of a worker only: what was one, and is a group by now, may have a claim still. */
  readonly claim: Claim | undefined
  /** One that waits for its spec would be read as of another one, and is none. */
  readonly phase: Phase | undefined
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

  /**
   * How a spec stands now, and its rows. Who is told of it can look it up: so the data plane follows first, but where it
   * is removed, and still stops.
   */
  follow(row: SpecRow, now: SpecNow): void {
    const told = this.#toldOf(row.id)
    const { status: last, phase: before } = told
    const { status, phase } = now
    const isEnding = row.body === undefined && status.kind !== 'removed'
    const tell = (): void => {
      if (last?.kind !== status.kind) this.notify({ kind: 'spec:status', id: row.id, status })
    }
    this.#setStatus(row.id, status, told)
    if (isEnding) tell()
    this.#followRows(row, now, told)
    if (!isEnding) tell()
    if (phase !== undefined && before !== phase) this.#notifyPhase(phase, before)
  }

  #setStatus(id: SpecId, status: SpecStatus, told: Told): void {
    const before = told.status
    if (before === status) return
    told.status = status
    // The reason may be another one, which is no event.
    if (before?.kind === status.kind && describeStatus(before) === describeStatus(status)) return
    this.#emit({ kind: 'set-status', id, status })
  }

  #followRows(row: SpecRow, { claim, phase }: SpecNow, told: Told): void {
    if (told.row !== row) {
      told.row = row
      this.#emit({ kind: 'follow-spec', id: row.id, body: row.body })
    }
    // Of what is down, or removed, it forgets the claim: that is told again, also where it had come before all this.
    const there = isDown(told.status) ? undefined : claim
    if (told.claim !== there) {
      told.claim = there
      if (there !== undefined) this.#emit({ kind: 'follow-claim', claim: there })
    }
    if (phase !== undefined && told.phase !== phase) {
      told.phase = phase
      this.#emit({ kind: 'follow-phase', phase })
    }
  }

  /** A member row as it was and is. */
  followMember(member: MemberRow, before: MemberRow | undefined): void {
    if (member === before) return
    const isSameRun = before !== undefined && before.boot === member.boot
    const wasPresent = isSameRun && isPresent(before)
    this.#tellMember(member, wasPresent)
    const isDraining = member.isDraining === true
    const wasDraining = isSameRun && before.isDraining === true
    if (isDraining !== wasDraining && isPresent(member))
      this.notify({ kind: isDraining ? 'member:drain' : 'member:resume', member })
    if (wasPresent && isPresent(member) && before.addresses.join() !== member.addresses.join())
      this.#emit({ kind: 'member-moved', member })
  }

  /** A member that this node does not reach, as others do, or does again; undefined: nothing is known of it any more. */
  followReach(member: MemberRow | undefined, { reachedBy }: ReachChange): void {
    if (member === undefined) return
    if (reachedBy.length > 0) this.notify({ kind: 'member:unreachable', member, reachedBy })
    else if (isPresent(member)) this.notify({ kind: 'member:reachable', member })
  }

  /** A member has told what it knew as this node met it; undefined: nothing is known of it itself. */
  followTold(member: MemberRow | undefined): void {
    if (member !== undefined) this.notify({ kind: 'member:met', member })
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
