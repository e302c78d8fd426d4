// pure
/** For how long the view of this node has been as it is, and since when nobody has come to it. */

import type { Ledger } from '../ledger.ts'
import type { Now } from '../now.ts'

export class Settling {
  readonly #stableMs: number
  #hash = ''
  #ids: ReadonlySet<string> = new Set()
  /** Those of them that have come, or are back, one soon after the other. */
  readonly #comers = new Set<string>()
  #changedMs = 0
  #grown: Now = { ms: -Infinity, wallMs: -Infinity }

  /** @param stableMs a view is settled when it has not changed for so long */
  constructor(stableMs: number) {
    this.#stableMs = stableMs
  }

  /** From then on, the view counts as settled. */
  get settledAtMs(): number {
    return this.#changedMs + this.#stableMs
  }

  /** Until then, whoever has come, or is back, may not have heard all that the others know, nor they what it knows. */
  get meetingUntilMs(): number {
    return this.#grown.ms + this.#stableMs
  }

  /** When the last other node has come, or is back: milliseconds since 1970. */
  get metWallMs(): number {
    return this.#grown.wallMs
  }

  /** Whether the node is in the view, and was before the last ones came: it was on the side of this one. */
  wasThere(id: string): boolean {
    return this.#ids.has(id) && !this.#comers.has(id)
  }

  follow(ledger: Pick<Ledger, 'run' | 'view' | 'viewHash'>, now: Now): void {
    const hash = ledger.viewHash()
    if (hash === this.#hash) return
    const ids = new Set(ledger.view().map(({ id }) => id))
    const comers = [...ids].filter(id => !this.#ids.has(id) && id !== ledger.run.id)
    if (comers.length > 0) {
      if (now.ms >= this.meetingUntilMs) this.#comers.clear()
      for (const id of comers) this.#comers.add(id)
      this.#grown = now
    }
    this.#hash = hash
    this.#ids = ids
    this.#changedMs = now.ms
  }
}
