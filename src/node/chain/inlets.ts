// shell
/** The ways in: how items get to a worker of a stage, and what came out at the end gets back to its sender. */

import { FRAME, ORIGINS_MAX, decodeRun, noticeOf } from '../../protocol/channel.ts'
import type { Frame, FrameWriter } from '../../protocol/frames.ts'
import { type NodeId, type Run, isSameRun } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Incoming, Session } from '../messaging/session.ts'
import type { Ingress } from './ingress.ts'
import type { Item, Parent } from './item.ts'
import { LinkReceiver } from './link-receiver.ts'
import type { Outlet } from './outlet.ts'
import { Delivery, type Inlet } from './delivery.ts'
import type { StageWorker } from './stage-worker.ts'
import { Window } from './window.ts'

/** From a worker, or the entrance, of the same node: items are handed over as they are. */
export class LocalOutlet implements Outlet, Inlet {
  readonly #worker: StageWorker
  readonly #clock: Clock
  readonly #window: Window
  readonly #onRoom: () => void
  #debt = 0
  #waiting = 0
  #isBlocked = false
  #isOver = false

  constructor(
    worker: StageWorker,
    init: { readonly clock: Clock; readonly itemsMax: number; readonly onRoom: () => void },
  ) {
    this.#worker = worker
    this.#clock = init.clock
    this.#window = new Window(init.clock.nowMs(), init.itemsMax)
    this.#onRoom = init.onRoom
  }

  get debt(): number {
    return this.#debt
  }

  hasRoom(): boolean {
    this.#isBlocked = this.#waiting >= this.#window.size
    return !this.#isBlocked
  }

  /** What still comes is of a generation that is over, and the worker may be of another one by now. */
  detach(): void {
    this.#isOver = true
  }

  push(item: Item, parent: Parent): void {
    if (this.#isOver) return
    this.#debt += 1
    this.#waiting += 1
    this.#worker.deliver(Delivery.fromHere(item, this, parent))
  }

  onConsumed(): void {
    this.#waiting -= 1
    if (this.#window.onConsumed()) this.#window.adapt(this.#clock.nowMs())
    if (!this.#isBlocked) return
    this.#isBlocked = false
    this.#onRoom()
  }

  onSettled(delivery: Delivery): void {
    this.#debt -= 1
    delivery.parent?.onChildSettled()
  }
}

/** What came out, for a sender on the same node. */
export class LocalReturn implements Outlet {
  readonly debt = 0
  readonly #ingress: Ingress

  constructor(ingress: Ingress) {
    this.#ingress = ingress
  }

  hasRoom(): boolean {
    return true
  }

  push(item: Item, parent: Parent): void {
    deliverTo(this.#ingress, item)
    parent.onChildSettled()
  }
}

function deliverTo(ingress: Ingress, item: Item): void {
  if (item.kind === 'item') return ingress.collect(item.head.n, item.path, item.value)
  const notice = noticeOf(item.value)
  if (notice !== undefined) ingress.onNotice(item.head.n, notice)
}

export interface InletInit {
  readonly clock: Clock
  /** Gives one object for each run, so that runs can be compared by identity. */
  readonly intern: (run: Run) => Run
  /** The node that all of its items come from; undefined: from anybody. */
  readonly origin?: NodeId | undefined
  /** See `LinkReceiver`. */
  readonly itemsMax?: number | undefined
}

/** The receiving end of a link, over as many sessions as it takes. */
abstract class LinkInlet implements Incoming {
  protected readonly receiver: LinkReceiver
  readonly #clock: Clock
  readonly #intern: (run: Run) => Run
  readonly #origin: NodeId | undefined
  #session: Session | undefined
  #channel = 0
  #isOver = false

  constructor(init: InletInit) {
    this.receiver = new LinkReceiver(init.clock.nowMs(), init.itemsMax)
    this.#clock = init.clock
    this.#intern = init.intern
    this.#origin = init.origin
  }

  /** The sender has opened its channel, for the first time or again. */
  attach(session: Session, channel: number): void {
    this.#session = session
    this.#channel = channel
    this.receiver.writeResume(channel, session.writer)
  }

  /** The session is not kept for as long as the generation: most who have come may be gone. */
  onClosed(channel: number, session: Session): void {
    if (session === this.#session && channel === this.#channel) this.#session = undefined
  }

  /** What still comes is of a generation that is over: nobody wants it, and nobody will say that it is settled. */
  detach(): void {
    this.#isOver = true
  }

  onFrame(frame: Frame): string | undefined {
    if (this.#isOver) return undefined
    if (frame.kind === FRAME.origin) return this.#addOrigin(frame)
    if (frame.kind !== FRAME.item) return `a frame of kind ${frame.kind} on a link`
    const item = this.receiver.receive(frame)
    if (item === undefined) return this.receiver.violation
    this.take(item, this.receiver.lastSequence, this.receiver.lastBytes)
    return undefined
  }

  writeNews(channel: number, writer: FrameWriter): void {
    this.receiver.writeNews(channel, writer, this.#clock.nowMs())
  }

  /** `bytes`: the size of the item without what goes before it. */
  protected abstract take(item: Item, sequence: number, bytes: number): void

  protected tellConsumed(bytes: number): void {
    if (this.receiver.onConsumed(bytes)) this.#session?.addNews(this.#channel, this, true)
  }

  protected tellSettled(sequence: number): void {
    const isUrgent = this.receiver.onSettled(sequence)
    this.#session?.addNews(this.#channel, this, isUrgent)
  }

  #addOrigin(frame: Frame): string | undefined {
    const number = frame.u16()
    const run = decodeRun(frame.rest())
    if (run === undefined) return 'an origin that is no node'
    if (number >= ORIGINS_MAX) return `origin ${number}, of ${ORIGINS_MAX}`
    if (this.#origin !== undefined && run.id !== this.#origin)
      return `origin ${run.id}, where only ${this.#origin} can be`
    this.receiver.addOrigin(number, this.#intern(run))
    return undefined
  }
}

/** From a worker, or the entrance, of another node, to a worker of this one. */
export class WorkerInlet extends LinkInlet implements Inlet {
  readonly #worker: StageWorker

  constructor(worker: StageWorker, init: InletInit) {
    super(init)
    this.#worker = worker
  }

  onConsumed(delivery: Delivery): void {
    this.tellConsumed(delivery.bytes)
  }

  onSettled(delivery: Delivery): void {
    this.tellSettled(delivery.sequence)
  }

  protected override take(item: Item, sequence: number, bytes: number): void {
    if (item.kind === 'item') this.#worker.deliver(Delivery.fromLink(item, this, sequence, bytes))
  }
}

/** What came out at a worker of another node, for the sender on this one. */
export class ReturnInlet extends LinkInlet {
  readonly #ingress: Ingress
  readonly #run: Run

  constructor(ingress: Ingress, run: Run, init: InletInit) {
    super(init)
    this.#ingress = ingress
    this.#run = run
  }

  protected override take(item: Item, sequence: number, bytes: number): void {
    const { origin } = item.head
    this.tellConsumed(bytes)
    // An earlier run of this node has numbered its items from 1 too, and waits for nothing any more.
    if (isSameRun(origin, this.#run)) deliverTo(this.#ingress, item)
    this.tellSettled(sequence)
  }
}
