// pure
/**
 * Claims and phases of specs that this node does not know. As a rule the spec is on its way: then what was said of it is
 * there already. Where it never comes, nobody would ever drop them, and anti-entropy would bring them to all. So they are
 * no part of the tables: neither counted in digests nor told to anybody, kept for a while, as far as there is room. A peer
 * that compares its rows sends a spec together with its claim and phase, so what is missing comes by then.
 */

import { type SpecId, specOfSlot } from '../ids.ts'
import { payloadBytesMax } from '../payload.ts'
import { type Claim, claims } from './claim.ts'
import { CONTROL_MESSAGE_BYTES_MAX } from './messages.ts'
import { type Phase, phases } from './phase.ts'

/** So long they are kept: comparisons of rows that would bring the spec are a few seconds apart in every profile. */
export const STRAY_MS = 60_000

/** They are of so many specs at most: of more, those that came first stay, as their specs are to come first as well. */
export const STRAYS_MAX = 4_096

/** So large they are together at most, as estimated, which is up to three times as much: the largest row has room. */
export const STRAYS_BYTES_MAX = 4 * CONTROL_MESSAGE_BYTES_MAX

/** What is known of where a spec runs. */
export interface Whereabouts {
  readonly claim?: Claim | undefined
  readonly phase?: Phase | undefined
}

interface Stray extends Whereabouts {
  readonly bytes: number
  readonly untilMs: number
}

export class Strays {
  /** In the order of `untilMs`, as all are kept for equally long. */
  readonly #held = new Map<SpecId, Stray>()
  #bytes = 0

  /** Of how many specs something is kept. */
  get size(): number {
    return this.#held.size
  }

  /** What they take as messages, estimated: no less than that. */
  get bytes(): number {
    return this.#bytes
  }

  find(spec: SpecId): Whereabouts | undefined {
    return this.#held.get(spec)
  }

  /** Joins a claim into what is kept. @returns it as it is now, or undefined when nothing has changed */
  mergeClaim(claim: Claim, nowMs: number): Claim | undefined {
    const spec = specOfSlot(claim.slot)
    const known = this.#held.get(spec)
    const joined = known?.claim === undefined ? claim : claims.join(known.claim, claim)
    if (joined === known?.claim) return undefined
    return this.#hold(spec, { claim: joined, phase: known?.phase }, nowMs)?.claim
  }

  /** The same of a phase. */
  mergePhase(phase: Phase, nowMs: number): Phase | undefined {
    const known = this.#held.get(phase.spec)
    const joined = known?.phase === undefined ? phase : phases.join(known.phase, phase)
    if (joined === known?.phase) return undefined
    return this.#hold(phase.spec, { claim: known?.claim, phase: joined }, nowMs)?.phase
  }

  /** Takes out what is kept of a spec. */
  take(spec: SpecId): Whereabouts {
    const known = this.#held.get(spec)
    if (known === undefined) return {}
    this.#held.delete(spec)
    this.#bytes -= known.bytes
    return known
  }

  /** Drops what was kept for long enough. */
  tick(nowMs: number): void {
    for (const [spec, { untilMs }] of this.#held) {
      if (untilMs > nowMs) return
      this.take(spec)
    }
  }

  /** When there is something to drop; Infinity: never. */
  wakeAtMs(): number {
    for (const { untilMs } of this.#held.values()) return untilMs
    return Infinity
  }

  /**
   * From when something of the spec came first: who repeats it does not prolong it.
   * @returns what is kept now; undefined where there is no room for it, or it has no size that can be told
   */
  #hold(spec: SpecId, what: Whereabouts, nowMs: number): Whereabouts | undefined {
    const known = this.#held.get(spec)
    if (known === undefined && this.#held.size >= STRAYS_MAX) return undefined
    const bytes = sizeOf(what)
    const all = this.#bytes + bytes - (known?.bytes ?? 0)
    if (all > STRAYS_BYTES_MAX) return undefined
    this.#held.set(spec, { ...what, bytes, untilMs: known?.untilMs ?? nowMs + STRAY_MS })
    this.#bytes = all
    return what
  }
}

function sizeOf({ claim, phase }: Whereabouts): number {
  return (
    (claim === undefined ? 0 : payloadBytesMax(claim)) + (phase === undefined ? 0 : payloadBytesMax(phase))
  )
}
