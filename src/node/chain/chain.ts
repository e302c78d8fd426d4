// shell
/** A chain as this node sees it: its entrance here, its workers here, and how they are connected now. */

import { GivenUpError, NotFoundError } from '../../errors.ts'
import type { Run, SlotId, SpecId } from '../../ids.ts'
import type { Clock } from '../../ports.ts'
import type { Target } from '../../protocol/channel.ts'
import type { FencingToken } from '../../protocol/claim.ts'
import { type Phase, type SlotExit, compareGenerations } from '../../protocol/phase.ts'
import { type ChainBody, hlcText } from '../../protocol/spec-row.ts'
import type { Incoming, Session } from '../messaging/session.ts'
import { type SpecStatus, becauseOf, isDown } from '../supervision/spec-status.ts'
import type { NodeEvent } from '../events.ts'
import type { Prng } from '../../prng.ts'
import type { Behaviour } from '../workers/behaviours.ts'
import { type DeadLetter, DeadLetters } from './dead-letters.ts'
import { Ingress } from './ingress.ts'
import type { StageWorker } from './stage-worker.ts'
import { type Channels, Wiring } from './wiring.ts'

export interface ChainInit {
  readonly id: SpecId
  readonly run: Run
  readonly channels: Channels
  readonly clock: Clock
  readonly prng: Prng
  /** What this node can run. */
  readonly findBehaviour: (id: string) => Behaviour | undefined
  readonly notify: (event: NodeEvent) => void
}

export class Chain {
  readonly id: SpecId
  readonly ingress: Ingress
  readonly #init: ChainInit
  readonly #deadLetters = new DeadLetters()
  /** Workers that have started before it was known how their generation is connected. */
  readonly #early = new Map<SlotId, { readonly token: FencingToken; readonly worker: StageWorker }>()
  #body: ChainBody | undefined
  #wiring: Wiring | undefined
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
    })
  }

  /** Of the items that this node has sent, oldest first: the last 1 000. */
  get deadLetters(): DeadLetter[] {
    return this.#deadLetters.list()
  }

  get body(): ChainBody | undefined {
    return this.#body
  }

  followBody(body: ChainBody | undefined): void {
    this.#body = body
    if (body !== undefined) return this.ingress.configure(body)
    this.#unwire()
    this.ingress.abort(new NotFoundError(this.id, 'chain'), 'all')
  }

  followStatus(status: SpecStatus): void {
    if (!isDown(status)) return
    const cause = status.kind === 'stopped' ? undefined : status.failure
    // What nobody waits for is kept: the chain may be started again.
    this.ingress.abort(
      new GivenUpError(`the chain "${this.id}" does not run any more${becauseOf(status)}`, { cause }),
      'awaited',
    )
  }

  followPhase(phase: Phase): void {
    if (this.#body === undefined) return
    for (const exit of [...phase.previous, ...phase.exits]) this.#blame(exit)
    if (phase.rank !== 'starting' && phase.rank !== 'running') return this.#unwire()
    const isSame =
      this.#wiring !== undefined && compareGenerations(this.#wiring.generation, phase.generation) === 0
    if (!isSame) this.#wire(phase, this.#body)
    if (phase.rank === 'running') this.#wiring?.run()
  }

  addWorker(slot: SlotId, token: FencingToken, worker: StageWorker): void {
    if (this.#wiring !== undefined && isOf(token, this.#wiring)) this.#wiring.addWorker(slot, worker)
    else this.#early.set(slot, { token, worker })
  }

  accept(target: Target, session: Session, channel: number): Incoming | undefined {
    return this.#wiring?.accept(target, session, channel)
  }

  #wire(phase: Phase, body: ChainBody): void {
    this.#unwire()
    const { ingress } = this
    const generation = `${phase.generation.number}.${phase.generation.tag}`
    const prng = this.#init.prng.fork(generation)
    const wiring = new Wiring({ ...this.#init, prng, body, phase, ingress })
    this.#wiring = wiring
    for (const [slot, { token, worker }] of this.#early) {
      if (isOf(token, wiring)) wiring.addWorker(slot, worker)
    }
    this.#early.clear()
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

function isOf(token: FencingToken, wiring: Wiring): boolean {
  return token.generation === wiring.generation.number && token.tag === wiring.generation.tag
}
