// pure
/** What a worker has left behind for its successor, on its way from node to node: in parts that fit into frames. */

import type { SlotId } from '../../ids.ts'
import { HANDOFF_PART_BYTES_MAX, type Message } from '../../protocol/messages.ts'

type StatePart = Message & { readonly kind: 'handoff-state' }

/** All parts of what the worker of that generation has left behind: one at least. */
export function partsOfState(slot: SlotId, generation: number, state: Uint8Array): StatePart[] {
  const count = Math.max(1, Math.ceil(state.length / HANDOFF_PART_BYTES_MAX))
  return Array.from({ length: count }, (_, index) => {
    const bytes = state.subarray(index * HANDOFF_PART_BYTES_MAX, (index + 1) * HANDOFF_PART_BYTES_MAX)
    return { kind: 'handoff-state', slot, generation, index, count, bytes }
  })
}

/** Puts the parts together: they come in order, and may be sent again from the first one on. */
export class ArrivingState {
  #parts: Uint8Array[] = []

  /** @returns the whole, with its last part */
  add({ index, count, bytes }: Pick<StatePart, 'index' | 'count' | 'bytes'>): Uint8Array | undefined {
    if (index === 0) this.#parts = []
    if (index !== this.#parts.length) return undefined
    this.#parts.push(bytes)
    if (this.#parts.length < count) return undefined
    const whole = joined(this.#parts)
    this.#parts = []
    return whole
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
