// pure
/**
 * Letters for the workers of this node. What comes for a worker that is about to start again, is kept for it; what
 * comes for one that is elsewhere, goes back.
 */

import { type NodeId, type SlotId, specOfSlot } from '../../ids.ts'
import { type FencingToken, isTokenOf } from '../../protocol/fencing-token.ts'
import type { Generation } from '../../protocol/phase.ts'
import type { Caller } from '../../protocol/request.ts'
import { type Letter, Mailbox, type OneWay, type Recipient } from './mailbox.ts'
import { type Packed, tryPack } from './packed.ts'
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
  /** How often each of them was sent on before, in their order. */
  readonly hops: number[]
}

/**
 * I44: a letter is sent on once by each node that its worker has left, always to a later worker than the one that it came
 * for, and so often at most: a worker that moves more often while one is on its way moves all the time.
 */
const HOPS_MAX = 3
/** So many workers that have left are remembered. */
export const MOVED_MAX = 10_000

export interface PostInit {
  readonly self: NodeId
  readonly router: Router
  readonly find: (slot: SlotId) => Addressee | undefined
  /** Sends it on, as soon as it is known where a later worker than `after` is. */
  readonly forward: (slot: SlotId, packed: Packed, after: Generation) => void
  /** Calls it when all that is to be sent on to the slot has been, or cannot be for long. */
  readonly whenForwarded: (slot: SlotId, action: () => void) => void
  /** There is no room for what comes for a worker before it has started. */
  readonly onFull: (slot: SlotId, kind: Letter['kind']) => void
}

export class Post {
  readonly #self: NodeId
  readonly #router: Router
  readonly #find: (slot: SlotId) => Addressee | undefined
  readonly #parked = new Map<SlotId, Parked>()
  /** Casts and messages that no worker took: the mailbox was full, or the worker gone. */
  droppedCount = 0

  /** The workers that have left this node for another one, the last of each slot. */
  readonly #moved = new Map<SlotId, Generation>()
  readonly #forward: (slot: SlotId, packed: Packed, after: Generation) => void
  readonly #whenForwarded: (slot: SlotId, action: () => void) => void
  readonly #onFull: PostInit['onFull']

  constructor(init: PostInit) {
    this.#self = init.self
    this.#router = init.router
    this.#find = init.find
    this.#forward = init.forward
    this.#whenForwarded = init.whenForwarded
    this.#onFull = init.onFull
  }

  /** The worker stops for a successor: what still comes for it is sent on to that one. */
  onReleased(slot: SlotId, generation: Generation): void {
    this.#moved.delete(slot)
    this.#moved.set(slot, generation)
    const [oldest] = this.#moved.keys()
    if (this.#moved.size > MOVED_MAX && oldest !== undefined) this.#moved.delete(oldest)
  }

  /** `hops`: how often the letter was sent on before. */
  deliver(slot: SlotId, generation: Generation, letter: Letter, hops = 0): void {
    const addressee = this.#find(slot)
    const isOpen = addressee !== undefined && !addressee.recipient.isClosing
    if (isOpen && isTokenOf(addressee.token, generation)) {
      if (this.#isBehind(slot, generation, letter)) this.#park(slot, { generation, letter, hops })
      else if (!addressee.recipient.deliver(letter)) this.#drop(letter)
    } else if (letter.kind === 'call' && addressee?.recipient.isWaitedForBy(letter.origin.caller) === true) {
      // The code that ends the worker has called it: it is no mail for the successor, as there will be none meanwhile.
      letter.replier.onElsewhere()
    } else if (this.#router.bodyOf(specOfSlot(slot))?.kind === 'chain') {
      this.#refuse(slot, letter)
    } else if (this.#isHome(slot, generation)) {
      this.#park(slot, { generation, letter, hops })
    } else if (letter.kind === 'call') {
      // Not before what has come before it is on its way, or it would overtake that.
      this.#whenForwarded(slot, () => letter.replier.onElsewhere())
    } else if (hops < HOPS_MAX && this.#hasMoved(slot, generation)) {
      this.#sendOn(slot, generation, letter, hops)
    } else {
      this.#drop(letter)
    }
  }

  /**
   * Whether whoever runs as that worker now goes on as it did. Calls are told to look elsewhere, which costs no more
   * than to send them on and to bring back the answer; casts and messages have nobody to tell.
   */
  #hasMoved(slot: SlotId, generation: Generation): boolean {
    const moved = this.#moved.get(slot)
    if (moved !== undefined && isSameGeneration(moved, generation)) return true
    return this.#router.bodyOf(specOfSlot(slot))?.kind === 'worker'
  }

  #sendOn(slot: SlotId, after: Generation, letter: OneWay, hops: number): void {
    // What came from this node need not be fit to travel.
    const packed = tryPack(letter, hops + 1)
    if (packed === undefined) this.#drop(letter)
    else this.#forward(slot, packed, after)
  }

