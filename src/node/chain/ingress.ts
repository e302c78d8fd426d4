// pure
/**
 * Where items enter a chain on this node. Each accepted item is kept until everything that came of it has been dealt
 * with; when the chain restarts, whatever is not finished is sent again. So the only node whose loss loses an item
 * is the one that has sent it.
 */

import { assert } from '../../assert.ts'
import { Deque } from '../../deque.ts'
import { type ExecutionOptions, ItemDeadError, NotFoundError } from '../../errors.ts'
import { type Run, type SpecId, slotId } from '../../ids.ts'
import type { Notice } from '../../protocol/channel.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { ChainBody } from '../../protocol/spec-row.ts'
import { failureFrom } from '../supervision/exit.ts'
import type { DeadLetter } from './dead-letters.ts'
import { Entry, type Waiter } from './entry.ts'
import type { Exit } from './fan.ts'
import { Item, type Path, comparePaths } from './item.ts'

/** What has gone through this node's entrance to a chain: it counts on when the chain is removed and added again. */
export interface IngressStats {
  readonly accepted: number
  readonly finished: number
  /** Sent again after a restart, each time counted. */
  readonly redelivered: number
  /** Put aside, as they were tried in vain. */
  readonly dead: number
  /** On their way when the chain was removed, or given up while somebody waited for their outcome. */
  readonly dropped: number
  /** The longest time from accepting an item to finishing it. */
  readonly slowestMs: number
}

export interface IngressInit {
  readonly chain: SpecId
  readonly run: Run
  readonly nowMs: () => number
  readonly onDead: (letter: DeadLetter) => void
  readonly onCallbackFailed: (notice: Notice) => void
  /** While it `isWatched`: an item is on its way no more. */
  readonly onFinished: () => void
}

/** The way in, while the chain runs. */
export interface Entrance {
  /** The stage that an item for this one is given to: another one where it is passed over. */
  readonly entryOf: (stage: string) => string
  /** Whether the stage was there when the chain was wired: what is for the first one goes past one that came later. */
  readonly isWired: (stage: string) => boolean
  /** The way to such a stage; undefined where there is no such stage any more. */
  readonly exitTo: (stage: string, onRoom: () => void) => Exit | undefined
}

type Limits = Pick<ChainBody, 'windowItems' | 'attemptsMax' | 'emission' | 'stages'>

/** Makes the error for those who wait. */
type Why = (options: ExecutionOptions) => Error

/** The way to one stage, and what waits for it. */
interface Gate {
  readonly stage: string
  readonly unsent: Deque<Entry>
  exit: Exit | undefined
  isPumping: boolean
}

export class Ingress {
  readonly #init: IngressInit
  readonly #run: Run
  readonly #onSettled = (entry: Entry): void => this.#finish(entry)
  /** Somebody waits for items to be out. */
  isWatched = false
  /** In the order of accepting. */
  readonly #entries = new Map<number, Entry>()
  /** By stage: an item that waits for one does not hold up those for another. */
  readonly #gates = new Map<string, Gate>()
  #limits: Limits = { windowItems: 1, attemptsMax: 1, emission: 'many', stages: [] }
  /** The first stage's. */
  #front: Gate | undefined
  #entrance: Entrance | undefined
  readonly #whenRoom: (() => void)[] = []
  readonly #stats = { accepted: 0, finished: 0, redelivered: 0, dead: 0, dropped: 0, slowestMs: 0 }

  constructor(init: IngressInit) {
    this.#init = init
    this.#run = { id: init.run.id, boot: init.run.boot }
  }

  /** Accepted and not finished. */
  get size(): number {
    return this.#entries.size
  }

  get stats(): IngressStats {
    return this.#stats
  }

  /** Whether any is on its way of those that were accepted as one after `after`, up to `upTo`. */
  hasAny(after: number, upTo: number): boolean {
    for (const n of this.#entries.keys()) {
      if (n > upTo) return false
      if (n > after) return true
    }
    return false
  }

  configure(limits: Limits): void {
    this.#limits = limits
    // Stages may go again before what they give has come out: none of it is thrown away.
    if (this.#isMany) for (const entry of this.#entries.values()) entry.isListed = true
    this.#front = this.#gate(this.#first())
    this.#announceRoom()
  }

  get #isMany(): boolean {
    return this.#limits.emission === 'many'
  }

  hasRoom(): boolean {
    return this.#entries.size < this.#limits.windowItems
  }

  /** Calls `action` once, when there is room. @returns how to take that back */
  whenRoom(action: () => void): () => void {
    if (this.hasRoom()) {
      action()
      return () => {}
    }
    this.#whenRoom.push(action)
    return () => {
      const at = this.#whenRoom.indexOf(action)
      if (at >= 0) this.#whenRoom.splice(at, 1)
    }
  }

