// shell
/**
 * A worker of a stage in this thread: takes an item from its mailbox when there is room for what comes of it, hands
 * it to user code, and passes on what comes out. An item is settled when all that came of it is.
 */

import { Deque } from '../../deque.ts'
import type { ItemId } from '../../protocol/failure.ts'
import type { Stage } from '../workers/behaviours.ts'
import type { StageContext } from '../workers/context.ts'
import { InlineWorker, type WorkerInit, isAsyncIterable, isPromise } from '../workers/worker.ts'
import type { Exit as WorkerExit } from '../supervision/exit.ts'
import type { Exit } from './fan.ts'
import type { Item, Parent } from './item.ts'
import type { Outlet } from './link.ts'

/** Where an item came from, and who is told what becomes of it. */
export interface Inlet {
  /** It has left the mailbox. */
  onConsumed(delivery: Delivery): void
  /** It has been dealt with, and everything that came of it. */
  onSettled(delivery: Delivery): void
}

/** An item in the hands of a worker. */
export class Delivery implements Parent {
  readonly item: Item
  readonly inlet: Inlet
  /** Where it came from this node: what it came of. */
  readonly parent: Parent | undefined
  /** Within the link that it came by; 0 where it came from this node. */
  sequence = 0
  /** On the wire; 0 where it came from this node. */
  bytes = 0
  /** Outputs that are not settled, and one more while user code may emit more of them. */
  #open = 1

  private constructor(item: Item, inlet: Inlet, parent: Parent | undefined) {
    this.item = item
    this.inlet = inlet
    this.parent = parent
  }

  static fromHere(item: Item, inlet: Inlet, parent: Parent): Delivery {
    return new Delivery(item, inlet, parent)
  }

  static fromLink(item: Item, inlet: Inlet, sequence: number, bytes: number): Delivery {
    const delivery = new Delivery(item, inlet, undefined)
    delivery.sequence = sequence
    delivery.bytes = bytes
    return delivery
  }

  onChildAdded(): void {
    this.#open += 1
  }

  /** Also said once by the worker itself, when user code is through with the item. */
  onChildSettled(): void {
    this.#open -= 1
    if (this.#open === 0) this.inlet.onSettled(this)
  }
}

export class StageWorker extends InlineWorker {
  readonly #stage: Stage<never, unknown>
  readonly #context: StageContext
  readonly #mailbox = new Deque<Delivery>()
  readonly #depth: number
  #exit: Exit | undefined
  #isBusy = false
  #isPumping = false
  #isDeferred = false
  #item: Item | undefined
  /** Wakes a generator that waits for room. */
  #wake: (() => void) | undefined

  /** `depth`: 0 for the first stage. */
  constructor(stage: Stage<never, unknown>, depth: number, init: WorkerInit) {
    super(init)
    this.#stage = stage
    this.#depth = depth
    const currentItem = (): ItemId => this.#item?.id ?? { origin: init.node, boot: 0, n: 0 }
    this.#context = Object.defineProperty({ ...this.makeContext(), item: currentItem() }, 'item', {
      get: currentItem,
    })
  }

  /** How many items wait. */
  get backlog(): number {
    return this.#mailbox.size
  }

  /** Says where outputs go. Until then nothing is handled. */
  connect(exit: Exit): void {
    this.#exit = exit
    this.pump()
  }

  deliver(delivery: Delivery): void {
    if (this.isOver || this.isStopping) return
    this.#mailbox.push(delivery)
    this.pump()
  }

  /** Handles what waits, as far as there is room. Called when there is more of either. */
  pump(): void {
    this.#wake?.()
    if (this.#isPumping || this.#isBusy || this.#exit === undefined) return
    this.#isPumping = true
    while (!this.#isBusy && !this.isOver && !this.isStopping) {
      const next = this.#mailbox.at(0)
      const outlet = next === undefined ? undefined : this.#exit.pick(next.item)
      if (next === undefined || outlet === undefined) break
      if (this.init.turn.isOver()) {
        this.#defer()
        break
      }
      this.#mailbox.shift()
      next.inlet.onConsumed(next)
      this.#handle(next, outlet)
    }
    this.#isPumping = false
  }

  /** The item that it was at may be to blame. */
  override kill(exit: WorkerExit): void {
    const item = this.#isBusy ? this.#item?.id : undefined
    super.kill('failure' in exit ? { ...exit, failure: { ...exit.failure, item } } : exit)
  }

  protected override begin(): unknown {
    return undefined
  }

  protected override end(): void {
    this.#wake?.()
    if (!this.#isBusy) this.exit({ kind: 'normal' })
  }

  protected override discard(): void {
    this.#mailbox.clear()
    this.#wake?.()
  }

  #defer(): void {
    if (this.#isDeferred) return
    this.#isDeferred = true
    this.init.turn.defer(() => {
      this.#isDeferred = false
      this.pump()
    })
  }

  #handle(delivery: Delivery, outlet: Outlet): void {
    const { item } = delivery
    this.#item = item
    try {
      const result = this.#stage.handle(item.value, this.#context)
      if (isPromise(result) || isAsyncIterable(result)) {
        this.#isBusy = true
        void this.#follow(delivery, result)
        return
      }
      if (result !== undefined) this.#emit(delivery, outlet, result, 0)
      delivery.onChildSettled()
    } catch (error) {
      this.crash(error, item.id)
    }
  }

  /** User code takes its time, or emits many. */
  async #follow(delivery: Delivery, result: Promise<unknown> | AsyncIterable<unknown>): Promise<void> {
    try {
      if (isPromise(result)) await this.#emitWhenRoom(delivery, await result, 0)
      else await this.#iterate(delivery, result)
    } catch (error) {
      this.crash(error, delivery.item.id)
    }
    this.#isBusy = false
    if (this.isOver) return
    if (this.isStopping) return this.exit({ kind: 'normal' })
    delivery.onChildSettled()
    this.pump()
  }

  async #iterate(delivery: Delivery, values: AsyncIterable<unknown>): Promise<void> {
    if (this.#stage.emission !== 'many') {
      throw new TypeError(
        `the stage "${this.#stage.name}" emits many items: declare it with "async function*"`,
      )
    }
    let index = 0
    for await (const value of values) {
      await this.#emitWhenRoom(delivery, value, index++)
      if (this.isOver || this.isStopping) return
    }
  }

  /** There was room when user code began; after a wait there may be none any more. */
  async #emitWhenRoom(delivery: Delivery, value: unknown, index: number): Promise<void> {
    if (value === undefined) return
    let outlet = this.#exit?.pick(delivery.item)
    while (outlet === undefined && !this.isOver && !this.isStopping) {
      await new Promise<void>(resolve => (this.#wake = resolve))
      outlet = this.#exit?.pick(delivery.item)
    }
    if (outlet !== undefined && !this.isOver && !this.isStopping) this.#emit(delivery, outlet, value, index)
  }

  #emit(delivery: Delivery, outlet: Outlet, value: unknown, index: number): void {
    const child = delivery.item.child(value, index, this.#depth)
    delivery.onChildAdded()
    outlet.push(child, delivery)
  }
}
