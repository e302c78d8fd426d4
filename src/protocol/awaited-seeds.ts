// pure
/** The seeds that are dialled, of which nothing has come yet: they are told of when that lasts. */

/**
 * A dial of a seed that has no outcome by then is told of, and goes on. Whoever is frozen is broken off after twice that time
 * only, as an honest node that forms with thirty others on two cores takes up to ten seconds for a session.
 */
export const SILENCE_MS = 10_000

export const STILL_NO_ANSWER = `no answer for ${SILENCE_MS / 1_000} s, and it is still waited for: its process is frozen or too busy, or is no meshvisor, or nothing comes back from its host; check what listens there`

export class AwaitedSeeds {
  /** When the dial of each began: oldest first. */
  readonly #begunMs = new Map<string, number>()

  onDial(key: string, nowMs: number): void {
    this.#begunMs.delete(key)
    this.#begunMs.set(key, nowMs)
  }

  /** Something has come of the dial, or nobody waits for it any more. */
  end(key: string): void {
    this.#begunMs.delete(key)
  }

  /** Those whose dials have had no outcome for `SILENCE_MS`: each once. */
  take(nowMs: number): { readonly key: string; readonly begunMs: number }[] {
    const silent = []
    for (const [key, begunMs] of this.#begunMs) {
      if (begunMs + SILENCE_MS > nowMs) break
      this.#begunMs.delete(key)
      silent.push({ key, begunMs })
    }
    return silent
  }

  /** When `take` is due; Infinity: never, as things are. */
  wakeAtMs(): number {
    for (const begunMs of this.#begunMs.values()) return begunMs + SILENCE_MS
    return Infinity
  }
}
