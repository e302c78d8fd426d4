// pure
/**
 * Specs that have not come, of phases that have: a node passes on what it says of a group itself, and not the spec, which
 * it may have from one whom others do not reach. Whoever has told of the phase has the spec as well, so it is compared
 * with soon; by its turn, that might take several seconds.
 */

import type { NodeId, SpecId } from '../ids.ts'
import { compareHlc } from './hlc.ts'
import type { Phase } from './phase.ts'
import { STRAYS_MAX } from './strays.ts'
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
  /** In the order of `atMs`, as all wait alike; `STRAYS_MAX` at most: of more, one comparison brings as many specs. */
  readonly #late = new Map<SpecId, Late>()
  /** Who was compared with for a phase. Whoever goes on telling of it, and has no spec, is asked again by its turn only. */
  readonly #asked = new WeakMap<Phase, Set<NodeId>>()

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** `phases` have come from `peer`, and are in the tables where they are newer than what was there. */
  note(peer: NodeId, phases: readonly Phase[], nowMs: number): void {
    for (const { spec, specVersion } of phases) {
      const phase = this.#findLate(spec)
      if (phase === undefined || compareHlc(specVersion, phase.specVersion) < 0) continue
      if (this.#asked.get(phase)?.has(peer) === true) continue
      const known = this.#late.get(spec)
      if (known !== undefined) known.peer = peer
      else if (this.#late.size < STRAYS_MAX) this.#late.set(spec, { peer, atMs: nowMs + LATE_MS })
    }
  }

  /** Takes whom to compare with now, each once: those who have told of phases of which the specs have not come since. */
  take(nowMs: number): ReadonlySet<NodeId> {
    const peers = new Set<NodeId>()
    for (const [spec, { peer, atMs }] of this.#late) {
      if (atMs > nowMs) break
      this.#late.delete(spec)
      const phase = this.#findLate(spec)
      if (phase === undefined) continue
      peers.add(peer)
      this.#asked.set(phase, (this.#asked.get(phase) ?? new Set()).add(peer))
    }
    return peers
  }

  /** When there is something to take; Infinity: never. */
  wakeAtMs(): number {
    for (const { atMs } of this.#late.values()) return atMs
    return Infinity
  }

  /**
   * The phase that is here, where it was made for a version of the spec that is not known. Who tells of one for an older
   * version knows that one only.
   */
  #findLate(spec: SpecId): Phase | undefined {
    const { phase } = this.#tables.placesOf(spec)
    const version = this.#tables.specs.get(spec)?.version
    if (phase === undefined || version === undefined) return phase
    return compareHlc(version, phase.specVersion) < 0 ? phase : undefined
  }
}
