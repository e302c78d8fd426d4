// pure
/** What placement knows of the mesh: the nodes that may own something, and a hash that tells views apart. */

import { type Hash64, HashSum, hash64 } from '../hash.ts'
import { score } from './score.ts'
import { byCodeUnits } from '../text-order.ts'
import type { Decline } from './unit.ts'

/**
 * The rules of placement that this program follows. Raised when anything that changes an owner is changed: nodes of
 * different rules must not place side by side.
 */
export const PLACEMENT_VERSION = 1

/** A node that can own units, as its member row says. */
export interface Candidate {
  readonly id: string
  /** A node of weight 2 gets twice the units of one of weight 1. Counts in steps of 1/1024. */
  readonly weight: number
  /** Nodes of one zone are near each other. May be empty. */
  readonly zone: string
  readonly labels: Readonly<Record<string, string>>
  /** `name@version` of every behaviour that it can run. */
  readonly behaviours: readonly string[]
  /** On its way out: keeps what it has, gets nothing new. */
  readonly draining: boolean
  /** The newest rules of placement that it knows. @default 1 */
  readonly placementVersion?: number
  /** Units that it does not take for now. @default none */
  readonly declines?: readonly string[]
}

/** Equal for equal views, whatever the order: nodes that report the same hash place everything alike. */
export function viewHash(candidates: Iterable<Candidate>): string {
  const sum = new HashSum()
  for (const candidate of candidates) sum.toggle(hash64(candidateText(candidate)))
  return sum.toString()
}

/** What all of them decline. */
export function declinesOf(candidates: Iterable<Candidate>): Decline[] {
  const declines: Decline[] = []
  for (const { id: node, declines: units = [] } of candidates)
    for (const unit of units) declines.push({ unit, node })
  return declines
}

/** A text that is equal for candidates that are equal to placement. */
export function candidateText(candidate: Candidate): string {
  const { declines = [] } = candidate
  const text = siteText(candidate)
  return declines.length === 0 ? text : `${text} ${JSON.stringify(declines.toSorted(byCodeUnits))}`
}

/** The same, but for what they decline, which is told of each unit by itself. */
export function siteText(candidate: Candidate): string {
  const labels = Object.entries(candidate.labels).toSorted((a, b) => byCodeUnits(a[0], b[0]))
  const behaviours = candidate.behaviours.toSorted(byCodeUnits)
  const { id, weight, zone, draining, placementVersion = 1 } = candidate
  return JSON.stringify([id, weight, zone, labels, behaviours, draining, placementVersion])
}

interface Seen {
  readonly candidate: Candidate
  readonly text: string
  readonly record: Hash64
  /** Of its id: for the question who is the first choice. */
  readonly hash: Hash64
}

/** The candidates of a node's view as they come and go. */
export class View {
  readonly #seen = new Map<string, Seen>()
  readonly #sum = new HashSum()

  get size(): number {
    return this.#seen.size
  }

  candidates(): Candidate[] {
    return [...this.#seen.values()].map(({ candidate }) => candidate)
  }

  /** @returns whether anything has changed that placement looks at */
  set(candidate: Candidate): boolean {
    const text = candidateText(candidate)
    const before = this.#seen.get(candidate.id)
    if (before?.text === text) return false
    if (before !== undefined) this.#sum.toggle(before.record)
    const seen = { candidate, text, record: hash64(text), hash: before?.hash ?? hash64(candidate.id) }
    this.#seen.set(candidate.id, seen)
    this.#sum.toggle(seen.record)
    return true
  }

  /** @returns whether it was there */
  delete(id: string): boolean {
    const seen = this.#seen.get(id)
    if (seen === undefined) return false
    this.#sum.toggle(seen.record)
    return this.#seen.delete(id)
  }

  /** See `viewHash`. Cost: constant. */
  hash(): string {
    return this.#sum.toString()
  }

  /** The rules that all of the view know: the least of what each knows. */
  placementVersion(): number {
    let version = PLACEMENT_VERSION
    for (const { candidate } of this.#seen.values()) {
      version = Math.min(version, candidate.placementVersion ?? 1)
    }
    return version
  }

  /** The node that a key belongs to when only hashing counts, of those that are not draining, and of `some`: see `firstChoice`. */
  firstChoice(key: string, some?: ReadonlySet<string>): string | undefined {
    const keyHash = hash64(key)
    let best: { readonly id: string; readonly score: number } | undefined
    for (const { candidate, hash } of this.#seen.values()) {
      if (candidate.draining || some?.has(candidate.id) === false) continue
      const offer = { id: candidate.id, score: score(keyHash, hash, 1) }
      if (
        best === undefined ||
        offer.score < best.score ||
        (offer.score === best.score && offer.id < best.id)
      ) {
        best = offer
      }
    }
    return best?.id
  }
}
