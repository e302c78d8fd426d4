// shell
/**
 * Casts and messages that have no way now, as their worker is moving, starts again or waits for a node, or as there is no
 * session with its node yet: kept in the order in which they came, until there is a way. Never more than there is room for.
 */

import { type Run, type SlotId, specOfSlot } from '../../ids.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { type Generation, compareGenerations } from '../../protocol/phase.ts'
import type { ReachChange } from '../../protocol/reach.ts'
import { MAILBOX_LIMITS } from './mailbox.ts'
import type { Packed } from './packed.ts'
import type { Route, Router } from './router.ts'

/**
 * So long at most, whoever calls waits for what is sent on before it is told to look elsewhere: by far less than calls
 * wait for their answers (5 s), as they do not know meanwhile that nothing was done.
 */
const HOLD_MS = 1_000

interface Kept {
  readonly packed: Packed
  /** The worker that it was meant for is over: only a later one is given it. */
  readonly after: Generation | undefined
}

/** Whoever waits until what is kept for a slot has gone. */
interface Held {
  readonly action: () => void
  readonly cancel: Cancel
}

export interface OutboxInit {
  readonly router: Router
  readonly clock: Clock
  /** Whether something can be sent there now. */
  readonly isConnected: (owner: Run) => boolean
  readonly dispatch: (route: Route, slot: SlotId, packed: Packed) => void
  readonly onDropped: () => void
  /** One more that has been dropped, as there is no room for it. */
  readonly onFull: (slot: SlotId) => void
}

export class Outbox {
  readonly #init: OutboxInit
  readonly #kept = new Map<SlotId, Kept[]>()
  /** Those of them that waited for a node when something came for them. */
  readonly #early = new Set<SlotId>()
  readonly #held = new Map<SlotId, Set<Held>>()
  /** How to wait no longer for a change of what each of them is of. */
  readonly #watches = new Map<SlotId, () => void>()
  #count = 0
  #bytes = 0
  #whenEmpty: (() => void) | undefined
  /** This node goes, and waits for no start. */
  #isParting = false

  constructor(init: OutboxInit) {
    this.#init = init
  }

  keep(slot: SlotId, packed: Packed, after?: Generation): void {
    const { router } = this.#init
    if (!router.isComing(slot) || this.#isCutOff(router.find(slot), after)) return this.#init.onDropped()
    const { length } = packed.payload
    const isPending = router.whyPending(slot) !== undefined
    if (!isPending && !this.#hasRoom(length)) this.#makeRoom(length)
    if (!this.#hasRoom(length)) return this.#refuse(slot)
    if (isPending) this.#early.add(slot)
    const known = this.#kept.get(slot)
    const kept = known ?? []
    kept.push({ packed, after })
    this.#kept.set(slot, kept)
    this.#count += 1
    this.#bytes += length
    if (known === undefined) this.#look(slot)
  }

  #hasRoom(bytes: number): boolean {
    const limits = MAILBOX_LIMITS
    return this.#count < limits.messages && this.#bytes + bytes <= limits.bytes
  }

  /** What waits for a node that there may never be gives way to what waits for a moment: the last one that came, first. */
  #makeRoom(bytes: number): void {
    for (const [slot, kept] of this.#pending()) {
      while (!this.#hasRoom(bytes) && this.#giveUp(kept)) this.#refuse(slot)
      if (this.#hasRoom(bytes)) return
    }
  }

  /** What waits for a node. Whatever does not by now is not met again: there may be as many of them as workers. */
  *#pending(): Generator<[SlotId, Kept[]]> {
    for (const slot of this.#early) {
      const isPending = this.#init.router.whyPending(slot) !== undefined
      const kept = isPending ? this.#kept.get(slot) : undefined
      if (kept !== undefined && kept.length > 0) yield [slot, kept]
      else this.#early.delete(slot)
    }
  }

  /** Takes out the last one. The list stays, also when nothing is left in it: somebody waits for a change. */
  #giveUp(kept: Kept[]): boolean {
    const last = kept.pop()
    if (last === undefined) return false
    this.#count -= 1
    this.#bytes -= last.packed.payload.length
    return true
  }

  #refuse(slot: SlotId): void {
    this.#init.onFull(slot)
    this.#init.onDropped()
  }

