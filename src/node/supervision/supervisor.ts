// pure
/**
 * The workers of this node: told which ones shall run, it starts and stops them one after the other, in order,
 * and reports what became of them. It never restarts anything on its own: that is for those who know the strategy.
 */

import type { SlotId, SpecId } from '../../ids.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import type { ChildSpec } from '../../protocol/spec-row.ts'
import { Deadlines } from '../deadlines.ts'
import type { Exit } from './exit.ts'

/** A worker that shall run. Two of one slot with different `key` are different workers. */
export interface Assignment {
  readonly slot: SlotId
  readonly spec: SpecId
  readonly child: ChildSpec
  readonly token: FencingToken
  readonly key: string
  /** What its predecessor on another node has left behind for it. */
  readonly handoff?: Uint8Array | undefined
}

/** Numbers the workers that a node has started, from 1: late news of an earlier one are told apart by it. */
export type Incarnation = number

/** What became of an assignment. `wasReady`: it had started before it ended. */
export type Report =
  | { readonly kind: 'started'; readonly assignment: Assignment }
  | {
      readonly kind: 'exited'
      readonly assignment: Assignment
      readonly exit: Exit
      readonly wasReady: boolean
    }

export type SupervisorEffect =
  | { readonly kind: 'start-worker'; readonly incarnation: Incarnation; readonly assignment: Assignment }
  | { readonly kind: 'stop-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }
  /** To be stopped for a successor on another node: it says what it leaves behind. */
  | { readonly kind: 'release-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }
  /** It has not stopped, or started, in time: whatever it still does must not get out. */
  | { readonly kind: 'abandon-worker'; readonly incarnation: Incarnation; readonly slot: SlotId }

interface Worker {
  readonly assignment: Assignment
  readonly incarnation: Incarnation
  state: 'starting' | 'running' | 'stopping'
  wasReady: boolean
  /** When it stops, it is for a successor. */
  isEntrusted: boolean
}

/** The workers of one spec on this node, in the order of starting. */
interface Cohort {
  slots: SlotId[]
  /** All before this index run, or shall not. */
  startFrom: number
  /** All from this index on have stopped, or shall not. */
  stopBefore: number
  /** The one that was started last. */
  starting: SlotId | undefined
}

export class Supervisor {
  readonly #emit: (effect: SupervisorEffect) => void
  readonly #report: (report: Report) => void
  readonly #wanted = new Map<SlotId, Assignment>()
  readonly #workers = new Map<SlotId, Worker>()
  readonly #cohorts = new Map<SpecId, Cohort>()
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

  /** Whether this very assignment has a worker, in whatever state. */
  holds(slot: SlotId, key: string): boolean {
    return this.#workers.get(slot)?.assignment.key === key
  }

  /** Whether any worker of the slot is left, of whatever assignment. */
  isOccupied(slot: SlotId): boolean {
    return this.#workers.has(slot)
  }

  /** Whether any worker of the spec is still to stop. */
  isStopping(spec: SpecId): boolean {
    const cohort = this.#cohorts.get(spec)
    if (cohort === undefined) return false
    for (let index = cohort.stopBefore - 1; index >= 0; index--) {
      const worker = this.#workerAt(cohort, index)
      if (worker !== undefined && !this.#isToStay(worker)) return true
    }
    return false
  }

  /** Whether all that shall run of the spec does, and nothing else. */
  isSteady(spec: SpecId): boolean {
    const cohort = this.#cohorts.get(spec)
    if (cohort === undefined) return true
    if (this.isStopping(spec)) return false
    for (let index = cohort.startFrom; index < cohort.slots.length; index++) {
      const slot = cohort.slots[index]
      if (slot === undefined || !this.#wanted.has(slot)) continue
      if (this.#workers.get(slot)?.state !== 'running') return false
    }
    return true
  }

  isReady(slot: SlotId, key: string): boolean {
    const worker = this.#workers.get(slot)
    return worker !== undefined && worker.assignment.key === key && worker.state === 'running'
  }

  /** Says which workers of `spec` shall run here, in the order of starting: all others of it stop, last one first. */
  assign(spec: SpecId, assignments: readonly Assignment[], nowMs: number): void {
    const cohort = this.#cohorts.get(spec) ?? { slots: [], startFrom: 0, stopBefore: 0, starting: undefined }
    if (this.#isAsWanted(cohort, assignments)) return
    for (const slot of cohort.slots) this.#wanted.delete(slot)
    for (const assignment of assignments) this.#wanted.set(assignment.slot, assignment)
    const slots = assignments.map(assignment => assignment.slot)
    const leftOver = cohort.slots.filter(slot => !this.#wanted.has(slot) && this.#workers.has(slot))
    this.#cohorts.set(spec, cohort)
    cohort.slots = [...slots, ...leftOver]
    this.#reconcile(spec, cohort, nowMs)
  }

  /** Stops the worker of a spec that has one, for a successor on another node. */
  release(spec: SpecId, nowMs: number): void {
    for (const slot of this.#cohorts.get(spec)?.slots ?? []) this.entrust(slot)
    this.assign(spec, [], nowMs)
  }

  /** When the worker of this slot is stopped, it is for a successor: it says what it leaves behind. */
  entrust(slot: SlotId): void {
    const worker = this.#workers.get(slot)
    if (worker !== undefined) worker.isEntrusted = true
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

  onExited(slot: SlotId, incarnation: Incarnation, exit: Exit, nowMs: number): void {
    const worker = this.#workers.get(slot)
    if (worker === undefined || worker.incarnation !== incarnation) return
    const isAsked = worker.state === 'stopping' && exit.kind !== 'released'
    this.#remove(worker, isAsked ? { kind: 'stopped' } : exit, nowMs)
  }

  tick(nowMs: number): void {
    for (const slot of this.#deadlines.take(nowMs)) {
      const worker = this.#workers.get(slot)
      if (worker === undefined) continue
      if (worker.state === 'stopping') {
        this.#emit({ kind: 'abandon-worker', slot, incarnation: worker.incarnation })
        this.#remove(worker, { kind: 'abandoned' }, nowMs)
      } else {
        // As in OTP, it is not waited for: who has not started, has nothing to put away.
        const { incarnation, assignment } = worker
        this.#emit({ kind: 'stop-worker', slot, incarnation })
        this.#emit({ kind: 'abandon-worker', slot, incarnation })
        this.#remove(worker, { kind: 'late', afterMs: assignment.child.startTimeoutMs }, nowMs)
      }
    }
  }

  wakeAtMs(): number {
    return this.#deadlines.wakeAtMs()
  }

  #isAsWanted(cohort: Cohort, assignments: readonly Assignment[]): boolean {
    return (
      cohort.slots.length === assignments.length &&
      assignments.every(
        ({ slot, key }, index) => cohort.slots[index] === slot && this.#wanted.get(slot)?.key === key,
      )
    )
  }

  #remove(worker: Worker, exit: Exit, nowMs: number): void {
    const { assignment, wasReady } = worker
    this.#workers.delete(assignment.slot)
    this.#deadlines.clear(assignment.slot)
    // What has ended on its own is not started again until somebody asks for it anew.
    if (this.#wanted.get(assignment.slot)?.key === assignment.key) this.#wanted.delete(assignment.slot)
    this.#report({ kind: 'exited', assignment, exit, wasReady })
    this.#advance(assignment.spec, nowMs)
  }

  #advance(spec: SpecId, nowMs: number): void {
    const cohort = this.#cohorts.get(spec)
    if (cohort !== undefined) this.#proceed(spec, cohort, nowMs)
  }

  #reconcile(spec: SpecId, cohort: Cohort, nowMs: number): void {
    cohort.startFrom = 0
    cohort.stopBefore = cohort.slots.length
    this.#proceed(spec, cohort, nowMs)
  }

  /** Stops what is not wanted, the last one first, one at a time; then starts what is, the first one first. */
  #proceed(spec: SpecId, cohort: Cohort, nowMs: number): void {
    for (; cohort.stopBefore > 0; cohort.stopBefore--) {
      const worker = this.#workerAt(cohort, cohort.stopBefore - 1)
      if (worker === undefined || this.#isToStay(worker)) continue
      if (worker.state !== 'stopping') this.#stop(worker, nowMs)
      return
    }
    // Also where the order has changed meanwhile.
    if (cohort.starting !== undefined && this.#workers.get(cohort.starting)?.state === 'starting') return
    for (; cohort.startFrom < cohort.slots.length; cohort.startFrom++) {
      const slot = cohort.slots[cohort.startFrom]
      const assignment = slot === undefined ? undefined : this.#wanted.get(slot)
      if (slot === undefined || assignment === undefined || this.#workers.get(slot)?.state === 'running')
        continue
      cohort.starting = slot
      if (!this.#workers.has(slot)) this.#start(assignment, nowMs)
      return
    }
    if (!cohort.slots.some(slot => this.#wanted.has(slot) || this.#workers.has(slot)))
      this.#cohorts.delete(spec)
  }

  /** One that was told to stop does, also where it is wanted again meanwhile. */
  #isToStay({ assignment: { slot, key }, state }: Worker): boolean {
    return this.#wanted.get(slot)?.key === key && state !== 'stopping'
  }

  #workerAt(cohort: Cohort, index: number): Worker | undefined {
    const slot = cohort.slots[index]
    return slot === undefined ? undefined : this.#workers.get(slot)
  }

  #start(assignment: Assignment, nowMs: number): void {
    this.#incarnations += 1
    const incarnation = this.#incarnations
    this.#workers.set(assignment.slot, {
      assignment,
      incarnation,
      state: 'starting',
      wasReady: false,
      isEntrusted: false,
    })
    this.#deadlines.set(assignment.slot, nowMs + assignment.child.startTimeoutMs)
    this.#emit({ kind: 'start-worker', incarnation, assignment })
  }

  #stop(worker: Worker, nowMs: number): void {
    const { slot, child } = worker.assignment
    const { incarnation } = worker
    worker.state = 'stopping'
    this.#emit({ kind: worker.isEntrusted ? 'release-worker' : 'stop-worker', incarnation, slot })
    if (child.stopTimeoutMs > 0) {
      this.#deadlines.set(slot, nowMs + child.stopTimeoutMs)
    } else {
      this.#emit({ kind: 'abandon-worker', incarnation, slot })
      this.#remove(worker, { kind: 'stopped' }, nowMs)
    }
  }
}
