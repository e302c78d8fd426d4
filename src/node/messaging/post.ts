// pure
/**
 * Letters for the workers of this node. What comes for a worker that is about to start again, is kept for it; what
 * comes for one that is elsewhere, goes back.
 */

import { type NodeId, type SlotId, specOfSlot } from '../../ids.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import type { Generation } from '../../protocol/phase.ts'
import { type Letter, Mailbox, type Recipient } from './mailbox.ts'
import type { Router } from './router.ts'

/** A worker of this node that takes letters. */
export interface Addressee {
  readonly token: FencingToken
  readonly recipient: Recipient
}

/** Letters for a generation of a worker that is not there yet. */
interface Parked {
  readonly generation: Generation
  readonly letters: Mailbox
}

export class Post {
  readonly #self: NodeId
  readonly #router: Router
  readonly #find: (slot: SlotId) => Addressee | undefined
  readonly #parked = new Map<SlotId, Parked>()
  /** Casts and messages that no worker took: the mailbox was full, or the worker gone. */
  droppedCount = 0

  constructor(self: NodeId, router: Router, find: (slot: SlotId) => Addressee | undefined) {
    this.#self = self
    this.#router = router
    this.#find = find
  }

  deliver(slot: SlotId, generation: Generation, letter: Letter): void {
    const addressee = this.#find(slot)
    const isOpen = addressee !== undefined && !addressee.recipient.isClosing
    if (isOpen && isOf(addressee.token, generation)) {
      if (!addressee.recipient.deliver(letter)) this.#drop(letter)
    } else if (this.#isHome(slot, generation)) {
      this.#park(slot, generation, letter)
    } else if (letter.kind === 'call') {
      letter.replier.onElsewhere()
    } else {
      this.#drop(letter)
    }
  }

  /** Whether what comes for the worker is copied into a thread. */
  isThread(slot: SlotId): boolean {
    return this.#find(slot)?.recipient.isolation === 'thread'
  }

  /** A worker has started: it gets what was kept for it. */
  onStarted(slot: SlotId): void {
    const parked = this.#parked.get(slot)
    if (parked === undefined) return
    this.#parked.delete(slot)
    const { letters, generation } = parked
    for (let letter = letters.take(); letter !== undefined; letter = letters.take()) {
      this.deliver(slot, generation, letter)
    }
  }

  #isHome(slot: SlotId, generation: Generation): boolean {
    const route = this.#router.find(slot)
    return (
      route !== undefined && route.owner.id === this.#self && isSameGeneration(route.generation, generation)
    )
  }

  #park(slot: SlotId, generation: Generation, letter: Letter): void {
    let parked = this.#parked.get(slot)
    if (parked === undefined || !isSameGeneration(parked.generation, generation)) {
      // What was kept for another generation goes wherever that one is by now: nowhere, as a rule.
      this.onStarted(slot)
      parked = { generation, letters: new Mailbox() }
      this.#parked.set(slot, parked)
      this.#router.whenChanged(specOfSlot(slot), () => this.onStarted(slot))
    }
    if (!parked.letters.put(letter)) this.#drop(letter)
  }

  #drop(letter: Letter): void {
    if (letter.kind !== 'call') this.droppedCount += 1
  }
}

function isOf(token: FencingToken, generation: Generation): boolean {
  return token.generation === generation.number && token.tag === generation.tag
}

function isSameGeneration(a: Generation, b: Generation): boolean {
  return a.number === b.number && a.tag === b.tag
}