  /** Whether what comes for the worker is copied into a thread. */
  isThread(slot: SlotId): boolean {
    return this.#find(slot)?.recipient.isolation === 'thread'
  }

  /** Workers that wait for it, as the oldest `most` letters in its mailbox say, and of those that are kept for it. */
  *callersOf(slot: SlotId, most: number): Generator<Caller> {
    yield* this.#find(slot)?.recipient.callers(most) ?? []
    yield* this.#parked.get(slot)?.letters.callers(most) ?? []
  }

  /** A worker has started: it gets what was kept for it. */
  onStarted(slot: SlotId): void {
    const parked = this.#parked.get(slot)
    if (parked === undefined) return
    this.#parked.delete(slot)
    const { letters, generation, hops } = parked
    for (const each of hops) {
      const letter = letters.take()
      if (letter !== undefined) this.deliver(slot, generation, letter, each)
    }
  }

  /** Whether the worker is to start here, or again. */
  #isHome(slot: SlotId, generation: Generation): boolean {
    const route = this.#router.findHome(slot)
    return (
      route !== undefined && route.owner.id === this.#self && isSameGeneration(route.generation, generation)
    )
  }

  /**
   * Whether the worker, which starts, has yet to be given what has come before. A call that its own start waits for is not
   * kept until it has started: it is told so.
   */
  #isBehind(slot: SlotId, generation: Generation, letter: Letter): boolean {
    const parked = this.#parked.size === 0 ? undefined : this.#parked.get(slot)
    if (parked === undefined || !isSameGeneration(parked.generation, generation)) return false
    return letter.kind !== 'call' || this.#find(slot)?.recipient.isWaitedForBy(letter.origin.caller) !== true
  }

  #park(
    slot: SlotId,
    what: { readonly generation: Generation; readonly letter: Letter; readonly hops: number },
  ): void {
    const { generation, letter, hops } = what
    let parked = this.#parked.get(slot)
    if (parked === undefined || !isSameGeneration(parked.generation, generation)) {
      // What was kept for another generation goes wherever that one is by now: nowhere, as a rule.
      this.onStarted(slot)
      parked = { generation, letters: new Mailbox(), hops: [] }
      this.#parked.set(slot, parked)
      this.#router.whenChanged(specOfSlot(slot), () => this.onStarted(slot))
    }
    if (parked.letters.put(letter)) {
      parked.hops.push(hops)
      return
    }
    this.#onFull(slot, letter.kind)
    this.#drop(letter)
  }

  /** Workers of stages take items, and nothing else, however often one asks. */
  #refuse(slot: SlotId, letter: Letter): void {
    if (letter.kind !== 'call') return this.#drop(letter)
    const message = `"${slot}" is a worker of a stage, and answers no calls: put items into its chain`
    letter.replier.onError({ name: 'NoSuchFunction', message, node: this.#self, slot })
  }

  #drop(letter: Letter): void {
    if (letter.kind !== 'call') this.droppedCount += 1
  }
}

function isSameGeneration(a: Generation, b: Generation): boolean {
  return a.number === b.number && a.tag === b.tag
}
