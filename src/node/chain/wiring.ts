// shell
/**
 * How the workers of one generation of a chain are connected, as far as this node has a hand in it: its own workers
 * to the next stage, the entrance to the first, the last stage to the senders. A new generation is wired anew.
 */

import { RouteError } from '../../errors.ts'
import { type NodeId, type Run, type SlotId, isSameRun } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Target } from '../../protocol/channel.ts'
import type { Phase, PlacedSlot } from '../../protocol/phase.ts'
import type { ChainBody } from '../../protocol/spec-row.ts'
import type { Incoming, Outgoing, Session } from '../messaging/session.ts'
import type { Prng } from '../../prng.ts'
import type { Behaviour } from '../workers/behaviours.ts'
import { Admissions, type ChainTarget } from './admissions.ts'
import { type Exit, NOWHERE, makeFan } from './fan.ts'
import type { Ingress } from './ingress.ts'
import { type InletInit, LocalOutlet, LocalReturn, ReturnInlet, WorkerInlet } from './inlets.ts'
import type { Item } from './item.ts'
import { LinkSender } from './link-sender.ts'
import { Origins } from './origins.ts'
import type { Outlet } from './outlet.ts'
import type { ChainPlan, StagePlan } from './stage-plan.ts'
import type { Connections, Finish, StageWorker } from './stage-worker.ts'

/** How channels are opened: they are open whenever there is a session with the peer, until they are closed. */
export interface Channels {
  next(): number
  open(peer: NodeId, outgoing: Outgoing): void
  close(peer: NodeId, outgoing: Outgoing): void
  /** Whether there is a session with a later run of the node: that one will never be there again. */
  isFollowed(run: Run): boolean
}

export interface WiringInit {
  readonly run: Run
  readonly body: ChainBody
  readonly phase: Phase
  readonly plan: ChainPlan
  readonly ingress: Ingress
  readonly channels: Channels
  readonly clock: Clock
  readonly prng: Prng
  /** The worker of this node that was placed there, if it has started. */
  readonly workerOf: (placed: PlacedSlot) => StageWorker | undefined
  /** What this node can run. */
  readonly findBehaviour: (id: string) => Behaviour | undefined
}

/** A worker of this node. */
interface Wired {
  readonly worker: StageWorker
  readonly connections: Connections
  /** To those who sent its items. */
  readonly back: Exit
  /** To the stages that it has led to, by their ids: a second link between the same two would be taken for the first. */
  readonly ways: Map<string, Exit>
}

/** How long to wait before a channel is opened again to a worker that is not there. */
const REOPEN_MS = 250
/** And so long at most on the way back to a sender who refuses: it may be another run, and never take it. */
const REOPEN_MS_MAX = 8_000

export class Wiring {
  readonly #init: WiringInit
  readonly #workers = new Map<SlotId, StageWorker>()
  /** Of those, how they are connected. */
  readonly #wired = new Map<SlotId, Wired>()
  readonly #admissions: Admissions<WorkerInlet | ReturnInlet>
  readonly #outlets: LocalOutlet[] = []
  readonly #open = new Map<LinkSender, NodeId>()
  readonly #origins = new Origins()
  /** By what is known of the spec now. */
  #body: ChainBody
  #plan: ChainPlan
  #isOver = false

  /** All workers of the generation have started: connects this node's ones, and the entrance. */
  constructor(init: WiringInit) {
    this.#init = init
    this.#body = init.body
    this.#plan = init.plan
    this.#admissions = new Admissions(init.phase.layout)
    this.#connectAll()
    init.ingress.open({
      entryOf: id => this.#entryTo(id)?.body.id ?? id,
      isWired: id => init.plan.entries.has(id),
      exitTo: (id, onRoom) => this.#entrance(id, onRoom),
    })
  }

  get body(): ChainBody {
    return this.#body
  }

  get generation(): Phase['generation'] {
    return this.#init.phase.generation
  }

