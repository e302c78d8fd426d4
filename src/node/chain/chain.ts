// shell
/** A chain as this node sees it: its entrance here, its workers here, and how they are connected now. */

import { GivenUpError, NodeStoppedError, NotFoundError } from '../../errors.ts'
import type { Run, SlotId, SpecId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Target } from '../../protocol/channel.ts'
import { type FencingToken, isTokenOf } from '../../protocol/fencing-token.ts'
import {
  type Phase,
  type PlacedSlot,
  type SlotExit,
  compareGenerations,
  generationText,
} from '../../protocol/phase.ts'
import { type ChainBody, hlcText } from '../../protocol/spec-row.ts'
import type { Incoming, Session } from '../messaging/session.ts'
import { type SpecStatus, becauseOf, isDown } from '../supervision/spec-status.ts'
import type { NodeEvent } from '../events.ts'
import type { Turn } from '../turn.ts'
import type { Prng } from '../../prng.ts'
import type { Behaviour } from '../workers/behaviours.ts'
import { findScope, isCodeOf } from '../workers/scope.ts'
import { type DeadLetter, DeadLetters } from './dead-letters.ts'
import { Ingress } from './ingress.ts'
import { planOf } from './stage-plan.ts'
import { StageWorker } from './stage-worker.ts'
import { type Channels, Wiring } from './wiring.ts'

export interface ChainInit {
  readonly id: SpecId
  readonly run: Run
  readonly channels: Channels
  readonly clock: Clock
  readonly turn: Turn
  readonly prng: Prng
  /** What this node can run. */
  readonly findBehaviour: (id: string) => Behaviour | undefined
  /** How it stands: known before it is, where it is new. */
  readonly statusOf: (id: SpecId) => SpecStatus | undefined
  readonly notify: (event: NodeEvent) => void
}

export class Chain {
  readonly id: SpecId
  readonly ingress: Ingress
  readonly #init: ChainInit
  readonly #deadLetters = new DeadLetters()
  /** Of this node, the last one of each slot that has started. */
  readonly #workers = new Map<SlotId, { readonly token: FencingToken; readonly worker: StageWorker }>()
  #body: ChainBody | undefined
  #phase: Phase | undefined
  #wiring: Wiring | undefined
  #ended: NodeStoppedError | undefined
  #isClosing = false
  /** Since it was set to false, stages of this node have put something in: noted of a node that stops. */
  isFed = false
  /** This node leaves, and its stages have: what waits for one of them may wait for ever. */
  isVacated = false
  #isOver = false
  /** Somebody waits until the items up to this number are out. */
  #awaited: { readonly upTo: number; readonly resolve: () => void } | undefined
  /** Items up to this number are not waited for any more. */
  #givenUp = 0
  /** Failures whose item has been blamed, by their moment. */
  readonly #blamed = new Set<string>()

  constructor(init: ChainInit) {
    const { id, run, clock, notify } = init
    this.id = id
    this.#init = init
    this.ingress = new Ingress({
      chain: id,
      run,
      nowMs: () => clock.nowMs(),
      onDead: letter => this.#onDead(letter),
      onCallbackFailed: notice => notify({ ...notice, kind: 'chain:callback-failed', chain: id }),
      onFinished: () => this.#lookEmpty(),
    })
  }

  /** Of the items that this node has sent, oldest first: the last 1 000. */
  get deadLetters(): DeadLetter[] {
    return this.#deadLetters.list()
  }

  get turn(): Turn {
    return this.#init.turn
  }

  get body(): ChainBody | undefined {
    return this.#body
  }

