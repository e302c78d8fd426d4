// pure
/**
 * What tells the owners of a worker apart, and in which order they came. Nodes that did not know of each other may each
 * have begun with the same worker: each such beginning is a lineage, and the one that is older comes after the other,
 * however often the worker was placed anew since. So a generation has one number, which says both: in its upper bits how
 * senior its lineage is, in its lower ones the how-manieth generation of it this is.
 */

import { hash32 } from '../hash.ts'
import type { Run } from '../ids.ts'
import type { Generation } from './phase.ts'

/** Of a lineage, so many generations are told apart, then it would count as one that is four seconds older. */
const GENERATIONS = 2 ** 26

/**
 * A token that grows with every owner of a slot and is never used twice: a resource that refuses smaller ones is safe
 * from an owner that does not know yet that it was replaced. `compareTokens` compares two: field by field, in this order.
 */
export interface FencingToken {
  /** Larger for the older of several beginnings. */
  readonly lineage: number
  /** 1 for the first. */
  readonly generation: number
  readonly tag: number
  readonly owner: number
}

/** The number of the first generation of a lineage. @param seniority from 0 to 2^26 - 1, larger for an older one */
export function firstNumber(seniority: number): number {
  return seniority * GENERATIONS + 1
}

/** The how-manieth generation of its lineage it is: 1 for the first. */
export function countOf(number: number): number {
  return toSmall(number % GENERATIONS)
}

/** How senior its lineage is. */
export function seniorityOf(number: number): number {
  return toSmall(number / GENERATIONS)
}

export function tokenOf({ number, tag }: Generation, owner: number): FencingToken {
  return { lineage: seniorityOf(number), generation: countOf(number), tag, owner }
}

/** The generation of the worker that has the token. */
export function generationOf({ lineage, generation, tag }: FencingToken): Generation {
  return { number: lineage * GENERATIONS + generation, tag }
}

/** Whether the worker with the token is one of that generation. Asked for each message: it makes nothing for it. */
export function isTokenOf(
  { lineage, generation, tag: own }: FencingToken,
  { number, tag }: Generation,
): boolean {
  return own === tag && lineage * GENERATIONS + generation === number
}

/** The whole part, as one of the small integers of the engine: others take 16 bytes more, in the token of each worker. */
function toSmall(value: number): number {
  return Math.trunc(value) | 0
}

/** < 0 when `a` is the token of an earlier owner than `b`, of the same worker. */
export function compareTokens(a: FencingToken, b: FencingToken): number {
  return a.lineage - b.lineage || a.generation - b.generation || a.tag - b.tag || a.owner - b.owner
}

/** A number for one run of a node, for tokens and tags. @returns 0 … 2^31 - 1, a small integer of the engine */
export function runTag(run: Run): number {
  return hash32(`${run.id}.${run.boot}`) >>> 1
}
