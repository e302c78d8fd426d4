// pure
/** An item on its way through a chain. */

import type { Run } from '../../ids.ts'
import { encodePayload } from '../../payload.ts'
import type { ItemId } from '../../protocol/failure.ts'

/**
 * Which of the outputs of each stage it came from, first stage first. Undefined stands for all zeros: the path of an
 * item in a chain where each stage emits one item for one.
 */
export type Path = readonly number[] | undefined

/** Who is told when an item, and everything that came of it, has been dealt with. */
export interface Parent {
  onChildSettled(): void
}

/** What an item has in common with everything that comes of it. */
export interface ItemHead {
  readonly origin: Run
  /** Numbers the items of the origin in this chain, from 1. */
  readonly n: number
  /** Whether the origin waits for what comes out at the end. */
  readonly wantsOutcome: boolean
}

export class Item {
  readonly head: ItemHead
  readonly path: Path
  /** Shared with whoever has made it, where that was on this node. */
  readonly value: unknown
  #bytes: Uint8Array | undefined

  constructor(head: ItemHead, path: Path, value: unknown) {
    this.head = head
    this.path = path
    this.value = value
  }

  get id(): ItemId {
    const { origin, n } = this.head
    return { origin: origin.id, boot: origin.boot, n }
  }

  /** Made once: what is sent again is what was sent first, whatever has become of the value. @throws {PayloadError} */
  bytes(): Uint8Array {
    this.#bytes ??= encodePayload(this.value)
    return this.#bytes
  }

  /** The `index`-th output for this item of the stage at `depth`, 0 for the first stage. */
  child(value: unknown, index: number, depth: number): Item {
    return new Item(this.head, extended(this.path, index, depth), value)
  }
}

/** < 0 when `a` comes out before `b`. */
export function comparePaths(a: Path, b: Path): number {
  const length = Math.max(a?.length ?? 0, b?.length ?? 0)
  for (let depth = 0; depth < length; depth++) {
    const difference = (a?.[depth] ?? 0) - (b?.[depth] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function extended(path: Path, index: number, depth: number): Path {
  if (path === undefined && index === 0) return undefined
  const longer = Array.from({ length: depth }, (_, at) => path?.[at] ?? 0)
  return [...longer, index]
}
