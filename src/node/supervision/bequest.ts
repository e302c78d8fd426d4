// pure
/** Something that a worker of this node has left behind for its successor. */

import type { NodeId } from '../../ids.ts'
import { type Generation, type PlacedSlot, compareGenerations } from '../../protocol/phase.ts'

/** So many of what it has come from are known: each was overruled within moments of the one before. */
const LINE_MAX = 8

export interface Left {
  /** Never empty. */
  readonly bytes: Uint8Array
  /** Of the slot, when the worker was placed that has left it. */
  readonly revision: number | undefined
  /** What that worker had started with. */
  readonly startedWith?: Uint8Array | undefined
}

export class Bequest {
  /** In which generation the worker was placed that has left it. */
  readonly since: Generation
  readonly bytes: Uint8Array
  /**
   * `since`, and before it the generations of those whose state that worker had started with, here as well: whoever is to
   * start with one of them starts with this, which is newer.
   */
  readonly line: readonly Generation[]
  /** Of the slot, when the worker was placed that has left it. */
  readonly revision: number | undefined
  /** The worker that is to start with it, as far as it is known here. */
  heir: PlacedSlot | undefined
  readonly givenTo = new Set<NodeId>()
  /** Of those, how many were lost before they had started. */
  lostCount = 0
  /** The generation in which a worker of this node was placed that was given it. */
  startedAs: Generation | undefined
  /** A worker of this node has started with it. */
  hasStarted = false
  /** Who is told when that worker has ended: what they have asked for, and when the first one did. */
  readonly askers = new Map<NodeId, number>()
  askedMs: number | undefined

  /** It is what that worker had started with: who is given something else may have the same. */
  readonly #isUnchanged: boolean

  constructor(since: Generation, left: Left, before: Bequest | undefined) {
    const isOfLine = before?.startedAs !== undefined && compareGenerations(before.startedAs, since) === 0
    this.since = since
    this.bytes = left.bytes
    this.revision = left.revision
    this.#isUnchanged = left.startedWith !== undefined && areEqual(left.startedWith, left.bytes)
    this.line = isOfLine ? [since, ...before.line].slice(0, LINE_MAX) : [since]
  }

  /** Whoever was to start with it has asked for it, and tells if it is lost there; or has started with it here. */
  get isGiven(): boolean {
    return this.givenTo.size > 0 || this.hasStarted
  }

  /** Whether it is what a worker of `since` has left behind, or has come from that. */
  isFrom(since: Generation): boolean {
    return this.line.some(each => compareGenerations(each, since) === 0)
  }

  /** Whether whoever is placed so has left just this, or is to start with it. */
  readonly isOf = ({ since, legacy }: PlacedSlot): boolean =>
    [since, legacy?.since].some(each => each !== undefined && compareGenerations(each, this.since) === 0)

  /** The same of this, or of what it has come from. */
  readonly isWith = ({ since, legacy }: PlacedSlot): boolean =>
    this.isFrom(since) || (legacy !== undefined && (this.#isUnchanged || this.isFrom(legacy.since)))

  isFromNumber(number: number): boolean {
    return this.line.some(each => each.number === number)
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
