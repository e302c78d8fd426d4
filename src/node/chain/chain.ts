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
import { Ingress } from './ingress.ts'
import type { StageWorker } from './stage-worker.ts'
import { type Channels, Wiring } from './wiring.ts'

export class Chain {
  readonly id: SpecId
  readonly ingress: Ingress
  readonly #run: Run
  readonly #channels: Channels
  readonly #clock: Clock
  /** Workers that have started before it was known how their generation is connected. */
  readonly #early = new Map<SlotId, { readonly token: FencingToken; readonly worker: StageWorker }>()
  #body: ChainBody | undefined
  #wiring: Wiring | undefined
  /** Failures whose item has been blamed, by their moment. */
  readonly #blamed = new Set<string>()

  constructor(init: {
    readonly id: SpecId
    readonly run: Run
    readonly channels: Channels
    readonly clock: Clock
  }) {
    this.id = init.id
    this.#run = init.run
    this.#channels = init.channels
    this.#clock = init.clock
    this.ingress = new Ingress({ chain: init.id, run: init.run, nowMs: () => init.clock.nowMs() })
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
    const wiring = new Wiring({
      run: this.#run,
      body,
      phase,
      ingress,
      channels: this.#channels,
      clock: this.#clock,
    })
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

  /** Counts a crash against the item that the worker was at, if the item is from here: once for each failure. */
  #blame(cause: SlotExit): void {
    const { item } = cause.failure
    if (item?.origin !== this.#run.id || item.boot !== this.#run.boot) return
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
