// pure
/**
 * Standalone workers on their way from one node to another. The node that placement wants a worker on asks its owner
 * for it; the owner lets the worker finish what it is at, sends what it leaves behind, and gives up its claim; then
 * the other takes it up. Every step can be asked for again: where an answer was lost, the rows say how far it came.
 *
 *   heir: ask → owner: claim draining … state, claim stopped → heir: claim of the next generation
 *               └→ refuse: placed elsewhere, the view is not settled, too many move already
 */

import { type NodeId, type SlotId, type SpecId, slotId, specOfSlot } from '../../ids.ts'
import { type Claim, isActiveClaim } from '../../protocol/claim.ts'
import { type Hlc, compareHlc } from '../../protocol/hlc.ts'
import type { Membership } from '../../protocol/membership.ts'
import type { HandoffMessage, Message } from '../../protocol/messages.ts'
import { ArrivingState, partsOfState } from './arriving-state.ts'
import { InFlight } from './in-flight.ts'
import { type Loss, Losses } from './losses.ts'
import type { OnStateLost } from './parting.ts'
import { ASK_MS, Patience } from './patience.ts'
import { bringsLegacy } from './vacancies.ts'

/** So many workers leave a node at once, and come to it at once, where nobody is in a hurry. */
const AT_ONCE_MAX = 2
/** In ten seconds, no more than a tenth of the workers of a node leave it, but one in any case. */
const BUDGET_MS = 10_000
const BUDGET_SHARE = 0.1
/**
 * What one node was given, another one that asks is not given so soon, as long as the first one is there: by then, all
 * know its claim. Whoever asks again has it well before `STATE_MS`.
 */
export const HEIR_MS = 2_000

/** A worker that was given away, or is about to be. */
interface Outgoing {
  readonly generation: number
  readonly specVersion: Hlc
  /** What it leaves behind, and who was given it last; undefined while it drains. */
  readonly legacy: { readonly state: Uint8Array; readonly heir: NodeId; readonly givenMs: number } | undefined
}

/** A worker that this node has asked for, or wants to. */
interface Incoming {
  readonly generation: number
  readonly owner: NodeId
  /** Its owner leaves, or has given it up: there is no time to lose. */
  readonly isUrgent: boolean
  /** Undefined: not asked yet, or refused. */
  askedMs: number | undefined
  /** The worker drains, so its owner has heard: it answers as soon as it can. */
  isHeard: boolean
  readonly arriving: ArrivingState
  state: Uint8Array | undefined
}

/** `again`: there was no answer so far, so it goes by every way that there is. */
export type SendHandoff = (to: NodeId, message: HandoffMessage, again?: 'again') => void

export interface HandoffsInit {
  readonly ledger: { readonly membership: Pick<Membership, 'isPresent'> }
  readonly send: SendHandoff
  readonly onLost: OnStateLost
  /** For how long a node may stand still, and is dead for nobody. */
  readonly silentMs: () => number
}

export class Handoffs {
  readonly #send: SendHandoff
  readonly #onLost: OnStateLost
  readonly #membership: Pick<Membership, 'isPresent'>
  readonly #outgoing = new Map<SpecId, Outgoing>()
  readonly #inFlight = new InFlight()
  /** What is given, and has not been sent yet, as too much is on its way there. */
  readonly #unsent = new Set<SpecId>()
  readonly #incoming = new Map<SpecId, Incoming>()
  readonly #patience: Patience
  /** Owners that have refused, and until when they are not asked for anything else. */
  readonly #refusers = new Map<NodeId, number>()
  /** What others have taken up without what was left behind for them. */
  readonly #losses: Losses
  /** When to look whom to ask; Infinity: nobody is to be asked. */
  #askAtMs = Infinity
  /** When workers have left, oldest first. */
  #departures: number[] = []

  constructor({ ledger, send, onLost, silentMs }: HandoffsInit) {
    this.#patience = new Patience(silentMs)
    this.#send = send
    this.#onLost = onLost
    this.#losses = new Losses(onLost)
    this.#membership = ledger.membership
  }

  /** Workers that this node has not got rid of yet. */
  get outgoingCount(): number {
    return this.#outgoing.size
  }

