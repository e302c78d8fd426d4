// pure
/**
 * Where items enter a chain on this node. Each accepted item is kept until everything that came of it has been dealt
 * with; when the chain restarts, whatever is not finished is sent again. So the only node whose loss loses an item
 * is the one that has sent it.
 */

import { assert } from '../../assert.ts'
import { Deque } from '../../deque.ts'
import { ItemDeadError } from '../../errors.ts'
import type { Run, SpecId } from '../../ids.ts'
import type { Failure } from '../../protocol/failure.ts'
import type { ChainBody } from '../../protocol/spec-row.ts'
import type { Exit } from './fan.ts'
import { Item, type Parent, type Path, comparePaths } from './item.ts'

/** Told once, when the item is through: with what came out, or with why nothing ever will. */
export interface Waiter {
  onOutcome(outcome: unknown): void
  onDead(error: Error): void
}

/** What has gone through this node's entrance to a chain. */
export interface IngressStats {
  readonly accepted: number
  readonly finished: number
  /** Sent again after a restart, each time counted. */
  readonly redelivered: number
  /** Put aside, as workers crashed on them again and again. */
  readonly dead: number
  /** The longest time from accepting an item to finishing it. */
  readonly slowestMs: number
}

interface Output {
  readonly path: Path
  readonly value: unknown
}

class Entry implements Parent {
  readonly item: Item
  readonly acceptedMs: number
  readonly waiter: Waiter | undefined
  readonly #onSettled: (entry: Entry) => void
  outputs: Output[] = []
  isSent = false
  /** How often a worker has crashed on it. */
  crashes = 0

  constructor(item: Item, waiter: Waiter | undefined, acceptedMs: number, onSettled: (entry: Entry) => void) {
    this.item = item
    this.acceptedMs = acceptedMs
    this.waiter = waiter
    this.#onSettled = onSettled
  }

  onChildSettled(): void {
    this.#onSettled(this)
  }
}

type Limits = Pick<ChainBody, 'windowItems' | 'attemptsMax' | 'emission'>

export class Ingress {
  readonly #chain: SpecId
  readonly #run: Run
  readonly #nowMs: () => number
  readonly #onSettled = (entry: Entry): void => this.#finish(entry)
  /** In the order of accepting. */
  readonly #entries = new Map<number, Entry>()
  readonly #unsent = new Deque<Entry>()
  #limits: Limits = { windowItems: 1, attemptsMax: 1, emission: 'many' }
  #exit: Exit | undefined
  #isPumping = false
  readonly #whenRoom: (() => void)[] = []
  readonly #stats = { accepted: 0, finished: 0, redelivered: 0, dead: 0, slowestMs: 0 }

  constructor(init: { readonly chain: SpecId; readonly run: Run; readonly nowMs: () => number }) {
    this.#chain = init.chain
    this.#run = { id: init.run.id, boot: init.run.boot }
    this.#nowMs = init.nowMs
  }

  /** Accepted and not finished. */
  get size(): number {
    return this.#entries.size
  }

  get stats(): IngressStats {
    return this.#stats
  }

  configure(limits: Limits): void {
    this.#limits = limits
    this.#announceRoom()
  }

  hasRoom(): boolean {
    return this.#entries.size < this.#limits.windowItems
  }

  /** Calls `action` once, when there is room. */
  whenRoom(action: () => void): void {
    if (this.hasRoom()) action()
    else this.#whenRoom.push(action)
  }

