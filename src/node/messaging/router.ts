// pure
/** Where each worker runs now, as far as this node knows: read by every call, written by the control plane. */

import { type NodeId, type Run, type SlotId, type SpecId, specId, specOfSlot } from '../../ids.ts'
import type { Claim } from '../../protocol/claim.ts'
import type { Generation, Phase } from '../../protocol/phase.ts'
import type { ReachChange } from '../../protocol/reach.ts'
import type { SpecBody } from '../../protocol/spec-row.ts'
import { type PartStatus, goingOn, partStatus, reachable } from '../supervision/outlook.ts'
import { type SpecStatus, isDown } from '../supervision/spec-status.ts'

/** A worker that runs: where, and which of its generations. */
export interface Route {
  readonly owner: Run
  readonly generation: Generation
}

/** What this node knows of one spec. */
interface Known {
  /** Undefined: it was removed. */
  body: SpecBody | undefined
  status: SpecStatus | undefined
  /** Of a standalone worker. */
  claim: Claim | undefined
  /** Of a group or chain. */
  phase: Phase | undefined
  /** The members or stages of it that run, in the order of starting. */
  slots: readonly SlotId[]
}

const NONE: readonly SlotId[] = []
const COMING: ReadonlySet<SpecStatus['kind']> = new Set(['pending', 'starting', 'restarting', 'running'])

export class Router {
  /** The node has stopped. */
  isOver = false
  /** By the id of the spec, which is also the slot of a standalone worker. */
  readonly #specs = new Map<string, Known>()
  /** Of all that runs of groups and chains; of standalone workers, those that somebody has asked for. */
  readonly #routes = new Map<SlotId, Route>()
  readonly #waiting = new Map<SpecId, Set<() => void>>()
  /** Who reaches a member that this node does not. */
  readonly #cutOff = new Map<NodeId, readonly NodeId[]>()
  readonly #isSuspect: (node: NodeId) => boolean

  /** `isSuspect`: whether a node is suspected of having died. */
  constructor(isSuspect: (node: NodeId) => boolean = () => false) {
    this.#isSuspect = isSuspect
  }

