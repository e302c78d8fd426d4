// pure
/**
 * Who is in the mesh: SWIM (Das, Gupta, Motivala, 2002) over sessions, with refutable death. Each node probes one
 * member a period; who does not answer is suspect, and dead if it does not refute in time.
 */

import type { NodeId, Run } from '../ids.ts'
import type { DialFailure } from '../ports.ts'
import type { Prng } from '../prng.ts'
import { Contacts, type ContactProblem } from './contacts.ts'
import { type MemberRow, compareMembers, isPresent, memberRows } from './member-row.ts'
import { type Message, NO_ROWS } from './messages.ts'
import { RecordStore } from './record-store.ts'
import type { Timings } from './timings.ts'

/** What membership wants done, and what it has concluded. */
export type MembershipEffect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: Message }
  | { readonly kind: 'dial'; readonly key: string; readonly addresses: readonly string[] }
  /** `authored`: concluded here, so that others must be told. */
  | {
      readonly kind: 'member-changed'
      readonly row: MemberRow
      readonly before: MemberRow | undefined
      readonly authored: boolean
    }
  /** A newer run with the same key is in the mesh: this one must end. */
  | { readonly kind: 'replaced'; readonly by: Run }

interface Session {
  heardMs: number
  /** When the probe was sent that has not been answered yet. */
  probedMs: number | undefined
}

export class Membership {
  readonly table = new RecordStore<MemberRow>(memberRows)
  readonly #contacts: Contacts
  readonly #timings: Timings
  readonly #prng: Prng
  readonly #emit: (effect: MembershipEffect) => void
  readonly #sessions = new Map<NodeId, Session>()
  /** Since when there is no session with a present member. */
  readonly #apart = new Map<NodeId, number>()
  /** Whose session has closed since it was last heard of as alive: a refused dial then means a dead process. */
  readonly #closed = new Set<NodeId>()
  readonly #suspectUntilMs = new Map<NodeId, number>()
  #self: MemberRow
  #ring: NodeId[] = []
  #probeCount = 0
  #nextProbeMs: number

  constructor(init: {
    readonly self: MemberRow
    readonly timings: Timings
    readonly prng: Prng
    readonly nowMs: number
    readonly emit: (effect: MembershipEffect) => void
  }) {
    this.#self = init.self
    this.#timings = init.timings
    this.#prng = init.prng
    this.#emit = init.emit
    this.#contacts = new Contacts(init.self.id, init.timings, init.prng.fork('contacts'))
    this.#nextProbeMs = init.nowMs + init.timings.probePeriodMs
    this.table.merge(init.self)
  }

  get self(): MemberRow {
    return this.#self
  }

  /** Every node that takes part, this one included, in the order in which they became known. */
  present(): MemberRow[] {
    return [...this.table.rows()].filter(isPresent)
  }

  /** Whether the run takes part now. */
  isPresent(run: Run): boolean {
    const row = this.table.get(run.id)
    return row !== undefined && row.boot === run.boot && isPresent(row)
  }

  /** Whether the run will never take part again, as far as is known: it has died, left, or been followed by another. */
  isGone(run: Run): boolean {
    const row = this.table.get(run.id)
    return row !== undefined && (row.boot > run.boot || (row.boot === run.boot && !isPresent(row)))
  }

  isConnected(peer: NodeId): boolean {
    return this.#sessions.has(peer)
  }

