// pure
/**
 * The workers of this node: told which ones shall run, it starts and stops them one after the other, in order,
 * and reports what became of them. It never restarts anything on its own: that is for those who know the strategy. Nor
 * does it start anybody after one that has not come up, before those have said who shall run now.
 */

import type { SlotId, SpecId } from '../../ids.ts'
import { type FencingToken, isTokenOf } from '../../protocol/fencing-token.ts'
import type { Generation } from '../../protocol/phase.ts'
import type { ChildSpec } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import { type Exit, howEnded } from './exit.ts'
import { isRestarted } from './restart-policy.ts'

/** A worker that shall run. Two of one slot with different `key` are different workers. */
export interface Assignment {
  readonly slot: SlotId
  readonly spec: SpecId
  readonly child: ChildSpec
  readonly token: FencingToken
  readonly key: string
  /** Of its member or stage. Undefined: it stands alone. */
  readonly revision?: number | undefined
  /** What its predecessor on another node has left behind for it. */
  readonly handoff?: Uint8Array | undefined
}

/** Numbers the workers that a node has started, from 1: late news of an earlier one are told apart by it. */
export type Incarnation = number

/**
 * What became of an assignment. `wasReady`: it had started before it ended. `toldBy`: who tells users of it; of one that is
 * not waited for any longer, its host, which knows what it leaves unread.
 */
export type Report =
  | { readonly kind: 'started'; readonly assignment: Assignment }
  | {
      readonly kind: 'exited'
      readonly assignment: Assignment
      readonly exit: Exit
      readonly wasReady: boolean
      readonly toldBy: 'core' | 'host'
    }

