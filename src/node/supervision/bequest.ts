// pure
/** Something that a worker of this node has left behind for its successor. */

import type { NodeId } from '../../ids.ts'
import { type Generation, type PlacedSlot, compareGenerations } from '../../protocol/phase.ts'

/** So many of what it has come from are known: each was overruled within moments of the one before. */
const LINE_MAX = 8

export class Bequest {
  readonly bytes: Uint8Array
  /**
   * In which generation the worker was placed that has left it, and before that those whose state it had started with, here
   * as well: whoever is to start with one of them starts with this, which is newer.
   */
  readonly line: readonly Generation[]
  /** Of the slot, when the worker was placed that has left it. */
  revision: number | undefined
  /** The worker that is to start with it, as far as it is known here. */
  heir: PlacedSlot | undefined
  readonly givenTo = new Set<NodeId>()
  /** Of those, how many were lost before they had started. */
  lostCount = 0
  /** The generation in which a worker of this node was placed that was given it. */
  startedAs: Generation | undefined
  /** Who is told when that worker has ended: what they have asked for, and when the first one did. */
  readonly askers = new Map<NodeId, number>()
  askedMs: number | undefined

  constructor(since: Generation, bytes: Uint8Array, before: Bequest | undefined) {
    const isOfLine = before?.startedAs !== undefined && compareGenerations(before.startedAs, since) === 0
    this.bytes = bytes
    this.line = isOfLine ? [since, ...before.line].slice(0, LINE_MAX) : [since]
  }

  /** Whoever was to start with it has asked for it, or has it anyway. */
  get isGiven(): boolean {
    return this.givenTo.size > 0 || this.startedAs !== undefined
  }

  /** Whether it is what a worker of `since` has left behind, or has come from that. */
  isFrom(since: Generation): boolean {
    return this.line.some(each => compareGenerations(each, since) === 0)
  }

  isFromNumber(number: number): boolean {
    return this.line.some(each => each.number === number)
  }
}