  /** Why whoever asks puts nothing in any more: the node has stopped, or it stops, and the code that asks is of no worker of it. */
  findEnd(): NodeStoppedError | undefined {
    if (!this.#isClosing && !this.#isOver) return undefined
    if (this.#isOver || !isCodeOf(this.#init.run.id)) return (this.#ended ??= new NodeStoppedError())
    this.isFed ||= findScope()?.identity instanceof StageWorker
    return undefined
  }

  /** The node stops: only its own workers still put something in, as each of them goes on until it is told to stop. */
  close(): void {
    this.#isClosing = true
  }

  /** Resolves when nothing that has gone in by now is on its way, or as there is nothing to wait for. */
  emptied(): Promise<void> {
    return new Promise(resolve => {
      this.#awaited = { upTo: this.ingress.stats.accepted, resolve }
      this.ingress.isWatched = true
      this.#lookEmpty()
    })
  }

  /** What is waited for is not waited for any longer, nor again. */
  giveUp(): void {
    this.#givenUp = this.#awaited?.upTo ?? this.#givenUp
    this.#resolve()
  }

  /** The node has stopped: its items are lost with it, and whoever waits for one is told. */
  end(): void {
    this.#isOver = true
    this.#unwire()
    this.ingress.buryAll(options => new NodeStoppedError(options))
    this.#resolve()
  }

  followBody(body: ChainBody | undefined): void {
    this.#body = body
    if (body !== undefined) {
      this.ingress.configure(body)
      return this.#rewire()
    }
    this.#unwire()
    this.#phase = undefined
    this.#workers.clear()
    this.ingress.abort(options => new NotFoundError(this.id, 'chain', options), 'all')
  }

  followStatus(status: SpecStatus): void {
    this.#lookEmpty()
    if (!isDown(status)) return
    const cause = status.kind === 'stopped' ? undefined : status.failure
    // What nobody waits for is kept: the chain may be started again.
    const message = `the chain "${this.id}" does not run any more${becauseOf(status, 'chain', this.id)}`
    this.ingress.abort(options => new GivenUpError(message, { ...options, cause }), 'awaited')
  }

  followPhase(phase: Phase): void {
    for (const exit of [...phase.previous, ...phase.exits]) this.#blame(exit)
    this.#phase = phase
    this.#rewire()
    this.#lookEmpty()
  }

  addWorker(slot: SlotId, token: FencingToken, worker: StageWorker): void {
    this.#workers.set(slot, { token, worker })
  }

  accept(target: Target, session: Session, channel: number): Incoming | undefined {
    return this.#wiring?.accept(target, session, channel)
  }

  /**
   * A generation is wired when all of its workers have started, and not before its spec is known here. Nothing of the
   * one before is left then: what was not finished goes in again at the entrances, also where its workers go on. The
   * change that it was made for may come later, where changes of several stages have crossed: see `Wiring.follow`.
   */
  #rewire(): void {
    const [phase, body] = [this.#phase, this.#body]
    if (phase === undefined || body === undefined) return
    if (phase.rank !== 'running') return this.#unwire()
    const wiring = this.#wiring
    if (wiring !== undefined && compareGenerations(wiring.generation, phase.generation) === 0) {
      const plan = wiring.body === body ? undefined : planOf(body, phase)
      return plan === undefined ? undefined : wiring.follow(body, plan)
    }
    this.#unwire()
    const plan = planOf(body, phase)
    if (plan === undefined) return
    this.#wiring = new Wiring({
      ...this.#init,
      body,
      phase,
      plan,
      prng: this.#init.prng.fork(generationText(phase.generation)),
      ingress: this.ingress,
      workerOf: placed => this.#workerOf(placed),
    })
  }

  #workerOf({ slot, since }: PlacedSlot): StageWorker | undefined {
    const known = this.#workers.get(slot)
    return known !== undefined && isTokenOf(known.token, since) ? known.worker : undefined
  }

  #lookEmpty(): void {
    if (this.#awaited !== undefined && this.#areOut(this.#awaited.upTo)) this.#resolve()
  }

  #resolve(): void {
    this.#awaited?.resolve()
    this.#awaited = undefined
    this.ingress.isWatched = false
  }

  #areOut(upTo: number): boolean {
    return this.#body === undefined || this.#isIdle() || !this.ingress.hasAny(this.#givenUp, upTo)
  }

  /** Nothing moves: a chain that waits for a node of a stage that was added goes on as it was. */
  #isIdle(): boolean {
    const status = this.#init.statusOf(this.id)
    if (isDown(status)) return true
    return status?.kind === 'pending'
      ? this.isVacated || this.#wiring === undefined
      : this.isVacated && this.#wiring === undefined
  }

  #unwire(): void {
    this.#wiring?.end()
    this.#wiring = undefined
  }

  #onDead(letter: DeadLetter): void {
    this.#deadLetters.add(letter)
    this.#init.notify({ kind: 'item:dead', ...letter })
  }

  /** Counts a crash against the item that the worker was at, if the item is from here: once for each failure. */
  #blame(cause: SlotExit): void {
    const { item } = cause.failure
    const { run } = this.#init
    if (item?.origin !== run.id || item.boot !== run.boot) return
    const key = hlcText(cause.at)
    if (this.#blamed.has(key)) return
    if (this.#blamed.size >= BLAMED_MAX) this.#blamed.clear()
    this.#blamed.add(key)
    this.ingress.blame(item.n, cause.failure)
  }
}

/** More than the failures that one record can tell of. */
const BLAMED_MAX = 1024