  /**
   * Calls `action` once: when nothing is kept for the slot any more, now or later, and after a second in any case. Where
   * too many wait already, at once.
   */
  whenSent(slot: SlotId, action: () => void): void {
    const held = this.#held.get(slot) ?? new Set()
    if (!this.#kept.has(slot) || held.size >= MAILBOX_LIMITS.messages) return action()
    this.#held.set(slot, held)
    const cancel = this.#init.clock.after(HOLD_MS, () => {
      held.delete(each)
      action()
    })
    const each: Held = { action, cancel }
    held.add(each)
  }

  /** How many casts and messages are kept. */
  get count(): number {
    return this.#count
  }

  /**
   * This node goes. What is kept for a worker that starts goes to its node at once, which keeps it: a start may take as
   * long as that of a thread, or longer. Resolves when nothing is kept any more. Whoever waits for that does not wait for
   * a node that may never come.
   */
  async emptied(): Promise<void> {
    this.#isParting = true
    // A copy: what goes on waiting is put back behind the others.
    const slots = [...this.#kept.keys()]
    for (const slot of slots) this.#look(slot)
    for (const [, kept] of this.#pending()) while (this.#giveUp(kept)) this.#init.onDropped()
    if (this.#count > 0) await new Promise<void>(resolve => (this.#whenEmpty = resolve))
  }

  /** There is a session with the peer, or others reach it and this node does not: what waits may have a way, or no hope. */
  followReach({ peer }: ReachChange): void {
    // A copy: what goes on waiting is put back behind the others.
    const slots = [...this.#kept.keys()]
    for (const slot of slots) if (this.#findRoute(slot)?.owner.id === peer) this.#look(slot)
  }

  #findRoute(slot: SlotId): Route | undefined {
    const { router } = this.#init
    return this.#isParting ? router.findHome(slot) : router.find(slot)
  }

  /** Whether others reach the node that it is to go to, and this one has not for long. */
  #isCutOff(route: Route | undefined, after: Generation | undefined): boolean {
    return isFor(route, after) && this.#init.router.findReachers(route.owner.id) !== undefined
  }

  /** Sends what has a way by now; the rest goes on waiting, as long as there is hope. */
  #look(slot: SlotId): void {
    const kept = this.#kept.get(slot) ?? []
    const { router } = this.#init
    const route = this.#findRoute(slot)
    const isComing = router.isComing(slot)
    this.#kept.delete(slot)
    const later: Kept[] = []
    for (const each of kept) {
      const { packed, after } = each
      // For each: the session may break by what has just been sent.
      const isThere = isFor(route, after) && this.#init.isConnected(route.owner)
      if (!isThere && isComing && !this.#isCutOff(route, after)) {
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
      if (router.whyPending(slot) !== undefined) this.#early.add(slot)
      this.#watch(slot)
    } else {
      this.#early.delete(slot)
      this.#watches.get(slot)?.()
      this.#watches.delete(slot)
      this.#letGo(slot)
    }
    if (this.#count === 0) this.#whenEmpty?.()
  }

  /** Once: it may be looked at for another reason meanwhile. */
  #watch(slot: SlotId): void {
    if (this.#watches.has(slot)) return
    const look = (): void => {
      this.#watches.delete(slot)
      this.#look(slot)
    }
    this.#watches.set(slot, this.#init.router.whenChanged(specOfSlot(slot), look))
  }

  #letGo(slot: SlotId): void {
    const held = this.#held.get(slot)
    if (held === undefined) return
    this.#held.delete(slot)
    for (const { action, cancel } of held) {
      cancel()
      action()
    }
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

/** Whether what is to go to a later worker than `after`, or to any, may go there. */
function isFor(route: Route | undefined, after: Generation | undefined): route is Route {
  return route !== undefined && (after === undefined || compareGenerations(route.generation, after) > 0)
}
