// pure
/**
 * News of members that rides on probes and their answers: the newest first, each so often that it reaches everybody
 * with near certainty (SWIM §4.1), and no more.
 */

import type { NodeId } from '../ids.ts'
import { payloadBytesMax } from '../payload.ts'
import type { MemberRow } from './member-row.ts'
import type { Accusation } from './suspicions.ts'

/** What one message carries. */
export interface News {
  readonly members: readonly MemberRow[]
  readonly accusations: readonly Accusation[]
}

const NO_NEWS: News = { members: [], accusations: [] }

/** So much news fits on one probe: 8 rows are about 2 KiB. */
export const PIGGYBACK_MAX = 8

/**
 * More rows than come to so much, reckoned at their largest, do not go together: a larger row goes alone. Forty times what
 * eight rows come to, most of which is room for what their nodes can run.
 */
export const PIGGYBACK_BYTES_MAX = 128 * 1024

/** News that waits beyond this is dropped, what was told most often first. Anti-entropy brings it. */
export const NEWS_MAX = 512

/** memberlist's `RetransmitMult`. */
const TRANSMISSIONS_PER_DIGIT = 4

interface Item {
  readonly row: MemberRow | undefined
  readonly accusation: Accusation | undefined
  /** Of the row. */
  readonly bytes: number
  left: number
}

export class Dissemination {
  readonly #items = new Map<string, Item>()

  get size(): number {
    return this.#items.size
  }

  /** A row has changed; `count`: nodes in the mesh. It takes the place of what was to be told of that member. */
  addRow(row: MemberRow, count: number): void {
    this.#add(row.id, { row, accusation: undefined, bytes: payloadBytesMax(row), left: transmissions(count) })
  }

  addAccusation(accusation: Accusation, count: number): void {
    const key = `${accusation.run.id} ${accusation.by}`
    this.#add(key, { row: undefined, accusation, bytes: 0, left: transmissions(count) })
  }

  /** What the next message to `peer` carries: what was told least often, the newest first. */
  take(peer: NodeId): News {
    if (this.#items.size === 0) return NO_NEWS
    const waiting = [...this.#items]
      .filter(([, { row }]) => row?.id !== peer || row.status === 'suspect' || row.status === 'dead')
      .toReversed()
      .toSorted(([, a], [, b]) => b.left - a.left)
    const chosen = fitting(waiting)
    for (const [key, item] of chosen) {
      item.left -= 1
      if (item.left <= 0) this.#items.delete(key)
    }
    return {
      members: chosen.flatMap(([, { row }]) => (row === undefined ? [] : [row])),
      accusations: chosen.flatMap(([, { accusation }]) => (accusation === undefined ? [] : [accusation])),
    }
  }

  #add(key: string, item: Item): void {
    this.#items.delete(key)
    this.#items.set(key, item)
    if (this.#items.size <= NEWS_MAX) return
    let [stalest, fewest] = [key, Infinity]
    for (const [candidate, { left }] of this.#items) {
      if (left < fewest) [stalest, fewest] = [candidate, left]
    }
    this.#items.delete(stalest)
  }
}

/** Those of them that go together, the first among them. What has to wait comes sooner the next time. */
function fitting(waiting: readonly [string, Item][]): [string, Item][] {
  const chosen: [string, Item][] = []
  let bytes = 0
  for (const each of waiting) {
    const [, item] = each
    if (bytes > 0 && item.bytes > 0 && bytes + item.bytes > PIGGYBACK_BYTES_MAX) continue
    bytes += item.bytes
    if (chosen.push(each) >= PIGGYBACK_MAX) break
  }
  return chosen
}

/** 4 · ⌈log10(N + 1)⌉: four for each digit of N. */
function transmissions(count: number): number {
  return TRANSMISSIONS_PER_DIGIT * String(count).length
}
