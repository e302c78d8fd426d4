// pure
/** Who could find something against a member, whose word counts, and whether it can be heard. */

import type { NodeId } from '../ids.ts'
import { type LocalHealth, isTrusted } from './local-health.ts'
import { type MemberRow, compareMembers } from './member-row.ts'
import type { PeerStats } from './peer-stats.ts'
import type { Reach } from './reach.ts'
import type { Roster } from './roster.ts'
import type { Jury } from './suspicions.ts'
import type { Timings } from './timings.ts'

interface WitnessesInit {
  readonly timings: Timings
  readonly roster: Roster
  readonly reach: Reach
  readonly stats: PeerStats
  readonly health: LocalHealth
}

export class Witnesses implements Jury {
  readonly #init: WitnessesInit

  constructor(init: WitnessesInit) {
    this.#init = init
  }

  get self(): NodeId {
    return this.#init.roster.self.id
  }

  get count(): number {
    return this.#init.roster.count
  }

  get patience(): number {
    return this.#init.health.factor
  }

  isAlive(witness: NodeId): boolean {
    return witness === this.self || this.#init.roster.table.get(witness)?.status === 'alive'
  }

  isTrusted(witness: NodeId): boolean {
    const { stats, health } = this.#init
    if (witness === this.self) return isTrusted(health.score)
    return this.isAlive(witness) && stats.isTrusted(witness)
  }

  countApart(suspect: NodeId, gone: ReadonlySet<NodeId>): number {
    const { stats, reach } = this.#init
    return stats.countApart(suspect, gone) + (reach.isConnected(suspect) ? 0 : 1)
  }

  isRefused(suspect: NodeId): boolean {
    return this.#init.reach.isRefused(suspect)
  }

  /** Whoever has no session with this node may still be heard by way of one who has. */
  isAlone(nowMs: number): boolean {
    const { roster, reach, timings } = this.#init
    return roster.others().every(id => reach.isApart(id, nowMs, timings))
  }

  /** Whether the run of `row` answers us, or others for us, while somebody calls it dead: our own ears come first. */
  isLiving({ id, boot }: MemberRow, nowMs: number): boolean {
    const { roster, reach, timings } = this.#init
    return roster.find(id)?.boot === boot && reach.isSeen(id, nowMs, timings)
  }

  /** Whether others have found dead by `row` a run that has not said otherwise yet, and that we may still hear do so. */
  mayLive(row: MemberRow, nowMs: number): boolean {
    const { roster, reach, timings } = this.#init
    const known = roster.find(row.id)
    const isNews = known?.boot === row.boot && compareMembers(row, known) > 0
    return isNews && reach.mayAnswer(row.id, nowMs, timings)
  }

  /** Who may be asked to probe `target`: those with whom there is a session, and who reach it as far as is known. */
  helpers(target: NodeId): readonly NodeId[] {
    const { roster, reach, stats } = this.#init
    const connected = roster.others().filter(id => id !== target && reach.isConnected(id))
    return stats.reaching(target, connected)
  }
}
