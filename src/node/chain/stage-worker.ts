// shell
/**
 * A worker of a stage: takes an item from its mailbox when there is room for what comes of it, hands it to user code,
 * and passes on what comes out. An item is settled when all that came of it is.
 *
 * Most items are through before their handler returns: that way there is no promise on the path. Everything else
 * (a handler that takes its time, or emits many; an output that finds no room; a throw that is no crash; a callback
 * at the end) goes by `#follow`, one item at a time.
 */

import { Deque } from '../../deque.ts'
import type { ItemId } from '../../protocol/failure.ts'
import type { Notice } from '../../protocol/channel.ts'
import { isLast } from '../iterator-result.ts'
import { type Exit as WorkerExit, failureFrom } from '../supervision/exit.ts'
import { isA } from '../thrown-value.ts'
import type { Turn } from '../turn.ts'
import type { Callback, Stage } from '../workers/behaviours.ts'
import { BoundContext } from '../workers/bound-context.ts'
import type { StageContext, StopReason } from '../workers/context.ts'
import { isAsyncIterable, isPromise } from '../workers/promises.ts'
import { TRANSFER_BYTES_MIN, fresh } from '../workers/transfer.ts'
import { prepareScope } from '../workers/scope.ts'
import { Unfit, whenFit } from '../workers/unfit.ts'
import { InlineWorker, type WorkerInit } from '../workers/worker.ts'
import type { Delivery } from './delivery.ts'
import type { Exit } from './fan.ts'
import { Item } from './item.ts'
import type { Outlet } from './outlet.ts'
import type { WorkerPlan } from './stage-plan.ts'

/** How a worker is connected: for the time of one generation, in which what is known of the spec may change. */
export interface Connections {
  plan: WorkerPlan
  /** The callback at the end of the chain, where this is the last stage. */
  finish: Finish | undefined
  /** Where outputs go. */
  exit: Exit
  /** Where the sender of an item is told what has become of it. There is always room. */
  readonly returnTo: (item: Item) => Outlet
}

/** `handle` is undefined where this node does not have the behaviour. */
export interface Finish {
  readonly behaviour: string
  readonly handle: Callback | undefined
}

/** Before the second try of an item: anything up to this, then up to twice this, and so on. */
const RETRY_BASE_MS = 100
const RETRY_MAX_MS = 30_000

/** Whatever it has wished: the item at hand comes again, to its successor. */
const STOPPED: WorkerExit = { kind: 'stopped' }

/** What user code has done with an item: it has returned something, or thrown. */
type Result =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }

/** An item that takes its time. */
interface Task {
  readonly delivery: Delivery
  readonly connections: Connections
  /** How many outputs have gone on, also in earlier tries: the same ones are not sent twice. */
  emitted: number
}

export class StageWorker extends InlineWorker {
  readonly #stage: Stage<never, unknown>
  readonly #context: StageContext
  readonly #mailbox = new Deque<Delivery>()
  readonly #enter = prepareScope(this.makeScope())
  #connections: Connections | undefined
  #isBusy = false
  #isPumping = false
  #isDeferred = false
  /** What user code is at. */
  #item: Item | undefined
  /** How often this worker has tried it again, in its generation: see `onItemError`. */
  #retries = 0
  /** What it has taken last, in the generation that it is connected for. */
  #delivery: Delivery | undefined
  /** Its code wants it to end: it does when all that came of the item at hand is dealt with, or is to come again. */
  #wish: WorkerExit | undefined
  /** Wakes an output that waits for room. */
  #wake: (() => void) | undefined

  constructor(stage: Stage<never, unknown>, init: WorkerInit) {
    super(init)
    this.#stage = stage
    this.#context = this.#makeStageContext()
  }

  get backlog(): number {
    return this.#mailbox.size
  }

  /** Says where outputs go. Until then nothing is handled. */
  connect(connections: Connections): void {
    this.#connections = connections
    this.pump()
  }