  /**
   * The spec is known as it was not when the generation was wired: what comes out from now on goes where it says. What is on
   * its way goes on as it is.
   */
  follow(body: ChainBody, plan: ChainPlan): void {
    if (this.#isOver) return
    this.#body = body
    this.#plan = plan
    this.#connectAll()
    for (const [slot, wired] of this.#wired) this.#lead(slot, wired)
    this.#init.ingress.reopen()
    for (const { worker } of this.#wired.values()) worker.pump()
  }

  /** The generation is over: nothing more goes in or out. Workers that go on will be connected again. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#init.ingress.close()
    for (const [sender, peer] of this.#open) {
      sender.detach()
      this.#init.channels.close(peer, sender)
    }
    this.#admissions.end()
    for (const outlet of this.#outlets) outlet.detach()
    for (const worker of this.#workers.values()) worker.disconnect()
  }

  /** A peer opens a channel to a worker, or to the entrance, of this node. */
  accept(target: Target, session: Session, channel: number): Incoming | undefined {
    const { number, tag } = this.generation
    if (this.#isOver || target.kind === 'slot') return undefined
    if (target.generation.number !== number || target.generation.tag !== tag) return undefined
    if (target.kind === 'return' && target.boot !== this.#init.run.boot) return undefined
    const inlet = this.#admissions.admit(target, session, origin => this.#makeInlet(target, origin))
    inlet?.attach(session, channel)
    return inlet
  }

  /** `origin`: the node that all of its items come from. */
  #makeInlet(target: ChainTarget, origin: NodeId | undefined): WorkerInlet | ReturnInlet | undefined {
    const { clock, ingress, run } = this.#init
    const init: InletInit = { clock, intern: each => this.#origins.intern(each), origin }
    if (target.kind === 'return') return new ReturnInlet(ingress, run, { ...init, origin: run.id })
    const worker = this.#workers.get(target.to)
    const plan = this.#init.plan.workers.has(target.to) ? this.#init.plan : this.#plan
    const position = plan.workers.get(target.to)?.position ?? 0
    const itemsMax = plan.stages[position]?.inletItems
    return worker === undefined ? undefined : new WorkerInlet(worker, { ...init, itemsMax })
  }

  /** This node's workers that are not connected yet. */
  #connectAll(): void {
    const { run, workerOf } = this.#init
    const fresh: [SlotId, StageWorker][] = []
    for (const [slot, { placed }] of this.#plan.workers) {
      if (this.#workers.has(slot) || !isSameRun(placed.owner, run)) continue
      const worker = workerOf(placed)
      if (worker === undefined) continue
      this.#workers.set(slot, worker)
      fresh.push([slot, worker])
    }
    for (const [slot, worker] of fresh) this.#connect(slot, worker)
  }

  #connect(slot: SlotId, worker: StageWorker): void {
    const plan = this.#plan.workers.get(slot)
    if (plan === undefined) return
    const returnTo = this.#returns(slot, () => worker.pump())
    const connections: Connections = { plan, finish: undefined, exit: CLOSED, returnTo }
    const wired: Wired = { worker, connections, back: new ReturnExit(returnTo), ways: new Map() }
    this.#wired.set(slot, wired)
    this.#lead(slot, wired)
    worker.connect(connections)
  }

  /** Lets a worker lead where the spec says; where that is to nobody yet, it goes on as it was. */
  #lead(slot: SlotId, { worker, connections, back, ways }: Wired): void {
    const own = this.#plan.workers.get(slot)
    // It is about to stop.
    if (own === undefined) return
    connections.plan = own
    const next = this.#plan.stages[own.position + 1]
    const way =
      next === undefined ? back : (ways.get(next.body.id) ?? this.#fan(next, slot, () => worker.pump()))
    if (way.isDeadEnd) return
    if (next !== undefined) ways.set(next.body.id, way)
    connections.exit = way
    connections.finish = next === undefined ? this.#finish() : undefined
  }

  #finish(): Finish | undefined {
    const behaviour = this.#body.onFinish
    if (behaviour === undefined) return undefined
    const found = this.#init.findBehaviour(behaviour)
    return { behaviour, handle: found?.kind === 'stage' ? found.handle : undefined }
  }

  /** Where items for a stage go in: where they did when the generation was wired, if only that leads to somebody. */
  #entryTo(id: string): StagePlan | undefined {
    const { entries } = this.#plan
    const [entry, wired] = [entries.get(id), this.#init.plan.entries.get(id)]
    const isOpen = entry === undefined ? entries.has(id) : entry.workers.length > 0
    return isOpen || wired === undefined || wired.workers.length === 0 ? entry : wired
  }

  /** From this node's entrance to a stage, or, where that is passed over and was the last one, out again. */
  #entrance(id: string, onRoom: () => void): Exit | undefined {
    const { run, ingress } = this.#init
    const stage = this.#entryTo(id)
    if (stage !== undefined) return this.#fan(stage, `${run.id}.${run.boot}`, onRoom)
    if (!this.#init.plan.entries.has(id) && !this.#plan.entries.has(id)) return undefined
    if (this.#body.onFinish !== undefined) return new NoExit(id)
    const back = new LocalReturn(ingress)
    return new ReturnExit(() => back)
  }

  #fan({ body, workers, inletItems }: StagePlan, from: string, onRoom: () => void): Exit {
    const { phase, run, prng, clock, findBehaviour } = this.#init
    const outlets: Outlet[] = []
    let isLocal = true
    for (const { slot: to, owner } of workers) {
      const worker = this.#workers.get(to)
      if (worker !== undefined) {
        const outlet = new LocalOutlet(worker, { clock, itemsMax: inletItems, onRoom })
        this.#outlets.push(outlet)
        outlets.push(outlet)
      }
      if (isSameRun(owner, run)) continue
      isLocal = false
      const target: Target = { kind: 'link', chain: phase.spec, generation: phase.generation, from, to }
      outlets.push(this.#link(owner.id, target, onRoom))
    }
    const behaviour = findBehaviour(body.child.behaviour)
    return makeFan({
      route: body.route,
      outlets,
      isLocal,
      prng: prng.fork(from),
      key: behaviour?.kind === 'stage' ? behaviour.key : undefined,
      stage: body.id,
    })
  }

  /** The ways from a worker back to those who sent its items, each made when it is first taken. */
  #returns(from: SlotId, onRoom: () => void): (item: Item) => Outlet {
    const { phase, run, ingress } = this.#init
    const outlets = new Map<Run, Outlet>()
    const outletTo = (origin: Run): Outlet => {
      const known = outlets.get(origin)
      if (known !== undefined) return known
      const { spec: chain, generation } = phase
      const target: Target = { kind: 'return', chain, generation, from, boot: origin.boot }
      const giveUp = (): void => {
        outlets.set(origin, NOWHERE)
        onRoom()
      }
      const outlet = isSameRun(origin, run)
        ? new LocalReturn(ingress)
        : this.#link(origin.id, target, onRoom, giveUp)
      outlets.set(origin, outlet)
      return outlet
    }
    return item => outletTo(item.head.origin)
  }

  /** `onGivenUp`: the run that a way back leads to is over, and what was kept for it is dropped. */
  #link(peer: NodeId, target: Target, onRoom: () => void, onGivenUp?: () => void): LinkSender {
    const { channels, clock } = this.#init
    let reopenMs = REOPEN_MS
    const sender: LinkSender = new LinkSender({
      channel: channels.next(),
      target,
      whenApart: target.kind === 'return' ? 'keep' : 'wait',
      onRoom,
      onReset: () => {
        channels.close(peer, sender)
        if (target.kind === 'return' && channels.isFollowed({ id: peer, boot: target.boot })) {
          this.#open.delete(sender)
          onGivenUp?.()
          return sender.giveUp()
        }
        clock.after(reopenMs, () => {
          if (!this.#isOver) channels.open(peer, sender)
        })
        if (target.kind === 'return') reopenMs = Math.min(2 * reopenMs, REOPEN_MS_MAX)
      },
    })
    this.#open.set(sender, peer)
    channels.open(peer, sender)
    return sender
  }
}

/** The way out of a worker, as long as none is known. */
const CLOSED: Exit = { isDeadEnd: true, prepare: () => {}, hasRoom: () => false, pick: () => undefined }

/** The way out of the last stage: to whoever sent the item, if it waits for what comes out. */
class ReturnExit implements Exit {
  readonly isDeadEnd = false
  readonly #returnTo: (item: Item) => Outlet

  constructor(returnTo: (item: Item) => Outlet) {
    this.#returnTo = returnTo
  }

  prepare(): void {}

  hasRoom(item: Item): boolean {
    return !item.head.wantsOutcome || this.#returnTo(item).hasRoom(item)
  }

  pick(item: Item): Outlet | undefined {
    if (!item.head.wantsOutcome) return NOWHERE
    const outlet = this.#returnTo(item)
    return outlet.hasRoom(item) ? outlet : undefined
  }
}

/** Of a stage that is passed over, with none behind it: no worker is left to do what is to be done at the end. */
class NoExit implements Exit {
  readonly isDeadEnd = false
  readonly #stage: string

  constructor(stage: string) {
    this.#stage = stage
  }

  prepare(): void {
    throw new RouteError(
      `stage "${this.#stage}" has ended, and no stage behind it has a worker for onFinish: restart the stage, or send to an earlier one`,
    )
  }

  hasRoom(): boolean {
    return true
  }

  pick(): undefined {
    this.prepare()
  }
}
