// shell
/**
 * How the workers of one generation of a chain are connected, as far as this node has a hand in it: its own workers
 * to the next stage, the entrance to the first, the last stage to the senders. A new generation is wired anew.
 */

import { type NodeId, type Run, type SlotId, isSameRun, slotId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Target } from '../../protocol/channel.ts'
import type { Phase } from '../../protocol/phase.ts'
import type { ChainBody } from '../../protocol/spec-row.ts'
import type { Incoming, Outgoing, Session } from '../messaging/session.ts'
import type { Prng } from '../../prng.ts'
import type { Behaviour } from '../workers/behaviours.ts'
import { type Exit, NOWHERE, makeFan } from './fan.ts'
import type { Ingress } from './ingress.ts'
import { type InletInit, LocalOutlet, LocalReturn, ReturnInlet, WorkerInlet } from './inlets.ts'
import type { Item } from './item.ts'
import { LinkSender, type Outlet } from './link.ts'
import type { StageWorker } from './stage-worker.ts'

/** How channels are opened: they are open whenever there is a session with the peer, until they are closed. */
export interface Channels {
  next(): number
  open(peer: NodeId, outgoing: Outgoing): void
  close(peer: NodeId, outgoing: Outgoing): void
}

export interface WiringInit {
  readonly run: Run
  readonly body: ChainBody
  readonly phase: Phase
  readonly ingress: Ingress
  readonly channels: Channels
  readonly clock: Clock
  readonly prng: Prng
  /** What this node can run. */
  readonly findBehaviour: (id: string) => Behaviour | undefined
}

/** How long to wait before a channel is opened again to a worker that is not there. */
const REOPEN_MS = 250

export class Wiring {
  readonly #init: WiringInit
  readonly #workers = new Map<SlotId, StageWorker>()
  readonly #connected = new Set<SlotId>()
  readonly #owners: ReadonlyMap<SlotId, Run>
  readonly #inlets = new Map<string, WorkerInlet | ReturnInlet>()
  readonly #open: { readonly peer: NodeId; readonly sender: LinkSender }[] = []
  readonly #runs = new Map<string, Run>()
  #isRunning = false
  #isOver = false

  constructor(init: WiringInit) {
    this.#init = init
    this.#owners = new Map(init.phase.layout.map(({ slot, owner }) => [slot, owner]))
  }

  get generation(): Phase['generation'] {
    return this.#init.phase.generation
  }

