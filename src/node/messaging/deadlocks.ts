// pure
/** Calls that can never be answered, as whoever is to answer them waits for whoever makes them. */

import { DeadlockError } from '../../call-errors.ts'
import { type SlotId, specOfSlot } from '../../ids.ts'
import type { Caller } from '../../protocol/request.ts'
import type { Addressee, Post } from './post.ts'
import type { Router } from './router.ts'

/** Of a mailbox, so many letters are looked at, the oldest ones: many calls may time out at once. */
const LETTERS_MAX = 100

export class Deadlocks {
  readonly #find: (slot: SlotId) => Addressee | undefined
  readonly #router: Router
  readonly #post: Post

  constructor(find: (slot: SlotId) => Addressee | undefined, router: Router, post: Post) {
    this.#find = find
    this.#router = router
    this.#post = post
  }

  /**
   * Why a call that finds no way to its worker now, never will: that one, on this node, starts or ends and waits for it
   * meanwhile, or starts only together with one that does. Undefined: it may, or who waits is on another node.
   */
  find(slot: SlotId, last: Caller | undefined): DeadlockError | undefined {
    if (this.#isAt(slot, last)) return circleOf(slot, last)
    for (let caller = last; caller !== undefined; caller = caller.caller) {
      const { worker } = caller
      if (this.#router.isStartingWith(slot, worker) && this.#isAt(worker, caller)) return early(slot, worker)
    }
    return undefined
  }

  /**
   * Workers of this node, the first one that of `slot`, each of which has called the next one and is called by the one
   * before; the last one has called the first. Whether their code waits for it, nobody can see.
   */
  findCrossing(slot: SlotId): readonly SlotId[] | undefined {
    const paths = new Map<SlotId, readonly SlotId[]>([[slot, [slot]]])
    for (const [worker, path] of paths) {
      for (const caller of this.#post.callersOf(worker, LETTERS_MAX)) {
        if (this.#isAt(slot, caller)) return path
        if (!paths.has(caller.worker) && this.#isAt(caller.worker, caller))
          paths.set(caller.worker, [slot, caller.worker, ...path.slice(1)])
      }
    }
    return undefined
  }

  #isAt(slot: SlotId, caller: Caller | undefined): boolean {
    return this.#find(slot)?.recipient.isWaitedForBy(caller) === true
  }
}

/** The worker of `slot` waits for the last caller, or for one that waits for it. */
export function circleOf(slot: SlotId, last: Caller | undefined): DeadlockError {
  const circle = [slot, ...callersUpTo(slot, last)].toReversed()
  const message = `${circle.join(' → ')}: the last waits for the first, which waits for it. Send a message, or answer later (deferred)`
  return new DeadlockError(message, { maybeExecuted: false })
}

/** What a crossing is, for people. */
export function crossed([first, ...others]: readonly string[]): string {
  return `${[first, ...others, first].join(' → ')} have called one another, each while it was at a message: send one of these as a message, or answer later (deferred)`
}

function early(slot: SlotId, waiting: SlotId): DeadlockError {
  const spec = specOfSlot(slot)
  const message = `"${waiting}" waits in its init for "${slot}", which takes no calls before all that start with it in "${spec}" have started, "${waiting}" among them. Call it after init: from a message that init sends to its own worker (context.sendAfter)`
  return new DeadlockError(message, { maybeExecuted: false })
}

/** The callers, the last one first, up to the worker that they wait for. */
function callersUpTo(slot: SlotId, last: Caller | undefined): SlotId[] {
  const callers: SlotId[] = []
  for (let caller = last; caller !== undefined; caller = caller.caller) {
    callers.push(caller.worker)
    if (caller.worker === slot) break
  }
  return callers
}
