// pure
/** When a node that starts takes part: as soon as it knows what the mesh knows, or when it has waited for that long enough. */

import type { NodeId } from '../ids.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import type { Membership } from '../protocol/membership.ts'
import { TABLES, type Table } from '../protocol/messages.ts'
import type { Timings } from '../protocol/timings.ts'
import type { Now } from './now.ts'

export interface JoiningInit {
  readonly timings: Timings
  readonly startedMs: number
  readonly membership: Pick<
    Membership,
    'self' | 'table' | 'present' | 'isPresent' | 'connected' | 'contacts' | 'declareSelf'
  >
  /** Asks a peer what is missing here: where nothing is, it says so. */
  readonly ask: (peer: NodeId) => void
}

export class Joining {
  readonly #init: JoiningInit
  /** Whether the word of one that is joining itself counted when that was looked at last. */
  #didAllCount = true

  constructor(init: JoiningInit) {
    this.#init = init
  }

  /**
   * Whether this node has heard what there is to be heard, as far as it knows: it takes part, or nobody is left who may still
   * answer it. Before, a mesh may be behind a dial that is under way: of two that start together, and greet each other first,
   * neither lacks anything that the other has.
   */
  get isSure(): boolean {
    return !this.#isJoining || !this.#init.membership.contacts.hasStrangers
  }

  /** A peer that is sure agrees on these tables. */
  onAgreed(peer: NodeId, agreed: readonly Table[], now: Now): void {
    if (this.#isJoining && this.#isEnough(peer, agreed)) this.#takePart(now)
  }

  /** A peer has told of something: where its word counts, it is asked again, until it says that nothing is missing. */
  onRows(peer: NodeId): void {
    if (this.#isJoining && (this.#doAllCount || this.#init.membership.isPresent(peer))) this.#init.ask(peer)
  }

  /**
   * Something has happened. Its row says whether this node is sure: others may hear of it from somebody else only. Where the
   * word of everybody counts from now on, everybody is asked once more.
   */
  look(now: Now): void {
    if (!this.#isJoining) return
    const isLooking = !this.isSure
    if (isLooking !== isSaidToLook(this.#init.membership.self))
      this.#init.membership.declareSelf({ isLooking }, now)
    const doAllCount = this.#doAllCount
    if (doAllCount && !this.#didAllCount) this.#init.membership.connected().forEach(this.#init.ask)
    this.#didAllCount = doAllCount
  }

  tick(now: Now): void {
    if (now.ms >= this.wakeAtMs()) this.#takePart(now)
  }

  /**
   * When it has waited for long enough: a node that finds nobody is the first one; a node that finds a mesh, or may still do
   * so, waits until it knows what the mesh knows. Infinity: it takes part.
   */
  wakeAtMs(): number {
    if (!this.#isJoining) return Infinity
    const { timings, startedMs, membership } = this.#init
    const isAlone = membership.connected().length === 0 && !membership.contacts.isLooking
    return startedMs + (isAlone ? timings.joinAloneMs : timings.joinSyncMs)
  }

  get #isJoining(): boolean {
    return this.#init.membership.self.status === 'joining'
  }

  /**
   * Whether a peer that agrees on these tables has nothing to tell it any more. What must be known are the specs and where
   * they run, to one who takes part already: where many start at once, somebody always knows of one more member.
   */
  #isEnough(peer: NodeId, agreed: readonly Table[]): boolean {
    const { membership } = this.#init
    const isFromMember = membership.isPresent(peer)
    if (!isFromMember && !this.#doAllCount) return false
    return TABLES.every(table => agreed.includes(table) || (isFromMember && table === 'members'))
  }

  /**
   * Whether the word of one that is joining itself counts: nobody takes part yet, as far as is known, and nobody may answer,
   * here or anywhere else. A row says of its node alone whether it looks, and not that it waits for another one that does:
   * so no two wait for each other.
   */
  get #doAllCount(): boolean {
    const { membership } = this.#init
    return this.isSure && membership.present().length === 0 && !membership.table.rows().some(isSaidToLook)
  }

  #takePart(now: Now): void {
    this.#init.membership.declareSelf({ status: 'alive', isLooking: undefined }, now)
  }
}

/** Nothing of what is said of one that is dead, or that takes part, holds up anybody. */
function isSaidToLook({ status, isLooking }: MemberRow): boolean {
  return status === 'joining' && isLooking === true
}
