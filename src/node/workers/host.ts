// shell
/** The workers of this node. Starts, stops and finds them; what they do is for the data plane. */

import type { NodeId, SlotId, SpecId } from '../../ids.ts'
import { unreachable } from '../../assert.ts'
import { IsolationError } from '../../errors.ts'
import { decodePayload } from '../../payload.ts'
import type { Clock, Logger, Machine } from '../../ports.ts'
import type { Prng } from '../../prng.ts'
import { StageWorker } from '../chain/stage-worker.ts'
import { atMost } from '../at-most.ts'
import type { CoreEvent, NodeEvent } from '../events.ts'
import type { Addressee } from '../messaging/post.ts'
import { type Exit, failureFrom, findFailure, writeOut } from '../supervision/exit.ts'
import type { Assignment, Incarnation } from '../supervision/supervisor.ts'
import type { Turn } from '../turn.ts'
import type { Behaviour } from './behaviours.ts'
import { CellExecutor } from './cell-executor.ts'
import type { CellStats } from './cell-stats.ts'
import { Endings } from './endings.ts'
import { type Executor, InlineExecutor } from './executor.ts'
import type { Gateway } from './gateway.ts'
import { inheritedBy, readLegacy } from './legacy.ts'
import { Overloads } from './overloads.ts'
import type { Registry } from './registry.ts'
import { findScope } from './scope.ts'
import { ServerWorker } from './server-worker.ts'
import { TaskWorker } from './task-worker.ts'
import { STRAY_BROKEN_OFF, isOfStop } from './thrown.ts'
import { Unexpected } from './unexpected.ts'
import { UntoldEnds } from './untold-ends.ts'
import { InlineWorker, type WorkerHome, type WorkerInit } from './worker.ts'

export interface HostInit {
  readonly node: NodeId
  readonly registry: Registry
  /** Undefined: all code runs inline. */
  readonly machine: Machine | undefined
  readonly clock: Clock
  readonly turn: Turn
  readonly logger: Logger
  readonly prng: Prng
  /** What the code of the workers can do to the mesh. */
  readonly gateway: Gateway
  readonly receive: (event: CoreEvent) => void
  readonly notify: (event: NodeEvent) => void
  /** Whether what the worker of the slot was to start with, and has not, is kept for its next start. */
  readonly keepsLegacy: (slot: SlotId) => boolean
  /** Whether it is to go on: it neither stops nor waits for its turn to. */
  readonly goesOn: (slot: SlotId, incarnation: Incarnation) => boolean
  /** A worker stops for a successor. */
  readonly onReleased: (assignment: Assignment) => void
  readonly onStageStarted: (assignment: Assignment, worker: StageWorker) => void
}

type Worker = StageWorker | ServerWorker | TaskWorker

/** The workers of a node by what their code runs in. */
export interface HostStats {
  readonly inline: number
  readonly threads: number
  readonly processes: number
  /** Threads and processes that have been told to end, and are not gone yet: also those that are abandoned. */
  readonly ending: number
  /**
   * Workers, since the node has started, whose code was left to itself: nothing that it does reaches anybody, but it may
   * still run. Inline ones that did not start or stop in time, or were not asked to stop (`stopTimeoutMs: 0`); and those in
   * threads that could not be ended.
   */
  readonly abandoned: number
  /**
   * Casts of functions that their server does not have, and messages to servers without `info`, since the node has
   * started: they are dropped, with a warning in the log for the first of each name.
   */
  readonly unexpected: number
}

export class Host {
  /** What workers have no room for. */
  readonly overloads: Overloads
  readonly #init: HostInit
  readonly #running = new Map<SlotId, Worker>()
  readonly #inline = new Map<Behaviour, InlineExecutor>()
  readonly #endings: Endings
  readonly #home: WorkerHome
  /** Workers that stop with all others, and how to say that they have. */
  readonly #stopping = new Map<InlineWorker, () => void>()
  readonly #untold = new UntoldEnds()
  #abandoned = 0

