// pure
/** What placement knows of the mesh: the nodes that may own something, and a hash that tells views apart. */

import { HashSum, hash64 } from '../hash.ts'

/** A node that can own units, as its member row says. */
export interface Candidate {
  readonly id: string
  /** > 0; a node of weight 2 gets twice the units of one of weight 1. */
  readonly weight: number
  /** Nodes of one zone are near each other. May be empty. */
  readonly zone: string
  readonly labels: Readonly<Record<string, string>>
  /** `name@version` of every behaviour that it can run. */
  readonly behaviours: readonly string[]
  /** On its way out: keeps what it has, gets nothing new. */
  readonly draining: boolean
}

/** Equal for equal views, whatever the order: nodes that report the same hash place everything alike. */
export function viewHash(candidates: Iterable<Candidate>): string {
  const sum = new HashSum()
  for (const candidate of candidates) sum.toggle(hash64(recordOf(candidate)))
  return sum.toString()
}

function recordOf(candidate: Candidate): string {
  const labels = Object.entries(candidate.labels).toSorted(byFirst)
  const behaviours = candidate.behaviours.toSorted()
  const { id, weight, zone, draining } = candidate
  return JSON.stringify([id, weight, zone, labels, behaviours, draining])
}

/** By code units, as everywhere in placement: `localeCompare` depends on the machine. */
function byFirst(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}
