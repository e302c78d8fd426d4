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
  /** It is waited for one more. */
  onChildAdded(): void
  onChildSettled(): void
}

/** What an item has in common with everything that comes of it. */
export interface ItemHead {
  readonly origin: Run
  /** Numbers the items of the origin in this chain, from 1. */
  readonly n: number
  /** Whether the origin waits for what comes out at the end. */
  readonly wantsOutcome: boolean
  /** The how-manieth time the origin sends it, from 1. */
  readonly attempt: number
}

/** `item`: for the next stage, or the outcome. `notice`: tells the origin what has become of an item, see `Notice`. */
export type ItemKind = 'item' | 'notice'

export class Item {
  readonly head: ItemHead
  readonly path: Path
  /** Shared with whoever has made it, where that was on this node. */
  readonly value: unknown
  readonly kind: ItemKind
  /** The hash of its key at the stage that it goes to, once that has been asked for. */
  keyHash: number | undefined
  #bytes: Uint8Array | undefined

  constructor(head: ItemHead, path: Path, value: unknown, kind: ItemKind = 'item') {
    this.head = head
    this.path = path
    this.value = value
    this.kind = kind
    this.keyHash = undefined
    this.#bytes = undefined
  }

  get id(): ItemId {
    const { origin, n } = this.head
    return { origin: origin.id, boot: origin.boot, n }
  }

  /** Names it among all items of the chain at one stage: `ORIGIN.BOOT.N`, and the path where there is one. */
  get text(): string {
    const { origin, n } = this.head
    const path = this.path === undefined ? '' : `/${this.path.join('.')}`
    return `${origin.id}.${origin.boot}.${n}${path}`
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

  /** The same once more, after a restart. */
  again(): Item {
    const again = new Item({ ...this.head, attempt: this.head.attempt + 1 }, this.path, this.value, this.kind)
    again.#bytes = this.#bytes
    return again
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
  // Nothing is left out where nodes do not agree yet how deep a stage is: two parts of an item are never one.
  const length = Math.max(depth, path?.length ?? 0)
  const longer = Array.from({ length }, (_, at) => path?.[at] ?? 0)
  return [...longer, index]
}