  constructor(init: HostInit) {
    this.#init = init
    const { node, clock, turn, logger, prng, gateway, goesOn } = init
    this.overloads = new Overloads(init)
    this.#endings = new Endings(init)
    this.#home = {
      node,
      clock,
      turn,
      logger,
      prng,
      gateway,
      unexpected: new Unexpected(logger),
      overloads: this.overloads,
      goesOn,
      onStarted: worker => this.#onStarted(worker),
      onExited: (worker, exit, lost) => this.#onExited(worker, exit, lost),
    }
  }

  /** The server or task of a slot. */
  find(slot: SlotId): Addressee | undefined {
    const worker = this.#running.get(slot)
    if (worker === undefined || worker instanceof StageWorker) return undefined
    return { token: worker.token, recipient: worker }
  }

  /** The workers of a spec on this node that have been started. */
  slotsOf(spec: SpecId): SlotId[] {
    const slots: SlotId[] = []
    for (const { assignment } of this.#running.values())
      if (assignment.spec === spec) slots.push(assignment.slot)
    return slots
  }

  stats(): HostStats {
    const count = { inline: 0, thread: 0, process: 0 }
    for (const { executor } of this.#running.values()) count[executor.isolation] += 1
    const { inline, thread, process } = count
    return {
      inline,
      threads: thread,
      processes: process,
      ending: this.#endings.workers.size,
      abandoned: this.#abandoned + this.#endings.abandonedCount,
      unexpected: this.#home.unexpected.count,
    }
  }

  /** The threads and processes, in the order of their workers' names: also those that are not gone yet. */
  cells(): CellStats[] {
    const cells: CellStats[] = []
    for (const worker of new Set<InlineWorker>([...this.#running.values(), ...this.#endings.workers])) {
      const { worker: slot, generation, isolation, backlog } = worker
      if (isolation === 'inline') continue
      const isAlive = !this.#endings.workers.has(worker)
      const isAbandoned = this.#endings.isAbandoned(worker)
      cells.push({ slot, generation, isolation, isAlive, isAbandoned, waiting: backlog })
    }
    return cells.toSorted((a, b) =>
      a.slot === b.slot ? a.generation - b.generation : a.slot < b.slot ? -1 : 1,
    )
  }

  start(assignment: Assignment, incarnation: Incarnation): void {
    const { slot, token, handoff } = assignment
    const { state, letters } = readLegacy(handoff)
    let worker: Worker
    try {
      worker = this.#make(assignment, incarnation, state)
    } catch (error) {
      const failure = failureFrom(error, { node: this.#init.node, slot, generation: token.generation })
      this.#init.receive({ kind: 'worker-exited', slot, incarnation, exit: { kind: 'unable', failure } })
      return
    }
    this.#running.set(slot, worker)
    if (!(worker instanceof StageWorker)) worker.inherit(letters)
    worker.start()
  }

  stop(slot: SlotId, incarnation: Incarnation): void {
    this.#of(slot, incarnation)?.stop()
  }

  /** Another node has what the worker is: whatever its code still does, reaches nobody. */
  fence(slot: SlotId, incarnation: Incarnation): void {
    this.#of(slot, incarnation)?.fence()
  }

  /** Stops a worker for a successor on another node: what it leaves behind is in its exit. */
  release(slot: SlotId, incarnation: Incarnation): void {
    const worker = this.#of(slot, incarnation)
    if (worker === undefined) return
    this.#init.onReleased(worker.assignment)
    worker.release()
  }

  /** Does not wait for a worker any more, and tells users of its end, which is `exit`. */
  abandon(slot: SlotId, incarnation: Incarnation, exit: Exit): void {
    const untold = this.#untold.take(incarnation)
    const running = this.#of(slot, incarnation)
    const unread = running === undefined ? (untold?.unread ?? 0) : this.#abandon(running)
    const worker = running ?? untold?.worker
    const kept = worker !== undefined && this.#isKept(worker) ? inheritedBy(worker, unread) : 0
    this.#init.notify({ kind: 'worker:exit', slot, exit, lost: unread - kept })
  }

  /** Whether what the worker was to start with, and has not, is for its next start: with all others, it has none here. */
  #isKept(worker: InlineWorker): boolean {
    return !this.#stopping.has(worker) && this.#init.keepsLegacy(worker.worker)
  }

  /** @returns how many casts and messages it leaves unread */
  #abandon(worker: Worker): number {
    const { worker: slot } = worker
    this.#running.delete(slot)
    const lost = worker.abandon()
    const isKilled = this.#endings.end(worker) !== undefined
    if (!isKilled) this.#abandoned += 1
    const what = isKilled ? 'killed' : 'abandoned; it may still run'
    this.#init.logger.warn(
      { worker: slot },
      `worker did not start or stop in time, or was not to be asked to, and was ${what}`,
    )
    return lost
  }

  /**
   * Asks for the worker itself, and not by name: a node that was started again in this process has the same key, and numbers
   * its workers as before. What is over may be of a node that has stopped, and that nobody else speaks for.
   * @returns how to tell the worker whose code runs now; undefined: it is of none, or of one that runs on another node
   */
  findStray(): ((error: unknown) => void) | undefined {
    const owner = findScope()?.identity
    if (!(owner instanceof InlineWorker)) return undefined
    const { worker: slot, incarnation, logger } = owner
    if (this.#of(slot, incarnation) === owner) return error => owner.onStray(error)
    if (!owner.isOver) return undefined
    return error =>
      isOfStop(error)
        ? logger.info({ worker: slot, error }, STRAY_BROKEN_OFF)
        : logger.warn({ worker: slot, error }, 'code of a worker that has ended has failed')
  }

  /**
   * Stops all workers when there is nobody left to say so one by one: all at once, each within its stop time-out, and
   * abandons it beyond. Resolves when none is left, nor a thread or process of one that can be ended.
   */
  async stopAll(): Promise<void> {
    await this.#stopWithin(Infinity)
    await this.close()
  }

  async #stopWithin(mostMs: number): Promise<void> {
    for (const end of this.#untold.takeGoing()) this.#init.notify({ kind: 'worker:exit', ...end })
    await Promise.all([...this.#running.values()].map(worker => this.#stopInTime(worker, mostMs)))
  }

  async #stopInTime(worker: Worker, mostMs: number): Promise<void> {
    const { assignment, incarnation } = worker
    const { slot, child } = assignment
    const gone = Promise.withResolvers<void>()
    this.#stopping.set(worker, gone.resolve)
    worker.stop()
    if (child.stopTimeoutMs > 0)
      await atMost(this.#init.clock, Math.min(child.stopTimeoutMs, mostMs), gone.promise)
    if (this.#of(slot, incarnation) === undefined) return
    this.abandon(slot, incarnation, { kind: child.stopTimeoutMs > 0 ? 'abandoned' : 'stopped' })
  }

  /**
   * There is no time left: what still runs is told to stop, as nobody else tells it any more, and abandoned where it does not
   * at once. Resolves when none is left, nor a thread or process of one that can be ended.
   */
  async close(): Promise<void> {
    this.overloads.end()
    await this.#stopWithin(0)
    await this.#endings.over()
  }

  #of(slot: SlotId, incarnation: Incarnation): Worker | undefined {
    const worker = this.#running.get(slot)
    return worker?.incarnation === incarnation ? worker : undefined
  }

  /** `handoff`: what its predecessor has handed over, as a payload. */
  #make(assignment: Assignment, incarnation: Incarnation, handoff: Uint8Array | undefined): Worker {
    const { child } = assignment
    const { registry } = this.#init
    const behaviour = registry.find(child.behaviour)
    if (behaviour === undefined) throw new Error(`this node does not have the behaviour "${child.behaviour}"`)
    const executor = this.#executorOf(behaviour, { assignment, incarnation, handoff })
    return this.#workerOf(executor.behaviour, {
      assignment,
      incarnation,
      executor,
      handoff: handoff && decodePayload(handoff),
      home: this.#home,
    })
  }

  #onStarted({ assignment, incarnation }: InlineWorker): void {
    const { slot } = assignment
    const worker = this.#running.get(slot)
    if (worker instanceof StageWorker) this.#init.onStageStarted(assignment, worker)
    this.#init.receive({ kind: 'worker-started', slot, incarnation })
  }

  #onExited(worker: InlineWorker, exit: Exit, lost: number): void {
    const { incarnation, worker: slot } = worker
    if (this.#of(slot, incarnation) !== undefined) this.#running.delete(slot)
    const stopped = this.#stopping.get(worker)
    const report = (): void => {
      const inherited = inheritedBy(worker, lost)
      if (stopped === undefined)
        this.#init.receive({ kind: 'worker-exited', slot, incarnation, exit, lost, inherited })
      else this.#init.notify({ kind: 'worker:exit', slot, exit: { kind: 'stopped' }, lost })
    }
    stopped?.()
    // What takes its place may want what it holds: a port, a file.
    const end = this.#endings.end(worker)
    // That may take longer than it is waited for, or it is abandoned in the very step in which it was told to stop.
    this.#untold.add({ worker, exit, unread: lost })
    if (end === undefined) {
      report()
      queueMicrotask(() => this.#untold.take(incarnation))
    } else {
      this.#init.receive({ kind: 'worker-ending', slot, incarnation, exit })
      void end.then(() => (this.#untold.take(incarnation) === undefined ? undefined : report()))
    }
    const failure = findFailure(exit)
    if (failure !== undefined) this.#init.turn.defer(() => writeOut(failure))
  }

  #executorOf(
    behaviour: Behaviour,
    what: {
      readonly assignment: Assignment
      readonly incarnation: Incarnation
      readonly handoff: Uint8Array | undefined
    },
  ): Executor {
    const { assignment, incarnation, handoff } = what
    const { slot, spec, token, child } = assignment
    const { machine, registry, node, prng, clock, logger, gateway } = this.#init
    const { isolation, limits } = child
    if (isolation === 'inline' || machine === undefined) return this.#inlineExecutorOf(behaviour)
    const module = registry.moduleOf(child.behaviour)
    if (module === undefined) throw new IsolationError(child.behaviour, isolation)
    this.#endings.refuseIfTooMany(slot)
    const seed = `${prng.fork(`${slot} ${incarnation} cell`).uint32()}`
    return new CellExecutor({
      machine,
      clock,
      logger,
      behaviour,
      isolation,
      limits,
      orders: {
        module,
        behaviour: child.behaviour,
        worker: slot,
        spec,
        node,
        token,
        incarnation,
        members: gateway.membersOf(spec),
        seed,
        handoff,
      },
      gateway,
      onLost: exit => this.#of(slot, incarnation)?.kill(exit),
      onStray: error => this.#of(slot, incarnation)?.onStray(error),
      onStopWish: reason => this.#of(slot, incarnation)?.wish(reason),
    })
  }

  /** It knows nothing of any worker: one does for all of a behaviour. */
  #inlineExecutorOf(behaviour: Behaviour): InlineExecutor {
    const known = this.#inline.get(behaviour)
    if (known !== undefined) return known
    const executor = new InlineExecutor(behaviour)
    this.#inline.set(behaviour, executor)
    return executor
  }

  #workerOf(behaviour: Behaviour, init: WorkerInit): Worker {
    switch (behaviour.kind) {
      case 'stage':
        return new StageWorker(behaviour, init)
      case 'server':
        return new ServerWorker(behaviour, init)
      case 'task':
        return new TaskWorker(behaviour, init)
      default:
        return unreachable(behaviour)
    }
  }
}
