// pure
/** An item on its way through a chain. */

import type { Run } from '../../ids.ts'
import { decodePayload, encodePayload } from '../../payload.ts'
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

export class Item {
  readonly origin: Run
  /** Numbers the items of the origin in this chain, from 1. */
  readonly n: number
  readonly path: Path
  /** Whether the origin waits for what comes out at the end. */
  readonly wantsOutcome: boolean
  readonly #value: unknown
  #bytes: Uint8Array | undefined

  private constructor(head: ItemHead, value: unknown, bytes: Uint8Array | undefined) {
    this.origin = head.origin
    this.n = head.n
    this.path = head.path
    this.wantsOutcome = head.wantsOutcome
    this.#value = value
    this.#bytes = bytes
  }

  static ofValue(head: ItemHead, value: unknown): Item {
    return new Item(head, value, undefined)
  }

  static ofBytes(head: ItemHead, bytes: Uint8Array): Item {
    return new Item(head, undefined, bytes)
  }

  get id(): ItemId {
    return { origin: this.origin.id, boot: this.origin.boot, n: this.n }
  }

  /** What a handler is given: once the item has been on the wire, a copy of its own each time. */
  value(): unknown {
    return this.#bytes === undefined ? this.#value : decodePayload(this.#bytes)
  }

  /** @throws {PayloadError} when the value cannot be sent */
  bytes(): Uint8Array {
    this.#bytes ??= encodePayload(this.#value)
    return this.#bytes
  }

  /** The `index`-th output for this item of the stage at `depth`, 0 for the first stage. */
  child(value: unknown, index: number, depth: number): Item {
    const { origin, n, wantsOutcome } = this
    return Item.ofValue({ origin, n, wantsOutcome, path: extended(this.path, index, depth) }, value)
  }
}

export interface ItemHead {
  readonly origin: Run
  readonly n: number
  readonly path: Path
  readonly wantsOutcome: boolean
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