  /** Whether any of them has still to say what it leaves behind. */
  get isDraining(): boolean {
    return [...this.#outgoing.values()].some(({ legacy }) => legacy === undefined)
  }

  /** Those of them that have ended here, and that nobody has taken up yet. */
  *slotsLeft(): Generator<SlotId> {
    for (const [id, { legacy }] of this.#outgoing) if (legacy !== undefined) yield slotId(id)
  }

  /** Workers on their way to this node. */
  get incomingCount(): number {
    let count = 0
    for (const incoming of this.#incoming.values()) if (incoming.askedMs !== undefined) count += 1
    return count
  }

  // The owner.

  /** Whether one more worker may leave a node that has `count` of them. */
  hasRoom(count: number, nowMs: number): boolean {
    this.#departures = this.#departures.filter(atMs => nowMs - atMs < BUDGET_MS)
    const budget = Math.max(1, Math.floor(count * BUDGET_SHARE))
    return this.#outgoing.size < AT_ONCE_MAX && this.#departures.length < budget
  }

  /** The worker of this claim leaves. */
  begin(claim: Claim, nowMs: number): void {
    this.#departures.push(nowMs)
    const { slot, generation, specVersion } = claim
    this.#takeBack(specOfSlot(slot))
    this.#outgoing.set(specOfSlot(slot), { generation, specVersion, legacy: undefined })
  }

  refuse(to: NodeId, slot: SlotId, generation: number): void {
    this.#send(to, { kind: 'handoff-refuse', slot, generation })
  }

  /**
   * The worker has drained: `state` goes to the heir, and is kept until somebody has taken the claim up, however long that
   * takes. There is no more of it than of workers that this node has had.
   */
  finish(claim: Claim, heir: NodeId, context: { readonly state: Uint8Array; readonly nowMs: number }): void {
    this.#give(claim, { state: context.state, heir, givenMs: context.nowMs })
  }

  /**
   * Sends what that generation has left behind once more. Not to another node than before, where that one may be about to
   * start with it: two would go on from one state, and each would be given what was in the mailbox. Whoever gets no
   * answer asks again.
   * @returns whether this node has it
   */
  repeat(
    { slot, generation }: { readonly slot: SlotId; readonly generation: number },
    to: NodeId,
    nowMs: number,
  ): boolean {
    const outgoing = this.#outgoing.get(specOfSlot(slot))
    if (outgoing?.generation !== generation || outgoing.legacy === undefined) return false
    const { heir, givenMs, state } = outgoing.legacy
    const isFree = heir === to || nowMs >= givenMs + HEIR_MS || !this.#membership.isPresent(heir)
    if (isFree) this.#give({ ...outgoing, slot }, { state, heir: to, givenMs: nowMs })
    return true
  }

  /** What the worker of that generation has left behind on this node. */
  left(id: SpecId, generation: number): Uint8Array | undefined {
    const outgoing = this.#outgoing.get(id)
    return outgoing?.generation === generation ? outgoing.legacy?.state : undefined
  }

  // The heir.

  /** This node wants the worker of this claim; it is asked for when there is room. */
  want(claim: Claim, isUrgent: boolean, nowMs: number): void {
    const id = specOfSlot(claim.slot)
    const known = this.#incoming.get(id)
    const { generation, owner } = claim
    // Two sides of a split may each have a claim of the same generation.
    const isSame = known?.generation === generation && known.owner === owner.id
    if (isSame && known.isUrgent === isUrgent) return
    this.#incoming.set(id, {
      generation,
      owner: owner.id,
      isUrgent,
      askedMs: isSame ? known.askedMs : undefined,
      isHeard: false,
      arriving: new ArrivingState(),
      state: isSame ? known.state : undefined,
    })
    this.#askAtMs = nowMs
  }

  /** What was left behind for this node, once it has come. */
  inherited(claim: Claim): Uint8Array | undefined {
    const incoming = this.#incoming.get(specOfSlot(claim.slot))
    const isOf = incoming?.generation === claim.generation && incoming.owner === claim.owner.id
    return isOf ? incoming.state : undefined
  }

  onRefuse(message: Message & { kind: 'handoff-refuse' }, from: NodeId, nowMs: number): void {
    const incoming = this.#incomingOf(message, from)
    if (incoming === undefined) return
    incoming.askedMs = undefined
    this.#refusers.set(from, nowMs + ASK_MS)
    this.#askAtMs = nowMs + ASK_MS
  }

  /** From when on what was left behind for this node is not waited for any more: its claim is up since `sinceMs`. */
  untilMs({ owner }: Claim, sinceMs: number): number {
    return this.#patience.untilMs(owner.id, sinceMs)
  }

  /** @returns the spec whose state is complete now */
  onState(message: Message & { kind: 'handoff-state' }, from: NodeId, nowMs: number): SpecId | undefined {
    const incoming = this.#incomingOf(message, from)
    if (incoming === undefined) return undefined
    this.#patience.onHeard(from, nowMs)
    const state = incoming.arriving.add(message)
    if (state === undefined) return undefined
    incoming.state = state
    return specOfSlot(message.slot)
  }

  // Both.

  /** The claim of a worker is this one now: what was about earlier ones is settled, and all of one that has ended. */
  follow(claim: Claim, nowMs: number): void {
    const { slot, generation, specVersion, state } = claim
    const id = specOfSlot(slot)
    const outgoing = this.#outgoing.get(id)
    const incoming = this.#incoming.get(id)
    const out = outgoing?.generation ?? generation
    const inwards = incoming?.generation ?? generation
    if (incoming !== undefined) incoming.isHeard = inwards === generation && state === 'draining'
    // Whoever takes up the same worker next, and has not got what it left behind, has not waited for it any longer.
    const isNext = outgoing !== undefined && out === generation - 1
    if (isNext && compareHlc(outgoing.specVersion, specVersion) === 0) this.#noteLoss(slot, outgoing, nowMs)
    if (bringsLegacy(claim)) this.#losses.onTaken(slot, generation - 1)
    const isEnded = !isActiveClaim(claim) && state !== 'stopped'
    if (isEnded || out < generation || inwards < generation) this.forget(id, nowMs)
  }

  /** This node waits for nobody any more. */
  giveUp(): void {
    for (const [id, { legacy }] of this.#outgoing) if (hasLeft(legacy)) this.#onLost(slotId(id), legacy.heir)
    this.#losses.giveUp()
  }

  /** There is to be no such worker. */
  letGo(id: SpecId, nowMs: number): void {
    this.#losses.forget(slotId(id))
    this.forget(id, nowMs)
  }

  /** The worker goes nowhere, or has arrived. */
  forget(id: SpecId, nowMs: number): void {
    this.#takeBack(id)
    const isOut = this.#outgoing.delete(id)
    const isIn = this.#incoming.delete(id)
    if (!isOut && !isIn) return
    if (this.#incoming.size > 0) this.#askAtMs = nowMs
    else this.#patience.end()
    this.#sendOn()
  }

  /** `settledAtMs`: from then on, the view of this node counts as settled. */
  tick(nowMs: number, settledAtMs: number): void {
    this.#losses.tick(nowMs)
    if (this.#askAtMs <= nowMs) this.#ask(nowMs, settledAtMs)
  }

  wakeAtMs(): number {
    return Math.min(this.#losses.wakeAtMs(), this.#askAtMs)
  }

  #ask(nowMs: number, settledAtMs: number): void {
    for (const [owner, untilMs] of this.#refusers) if (untilMs <= nowMs) this.#refusers.delete(owner)
    let nextMs = Infinity
    let count = this.incomingCount
    for (const [id, incoming] of this.#incoming) {
      const { isUrgent, askedMs, isHeard, owner, generation, state } = incoming
      const dueMs = Math.max(
        askedMs === undefined ? nowMs : this.#patience.askAtMs(owner, askedMs),
        isUrgent ? 0 : settledAtMs,
        isUrgent ? 0 : (this.#refusers.get(owner) ?? 0),
      )
      const isFull = !isUrgent && askedMs === undefined && count >= AT_ONCE_MAX
      if (state !== undefined || isFull) continue
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs)
        continue
      }
      if (askedMs === undefined) count += 1
      incoming.askedMs = nowMs
      nextMs = Math.min(nextMs, nowMs + ASK_MS)
      const ask = { kind: 'handoff-ask', slot: slotId(id), generation } as const
      this.#send(owner, ask, askedMs === undefined || isHeard ? undefined : 'again')
    }
    this.#askAtMs = nextMs
  }

  #noteLoss(slot: SlotId, { generation, legacy }: Outgoing, nowMs: number): void {
    if (!hasLeft(legacy)) return
    const loss: Loss = { heir: legacy.heir, number: generation, isWith: () => false, isWanted: () => true }
    this.#losses.note(slot, loss, nowMs)
  }

  #incomingOf(
    message: { readonly slot: SlotId; readonly generation: number },
    from: NodeId,
  ): Incoming | undefined {
    const incoming = this.#incoming.get(specOfSlot(message.slot))
    const isMeant = incoming?.generation === message.generation && incoming.owner === from
    return isMeant ? incoming : undefined
  }

  #give(
    { slot, generation, specVersion }: Pick<Claim, 'slot' | 'generation' | 'specVersion'>,
    legacy: NonNullable<Outgoing['legacy']>,
  ): void {
    const id = specOfSlot(slot)
    this.#takeBack(id)
    this.#outgoing.set(id, { generation, specVersion, legacy })
    this.#unsent.add(id)
    this.#sendIfRoom(id)
  }

  /** Somebody has taken up what was sent: there is room for what waits. */
  #sendOn(): void {
    for (const id of this.#unsent) this.#sendIfRoom(id)
  }

  #sendIfRoom(id: SpecId): void {
    const { generation, legacy } = { legacy: undefined, ...this.#outgoing.get(id) }
    if (generation === undefined || legacy === undefined) return
    const { heir, state } = legacy
    if (!this.#inFlight.hasRoom(heir, state.length)) return
    this.#unsent.delete(id)
    this.#inFlight.add(heir, state.length)
    for (const part of partsOfState(slotId(id), generation, state)) this.#send(heir, part)
  }

  /** What was given to somebody is not any more. */
  #takeBack(id: SpecId): void {
    const legacy = this.#outgoing.get(id)?.legacy
    if (legacy !== undefined && !this.#unsent.delete(id))
      this.#inFlight.remove(legacy.heir, legacy.state.length)
  }
}

/** Whether there is anything in it. */
function hasLeft(legacy: Outgoing['legacy']): legacy is NonNullable<Outgoing['legacy']> {
  return legacy !== undefined && legacy.state.length > 0
}
