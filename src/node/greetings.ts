// pure
/** How sessions begin: what this node says first, who has said hello, and who still owes it. */

import type { NodeId } from '../ids.ts'
import type { MemberRow } from '../protocol/member-row.ts'
import { type Message, NO_ROWS } from '../protocol/messages.ts'
import { inFrames } from '../protocol/rows.ts'

/**
 * Whoever has connected and says nothing for so long is hung up on: twice the time that a session takes where thirty nodes
 * start on two cores. Such a session would hide that nobody is there, as its address has answered.
 */
export const HELLO_MS = 20_000

/** A hello that comes by and by, over a slow link, has so long in all. */
const HELLO_MAX_MS = 5 * HELLO_MS

export const NO_HELLO = `it has connected, and not said hello for ${HELLO_MS / 1_000} s: its process is frozen or too busy, or it is no node of this mesh; look into its log`

interface Owed {
  readonly sinceMs: number
  heardMs: number
}

export class Greetings {
  readonly #profile: string
  readonly #greeted = new Set<NodeId>()
  readonly #owed = new Map<NodeId, Owed>()

  constructor(profile: string) {
    this.#profile = profile
  }

  /** @returns what this node says first: who it is, and of whom it knows */
  onPeerUp(peer: NodeId, self: MemberRow, members: readonly MemberRow[], nowMs: number): Message[] {
    this.#owed.set(peer, { sinceMs: nowMs, heardMs: nowMs })
    const { id, boot, protocol } = self
    const [first = NO_ROWS, ...others] = inFrames({ ...NO_ROWS, members })
    const rest = others.map((rows): Message => ({ kind: 'rows', rows }))
    return [{ kind: 'hello', protocol, run: { id, boot }, profile: this.#profile, rows: first }, ...rest]
  }

  onPeerDown(peer: NodeId): void {
    this.#owed.delete(peer)
    this.#greeted.delete(peer)
  }

  /** Something has come from the peer: perhaps the beginning of its hello. */
  onHeard(peer: NodeId, nowMs: number): void {
    const owed = this.#owed.get(peer)
    if (owed !== undefined) owed.heardMs = nowMs
  }

  onHello(peer: NodeId): void {
    this.#owed.delete(peer)
    this.#greeted.add(peer)
  }

  hasGreeted(peer: NodeId): boolean {
    return this.#greeted.has(peer)
  }

  /** Those whose hello is too late: each once. */
  take(nowMs: number): NodeId[] {
    const mute = [...this.#owed].filter(([, owed]) => dueMs(owed) <= nowMs).map(([peer]) => peer)
    for (const peer of mute) this.#owed.delete(peer)
    return mute
  }

  /** When `take` is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    return Math.min(Infinity, ...[...this.#owed.values()].map(dueMs))
  }
}

function dueMs({ sinceMs, heardMs }: Owed): number {
  return Math.min(heardMs + HELLO_MS, sinceMs + HELLO_MAX_MS)
}
