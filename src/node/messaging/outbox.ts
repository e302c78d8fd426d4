// shell
/**
 * Casts and messages that have no way now, as their worker is moving or starts again: kept in the order in which they
 * came, until this node knows where it runs. Never more than there is room for.
 */

import { type SlotId, specOfSlot } from '../../ids.ts'
import { type Generation, compareGenerations } from '../../protocol/phase.ts'
import { MAILBOX_LIMITS } from './mailbox.ts'
import type { Packed } from './packed.ts'
import type { Route, Router } from './router.ts'

interface Kept {
  readonly packed: Packed
  /** The worker that it was meant for is over: only a later one is given it. */
  readonly after: Generation | undefined
}

export interface OutboxInit {
  readonly router: Router
  readonly dispatch: (route: Route, slot: SlotId, packed: Packed) => void
  readonly onDropped: () => void
}

export class Outbox {
  readonly #init: OutboxInit
  readonly #kept = new Map<SlotId, Kept[]>()
  #count = 0
  #bytes = 0
  #whenEmpty: (() => void) | undefined

  constructor(init: OutboxInit) {
    this.#init = init
  }

  keep(slot: SlotId, packed: Packed, after?: Generation): void {
    const { messages, bytes } = MAILBOX_LIMITS
    const isFull = this.#count >= messages || this.#bytes + packed.payload.length > bytes
    if (isFull || !this.#init.router.isComing(slot)) return this.#init.onDropped()
    const kept = this.#kept.get(slot) ?? []
    kept.push({ packed, after })
    this.#kept.set(slot, kept)
    this.#count += 1
    this.#bytes += packed.payload.length
    if (kept.length === 1) this.#look(slot)
  }

  /** Resolves when nothing is kept any more. */
  async emptied(): Promise<void> {
    if (this.#count > 0) await new Promise<void>(resolve => (this.#whenEmpty = resolve))
  }

  /** Sends what has a way by now; the rest goes on waiting, as long as there is hope. */
  #look(slot: SlotId): void {
    const kept = this.#kept.get(slot) ?? []
    const { router } = this.#init
    const route = router.find(slot)
    const isComing = router.isComing(slot)
    this.#kept.delete(slot)
    const later: Kept[] = []
    for (const each of kept) {
      const { packed, after } = each
      const isThere =
        route !== undefined && (after === undefined || compareGenerations(route.generation, after) > 0)
      if (isComing && !isThere) {
        later.push(each)
        continue
      }
      this.#count -= 1
      this.#bytes -= packed.payload.length
      if (isThere) this.#send(route, slot, packed)
      else this.#init.onDropped()
    }
    if (later.length > 0) {
      this.#kept.set(slot, later)
      router.whenChanged(specOfSlot(slot), () => this.#look(slot))
    }
    if (this.#count === 0) this.#whenEmpty?.()
  }

  #send(route: Route, slot: SlotId, packed: Packed): void {
    try {
      this.#init.dispatch(route, slot, packed)
    } catch {
      // Its node does not read. Whoever has sent it is not there to be told.
      this.#init.onDropped()
    }
  }
}
