// pure
/** Which nodes may run which units. */

import { byCodeUnits } from '../text-order.ts'
import type { Unit } from './unit.ts'
import type { Candidate } from './view.ts'

/** Weights count in steps of this: sums of them are exact, so that they do not depend on the order of adding. */
const WEIGHT_STEP = 1 / 1024

/** What a node must have. Units of equal restrictions have equal keys. */
export interface Restriction {
  readonly selector: Readonly<Record<string, string>> | undefined
  readonly needs: readonly string[]
}

/** The weight that placement counts with. 0: the node is given nothing. */
export function weightOf(node: Candidate): number {
  return node.draining ? 0 : Math.max(0, Math.round(node.weight / WEIGHT_STEP) * WEIGHT_STEP)
}

export function restrictionOf(unit: Unit): Restriction {
  return { selector: unit.selector, needs: unit.needs }
}

export function restrictionKey({ selector, needs }: Restriction): string {
  const labels = Object.entries(selector ?? {})
  // Most units want one behaviour and nothing else, and there are many of them.
  if (labels.length === 0 && needs.length <= 1) return `just ${needs[0] ?? ''}`
  labels.sort((a, b) => byCodeUnits(a[0], b[0]))
  return JSON.stringify([labels, [...new Set(needs)].toSorted(byCodeUnits)])
}

export function canRun(node: Candidate, { selector, needs }: Restriction): boolean {
  const isLabelled = Object.entries(selector ?? {}).every(([label, value]) => node.labels[label] === value)
  return isLabelled && needs.every(behaviour => node.behaviours.includes(behaviour))
}