export type SupervisorEffect =
  | { readonly kind: 'start-worker'; readonly incarnation: Incarnation; readonly assignment: Assignment }
  | { readonly kind: 'stop-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }
  /** Another node has been given what it is: from now on, nothing that it does counts. It is told to stop as well. */
  | { readonly kind: 'fence-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }
  /** To be stopped for a successor on another node: it says what it leaves behind. */
  | { readonly kind: 'release-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }
  /**
   * It has not stopped, or started, in time, or what its code has run in is not gone: whatever it still does must not get
   * out. `exit`: how it is told.
   */
  | {
      readonly kind: 'abandon-worker'
      readonly incarnation: Incarnation
      readonly slot: SlotId
      readonly exit: Exit
    }

interface Worker {
  readonly assignment: Assignment
  readonly incarnation: Incarnation
  state: 'starting' | 'running' | 'stopping'
  /** It is what shall run in its slot. */
  isWanted: boolean
  wasReady: boolean
  /** When it stops, it is for a successor. */
  isEntrusted: boolean
  /** Another node has its slot. */
  isFenced: boolean
  /** How its code has ended, where what that runs in is not gone yet. */
  ending: Exit | undefined
}

/** How far the starting and stopping of a spec has come. */
interface Passage {
  /** All before this index run, or shall not. */
  startFrom: number
  /** All from this index on have stopped, or shall not. */
  stopBefore: number
  /** The one that was started last. */
  starting: SlotId | undefined
  /** One that was to start has not come up: nobody starts after it until it is said anew who shall run. */
  isHeld: boolean
}

const NO_SLOTS: readonly SlotId[] = []

export class Supervisor {
  readonly #emit: (effect: SupervisorEffect) => void
  readonly #report: (report: Report) => void
  readonly #workers = new Map<SlotId, Worker>()
  /** What shall run, and has not been started yet. */
  readonly #waiting = new Map<SlotId, Assignment>()
  /** Of each spec that has workers here: in the order of starting, and then those that shall not run any more. */
  readonly #slots = new Map<SpecId, readonly SlotId[]>()
  /** Of each spec of which something is to be started or stopped. */
  readonly #passages = new Map<SpecId, Passage>()
  readonly #deadlines = new Deadlines<SlotId>()
  #incarnations = 0

  constructor(emit: (effect: SupervisorEffect) => void, report: (report: Report) => void) {
    this.#emit = emit
    this.#report = report
  }

  /** How many workers there are, in whatever state. */
  get size(): number {
    return this.#workers.size
  }

  /** The worker of the slot, where it is the one that was placed in `since`, also if it is stopping. */
  findPlaced(slot: SlotId, since: Generation): Assignment | undefined {
    const assignment = this.#workers.get(slot)?.assignment
    return assignment !== undefined && isTokenOf(assignment.token, since) ? assignment : undefined
  }

  /** The slots of which a worker is left. */
  slots(): Iterable<SlotId> {
    return this.#workers.keys()
  }

  /** Whether any worker of the slot is left, of whatever assignment. */
  isOccupied(slot: SlotId): boolean {
    return this.#workers.has(slot)
  }

  /** Whether any worker of the spec is still to stop. */
  isStopping(spec: SpecId): boolean {
    const slots = this.#slots.get(spec) ?? NO_SLOTS
    for (let index = (this.#passages.get(spec)?.stopBefore ?? 0) - 1; index >= 0; index--) {
      const worker = this.#workerAt(slots, index)
      if (worker !== undefined && !isToStay(worker)) return true
    }
    return false
  }

  /** Whether all that shall run of the spec does, and nothing else. */
  isSteady(spec: SpecId): boolean {
    const passage = this.#passages.get(spec)
    if (passage === undefined) return true
    if (this.isStopping(spec)) return false
    const slots = this.#slots.get(spec) ?? NO_SLOTS
    for (let index = passage.startFrom; index < slots.length; index++) {
      const slot = slots[index]
      if (slot === undefined || this.#wantedIn(slot) === undefined) continue
      if (this.#workers.get(slot)?.state !== 'running') return false
    }
    return true
  }

  /** Whether this very worker is to go on: it neither stops nor waits for its turn to. */
  goesOn(slot: SlotId, incarnation: Incarnation): boolean {
    const worker = this.#workers.get(slot)
    return worker?.incarnation === incarnation && isToStay(worker)
  }

  isReady(slot: SlotId, key: string): boolean {
    const worker = this.#workers.get(slot)
    return worker !== undefined && worker.assignment.key === key && worker.state === 'running'
  }

  /** Says which workers of `spec` shall run here, in the order of starting: all others of it stop, last one first. */
  assign(spec: SpecId, assignments: readonly Assignment[], nowMs: number): void {
    const before = this.#slots.get(spec) ?? NO_SLOTS
    if (this.#isAsWanted(before, assignments)) return
    for (const slot of before) {
      this.#waiting.delete(slot)
      const worker = this.#workers.get(slot)
      if (worker !== undefined) worker.isWanted = false
    }
    for (const assignment of assignments) {
      const worker = this.#workers.get(assignment.slot)
      if (worker?.assignment.key === assignment.key) worker.isWanted = true
      else this.#waiting.set(assignment.slot, assignment)
    }
    const leftOver = before.filter(slot => this.#workers.has(slot) && this.#wantedIn(slot) === undefined)
    const slots = [...assignments.map(({ slot }) => slot), ...leftOver]
    const starting = this.#passages.get(spec)?.starting
    this.#slots.set(spec, slots)
    const passage: Passage = { startFrom: 0, stopBefore: slots.length, starting, isHeld: false }
    this.#passages.set(spec, passage)
    this.#proceed(spec, passage, nowMs)
  }

  /** Stops the worker of a spec that has one, for a successor on another node. */
  release(spec: SpecId, nowMs: number): void {
    for (const slot of this.#slots.get(spec) ?? NO_SLOTS) this.entrust(slot)
    this.assign(spec, [], nowMs)
  }

  /** When the worker of this slot is stopped, it is for a successor: it says what it leaves behind. One that stops does not. */
  entrust(slot: SlotId): void {
    const worker = this.#workers.get(slot)
    if (worker !== undefined && worker.state !== 'stopping') worker.isEntrusted = true
  }

  /**
   * Another node has these slots of `spec`: what runs in them here has been overruled, and stops at once, whoever else of
   * the spec is to stop first. Nothing that it does counts any more, so that it cannot be of use to those, nor they to it.
   */
  fence(spec: SpecId, slots: readonly SlotId[], nowMs: number): void {
    for (const slot of slots) this.#waiting.delete(slot)
    const workers = slots.flatMap(slot => this.#workers.get(slot) ?? []).filter(({ isFenced }) => !isFenced)
    if (workers.length === 0) return
    for (const worker of workers) {
      const { assignment, incarnation, state } = worker
      worker.isFenced = true
      worker.isWanted = false
      this.#emit({ kind: 'fence-worker', slot: assignment.slot, incarnation })
      if (state !== 'stopping') this.#stop(worker, nowMs)
    }
    const passage = this.#passages.get(spec)
    if (passage === undefined) return
    passage.stopBefore = this.#slots.get(spec)?.length ?? 0
    passage.isHeld = true
    this.#proceed(spec, passage, nowMs)
  }

  onStarted(slot: SlotId, incarnation: Incarnation, nowMs: number): void {
    const worker = this.#workers.get(slot)
    if (worker === undefined || worker.incarnation !== incarnation || worker.state !== 'starting') return
    worker.state = 'running'
    worker.wasReady = true
    this.#deadlines.clear(slot)
    this.#report({ kind: 'started', assignment: worker.assignment })
    this.#advance(worker.assignment.spec, nowMs)
  }

  /** Its code has ended, and what that runs in is not gone: it is waited for, but no longer than the worker would be. */
  onEnding(slot: SlotId, incarnation: Incarnation, exit: Exit): void {
    const worker = this.#workers.get(slot)
    if (worker?.incarnation === incarnation) worker.ending = exit
  }

  onExited(slot: SlotId, incarnation: Incarnation, exit: Exit, nowMs: number): void {
    const worker = this.#workers.get(slot)
    if (worker === undefined || worker.incarnation !== incarnation) return
    this.#end(worker, toldOf(worker, exit), 'core')
    this.#advance(worker.assignment.spec, nowMs)
  }

  tick(nowMs: number): void {
    for (const slot of this.#deadlines.take(nowMs)) {
      const worker = this.#workers.get(slot)
      if (worker === undefined) continue
      if (worker.ending !== undefined) {
        this.#abandon(worker, toldOf(worker, worker.ending))
      } else if (worker.state === 'stopping') {
        this.#abandon(worker, { kind: 'abandoned' })
      } else {
        // As in OTP, it is not waited for: who has not started, has nothing to put away.
        const { incarnation, assignment } = worker
        this.#emit({ kind: 'stop-worker', slot, incarnation })
        this.#abandon(worker, { kind: 'late', afterMs: assignment.child.startTimeoutMs })
      }
      this.#advance(worker.assignment.spec, nowMs)
    }
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  #isAsWanted(slots: readonly SlotId[], assignments: readonly Assignment[]): boolean {
    return (
      slots.length === assignments.length &&
      assignments.every(({ slot, key }, index) => slots[index] === slot && this.#wantedIn(slot)?.key === key)
    )
  }

  /** What shall run in the slot, whether it does or not. */
  #wantedIn(slot: SlotId): Assignment | undefined {
    const worker = this.#workers.get(slot)
    return worker?.isWanted === true ? worker.assignment : this.#waiting.get(slot)
  }

  #abandon(worker: Worker, exit: Exit): void {
    const { assignment, incarnation } = worker
    this.#emit({ kind: 'abandon-worker', slot: assignment.slot, incarnation, exit })
    this.#end(worker, exit, 'host')
  }

  #end(worker: Worker, exit: Exit, toldBy: 'core' | 'host'): void {
    const { assignment, wasReady } = worker
    const passage = this.#passages.get(assignment.spec)
    if (passage !== undefined && worker.isWanted && worker.state === 'starting') passage.isHeld = true
    // What has ended on its own is not started again until somebody asks for it anew.
    this.#workers.delete(assignment.slot)
    this.#deadlines.clear(assignment.slot)
    this.#report({ kind: 'exited', assignment, exit, wasReady, toldBy })
  }

  #advance(spec: SpecId, nowMs: number): void {
    const passage = this.#passages.get(spec)
    if (passage === undefined) this.#forgetIfEmpty(spec)
    else this.#proceed(spec, passage, nowMs)
  }

  /** Stops what is not wanted, the last one first, one at a time; then starts what is, the first one first. */
  #proceed(spec: SpecId, passage: Passage, nowMs: number): void {
    const slots = this.#slots.get(spec) ?? NO_SLOTS
    for (; passage.stopBefore > 0; passage.stopBefore--) {
      const worker = this.#workerAt(slots, passage.stopBefore - 1)
      if (worker === undefined || isToStay(worker)) continue
      if (worker.state === 'stopping' || this.#stop(worker, nowMs) === 'stopping') return
    }
    // Also where the order has changed meanwhile.
    if (passage.starting !== undefined && this.#workers.get(passage.starting)?.state === 'starting') return
    for (; passage.startFrom < slots.length; passage.startFrom++) {
      const slot = slots[passage.startFrom]
      const assignment = slot === undefined ? undefined : this.#wantedIn(slot)
      if (slot === undefined || assignment === undefined || this.#workers.get(slot)?.state === 'running')
        continue
      if (passage.isHeld) return
      passage.starting = slot
      if (!this.#workers.has(slot)) this.#start(assignment, nowMs)
      return
    }
    this.#passages.delete(spec)
    this.#forgetIfEmpty(spec)
  }

  #forgetIfEmpty(spec: SpecId): void {
    const slots = this.#slots.get(spec) ?? NO_SLOTS
    if (!slots.some(slot => this.#workers.has(slot) || this.#waiting.has(slot))) this.#slots.delete(spec)
  }

  #workerAt(slots: readonly SlotId[], index: number): Worker | undefined {
    const slot = slots[index]
    return slot === undefined ? undefined : this.#workers.get(slot)
  }

  #start(assignment: Assignment, nowMs: number): void {
    const { slot, child } = assignment
    this.#incarnations += 1
    const incarnation = this.#incarnations
    this.#waiting.delete(slot)
    this.#workers.set(slot, {
      assignment,
      incarnation,
      state: 'starting',
      isWanted: true,
      wasReady: false,
      isEntrusted: false,
      isFenced: false,
      ending: undefined,
    })
    this.#deadlines.set(slot, nowMs + child.startTimeoutMs)
    this.#emit({ kind: 'start-worker', incarnation, assignment })
  }

  /** `gone`: it is not waited for, and the next one can stop. */
  #stop(worker: Worker, nowMs: number): 'stopping' | 'gone' {
    const { slot, child } = worker.assignment
    const { incarnation } = worker
    worker.state = 'stopping'
    this.#emit({ kind: worker.isEntrusted ? 'release-worker' : 'stop-worker', incarnation, slot })
    if (child.stopTimeoutMs > 0) {
      this.#deadlines.set(slot, nowMs + child.stopTimeoutMs)
      return 'stopping'
    }
    // Nobody waits for what it could leave behind; what waits for it, or still comes, goes to its successor all the same.
    this.#abandon(worker, { kind: 'stopped' })
    return 'gone'
  }
}

/** How a worker has ended, as others are told: one that was to stop has, whatever came of it meanwhile. */
function toldOf(worker: Worker, exit: Exit): Exit {
  const isAsToldTo = worker.state === 'stopping' && exit.kind !== 'released' && !hasNoSuccessor(worker, exit)
  return isAsToldTo ? { kind: 'stopped' } : exit
}

/** It was to go on elsewhere, and has ended on its own, as its restart type allows: nobody goes on. */
function hasNoSuccessor({ isEntrusted, assignment }: Worker, exit: Exit): boolean {
  return isEntrusted && howEnded(exit) === 'normally' && !isRestarted(assignment.child.restart, 'normally')
}

/** One that was told to stop does, also where it is wanted again meanwhile. */
function isToStay({ isWanted, state }: Worker): boolean {
  return isWanted && state !== 'stopping'
}
