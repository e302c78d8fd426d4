/**
 * I5: a node that has stood still for long judges nobody by what came of it. What it asks when it goes on is answered by
 * the end of a probe period at the earliest: whom it calls suspect or dead before, somebody else has called so.
 */

import { type MemberRow, compareMembers } from '../../src/protocol/member-row.ts'
import type { RecordStore } from '../../src/protocol/record-store.ts'
import { LAN_TIMINGS } from '../../src/protocol/timings.ts'
import type { SimulatedMesh } from '../../src/testing.ts'
import { InvariantError } from './invariant-error.ts'

export class ThawWatch {
  readonly #mesh: SimulatedMesh
  readonly #id: string
  readonly #members: RecordStore<MemberRow>
  readonly #untilMs: number
  readonly #seen: Map<string, MemberRow>

  /** The node is about to go on. */
  constructor(mesh: SimulatedMesh, id: string) {
    this.#mesh = mesh
    this.#id = id
    this.#members = mesh.node(id).inspect().core.ledger.tables.members
    this.#untilMs = mesh.nowMs + LAN_TIMINGS.probePeriodMs
    this.#seen = new Map([...this.#members.rows()].map(row => [row.id, row]))
  }

  get isOver(): boolean {
    return this.#mesh.nowMs >= this.#untilMs
  }

  /** Looks at what it has found since the last time. @throws {InvariantError} when nobody else has */
  look(): void {
    if (this.isOver) return
    for (const row of this.#members.rows()) {
      if (this.#seen.get(row.id) === row) continue
      this.#seen.set(row.id, row)
      const isFound = row.status === 'suspect' || row.status === 'dead'
      if (!isFound || this.#isShared(row)) continue
      const { boot, seq, status } = row
      throw new InvariantError(
        `I5: ${this.#id} wakes up and finds ${row.id} boot ${boot} seq ${seq} ${status}, and nobody else does`,
      )
    }
  }

  #isShared(row: MemberRow): boolean {
    // One that is leaving is a member still, and may be the one who has found it (seed 5000022).
    const others = [...this.#mesh.up, ...this.#mesh.leaving].filter(other => other !== this.#id)
    return others.some(other => {
      const known = this.#mesh.node(other).inspect().core.ledger.tables.members.get(row.id)
      return known !== undefined && compareMembers(known, row) >= 0
    })
  }
}
