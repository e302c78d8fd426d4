// pure
/**
 * Phases that were made for a version of the spec that this node does not know: read with an older one, they would stop
 * workers that are wanted. The version comes as the phase has come. Only where all who had it are gone it never does, and
 * then the spec goes on as it is known here.
 */

import type { SpecId } from '../../ids.ts'
import { compareHlc } from '../../protocol/hlc.ts'
import type { Phase } from '../../protocol/phase.ts'
import { type SpecRow, hlcText } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import type { Ledger } from '../ledger.ts'

/** Twice the longest time between two comparisons of rows, and as long as sides take that have found each other again. */
const SPEC_WAIT_MS = 10_000

interface Wait {
  /** What is waited for. */
  readonly version: string
  readonly untilMs: number
}

export class EarlyPhases {
  readonly #ledger: Pick<Ledger, 'tables' | 'touch'>
  readonly #waits = new Map<SpecId, Wait>()
  readonly #deadlines = new Deadlines<SpecId>()

  constructor(ledger: Pick<Ledger, 'tables' | 'touch'>) {
    this.#ledger = ledger
  }

  /** Whether the phase of the spec is to be left alone for now. */
  isEarly({ id, version }: SpecRow, nowMs: number): boolean {
    const phase = this.#ledger.tables.phases.get(id)
    if (phase === undefined || compareHlc(phase.specVersion, version) <= 0) {
      this.#waits.delete(id)
      return false
    }
    const wanted = hlcText(phase.specVersion)
    const known = this.#waits.get(id)
    const wait = known?.version === wanted ? known : { version: wanted, untilMs: nowMs + SPEC_WAIT_MS }
    this.#waits.set(id, wait)
    if (wait.untilMs <= nowMs) return false
    this.#deadlines.set(id, wait.untilMs)
    return true
  }

  /** The phase by which the spec goes; undefined: there is none, or it is early. */
  find(row: SpecRow, nowMs: number): Phase | undefined {
    return this.isEarly(row, nowMs) ? undefined : this.#ledger.tables.phases.get(row.id)
  }

  tick(nowMs: number): void {
    for (const id of this.#deadlines.take(nowMs)) {
      if (this.#ledger.tables.specs.get(id) === undefined) this.#waits.delete(id)
      this.#ledger.touch(id)
    }
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }
}
