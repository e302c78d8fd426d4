// pure
/**
 * How nodes end up with the same rows whatever was lost: every second each compares the hash of its tables with
 * one random peer, and where they differ, the two exchange the rows of the buckets that differ. Where nothing changes,
 * it does so ever more seldom: whatever others may have missed, somebody has, in whose tables something has changed.
 *
 *   A: digest → B: buckets → A: rows, want → B: rows
 *             └→ B: agree, where nothing differs, and nothing may come that does
 */

import type { NodeId } from '../ids.ts'
import type { Prng } from '../prng.ts'
import { Answers, type Question } from './answers.ts'
import { LateSpecs } from './late-specs.ts'
import { type Message, NO_ROWS, type Roots, type Rows, TABLES, type Table } from './messages.ts'
import { type MemberRow, compareMembers, isOver } from './member-row.ts'
import { isDenied, overruling } from './overruling.ts'
import { estimatedBytes, inFrames } from './rows.ts'
import type { Tables } from './tables.ts'

/** Each wait is so much longer than the one before, as long as nothing changes here. */
const QUIET_FACTOR = 1.5

/** It waits so many periods at most: who has missed everything that all others were told of is up to date after that. */
const QUIET_PERIODS_MAX = 4

/**
 * Where what differed has come meanwhile, they compare again after so long, once: each of several tables may say so, and
 * each comparison begins one of each table, so that those would grow in number as long as something changes.
 */
const AGAIN_MS = 20

/** Who takes part, is told by everybody to everybody: nobody waits for that. */
const TOLD = TABLES.filter(table => table !== 'members')

export class AntiEntropy {
  readonly #self: NodeId
  readonly #tables: Tables
  readonly #periodMs: number
  readonly #prng: Prng
  readonly #send: (to: NodeId, message: Message) => void
  readonly #isSure: () => boolean
  readonly #onTold: (peer: NodeId) => void
  /** The tables of which each peer may know something yet that it knew as it was met, and this node does not. */
  readonly #owed = new Map<NodeId, Set<Table>>()
  readonly #late: LateSpecs
  readonly #answers = new Answers((peer, question) => this.#answer(peer, question))
  /** Whom to compare with again, and when: in the order of that, as all wait alike. */
  readonly #again = new Map<NodeId, number>()
  /** Members that live, and who has said here that they have died: what they say of that themselves is passed on. */
  readonly #denied = new Map<NodeId, Set<NodeId>>()
  #comparedMs: number
  /** What had changed in the tables by then. */
  #comparedChanges = 0
  #waitMs: number
  /** So that nodes that start together do not go on together. */
  #jitter = 1

  constructor(init: {
    readonly self: NodeId
    readonly tables: Tables
    readonly periodMs: number
    readonly prng: Prng
    readonly nowMs: number
    readonly send: (to: NodeId, message: Message) => void
    /** Whether others may rest on it that nothing is missing where nothing differs. */
    readonly isSure: () => boolean
    /** What the peer knew of specs and of where they run, as it was met, is known here from now on. */
    readonly onTold: (peer: NodeId) => void
  }) {
    this.#self = init.self
    this.#tables = init.tables
    this.#late = new LateSpecs(init.tables)
    this.#periodMs = init.periodMs
    this.#prng = init.prng
    this.#send = init.send
    this.#isSure = init.isSure
    this.#onTold = init.onTold
    this.#comparedMs = init.nowMs
    this.#waitMs = init.periodMs
  }