  /**
   * Accepts an item: from now on it is not lost while this node lives. Ask `hasRoom` first.
   * @throws {PayloadError} when it would have to travel, and cannot
   */
  accept(value: unknown, waiter: Waiter | undefined): void {
    assert(this.hasRoom(), 'an item was accepted without room for it')
    const n = this.#stats.accepted + 1
    const item = new Item({ origin: this.#run, n, wantsOutcome: waiter !== undefined }, undefined, value)
    if (this.#exit?.isLocal !== true) item.bytes()
    const entry = new Entry(item, waiter, this.#nowMs(), this.#onSettled)
    this.#stats.accepted = n
    this.#entries.set(n, entry)
    this.#unsent.push(entry)
    this.pump()
  }

  /** The chain runs, as another generation than before: everything unfinished goes to it, in order. */
  open(exit: Exit): void {
    this.#exit = exit
    this.#unsent.clear()
    for (const entry of this.#entries.values()) {
      if (entry.isSent) this.#stats.redelivered += 1
      entry.isSent = false
      entry.outputs = []
      this.#unsent.push(entry)
    }
    this.pump()
  }

  /** The chain does not run: what comes in waits. */
  close(): void {
    this.#exit = undefined
  }

  /** A worker has crashed on an item: when that happens again and again, the item is put aside. */
  blame(n: number, failure: Failure): void {
    const entry = this.#entries.get(n)
    if (entry === undefined) return
    entry.crashes += 1
    if (entry.crashes < this.#limits.attemptsMax) return
    this.#stats.dead += 1
    this.#remove(entry)
    const message = `item ${n} of chain "${this.#chain}" is dead: ${failure.slot} crashed on it ${entry.crashes} times`
    entry.waiter?.onDead(
      new ItemDeadError(`${message} (${failure.name}: ${failure.message})`, { cause: failure }),
    )
  }

  /** Nothing will come of what is here: of all of it, or of what somebody waits for. Those who wait are told. */
  abort(error: Error, which: 'all' | 'awaited'): void {
    this.#exit = undefined
    this.#unsent.clear()
    const entries = [...this.#entries.values()].filter(entry => which === 'all' || entry.waiter !== undefined)
    for (const entry of entries) this.#entries.delete(entry.item.head.n)
    for (const entry of entries) entry.waiter?.onDead(error)
    this.#announceRoom()
  }

  /** Something has come out at the end. */
  collect(n: number, path: Path, value: unknown): void {
    const entry = this.#entries.get(n)
    if (entry === undefined) return
    entry.outputs.push({ path, value })
    // Where an item gives at most one, this is all of it: no need to wait for word from every stage.
    if (this.#limits.emission !== 'many') this.#finish(entry)
  }

  /** Sends what waits, as far as there is room. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    for (let entry = this.#unsent.at(0); entry !== undefined; entry = this.#unsent.at(0)) {
      const outlet = this.#exit?.pick(entry.item)
      if (outlet === undefined) break
      this.#unsent.shift()
      if (!this.#entries.has(entry.item.head.n)) continue
      entry.isSent = true
      try {
        outlet.push(entry.item, entry)
      } catch (error) {
        this.#refuse(entry, error)
      }
    }
    this.#isPumping = false
  }

  #finish(entry: Entry): void {
    if (!this.#entries.has(entry.item.head.n)) return
    this.#stats.finished += 1
    this.#stats.slowestMs = Math.max(this.#stats.slowestMs, this.#nowMs() - entry.acceptedMs)
    const outcome = this.#outcomeOf(entry)
    this.#remove(entry)
    entry.waiter?.onOutcome(outcome)
  }

  /** One for one, as the stages declare it: an array only where a stage may emit many. */
  #outcomeOf({ outputs }: Entry): unknown {
    if (this.#limits.emission !== 'many') return outputs[0]?.value
    if (outputs.length > 1) outputs.sort((a, b) => comparePaths(a.path, b.path))
    return outputs.map(output => output.value)
  }

  /** It was accepted while the first stage was on this node, has to travel now, and cannot. */
  #refuse(entry: Entry, error: unknown): void {
    this.#stats.dead += 1
    this.#remove(entry)
    entry.waiter?.onDead(error instanceof Error ? error : new ItemDeadError(String(error)))
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.item.head.n)
    this.#announceRoom()
  }

  #announceRoom(): void {
    while (this.#whenRoom.length > 0 && this.hasRoom()) this.#whenRoom.shift()?.()
  }
}
