// pure
/**
 * Letters for the workers of this node. What comes for a worker that is about to start again, is kept for it; what
 * comes for one that is elsewhere, goes back.
 */

import { type NodeId, type SlotId, specOfSlot } from '../../ids.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import type { Generation } from '../../protocol/phase.ts'
import { type Letter, MAILBOX_MESSAGES_MAX, type Recipient } from './mailbox.ts'
import type { Router } from './router.ts'

/** A worker of this node that takes letters. */
export interface Addressee {
  readonly token: FencingToken
  readonly recipient: Recipient
}

interface Parked {
  readonly letter: Letter
  readonly generation: Generation
}

export class Post {
  readonly #self: NodeId
  readonly #router: Router
  readonly #find: (slot: SlotId) => Addressee | undefined
  readonly #parked = new Map<SlotId, Parked[]>()
  /** Casts and messages that no worker took: the mailbox was full, or the worker gone. */
  droppedCount = 0

  constructor(self: NodeId, router: Router, find: (slot: SlotId) => Addressee | undefined) {
    this.#self = self
    this.#router = router
    this.#find = find
  }

  deliver(slot: SlotId, generation: Generation, letter: Letter): void {
    const addressee = this.#find(slot)
    if (addressee !== undefined && isOf(addressee.token, generation)) {
      if (!addressee.recipient.deliver(letter) && letter.kind !== 'call') this.droppedCount += 1
    } else if (this.#isHome(slot, generation)) {
      this.#park(slot, { letter, generation })
    } else if (letter.kind === 'call') {
      letter.replier.onElsewhere()
    } else {
      this.droppedCount += 1
    }
  }

  /** A worker has started: it gets what was kept for it. */
  onStarted(slot: SlotId): void {
    const parked = this.#parked.get(slot)
    if (parked === undefined) return
    this.#parked.delete(slot)
    for (const { letter, generation } of parked) this.deliver(slot, generation, letter)
  }

  #isHome(slot: SlotId, generation: Generation): boolean {
    const route = this.#router.find(slot)
    return (
      route !== undefined &&
      route.owner.id === this.#self &&
      route.generation.number === generation.number &&
      route.generation.tag === generation.tag
    )
  }

  #park(slot: SlotId, parked: Parked): void {
    const waiting = this.#parked.get(slot) ?? []
    if (waiting.length >= MAILBOX_MESSAGES_MAX) {
      if (parked.letter.kind === 'call') parked.letter.replier.onOverloaded()
      else this.droppedCount += 1
      return
    }
    if (waiting.length === 0) this.#router.whenChanged(specOfSlot(slot), () => this.onStarted(slot))
    waiting.push(parked)
    this.#parked.set(slot, waiting)
  }
}

function isOf(token: FencingToken, generation: Generation): boolean {
  return token.generation === generation.number && token.tag === generation.tag
}