  /** A worker of this node has started. */
  addWorker(slot: SlotId, worker: StageWorker): void {
    this.#workers.set(slot, worker)
    if (this.#isRunning) this.#connect(slot, worker)
  }

  /** All workers of the generation have started: connects this node's ones, and the entrance. */
  run(): void {
    if (this.#isRunning || this.#isOver) return
    this.#isRunning = true
    for (const [slot, worker] of this.#workers) this.#connect(slot, worker)
    const { run, ingress, body } = this.#init
    const from = `${run.id}.${run.boot}`
    ingress.open((stage, onRoom) => {
      const depth = body.stages.findIndex(({ id }) => id === stage)
      return depth < 0 ? undefined : this.#fan(depth, from, onRoom)
    })
  }

  /** The generation is over: nothing more goes in or out. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#isRunning) this.#init.ingress.close()
    for (const { peer, sender } of this.#open) {
      sender.onPause()
      this.#init.channels.close(peer, sender)
    }
    for (const inlet of this.#inlets.values()) inlet.detach()
    this.#inlets.clear()
  }

  /** A peer opens a channel to a worker, or to the entrance, of this node. */
  accept(target: Target, session: Session, channel: number): Incoming | undefined {
    const { number, tag } = this.generation
    if (this.#isOver || target.kind === 'slot') return undefined
    if (target.generation.number !== number || target.generation.tag !== tag) return undefined
    const inlet = this.#inletFor(target)
    inlet?.attach(session, channel)
    return inlet
  }

  #inletFor(target: Target & { kind: 'link' | 'return' }): WorkerInlet | ReturnInlet | undefined {
    const key = target.kind === 'link' ? `${target.from}>${target.to}` : `${target.from}>`
    const known = this.#inlets.get(key)
    if (known !== undefined) return known
    const inlet = this.#makeInlet(target)
    if (inlet !== undefined) this.#inlets.set(key, inlet)
    return inlet
  }

  #makeInlet(target: Target & { kind: 'link' | 'return' }): WorkerInlet | ReturnInlet | undefined {
    const { clock, ingress, run } = this.#init
    const init: InletInit = { clock, intern: each => this.#intern(each) }
    if (target.kind === 'return') return new ReturnInlet(ingress, run, init)
    const worker = this.#workers.get(target.to)
    return worker === undefined ? undefined : new WorkerInlet(worker, init)
  }

  #connect(slot: SlotId, worker: StageWorker): void {
    if (this.#connected.has(slot)) return
    this.#connected.add(slot)
    const onRoom = (): void => worker.pump()
    const returnTo = this.#returns(slot, onRoom)
    const { depth, isLast } = worker.plan
    worker.connect({ exit: isLast ? new ReturnExit(returnTo) : this.#fan(depth + 1, slot, onRoom), returnTo })
  }

  #fan(depth: number, from: string, onRoom: () => void): Exit {
    const { body, phase, run, prng, findBehaviour } = this.#init
    const stage = body.stages[depth]
    const outlets: Outlet[] = []
    let isLocal = true
    for (let index = 0; index < (stage?.workers ?? 0); index++) {
      const to = slotId(phase.spec, stage?.id ?? '', index)
      const owner = this.#owners.get(to)
      if (owner === undefined) continue
      const worker = isSameRun(owner, run) ? this.#workers.get(to) : undefined
      if (worker !== undefined) outlets.push(new LocalOutlet(worker, this.#init.clock, onRoom))
      if (isSameRun(owner, run)) continue
      isLocal = false
      const target: Target = { kind: 'link', chain: phase.spec, generation: phase.generation, from, to }
      outlets.push(this.#link(owner.id, target, onRoom))
    }
    const behaviour = findBehaviour(stage?.child.behaviour ?? '')
    return makeFan({
      route: stage?.route ?? 'least-debt',
      outlets,
      isLocal,
      prng: prng.fork(from),
      key: behaviour?.kind === 'stage' ? behaviour.key : undefined,
      stage: stage?.id ?? '',
    })
  }

  /** The ways from a worker back to those who sent its items, each made when it is first taken. */
  #returns(from: SlotId, onRoom: () => void): (item: Item) => Outlet {
    const { phase, run, ingress } = this.#init
    const outlets = new Map<Run, Outlet>()
    const outletTo = (origin: Run): Outlet => {
      const known = outlets.get(origin)
      if (known !== undefined) return known
      const target: Target = { kind: 'return', chain: phase.spec, generation: phase.generation, from }
      const outlet = isSameRun(origin, run) ? new LocalReturn(ingress) : this.#link(origin.id, target, onRoom)
      outlets.set(origin, outlet)
      return outlet
    }
    return item => outletTo(item.head.origin)
  }

  #link(peer: NodeId, target: Target, onRoom: () => void): LinkSender {
    const { channels, clock } = this.#init
    const sender: LinkSender = new LinkSender({
      channel: channels.next(),
      target,
      whenApart: target.kind === 'return' ? 'keep' : 'wait',
      onRoom,
      onReset: () => {
        channels.close(peer, sender)
        clock.after(REOPEN_MS, () => {
          if (!this.#isOver) channels.open(peer, sender)
        })
      },
    })
    this.#open.push({ peer, sender })
    channels.open(peer, sender)
    return sender
  }

  #intern(run: Run): Run {
    const key = `${run.id}.${run.boot}`
    const known = this.#runs.get(key)
    if (known !== undefined) return known
    this.#runs.set(key, run)
    return run
  }
}

/** The way out of the last stage: to whoever sent the item, if it waits for what comes out. */
class ReturnExit implements Exit {
  readonly #returnTo: (item: Item) => Outlet

  constructor(returnTo: (item: Item) => Outlet) {
    this.#returnTo = returnTo
  }

  prepare(): void {}

  hasRoom(item: Item): boolean {
    return !item.head.wantsOutcome || this.#returnTo(item).hasRoom()
  }

  pick(item: Item): Outlet | undefined {
    if (!item.head.wantsOutcome) return NOWHERE
    const outlet = this.#returnTo(item)
    return outlet.hasRoom() ? outlet : undefined
  }
}
