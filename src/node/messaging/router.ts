// pure
/** Where each worker runs now, as far as this node knows: read by every call, written by the control plane. */

import { type Run, type SlotId, type SpecId, slotId, specOfSlot } from '../../ids.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { Generation, Phase } from '../../protocol/phase.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'
import { type PartStatus, partStatus, reachable } from '../supervision/outlook.ts'
import { type SpecStatus, isDown } from '../supervision/spec-status.ts'

/** A worker that runs: where, and which of its generations. */
export interface Route {
  readonly owner: Run
  readonly generation: Generation
}

export class Router {
  /** The node has stopped. */
  isOver = false
  readonly #routes = new Map<SlotId, Route>()
  readonly #slots = new Map<SpecId, readonly SlotId[]>()
  readonly #specs = new Map<SpecId, SpecBody>()
  readonly #phases = new Map<SpecId, Phase>()
  readonly #statuses = new Map<SpecId, SpecStatus>()
  readonly #waiting = new Map<SpecId, Set<() => void>>()

  /** Where the worker runs; undefined while it does not. */
  find(slot: SlotId): Route | undefined {
    return this.#routes.get(slot)
  }

  /** The workers of a group or chain that run, in the order of starting. */
  slotsOf(spec: SpecId): readonly SlotId[] {
    return this.#slots.get(spec) ?? []
  }

  bodyOf(spec: SpecId): SpecBody | undefined {
    return this.#specs.get(spec)
  }

  statusOf(spec: SpecId): SpecStatus | undefined {
    return this.#statuses.get(spec)
  }

  specs(): IterableIterator<[SpecId, SpecBody]> {
    return this.#specs.entries()
  }

  /** Calls `action` once, when something about the spec has changed. @returns how to take that back */
  whenChanged(spec: SpecId, action: () => void): () => void {
    const waiting = this.#waiting.get(spec) ?? new Set()
    this.#waiting.set(spec, waiting)
    waiting.add(action)
    return () => waiting.delete(action)
  }

  /** The generation of a group or chain that this node knows of; its workers may have been placed in earlier ones. */
  generationOf(spec: SpecId): Generation | undefined {
    return this.#phases.get(spec)?.generation
  }

  /**
   * How the worker of a member or stage stands; undefined where there is none of that name. Without `isGone`, one that
   * is to stop on a node that was lost is said to be stopping.
   */
  partStatusOf(
    spec: SpecId,
    slot: SlotId,
    isGone: (owner: Run) => boolean = () => false,
  ): PartStatus | undefined {
    const body = this.#specs.get(spec)
    if (body === undefined || body.kind === 'worker') return undefined
    return partStatus(slot, body, this.#phases.get(spec), { whole: this.#statuses.get(spec), isGone })
  }

  followSpec(spec: SpecId, body: SpecBody | undefined): void {
    if (body === undefined) {
      this.#specs.delete(spec)
      this.#setRoutes(spec, [])
    } else {
      this.#specs.set(spec, body)
      this.#follow(spec)
    }
    this.#announce(spec)
  }

  /** The spec was removed long ago. */
  forget(spec: SpecId): void {
    this.#statuses.delete(spec)
    this.#slots.delete(spec)
  }

  followStatus(spec: SpecId, status: SpecStatus): void {
    this.#statuses.set(spec, status)
    // Also where a lost node was to say so.
    if (isDown(status)) this.#setRoutes(spec, [])
    this.#announce(spec)
  }

  followClaim(claim: Claim): void {
    const spec = specOfSlot(claim.slot)
    const generation = { number: claim.generation, tag: claim.score }
    // What comes for a worker that restarts where it was, waits for it there.
    const isThere = claim.state === 'running' || claim.state === 'restarting'
    this.#setRoutes(spec, isThere ? [[slotId(spec), { owner: claim.owner, generation }]] : [])
    this.#announce(spec)
  }

  followPhase(phase: Phase): void {
    this.#phases.set(phase.spec, phase)
    this.#follow(phase.spec)
    this.#announce(phase.spec)
  }

  #follow(spec: SpecId): void {
    const body = this.#specs.get(spec)
    const phase = this.#phases.get(spec)
    if (phase === undefined || body === undefined || body.kind === 'worker') return
    if (isDown(this.#statuses.get(spec))) return this.#setRoutes(spec, [])
    this.#setRoutes(
      spec,
      reachable(phase, body).map(({ slot, owner, since }) => [slot, { owner, generation: since }]),
    )
  }

  /** The node has stopped: nobody is to be reached from here any more, and whoever waits is told to look again. */
  end(): void {
    this.isOver = true
    this.#routes.clear()
    this.#slots.clear()
    for (const spec of this.#waiting.keys()) this.#announce(spec)
  }

  #setRoutes(spec: SpecId, routes: readonly (readonly [SlotId, Route])[]): void {
    for (const slot of this.#slots.get(spec) ?? []) this.#routes.delete(slot)
    for (const [slot, route] of routes) this.#routes.set(slot, route)
    this.#slots.set(
      spec,
      routes.map(([slot]) => slot),
    )
  }

  #announce(spec: SpecId): void {
    const waiting = this.#waiting.get(spec)
    if (waiting === undefined) return
    this.#waiting.delete(spec)
    for (const action of waiting) action()
  }
}
