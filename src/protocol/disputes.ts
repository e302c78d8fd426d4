// pure
/**
 * Who is dead for this node, and lives for others: where the sides of a split meet, a node hears what runs where on the other
 * one before all of those nodes have said that they live. What the other side has given them is not taken for lost meanwhile.
 */

import type { NodeId, Run } from '../ids.ts'
import type { MemberRow } from './member-row.ts'
import type { Timings } from './timings.ts'

/** Who has been dead for no longer than so many periods is given something by those who have not heard of that yet. */
const SPLIT_PERIODS = 2

/** It has so many periods to say that it lives: whoever has given it something tells it what others say of it. */
const WAIT_PERIODS = 4

/** Who has died, as far as this node knows, and since or until when. */
interface Death {
  readonly row: MemberRow
  readonly ms: number
}

export class Disputes {
  readonly #periodMs: number
  /** Since when they are dead, of whom nobody has said otherwise yet. */
  readonly #deaths = new Map<NodeId, Death>()
  /** Until when others may be right who have said so. */
  readonly #open = new Map<NodeId, Death>()

  constructor({ probePeriodMs }: Timings) {
    this.#periodMs = probePeriodMs
  }

  /** The row of a member is this from now on. */
  follow(row: MemberRow, nowMs: number): void {
    this.forget(row.id)
    if (row.status === 'dead') this.#deaths.set(row.id, { row, ms: nowMs })
  }

  /** Nothing is known of it any more. */
  forget(id: NodeId): void {
    this.#deaths.delete(id)
    this.#open.delete(id)
  }

  /** Others have given it something to run. */
  hear({ id, boot }: Run, nowMs: number): void {
    const { row, ms = nowMs } = this.#deaths.get(id) ?? {}
    if (row?.boot !== boot || nowMs - ms <= SPLIT_PERIODS * this.#periodMs) return
    this.#deaths.delete(id)
    this.#open.set(id, { row, ms: nowMs + WAIT_PERIODS * this.#periodMs })
  }

  has({ id, boot }: Run): boolean {
    return this.#open.get(id)?.row.boot === boot
  }

  /** Takes those who have not said that they live: they have died. */
  take(nowMs: number): MemberRow[] {
    const over = [...this.#open.values()].filter(({ ms }) => ms <= nowMs)
    for (const { row } of over) this.#open.delete(row.id)
    return over.map(({ row }) => row)
  }

  wakeAtMs(): number {
    return Math.min(...[...this.#open.values()].map(({ ms }) => ms))
  }
}
