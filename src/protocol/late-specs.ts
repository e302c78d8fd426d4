// pure
/**
 * Specs that have not come, of phases that have: a node passes on what it says of a group itself, and not the spec, which
 * it may have from one whom others do not reach. Whoever has told of the phase has the spec as well, so it is compared
 * with soon; by its turn, that might take several seconds.
 */

import type { NodeId, SpecId } from '../ids.ts'
import { type Hlc, compareHlc } from './hlc.ts'
import type { Phase } from './phase.ts'
import type { Tables } from './tables.ts'

/** What was sent along with the phase, or by somebody else at the same time, has come by then: as a rule, all is well. */
const LATE_MS = 100

interface Late {
  /** Who has told of the phase last. */
  peer: NodeId
  readonly atMs: number
}

export class LateSpecs {
  readonly #tables: Tables
  /** In the order of `atMs`, as all wait alike. */
  readonly #late = new Map<SpecId, Late>()

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** `phases` have come from `peer`, and are in the tables where they are newer than what was there. */
  note(peer: NodeId, phases: readonly Phase[], nowMs: number): void {
    for (const { spec, specVersion } of phases) {
      if (!this.#isLate(spec) || this.#isOutdated(spec, specVersion)) continue
      const known = this.#late.get(spec)
      if (known === undefined) this.#late.set(spec, { peer, atMs: nowMs + LATE_MS })
      else known.peer = peer
    }
  }

  /** Takes whom to compare with now, each once: those who have told of phases of which the specs have not come since. */
  take(nowMs: number): ReadonlySet<NodeId> {
    const peers = new Set<NodeId>()
    for (const [spec, { peer, atMs }] of this.#late) {
      if (atMs > nowMs) break
      this.#late.delete(spec)
      if (this.#isLate(spec)) peers.add(peer)
    }
    return peers
  }

  /** When there is something to take; Infinity: never. */
  wakeAtMs(): number {
    for (const { atMs } of this.#late.values()) return atMs
    return Infinity
  }

  /** Whether the phase that is here is of a later version of the spec: who knows that one only, has not told of it. */
  #isOutdated(spec: SpecId, version: Hlc): boolean {
    const phase = this.#tables.phases.get(spec)
    return phase !== undefined && compareHlc(version, phase.specVersion) < 0
  }

  /** Whether the phase was made for a version of the spec that is not known here. */
  #isLate(spec: SpecId): boolean {
    const phase = this.#tables.phases.get(spec)
    if (phase === undefined) return false
    const row = this.#tables.specs.get(spec)
    return row === undefined || compareHlc(row.version, phase.specVersion) < 0
  }
}