  /** Where the worker runs; undefined while it does not. */
  find(slot: SlotId): Route | undefined {
    const route = this.#routes.get(slot)
    if (route !== undefined) return route
    const claim = claimThere(this.#specs.get(slot))
    if (claim === undefined) return undefined
    const made = routeOf(claim)
    this.#routes.set(slot, made)
    return made
  }

  /** Where the worker runs, or else is about to start: that node keeps for it what comes there. */
  findHome(slot: SlotId): Route | undefined {
    const route = this.find(slot)
    const known = this.#specs.get(specOfSlot(slot))
    if (route !== undefined || known === undefined || this.isOver || isDown(known.status)) return route
    const { body, claim, phase } = known
    if (claim?.slot === slot && claim.state === 'starting') return routeOf(claim)
    if (claim !== undefined || phase === undefined || body === undefined || body.kind === 'worker')
      return undefined
    const placed = goingOn(phase, body).find(each => each.slot === slot)
    return placed && { owner: placed.owner, generation: placed.since }
  }

  /** The workers of a spec that run, in the order of starting. */
  slotsOf(spec: SpecId): readonly SlotId[] {
    const known = this.#specs.get(spec)
    if (known?.claim === undefined) return known?.slots ?? NONE
    const claim = claimThere(known)
    return claim === undefined ? NONE : [claim.slot]
  }

  /** Whether the worker runs, or is about to, or will when a node comes that can run it, as far as this node knows. */
  isComing(slot: SlotId): boolean {
    const spec = specOfSlot(slot)
    const status = this.statusOf(spec)?.kind
    if (this.isOver || status === undefined || !COMING.has(status)) return false
    const kind = this.bodyOf(spec)?.kind
    if (kind === 'worker' || kind === undefined) return true
    const part = this.partStatusOf(spec, slot)?.kind
    // Undefined: it has been taken out of the group meanwhile.
    return part !== undefined && part !== 'stopped' && part !== 'failed' && part !== 'ended'
  }

  bodyOf(spec: SpecId): SpecBody | undefined {
    return this.#specs.get(spec)?.body
  }

  statusOf(spec: SpecId): SpecStatus | undefined {
    return this.#specs.get(spec)?.status
  }

  /** Why no live node can run the worker, for people; undefined where one can, as far as this node knows. */
  whyPending(slot: SlotId): string | undefined {
    const spec = specOfSlot(slot)
    const status = this.statusOf(spec)
    if (status?.kind !== 'pending') return undefined
    const part = this.partStatusOf(spec, slot)
    return part === undefined || part.kind === 'pending' ? status.reason : undefined
  }

  /** All that are declared, in the order in which this node has heard of them. */
  *specs(): Generator<[SpecId, SpecBody]> {
    for (const [id, { body }] of this.#specs) if (body !== undefined) yield [specId(id), body]
  }

  /** Calls `action` once, when something about the spec has changed. @returns how to take that back */
  whenChanged(spec: SpecId, action: () => void): () => void {
    const waiting = this.#waiting.get(spec) ?? new Set()
    this.#waiting.set(spec, waiting)
    waiting.add(action)
    return () => {
      waiting.delete(action)
      if (waiting.size === 0 && this.#waiting.get(spec) === waiting) this.#waiting.delete(spec)
    }
  }

  /** Who reaches a node that is cut off from this one: there is no way to its workers from here. */
  findReachers(node: NodeId): readonly NodeId[] | undefined {
    return this.#cutOff.get(node)
  }

  /** The node where the worker runs, as long as it is not known whether that is still there. */
  findSuspect(slot: SlotId): NodeId | undefined {
    const owner = this.find(slot)?.owner.id
    return owner !== undefined && this.#isSuspect(owner) ? owner : undefined
  }

  /** Whether both are members that start, so that neither is to be reached before the other has started. */
  isStartingWith(a: SlotId, b: SlotId): boolean {
    const phase = this.#specs.get(specOfSlot(a))?.phase
    return a !== b && phase?.rank === 'starting' && phase.pending.includes(a) && phase.pending.includes(b)
  }

  /** The generation of a group or chain that this node knows of; its workers may have been placed in earlier ones. */
  generationOf(spec: SpecId): Generation | undefined {
    return this.#specs.get(spec)?.phase?.generation
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
    const { body, phase, status } = this.#specs.get(spec) ?? {}
    if (body === undefined || body.kind === 'worker') return undefined
    return partStatus(slot, body, phase, { whole: status, isGone })
  }

  followSpec(spec: SpecId, body: SpecBody | undefined): void {
    const known = this.#knownOf(spec)
    known.body = body
    if (body === undefined) this.#close(known)
    else this.#follow(known)
    this.#announce(spec)
  }

  /** The spec was removed long ago. */
  forget(spec: SpecId): void {
    this.#specs.delete(spec)
  }

  followStatus(spec: SpecId, status: SpecStatus): void {
    const known = this.#knownOf(spec)
    known.status = status
    // Also where a lost node was to say so.
    if (isDown(status)) this.#close(known)
    else if (status.kind === 'pending' && known.claim !== undefined) this.#routes.delete(known.claim.slot)
    this.#announce(spec)
  }

  followClaim(claim: Claim): void {
    const spec = specOfSlot(claim.slot)
    this.#knownOf(spec).claim = claim
    this.#routes.delete(claim.slot)
    this.#announce(spec)
  }

  followPhase(phase: Phase): void {
    const known = this.#knownOf(phase.spec)
    known.phase = phase
    this.#follow(known)
    this.#announce(phase.spec)
  }

  /** A member that others reach and this node does not, or does again. */
  followReach({ peer, reachedBy }: ReachChange): void {
    if (reachedBy.length === 0) this.#cutOff.delete(peer)
    else this.#cutOff.set(peer, reachedBy)
  }

  /** The node has stopped: nobody is to be reached from here any more, and whoever waits is told to look again. */
  end(): void {
    this.isOver = true
    for (const known of this.#specs.values()) this.#close(known)
    for (const spec of this.#waiting.keys()) this.#announce(spec)
  }

  #knownOf(spec: SpecId): Known {
    const known = this.#specs.get(spec)
    if (known !== undefined) return known
    const made: Known = {
      body: undefined,
      status: undefined,
      claim: undefined,
      phase: undefined,
      slots: NONE,
    }
    this.#specs.set(spec, made)
    return made
  }

  #follow(known: Known): void {
    const { body, phase } = known
    if (phase === undefined || body === undefined || body.kind === 'worker') return
    if (isDown(known.status)) return this.#close(known)
    const there = reachable(phase, body)
    const slots = there.map(({ slot }) => slot)
    if (known.claim !== undefined) this.#close(known)
    // Most of them go on as they were.
    if (known.slots.some((slot, index) => slots[index] !== slot)) this.#closeAllBut(slots, known)
    for (const { slot, owner, since } of there) {
      const route = this.#routes.get(slot)
      if (route?.generation !== since || route.owner !== owner)
        this.#routes.set(slot, { owner, generation: since })
    }
    known.slots = slots
    return undefined
  }

  #closeAllBut(slots: readonly SlotId[], known: Known): void {
    const there = new Set(slots)
    for (const slot of known.slots) if (!there.has(slot)) this.#routes.delete(slot)
  }

  /** Nothing of it is to be reached any more. */
  #close(known: Known): void {
    if (known.claim !== undefined) this.#routes.delete(known.claim.slot)
    for (const slot of known.slots) this.#routes.delete(slot)
    known.claim = undefined
    known.slots = NONE
  }

  #announce(spec: SpecId): void {
    const waiting = this.#waiting.get(spec)
    if (waiting === undefined) return
    this.#waiting.delete(spec)
    for (const action of waiting) action()
  }
}

function routeOf({ owner, generation, score }: Claim): Route {
  return { owner, generation: { number: generation, tag: score } }
}

/**
 * The claim of a standalone worker that is where it says. What comes for one that restarts where it was, waits for it there.
 * Of one that is pending, it is the claim of a node that is gone, and nobody else can run it.
 */
function claimThere(known: Known | undefined): Claim | undefined {
  if (known?.claim === undefined || known.status?.kind === 'pending') return undefined
  const { state } = known.claim
  return state === 'running' || state === 'restarting' ? known.claim : undefined
}