  connected(): NodeId[] {
    return [...this.#sessions.keys()]
  }

  problems(): ContactProblem[] {
    return this.#contacts.problems()
  }

  addSeed(address: string, nowMs: number): void {
    this.#contacts.addSeed(address, nowMs)
  }

  removeSeed(address: string): void {
    this.#contacts.removeSeed(address)
  }

  onDiscovered(peer: NodeId, addresses: readonly string[], nowMs: number): void {
    this.#contacts.note(peer, addresses, nowMs)
  }

  onDialled(key: string, peer: NodeId, nowMs: number): void {
    this.#contacts.onDialled(key, peer, nowMs)
  }

  onPeerUp(peer: NodeId, nowMs: number): void {
    this.#sessions.set(peer, { heardMs: nowMs, probedMs: undefined })
    this.#apart.delete(peer)
    this.#closed.delete(peer)
    this.#contacts.onPeerUp(peer)
  }

  onPeerDown(peer: NodeId, nowMs: number): void {
    this.#sessions.delete(peer)
    this.#apart.set(peer, nowMs)
    this.#closed.add(peer)
    this.#contacts.onPeerDown(peer, nowMs)
  }

  onDialFailed(key: string, failure: DialFailure, reason: string, nowMs: number): void {
    const peer = this.#contacts.onDialFailed(key, failure, reason, nowMs)
    if (peer === undefined || failure !== 'refused' || !this.#closed.delete(peer)) return
    this.#suspect(peer, nowMs, this.#timings.suspicionFastMs)
  }

  onHeard(peer: NodeId, nowMs: number): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    session.heardMs = nowMs
    session.probedMs = undefined
  }

  /** `alive`: it knows what the mesh knows, and takes work; `leaving`: it takes no more; `left`: it is gone. */
  declareSelf(status: 'alive' | 'leaving' | 'left'): void {
    this.#writeSelf({ ...this.#self, seq: this.#self.seq + 1, status })
  }

  /** Takes in a row that somebody else has sent. */
  merge(row: MemberRow, nowMs: number): void {
    if (row.id === this.#self.id) this.#mergeOwn(row)
    else if (row.status === 'dead' && this.#isHeard(row, nowMs)) this.#warn(row)
    else this.#apply(row, nowMs, false)
  }

  tick(nowMs: number): void {
    const lateMs = nowMs - this.#nextProbeMs
    if (lateMs >= 0) {
      // Whoever has slept cannot judge others by what they did not answer meanwhile.
      if (lateMs >= this.#timings.probeTimeoutMs / 2) this.#forgive(nowMs)
      this.#judge(nowMs)
      this.#probe(nowMs)
      this.#nextProbeMs = nowMs + this.#timings.probePeriodMs
    }
    for (const [id, untilMs] of this.#suspectUntilMs) {
      if (untilMs <= nowMs) this.#decide(id, nowMs)
    }
    for (const dial of this.#contacts.take(nowMs)) this.#emit({ kind: 'dial', ...dial })
  }

  wakeAtMs(): number {
    return Math.min(this.#nextProbeMs, this.#contacts.wakeAtMs(), ...this.#suspectUntilMs.values())
  }

  #mergeOwn(row: MemberRow): void {
    if (row.boot > this.#self.boot) this.#emit({ kind: 'replaced', by: { id: row.id, boot: row.boot } })
    else if (compareMembers(row, this.#self) > 0) this.#writeSelf({ ...this.#self, seq: row.seq + 1 })
  }

  #writeSelf(row: MemberRow): void {
    const before = this.#self
    this.#self = row
    this.table.merge(row)
    this.#emit({ kind: 'member-changed', row, before, authored: true })
  }

  #apply(row: MemberRow, nowMs: number, authored: boolean): void {
    const before = this.table.get(row.id)
    const merged = this.table.merge(row)
    if (merged === undefined) return
    if (merged.status === 'left') this.#contacts.forget(merged.id)
    else this.#contacts.note(merged.id, merged.addresses, nowMs)
    if (merged.status !== 'suspect') {
      this.#suspectUntilMs.delete(merged.id)
    } else if (!this.#suspectUntilMs.has(merged.id)) {
      this.#suspectUntilMs.set(merged.id, nowMs + this.#timings.suspicionMs)
      this.#warn(merged)
    }
    if (!this.#sessions.has(merged.id) && isPresent(merged) && (before === undefined || !isPresent(before))) {
      this.#apart.set(merged.id, nowMs)
    }
    this.#emit({ kind: 'member-changed', row: merged, before, authored })
  }

  /** Tells a node what is said of it, so that it can refute at once. */
  #warn(row: MemberRow): void {
    if (!this.#sessions.has(row.id)) return
    this.#emit({ kind: 'send', to: row.id, message: { kind: 'rows', rows: { ...NO_ROWS, members: [row] } } })
  }

  /** Whether the node of `row` speaks to us while others call it dead: our own ears come first. */
  #isHeard(row: MemberRow, nowMs: number): boolean {
    const session = this.#sessions.get(row.id)
    const known = this.table.get(row.id)
    return (
      session !== undefined &&
      known !== undefined &&
      known.boot === row.boot &&
      isPresent(known) &&
      nowMs - session.heardMs <= 2 * this.#timings.probePeriodMs
    )
  }

  #suspect(peer: NodeId, nowMs: number, patienceMs: number): void {
    const row = this.table.get(peer)
    if (row === undefined || (row.status !== 'alive' && row.status !== 'leaving' && row.status !== 'suspect'))
      return
    const untilMs = nowMs + patienceMs
    this.#suspectUntilMs.set(peer, Math.min(untilMs, this.#suspectUntilMs.get(peer) ?? Infinity))
    if (row.status === 'alive') this.#apply({ ...row, status: 'suspect' }, nowMs, true)
  }

  /** A suspect has had its time. If it speaks to us, the warning has been lost, and our own ears come first. */
  #decide(id: NodeId, nowMs: number): void {
    const row = this.table.get(id)
    if (row === undefined) return
    if (!this.#isHeard(row, nowMs)) return this.#apply({ ...row, status: 'dead' }, nowMs, true)
    this.#suspectUntilMs.set(id, nowMs + this.#timings.suspicionMs)
    this.#warn(row)
  }

  #forgive(nowMs: number): void {
    for (const session of this.#sessions.values()) session.probedMs = undefined
    for (const id of this.#apart.keys()) this.#apart.set(id, nowMs)
    for (const [id, untilMs] of this.#suspectUntilMs) {
      this.#suspectUntilMs.set(id, Math.max(untilMs, nowMs + this.#timings.probePeriodMs))
    }
  }

  #judge(nowMs: number): void {
    const { probePeriodMs, probeTimeoutMs, suspicionMs } = this.#timings
    for (const [peer, session] of this.#sessions) {
      if (session.probedMs === undefined || nowMs - session.probedMs < probeTimeoutMs) continue
      session.probedMs = undefined
      this.#suspect(peer, nowMs, suspicionMs)
    }
    for (const [peer, sinceMs] of this.#apart) {
      const row = this.table.get(peer)
      if (row === undefined || !isPresent(row)) this.#apart.delete(peer)
      else if (nowMs - sinceMs >= probePeriodMs + probeTimeoutMs) this.#suspect(peer, nowMs, suspicionMs)
    }
  }

  /** Round robin over a shuffled ring: every member is probed once before any is probed twice. */
  #probe(nowMs: number): void {
    for (let tries = this.#sessions.size; tries >= 0; tries--) {
      if (this.#ring.length === 0) this.#ring = this.#prng.shuffle([...this.#sessions.keys()])
      const peer = this.#ring.pop()
      if (peer === undefined) return
      const session = this.#sessions.get(peer)
      if (session === undefined) continue
      session.probedMs = nowMs
      this.#probeCount += 1
      this.#emit({ kind: 'send', to: peer, message: { kind: 'probe', n: this.#probeCount } })
      return
    }
  }
}
