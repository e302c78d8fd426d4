// pure
/** When a node that starts takes part: as soon as it knows what the mesh knows, or when it has waited for that long enough. */

import type { NodeId } from '../ids.ts'
import type { Membership } from '../protocol/membership.ts'
import { TABLES, type Table } from '../protocol/messages.ts'
import type { Timings } from '../protocol/timings.ts'

export interface JoiningInit {
  readonly timings: Timings
  readonly startedMs: number
  readonly membership: Pick<Membership, 'connected' | 'contacts' | 'isPresent'>
}

export class Joining {
  readonly #init: JoiningInit

  constructor(init: JoiningInit) {
    this.#init = init
  }

  /**
   * A node that finds nobody is the first one; a node that finds a mesh, or may still do so, waits until it knows what the
   * mesh knows.
   */
  byMs(): number {
    const { timings, startedMs, membership } = this.#init
    const isAlone = membership.connected().length === 0 && !membership.contacts.isLooking
    return startedMs + (isAlone ? timings.joinAloneMs : timings.joinSyncMs)
  }

  /**
   * Whether a peer that agrees on these tables has nothing to tell it any more. Where many start at once, somebody always
   * knows of one more member; what must be known are the specs and where they run, to one who takes part already.
   */
  isEnough(peer: NodeId, agreed: readonly Table[]): boolean {
    const isFromMember = this.#init.membership.isPresent(peer)
    return TABLES.every(table => agreed.includes(table) || (isFromMember && table === 'members'))
  }
}