  /**
   * The generation is over, and the worker goes on in the next one: what waits, and what it is at, will come again
   * from those who sent it.
   */
  disconnect(): void {
    this.#connections = undefined
    this.#delivery = undefined
    this.#mailbox.clear()
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
    if (this.#isPumping || this.#isBusy) return
    if (this.#wish !== undefined && this.#delivery === undefined) return this.exit(this.#wish)
    const connections = this.#connections
    if (connections === undefined) return
    this.#isPumping = true
    this.#enter(this.#pumpAll)
    this.#isPumping = false
    // Connected anew while it was at it: whatever has come since has not been looked at.
    if (this.#connections !== connections) this.pump()
  }

  /** A property, so that no function is made for each time. */
  readonly #pumpAll = (): void => {
    const connections = this.#connections
    if (connections === undefined) return
    while (!this.#isBusy && this.#wish === undefined && !this.#isCut(connections)) {
      const next = this.#mailbox.at(0)
      if (next === undefined || !connections.exit.hasRoom(next.item)) break
      if (this.home.turn.isOverByNow()) {
        this.#defer()
        break
      }
      this.#mailbox.shift()
      // There is room above now: a worker there may crash at the next item, and the generation end with it.
      next.inlet.onConsumed(next)
      if (!this.#isCut(connections)) this.#handle(next, connections)
    }
  }

  /** What it was at when its thread or process was taken away is to blame, as far as anybody can tell. */
  override kill(exit: WorkerExit): void {
    const item = this.#isBusy ? this.#item?.id : undefined
    super.kill(
      'failure' in exit && item !== undefined ? { ...exit, failure: { ...exit.failure, item } } : exit,
    )
  }

  protected override begin(): unknown {
    return undefined
  }

  protected override end(): void {
    this.#wake?.()
    if (!this.#isBusy) this.exit(STOPPED)
  }

  protected override onStopWish(reason: StopReason): void {
    if (this.#wish !== undefined) return
    if (reason instanceof Error) return this.crash(reason, this.#item?.id)
    const exit: WorkerExit = { kind: reason }
    if (!this.#isBusy && !this.#isPumping) return this.exit(exit)
    this.#wish = exit
    this.#delivery?.onceSettled(() => this.exit(exit))
  }

  protected override discard(): void {
    this.#mailbox.clear()
    this.#wake?.()
  }

  #defer(): void {
    if (this.#isDeferred) return
    this.#isDeferred = true
    this.home.turn.defer(() => {
      this.#isDeferred = false
      this.pump()
    })
  }

  #handle(delivery: Delivery, connections: Connections): void {
    const { item } = delivery
    this.#delivery = delivery
    this.#item = item
    this.#retries = 0
    // What has come over the wire is in nobody else's hands, unless it is to be tried again here.
    if (delivery.bytes >= TRANSFER_BYTES_MIN && this.isolation === 'thread') {
      if (connections.plan.onItemError !== 'retry') fresh.add(item.value)
    }
    let value: unknown
    try {
      value = this.#run(item)
      if (this.#isCut(connections)) return
      const isThrough =
        value === undefined ||
        (!isPromise(value) &&
          !isAsyncIterable(value) &&
          connections.finish === undefined &&
          this.#emit(delivery, value, connections))
      if (isThrough) return delivery.onChildSettled()
    } catch (error) {
      const isCrash = connections.plan.onItemError === 'crash' && !isA(error, Unfit)
      if (isCrash) return this.crash(error, item.id)
      void this.#follow(delivery, { kind: 'threw', error }, connections)
      return
    }
    void this.#follow(delivery, { kind: 'returned', value }, connections)
  }

  /** What a schema refuses has no second chance, whatever the policy: the stage never sees it. @throws {Unfit} */
  #run(item: Item): unknown {
    const { input } = this.#stage
    if (input === undefined) return this.#stage.handle(item.value, this.#context)
    return whenFit(input, item.value, value => this.#stage.handle(value, this.#context))
  }

  /** Passes the only output of an item on. @returns false when there is no room now @throws {PayloadError} {RouteError} */
  #emit(delivery: Delivery, value: unknown, { plan, exit }: Connections): boolean {
    const child = delivery.item.child(value, plan.firstIndex, plan.depth)
    const outlet = exit.pick(child)
    if (outlet === undefined) return false
    this.#push(delivery, child, outlet)
    return true
  }

  #push(delivery: Delivery, child: Item, outlet: Outlet): void {
    // Before it is pushed: it may be settled at once.
    delivery.onChildAdded()
    try {
      outlet.push(child, delivery)
    } catch (error) {
      delivery.onChildSettled()
      throw error
    }
  }

  /** Sees an item through that takes its time: all that comes of it is passed on, or it is dead, or nobody wants it. */
  async #follow(delivery: Delivery, first: Result, connections: Connections): Promise<void> {
    this.#isBusy = true
    const task: Task = { delivery, connections, emitted: 0 }
    let result = first
    for (let attempt = 1; !this.#isCut(connections); attempt++) {
      try {
        if (result.kind === 'threw') throw result.error
        await this.#passOn(task, result.value)
        break
      } catch (error) {
        if (await this.#isGivenUp(task, error, attempt)) break
      }
      result = this.#retry(task)
    }
    this.#isBusy = false
    if (this.isOver) return
    if (this.isStopping) return this.exit(STOPPED)
    if (!this.#isCut(connections)) delivery.onChildSettled()
    this.pump()
  }

  /** User code has thrown: waits for the time of the next try, if there is to be one. */
  async #isGivenUp(task: Task, error: unknown, attempts: number): Promise<boolean> {
    const { item } = task.delivery
    const { onItemError, attemptsMax } = task.connections.plan
    const isUnfit = isA(error, Unfit)
    // Before its turn to stop: its successor is given the item.
    if (this.isBrokenOff(error)) this.exit(STOPPED)
    else if (onItemError === 'crash' && !isUnfit) this.crash(error, item.id)
    if (this.#isCut(task.connections)) return true
    if (isUnfit || onItemError === 'deadLetter' || attempts >= attemptsMax) {
      this.#tell('dead', task, { error, attempts, item })
      return true
    }
    await this.#context.sleep(this.#retryMs(attempts))
    return false
  }

  /** Whether nothing that comes of what was begun with these connections counts any more. */
  #isCut(connections: Connections): boolean {
    return this.isOver || this.isStopping || this.#connections !== connections
  }

  /** Full jitter, as between restarts. */
  #retryMs(attempt: number): number {
    return this.prng.between(0, Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** (attempt - 1)))
  }

  #retry({ delivery: { item }, connections }: Task): Result {
    if (this.#isCut(connections)) return { kind: 'returned', value: undefined }
    this.#item = item
    this.#retries += 1
    try {
      return { kind: 'returned', value: this.#run(item) }
    } catch (error) {
      return { kind: 'threw', error }
    }
  }

  async #passOn(task: Task, value: unknown): Promise<void> {
    if (!isAsyncIterable(value)) {
      const output = await value
      if (task.emitted === 0) await this.#emitWhenRoom(task, output, 0)
      task.emitted = 1
      return
    }
    if (this.#stage.emission !== 'many') {
      throw new TypeError(
        `the stage "${this.#stage.name}" emits many items: declare it with "async function*"`,
      )
    }
    let index = 0
    for await (const output of value) {
      if (index >= task.emitted) await this.#emitWhenRoom(task, output, index)
      if (this.home.turn.isOverByNow()) await this.home.turn.rest()
      index += 1
      task.emitted = Math.max(task.emitted, index)
      if (this.#isCut(task.connections)) return
    }
  }

  /** There was room when user code began; after a wait, or for this very output, there may be none. */
  async #emitWhenRoom(task: Task, value: unknown, index: number): Promise<void> {
    const { delivery, connections } = task
    if (value === undefined || this.#isCut(connections)) return
    const child = delivery.item.child(value, connections.plan.firstIndex + index, connections.plan.depth)
    let isFinished = false
    while (!this.#isCut(connections)) {
      // Asked for again after each wait: it may be the last stage by now, or lead to another one.
      const { exit, finish } = connections
      if (finish !== undefined && !isFinished) {
        await this.#callBack(finish, task, child)
        isFinished = true
        continue
      }
      const outlet = exit.pick(child)
      if (outlet !== undefined) return this.#push(delivery, child, outlet)
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
  }

  /** The end of the chain. A throw is told to the sender of the item, and changes nothing. */
  async #callBack({ behaviour, handle }: Finish, task: Task, output: Item): Promise<void> {
    this.#item = output
    try {
      if (handle === undefined) throw new Error(`this node does not have the behaviour "${behaviour}"`)
      const result = handle(output.value, this.#context)
      await (isAsyncIterable(result) ? exhaust(result, this.home.turn) : result)
    } catch (error) {
      const what = { error, attempts: 1, item: output }
      if (!this.#isCut(task.connections)) this.#tell('callback-failed', task, what)
    }
    this.#item = task.delivery.item
  }

  /** Tells the sender; the item is not settled before the sender knows. */
  #tell(
    kind: Notice['kind'],
    { delivery, connections }: Task,
    what: { readonly error: unknown; readonly attempts: number; readonly item: Item },
  ): void {
    const { assignment, logger } = this
    const { node } = this
    const { item, attempts } = what
    const { slot, token } = assignment
    const failure = failureFrom(what.error, { node, slot, generation: token.generation, item: item.id })
    const notice: Notice = { kind, stage: connections.plan.stage, itemId: item.text, failure, attempts }
    logger.warn(
      { worker: slot, item: item.text, failure: failure.message },
      `${kind}: a stage threw at an item`,
    )
    this.#push(delivery, new Item(item.head, item.path, notice, 'notice'), connections.returnTo(item))
  }

  #makeStageContext(): StageContext {
    const nothing: ItemId = { origin: this.node, boot: 0, n: 0 }
    const context = Object.assign(new BoundContext(this), { item: nothing, id: '', attempt: 1 })
    return Object.defineProperties(context, {
      item: { get: () => this.#item?.id ?? nothing },
      id: { get: () => this.#item?.text ?? '' },
      attempt: { get: () => (this.#item?.head.attempt ?? 1) + this.#retries },
    })
  }
}

/** Runs a generator to its end, whatever it emits. */
async function exhaust(values: AsyncIterable<unknown>, turn: Turn): Promise<void> {
  const iterator = values[Symbol.asyncIterator]()
  while (!isLast(await iterator.next())) if (turn.isOverByNow()) await turn.rest()
}