  tick(peers: readonly NodeId[], nowMs: number): void {
    const soon = new Set([...this.#late.take(nowMs), ...this.#takeAgain(nowMs)])
    for (const peer of soon) if (peers.includes(peer)) this.greet(peer)
    this.#answers.tick(peers, nowMs)
    if (nowMs < this.#turnAtMs()) return
    const waitMs = this.#isQuiet() ? this.#waitMs * QUIET_FACTOR : this.#periodMs
    this.#waitMs = Math.min(waitMs, this.#periodMs * QUIET_PERIODS_MAX)
    this.#comparedMs = nowMs
    this.#comparedChanges = this.#tables.changes
    this.#jitter = this.#prng.between(0.8, 1.2)
    if (peers.length > 0) this.greet(this.#prng.pick(peers))
  }

  wakeAtMs(): number {
    const [againMs = Infinity] = this.#again.values()
    return Math.min(this.#turnAtMs(), this.#late.wakeAtMs(), this.#answers.wakeAtMs(), againMs)
  }

  #turnAtMs(): number {
    return this.#comparedMs + (this.#isQuiet() ? this.#waitMs : this.#periodMs) * this.#jitter
  }

  #isQuiet(): boolean {
    return this.#tables.changes === this.#comparedChanges
  }

  /**
   * Rows have come from a peer, and been taken in: where a phase is of a spec that does not come, they compare soon, and
   * of what it does not know yet to be overruled it is told at once.
   */
  onRows(peer: NodeId, rows: Rows, nowMs: number): void {
    this.#late.note(peer, rows.phases, nowMs)
    for (const row of rows.members) this.#deny(peer, row)
    const overruled = { ...NO_ROWS, ...overruling(this.#tables, rows, this.#self) }
    for (const bundle of inFrames(overruled)) this.#send(peer, { kind: 'rows', rows: bundle })
  }

  /** Whoever has taken it for dead hears of it at once where it is not. */
  onMemberChanged(row: MemberRow): void {
    const tellers = this.#denied.get(row.id)
    // That others doubt it as well says nothing against its death: what it says to that, does.
    if (tellers === undefined || row.status === 'suspect') return
    this.#denied.delete(row.id)
    if (isOver(row)) return
    for (const peer of tellers) this.#send(peer, { kind: 'rows', rows: { ...NO_ROWS, members: [row] } })
  }

  /** Whether `onTold` has been called for the peer since its session began, which goes on. */
  hasTold(peer: NodeId): boolean {
    return this.#owed.get(peer)?.size === 0
  }

  /** A session begins: they compare at once, whatever they have compared before. */
  onPeerUp(peer: NodeId): void {
    this.#owed.set(peer, new Set(TOLD))
    this.greet(peer)
  }

  onPeerDown(peer: NodeId): void {
    this.#owed.delete(peer)
  }

  /** Compares with one peer now. */
  greet(peer: NodeId): void {
    this.#send(peer, { kind: 'digest', roots: this.#tables.roots() })
  }

  onDigest(from: NodeId, roots: Roots): void {
    const own = this.#tables.roots()
    const differing = TABLES.filter(table => own[table] !== roots[table])
    const tables = TABLES.filter(table => !differing.includes(table))
    if (tables.length > 0 && this.#isSure()) this.#send(from, { kind: 'agree', tables })
    for (const table of differing) {
      this.#send(from, { kind: 'buckets', table, digests: this.#tables[table].bucketDigests() })
    }
    this.#note(from, tables)
  }

  onBuckets(from: NodeId, table: Table, digests: readonly string[], nowMs: number): void {
    const own = this.#tables[table].bucketDigests()
    const buckets = own.flatMap((digest, bucket) => (digest === digests[bucket] ? [] : [bucket]))
    // What differed has come by another way meanwhile: ask again, as somebody may be waiting to hear that nothing does.
    if (buckets.length === 0) {
      if (!this.#again.has(from)) this.#again.set(from, nowMs + AGAIN_MS)
      return
    }
    this.#answers.ask(from, { table, buckets: new Set(buckets), isAwaited: false, isAsked: true }, nowMs)
  }

  /** Answered even when there is nothing to tell: whoever asks may be waiting for the answer. Who has just been told much, waits. */
  onWant(from: NodeId, table: Table, buckets: readonly number[], nowMs: number): void {
    this.#answers.ask(from, { table, buckets: new Set(buckets), isAwaited: true, isAsked: false }, nowMs)
    // It has sent its own rows of them before, whatever it knew when it was told how they differ.
    this.#note(from, [table])
  }

  /** The peer has told all that it knows of these tables. */
  #note(peer: NodeId, tables: readonly Table[]): void {
    const owed = this.#owed.get(peer)
    if (owed === undefined || owed.size === 0) return
    for (const table of tables) owed.delete(table)
    if (owed.size === 0) this.#onTold(peer)
  }

  #takeAgain(nowMs: number): NodeId[] {
    const due = [...this.#again].filter(([, atMs]) => atMs <= nowMs).map(([peer]) => peer)
    for (const peer of due) this.#again.delete(peer)
    return due
  }

  /** It has not been taken in, as the member is heard here: that says it is not so, by the next number, when it hears of it. */
  #deny(peer: NodeId, row: MemberRow): void {
    const known = this.#tables.members.get(row.id)
    if (known === undefined || !isDenied(row, known) || compareMembers(row, known) < 0) return
    this.#denied.set(row.id, (this.#denied.get(row.id) ?? new Set()).add(peer))
  }

  /** @returns how much that was, as estimated */
  #answer(to: NodeId, { table, buckets, isAwaited, isAsked }: Question): number {
    const bundles = inFrames(this.#tables.rowsIn(table, buckets))
    if (bundles.length === 0 && isAwaited) bundles.push(NO_ROWS)
    for (const rows of bundles) this.#send(to, { kind: 'rows', rows })
    if (isAsked) this.#send(to, { kind: 'want', table, buckets: [...buckets] })
    return bundles.reduce((sum, rows) => sum + estimatedBytes(rows), 0)
  }
}
