// pure
/** What this node has to tell the others: rows that it has written, and those of members that it has heard of. */

import type { NodeId, SlotId, SpecId } from '../ids.ts'
import type { Claim } from '../protocol/claim.ts'
import { NEWS } from '../protocol/limits.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import { NO_ROWS, type Rows } from '../protocol/messages.ts'
import type { Phase } from '../protocol/phase.ts'
import type { SpecRow } from '../protocol/spec-row.ts'
import { RateLimit } from '../rate-limit.ts'

/**
 * Between two messages that pass on what others have said of themselves: so long for each session. Where thirty nodes
 * join at once, everybody would otherwise tell everybody of everybody, one at a time. 0.3 s in a mesh of thirty.
 */
const PASS_ON_SESSION_MS = 10

/**
 * Why news are taken. `due`: it may be time for them; where this node has written nothing, what was heard may have to wait.
 * `ahead`: others are told of something else, and are to know these before it. `last`: this node goes, and what it has
 * written waits for nothing.
 */
export type Occasion = 'due' | 'ahead' | 'last'

export class News {
  readonly #sessionCount: () => number
  #members = new Map<NodeId, MemberRow>()
  #specs = new Map<SpecId, SpecRow>()
  #claims = new Map<SlotId, Claim>()
  #phases = new Map<SpecId, Phase>()
  /** Some of it is written by this node: it does not wait until `#passOnMs`. */
  #isUrgent = false
  /** When members that were heard of may be told of again. */
  #passOnMs = 0
  /** How often others are told of more before that. */
  readonly #pace = new RateLimit(NEWS, 0)
  /** When the pace allows what is urgent and waits. */
  #pacedMs = -Infinity

  constructor(sessionCount: () => number) {
    this.#sessionCount = sessionCount
  }

  /** What this node has heard of a member, and passes on. */
  addHeard(row: MemberRow): void {
    this.#members.set(row.id, row)
  }

  /** What this node has concluded of a member, or says of itself. */
  addMember(row: MemberRow): void {
    this.addHeard(row)
    this.#isUrgent = true
  }

  addSpec(row: SpecRow): void {
    this.#specs.set(row.id, row)
    this.#isUrgent = true
  }

  addClaim(claim: Claim): void {
    this.#claims.set(claim.slot, claim)
    this.#isUrgent = true
  }

  addPhase(phase: Phase): void {
    this.#phases.set(phase.spec, phase)
    this.#isUrgent = true
  }

  /** When `take` is to be called next; Infinity: nothing waits. */
  wakeAtMs(): number {
    if (this.#isUrgent) return this.#pacedMs
    return this.#members.size > 0 ? this.#passOnMs : Infinity
  }

  /** Takes what is to be told now: all there is, or nothing. */
  take(nowMs: number, occasion: Occasion): Rows {
    if (!this.#isDue(nowMs, occasion)) return NO_ROWS
    this.#isUrgent = false
    this.#passOnMs = nowMs + this.#sessionCount() * PASS_ON_SESSION_MS
    const taken: Rows = {
      members: [...this.#members.values()],
      specs: [...this.#specs.values()],
      claims: [...this.#claims.values()],
      phases: [...this.#phases.values()],
    }
    this.#members = new Map()
    this.#specs = new Map()
    this.#claims = new Map()
    this.#phases = new Map()
    return taken
  }

  #isDue(nowMs: number, occasion: Occasion): boolean {
    const isAnyHeard = this.#members.size > 0
    if (isAnyHeard && nowMs >= this.#passOnMs) return true
    if (!this.#isUrgent && !(isAnyHeard && occasion === 'ahead')) return false
    if (occasion === 'last' || this.#pace.take(nowMs)) return true
    this.#pacedMs = nowMs + 1_000 / NEWS.perSecond
    return false
  }
}