  /**
   * Accepts an item, for the first stage or the one named `to`: from now on it is not lost while this node lives. Ask
   * `hasRoom` first.
   * @throws {PayloadError} when it would have to travel, and cannot; {RouteError} when it has no key, and needs one;
   * {NotFoundError} when there is no such stage
   */
  accept(value: unknown, waiter: Waiter | undefined, to?: string): void {
    assert(this.hasRoom(), 'an item was accepted without room for it')
    const gate = this.#gateFor(to)
    const n = this.#stats.accepted + 1
    const head = { origin: this.#run, n, wantsOutcome: waiter !== undefined, attempt: 1 }
    const item = new Item(head, undefined, value)
    if (gate.exit === undefined) item.bytes()
    else gate.exit.prepare(item)
    const acceptedMs = this.#init.nowMs()
    const entry = new Entry({ item, to, acceptedMs, waiter, isListed: this.#isMany }, this.#onSettled)
    this.#stats.accepted = n
    this.#entries.set(n, entry)
    gate.unsent.push(entry)
    this.#pump(gate)
  }

  /** The chain runs, as another generation than before: everything unfinished goes to it, in order. */
  open(entrance: Entrance): void {
    this.#gates.clear()
    this.#entrance = entrance
    this.#front = this.#gate(this.#first())
    for (const entry of this.#entries.values()) this.#requeue(entry)
    for (const gate of this.#gates.values()) this.#pump(gate)
  }

  /** The same generation has ways that it had not before: what has found none takes them. What has one keeps it. */
  reopen(): void {
    const stuck = [...this.#gates.values()].filter(({ exit }) => exit === undefined || exit.isDeadEnd)
    for (const { stage } of stuck) this.#gates.delete(stage)
    this.#front = this.#gate(this.#first())
    const unsent = stuck.flatMap(gate => [...gate.unsent])
    for (const entry of unsent) if (this.#entries.get(entry.item.head.n) === entry) this.#requeue(entry)
    for (const gate of this.#gates.values()) this.#pump(gate)
  }

  /** The chain does not run: what comes in waits. */
  close(): void {
    this.#entrance = undefined
    for (const gate of this.#gates.values()) gate.exit = undefined
  }

  /** A worker has crashed on an item: when that happens again and again, the item is put aside. */
  blame(n: number, failure: Failure): void {
    const entry = this.#entries.get(n)
    if (entry === undefined) return
    entry.crashes += 1
    if (entry.crashes < this.#limits.attemptsMax) return
    const stage = failure.slot.split('/')[1] ?? ''
    this.#bury(entry, { stage, itemId: entry.item.text, failure, attempts: entry.crashes })
    this.#finish(entry)
  }

  /** Nothing will come of what is here: of all of it, or of what somebody waits for. Those who wait are told. */
  abort(why: Why, which: 'all' | 'awaited'): void {
    this.close()
    const entries = [...this.#entries.values()].filter(entry => which === 'all' || entry.waiter !== undefined)
    for (const entry of entries) this.#entries.delete(entry.item.head.n)
    this.#stats.dropped += entries.length
    // Two at most: for so many items, each with a stack of its own would take long.
    const before = why({ maybeExecuted: false })
    const after = why({ maybeExecuted: true })
    for (const entry of entries) entry.waiter?.onDead(entry.maybeExecuted ? after : before)
    this.#announceRoom()
  }

  /** The node goes: what is still here is lost with it. Whoever waits is told, and all of it is told as dead. */
  buryAll(why: Why): void {
    const { chain, run } = this.#init
    const error = why({ maybeExecuted: true })
    for (const { item, to, crashes: attempts } of this.#entries.values()) {
      const stage = to ?? this.#limits.stages[0]?.id ?? ''
      const reason = failureFrom(error, { node: run.id, slot: slotId(chain, stage), item: item.id })
      this.#init.onDead({ chain, stage, itemId: item.text, item: item.value, reason, attempts })
    }
    this.abort(why, 'all')
  }

  /** Something has come out at the end. */
  collect(n: number, path: Path, value: unknown): void {
    const entry = this.#entries.get(n)
    if (entry === undefined) return
    // Where an item gives at most one, this is all of it: no need to wait for word from every stage.
    if (!entry.isListed) return this.#finish(entry, value)
    entry.outputs ??= []
    entry.outputs.push({ path, value })
  }

  /** Something has happened to a part of an item. */
  onNotice(n: number, notice: Notice): void {
    const entry = this.#entries.get(n)
    if (entry === undefined) return
    if (notice.kind === 'callback-failed') return this.#init.onCallbackFailed(notice)
    this.#bury(entry, notice)
    if (!entry.isListed) this.#finish(entry)
  }

  /** Sends what waits for a stage, as far as there is room. */
  #pump(gate: Gate): void {
    if (gate.isPumping) return
    gate.isPumping = true
    for (let entry = gate.unsent.at(0); entry !== undefined; entry = gate.unsent.at(0)) {
      if (this.#entries.get(entry.item.head.n) !== entry) gate.unsent.shift()
      else if (!this.#send(gate, entry)) break
    }
    gate.isPumping = false
  }

  /** @returns false when there is no room */
  #send(gate: Gate, entry: Entry): boolean {
    try {
      const outlet = gate.exit?.pick(entry.item)
      if (outlet === undefined) return false
      gate.unsent.shift()
      entry.isSent = true
      outlet.push(entry.item, entry)
    } catch (error) {
      // It was accepted while this was not to be seen: it has to travel now, and cannot, or its key cannot be told.
      if (gate.unsent.at(0) === entry) gate.unsent.shift()
      this.#refuse(entry, gate.stage, error)
    }
    return true
  }

  #requeue(entry: Entry): void {
    if (entry.isSent) this.#stats.redelivered += 1
    const again = entry.isSent ? entry.again() : entry
    again.item.keyHash = undefined
    this.#entries.set(again.item.head.n, again)
    const { stages } = this.#limits
    if (again.to !== undefined && !stages.some(({ id }) => id === again.to)) {
      this.#refuse(again, again.to, new NotFoundError(again.to, 'stage', again))
    } else {
      this.#gate(again.to ?? this.#first()).unsent.push(again)
    }
  }

  /** The stage that an item for none in particular is for. */
  #first(): string {
    const { stages } = this.#limits
    const wired = stages.find(({ id }) => this.#entrance?.isWired(id) !== false)
    return (wired ?? stages[0])?.id ?? ''
  }

  #gateFor(to: string | undefined): Gate {
    if (to === undefined && this.#front !== undefined) return this.#front
    const stage = to ?? ''
    if (!this.#limits.stages.some(({ id }) => id === stage)) throw new NotFoundError(stage, 'stage')
    return this.#gate(stage)
  }

  /** One for all that goes to the same stage: also what was for others, which are passed over. */
  #gate(wanted: string): Gate {
    const stage = this.#entrance?.entryOf(wanted) ?? wanted
    const known = this.#gates.get(stage)
    if (known !== undefined) return known
    const gate: Gate = { stage, unsent: new Deque(), exit: undefined, isPumping: false }
    gate.exit = this.#entrance?.exitTo(stage, () => this.#pump(gate))
    this.#gates.set(stage, gate)
    return gate
  }

  /** Notes that a part of an item, or all of it, is dead. */
  #bury(entry: Entry, notice: Omit<Notice, 'kind'>): void {
    const { stage, itemId, failure, attempts } = notice
    entry.deadIds ??= new Set()
    // After a restart it is tried again, and dies again.
    if (entry.deadIds.has(itemId)) return
    entry.deadIds.add(itemId)
    const what = `item ${itemId} of chain "${this.#init.chain}" is dead: ${failure.slot} failed at it`
    const times = attempts === 1 ? 'once' : `${attempts} times`
    entry.error ??= new ItemDeadError(`${what} ${times} (${failure.name}: ${failure.message})`, {
      cause: failure,
    })
    this.#init.onDead({
      chain: this.#init.chain,
      stage,
      itemId,
      item: entry.item.value,
      reason: failure,
      attempts,
    })
  }

  #refuse(entry: Entry, stage: string, error: unknown): void {
    const { chain, run } = this.#init
    const { item } = entry
    const failure = failureFrom(error, { node: run.id, slot: slotId(chain, stage), item: item.id })
    // An error that does not say whether a stage has seen the item means that none has.
    const isApt = !entry.wasSent || error instanceof NotFoundError
    entry.error = error instanceof Error && isApt ? error : undefined
    this.#bury(entry, { stage, itemId: item.text, failure, attempts: entry.crashes })
    this.#finish(entry)
  }

  /** `output`: the only one, where there is at most one. */
  #finish(entry: Entry, output?: unknown): void {
    const { n } = entry.item.head
    if (this.#entries.get(n) !== entry) return
    this.#entries.delete(n)
    if (entry.error !== undefined) {
      this.#stats.dead += 1
    } else {
      this.#stats.finished += 1
      this.#stats.slowestMs = Math.max(this.#stats.slowestMs, this.#init.nowMs() - entry.acceptedMs)
    }
    this.#announceRoom()
    if (entry.error === undefined) entry.waiter?.onOutcome(this.#outcomeOf(entry, output))
    else entry.waiter?.onDead(entry.error)
    if (this.isWatched) this.#init.onFinished()
  }

  /** One for one, as the stages declare it: an array only where a stage may emit many. */
  #outcomeOf({ isListed, outputs = [] }: Entry, only: unknown): unknown {
    if (!isListed) return only
    if (outputs.length > 1) outputs.sort((a, b) => comparePaths(a.path, b.path))
    return outputs.map(output => output.value)
  }

  #announceRoom(): void {
    while (this.#whenRoom.length > 0 && this.hasRoom()) this.#whenRoom.shift()?.()
  }
}
