// pure
/** What a peer asks for of a table, and when it is told: at once, unless it has just been told very much. */

import type { NodeId } from '../ids.ts'
import type { Table } from './messages.ts'

/**
 * So much a peer is told of one table, as estimated: a burst at once, whatever was begun within it, and so much a second after it.
 * Of 10,000 workers it is some 19 MB, so that who joins waits for nothing that it has not been told already. To make a mebibyte of
 * it takes some 7 ms of a slow core.
 */
export const ANSWERED = { bytesPerSecond: 4 * 1024 * 1024, burstBytes: 16 * 1024 * 1024 } as const

/** What a peer is to be told of a table. */
export interface Question {
  readonly table: Table
  /** May be empty. */
  readonly buckets: ReadonlySet<number>
  /** It waits for an answer, also where there is nothing to tell. */
  readonly isAwaited: boolean
  /** It is asked for the same then: whoever hears that has been told what is known here. */
  readonly isAsked: boolean
}

/** What a peer was told of a table, and has asked for since. */
interface Account {
  /** Of what it was told, so much is more than its rate, as of `atMs`. */
  bytes: number
  atMs: number
  /** Is answered as soon as that is within the burst. */
  question: Question | undefined
}

export class Answers {
  readonly #tell: (peer: NodeId, question: Question) => number
  readonly #accounts = new Map<NodeId, Map<Table, Account>>()

  /** `tell`: returns how much that was, in bytes. */
  constructor(tell: (peer: NodeId, question: Question) => number) {
    this.#tell = tell
  }

  /** However often it is asked for: what waits is told once. */
  ask(peer: NodeId, { table, buckets, isAwaited, isAsked }: Question, nowMs: number): void {
    const tables = this.#accounts.get(peer) ?? new Map<Table, Account>()
    const account = tables.get(table) ?? { bytes: 0, atMs: nowMs, question: undefined }
    this.#accounts.set(peer, tables.set(table, account))
    const before = account.question
    account.question = {
      table,
      buckets: new Set([...(before?.buckets ?? []), ...buckets]),
      isAwaited: isAwaited || before?.isAwaited === true,
      isAsked: isAsked || before?.isAsked === true,
    }
    this.#settle(peer, account, nowMs)
  }

  /** Tells what has waited, and forgets those with whom there is no session. */
  tick(peers: readonly NodeId[], nowMs: number): void {
    if (this.#accounts.size === 0) return
    const connected = new Set(peers)
    for (const [peer, tables] of this.#accounts) {
      for (const [table, account] of tables) {
        if (connected.has(peer)) this.#settle(peer, account, nowMs)
        if (account.question === undefined && bytesLeft(account, nowMs) === 0) tables.delete(table)
      }
      if (!connected.has(peer) || tables.size === 0) this.#accounts.delete(peer)
    }
  }

  /** When something that has waited may be told; Infinity: nothing waits. */
  wakeAtMs(): number {
    let atMs = Infinity
    for (const tables of this.#accounts.values())
      for (const account of tables.values())
        if (account.question !== undefined) atMs = Math.min(atMs, dueMs(account))
    return atMs
  }

  #settle(peer: NodeId, account: Account, nowMs: number): void {
    const { question } = account
    if (question === undefined || nowMs < dueMs(account)) return
    account.question = undefined
    account.bytes = bytesLeft(account, nowMs) + this.#tell(peer, question)
    account.atMs = nowMs
  }
}

function bytesLeft({ bytes, atMs }: Account, nowMs: number): number {
  return Math.max(0, bytes - ((nowMs - atMs) / 1_000) * ANSWERED.bytesPerSecond)
}

function dueMs({ bytes, atMs }: Account): number {
  return atMs + (Math.max(0, bytes - ANSWERED.burstBytes) / ANSWERED.bytesPerSecond) * 1_000
}
